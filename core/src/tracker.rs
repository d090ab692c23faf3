//! Trackers: what to say to them over HTTP, what they answer, and when to say it.
//!
//! The driver owns the connection: it asks the [`Announcer`] whom to announce to, builds the URL with
//! [`announce_url`], fetches it, and hands the body to [`AnnounceResponse::parse`].

mod announcer;
mod request;
mod response;
mod scrape;

pub use announcer::{AnnounceRequest, Announcer, Schedule};
pub use request::{AnnounceQuery, Event, UrlError, announce_url};
pub use response::{AnnounceResponse, MAX_PEERS, TrackerError};
pub use scrape::scrape_url;
