//! Trackers: what we say, what they answer, which may be asked, and when.

mod announcer;
mod guard;
mod request;
mod response;
mod udp;
