//! HTTP trackers: URLs, answers, and the schedule of announces.

mod announcer;
mod request;
mod response;
