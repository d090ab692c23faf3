//! Trackers: requests, answers, and the trackers that may be contacted.

mod guard;
mod request;
mod response;
mod udp;
