//! Trackers: what to say to them over HTTP and UDP, what they answer, and when to say it.
//!
//! The driver owns the connection: the [`Announcer`](crate::client::announcer::Announcer) says whom to
//! announce to. For an HTTP tracker the driver appends [`announce_arguments`] to the URL, fetches it, and
//! hands the body to [`AnnounceResponse::parse`]; for a UDP tracker it drives a [`udp::Exchange`]. Before
//! it connects it asks [`guard`] whether the address may be a tracker's.

pub mod guard;
mod request;
mod response;
mod scrape;
pub mod udp;

pub use request::{AnnounceQuery, Event, announce_arguments, reserved_argument};
pub use response::{AnnounceResponse, MAX_INTERVAL, MAX_PEERS, TrackerError};
pub use scrape::{ScrapeCounts, parse_scrape, scrape_argument, scrape_url};
