//! Trackers: what we say, what they answer, and which may be asked.

mod guard;
mod request;
mod response;
mod udp;
