//! UDP trackers. BEP 15, with the URL data of BEP 41.
//!
//! An [`Exchange`] is one question to one tracker address. It first gets a connection id, which
//! proves to the tracker that our address is not forged, and then asks. The driver sends and
//! receives the datagrams. It keeps the [`Connection`] for later questions: it is valid for a
//! minute, for all torrents.

mod exchange;
mod packet;

pub use exchange::{Connection, Exchange, Input, Output};
pub use packet::MAX_SCRAPE;

use alloc::string::String;
use alloc::vec::Vec;

use super::request::AnnounceQuery;
use super::response::AnnounceResponse;
use super::scrape::ScrapeCounts;
use crate::ids::InfoHash;

/// A question to a UDP tracker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Question {
    /// An announce.
    Announce {
        /// The content. A datagram has no field for the tracker id.
        query: AnnounceQuery,
        /// Path and query part of the tracker URL, sent as URL data unless they are trivial. BEP
        /// 41.
        path: String,
    },
    /// A scrape of these torrents, at most [`MAX_SCRAPE`].
    Scrape(Vec<InfoHash>),
}

/// An answer of a UDP tracker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// To an announce.
    Announce(AnnounceResponse),
    /// To a scrape, in the order of the question.
    Scrape(Vec<ScrapeCounts>),
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UdpError {
    /// Nothing came that answers our question.
    #[error("the tracker did not answer within {seconds} s{}", others(*.strange))]
    Silent {
        /// How long we waited.
        seconds: u64,
        /// Datagrams that came and answer none of our questions.
        strange: u32,
    },
    /// The tracker refuses, with its text (made safe to print).
    #[error("the tracker refused: {0}")]
    Refused(String),
    /// An answer of the right kind with an impossible length.
    #[error("the tracker's answer is damaged: {0}")]
    Damaged(&'static str),
}

fn others(count: u32) -> String {
    match count {
        0 => String::new(),
        1 => ": one datagram came that answers nothing we asked".into(),
        many => alloc::format!(": {many} datagrams came that answer nothing we asked"),
    }
}
