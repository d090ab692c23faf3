//! UDP trackers. BEP 15, with the URL data of BEP 41.
//!
//! An [`Exchange`] is one question to one tracker address: it first gets a connection id, which shows
//! the tracker that our address is not forged, then asks. The driver sends and receives the datagrams
//! and keeps the [`Connection`] for the next question: it is good for a minute, for all torrents.

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

/// What a UDP tracker is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Question {
    /// To list us and to name peers.
    Announce {
        /// What we report. The tracker id has no place in a datagram.
        query: AnnounceQuery,
        /// Path and query part of the tracker URL, sent as its URL data if it says something. BEP 41.
        path: String,
    },
    /// For its counts of these torrents, at most [`MAX_SCRAPE`].
    Scrape(Vec<InfoHash>),
}

/// What a UDP tracker answers.
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
        /// Datagrams that came and answer nothing we asked.
        strange: u32,
    },
    /// The tracker says no, in its words (made safe to print).
    #[error("the tracker refused: {0}")]
    Refused(String),
    /// The right kind of answer, of a length that it cannot have.
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
