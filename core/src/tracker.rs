//! Trackers: content of announces over HTTP and UDP, and their answers.
//!
//! The driver owns the connection. The [`Announcer`](crate::client::announcer::Announcer) decides
//! when to announce to which tracker. For an HTTP tracker the driver appends [`announce_arguments`]
//! to the URL, fetches it, and hands the body to [`AnnounceResponse::parse`]. For a UDP tracker it
//! drives a [`udp::Exchange`]. Before it connects, it asks [`guard`] whether the address is
//! allowed.

pub mod guard;
mod request;
mod response;
mod scrape;
pub mod udp;

pub use request::{AnnounceQuery, Event, announce_arguments, reserved_argument};
pub use response::{AnnounceResponse, MAX_INTERVAL, MAX_PEERS, TrackerError};
pub use scrape::{ScrapeCounts, parse_scrape, scrape_argument, scrape_url};
