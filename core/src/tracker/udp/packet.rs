//! The datagrams. All numbers are in network byte order.

use alloc::vec::Vec;
use core::time::Duration;

use super::{Answer, Question, UdpError};
use crate::ids::InfoHash;
use crate::tracker::request::{AnnounceQuery, Event};
use crate::tracker::response::{AnnounceResponse, MAX_INTERVAL, read_compact};
use crate::tracker::scrape::ScrapeCounts;

/// Most torrents in one scrape. BEP 15: "Up to about 74 torrents can be scraped at once."
pub const MAX_SCRAPE: usize = 74;
/// First word of a connect request. BEP 15, *Connect request*.
const PROTOCOL_ID: u64 = 0x0417_2710_1980;
/// Option type of URL data. BEP 41, *Option Types*.
const URL_DATA: u8 = 2;
/// Most bytes of a path to send, so that the datagram passes every link. BEP 41 sets no limit.
const MAX_PATH_BYTES: usize = 1000;

/// Kind of a datagram. BEP 15.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    Connect = 0,
    Announce = 1,
    Scrape = 2,
    Error = 3,
}

impl Action {
    fn of(number: u32) -> Option<Self> {
        let all = [Self::Connect, Self::Announce, Self::Scrape, Self::Error];
        all.into_iter().find(|it| *it as u32 == number)
    }
}

/// The start of every answer.
pub(super) struct Head<'a> {
    pub(super) action: Action,
    pub(super) transaction: u32,
    pub(super) body: &'a [u8],
}

/// Reads the start of an answer. `None` if it is too short or the action does not exist.
pub(super) fn head(datagram: &[u8]) -> Option<Head<'_>> {
    let (action, rest) = datagram.split_first_chunk::<4>()?;
    let (transaction, body) = rest.split_first_chunk::<4>()?;
    Some(Head {
        action: Action::of(u32::from_be_bytes(*action))?,
        transaction: u32::from_be_bytes(*transaction),
        body,
    })
}

/// A connect request, 16 bytes.
pub(super) fn connect(transaction: u32) -> Vec<u8> {
    start(PROTOCOL_ID, Action::Connect, transaction)
}

/// The connection id of a connect response. `None` if it is too short.
pub(super) fn connection_id(body: &[u8]) -> Option<u64> {
    Some(u64::from_be_bytes(*body.first_chunk()?))
}

impl Question {
    pub(super) fn action(&self) -> Action {
        match self {
            Self::Announce { .. } => Action::Announce,
            Self::Scrape(_) => Action::Scrape,
        }
    }

    pub(super) fn encode(&self, connection: u64, transaction: u32) -> Vec<u8> {
        let mut bytes = start(connection, self.action(), transaction);
        match self {
            Self::Announce { query, path } => write_announce(&mut bytes, query, path),
            Self::Scrape(torrents) => {
                bytes.extend(torrents.iter().flat_map(|InfoHash(hash)| hash));
            }
        }
        bytes
    }

    /// Reads the answer after its head. `v4`: the datagram came over IPv4.
    pub(super) fn decode(&self, body: &[u8], v4: bool) -> Result<Answer, UdpError> {
        match self {
            Self::Announce { .. } => read_announce(body, v4).map(Answer::Announce),
            Self::Scrape(torrents) => read_scrape(body, torrents.len()).map(Answer::Scrape),
        }
    }
}

fn start(first: u64, action: Action, transaction: u32) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(128);
    bytes.extend(first.to_be_bytes());
    bytes.extend((action as u32).to_be_bytes());
    bytes.extend(transaction.to_be_bytes());
    bytes
}

/// After the head of 16 bytes: 82 bytes, then the path of the URL.
fn write_announce(bytes: &mut Vec<u8>, query: &AnnounceQuery, path: &str) {
    bytes.extend(query.info_hash.0);
    bytes.extend(query.peer_id.0);
    // The order differs from that of the HTTP arguments.
    for count in [query.downloaded, query.left, query.uploaded] {
        // Trackers read these as signed numbers.
        bytes.extend(i64::try_from(count).unwrap_or(i64::MAX).to_be_bytes());
    }
    let event: u32 = match query.event {
        // UDP trackers have no number for a partial seed.
        None | Some(Event::Paused) => 0,
        Some(Event::Completed) => 1,
        Some(Event::Started) => 2,
        Some(Event::Stopped) => 3,
    };
    bytes.extend(event.to_be_bytes());
    // Our address: 0, because the tracker sees it.
    bytes.extend(0_u32.to_be_bytes());
    bytes.extend(query.key.to_be_bytes());
    let wanted = query.wanted.map(|it| i32::try_from(it).unwrap_or(i32::MAX));
    bytes.extend(wanted.unwrap_or(-1).to_be_bytes());
    bytes.extend(query.port.to_be_bytes());
    let path = path.as_bytes();
    for part in path[..path.len().min(MAX_PATH_BYTES)].chunks(255) {
        bytes.extend([URL_DATA, u8::try_from(part.len()).expect("at most 255")]);
        bytes.extend(part);
    }
}

fn read_announce(body: &[u8], v4: bool) -> Result<AnnounceResponse, UdpError> {
    const SHORT: UdpError = UdpError::Damaged("it is too short for an announce");
    let ([interval, incomplete, complete], list) = numbers::<3>(body).ok_or(SHORT)?;
    let mut peers = Vec::new();
    let read = if v4 {
        read_compact::<6>(list, &mut peers)
    } else {
        read_compact::<18>(list, &mut peers)
    };
    read.ok_or(UdpError::Damaged(
        "the length of its peer list is not a multiple of an entry",
    ))?;
    // The numbers are signed; negative ones count as absent.
    let count = |it: u32| i32::try_from(it).is_ok().then_some(it);
    let interval = count(interval).map(|it| Duration::from_secs(it.into()).min(MAX_INTERVAL));
    Ok(AnnounceResponse {
        interval,
        peers,
        complete: count(complete),
        incomplete: count(incomplete),
        ..AnnounceResponse::default()
    })
}

fn read_scrape(mut body: &[u8], torrents: usize) -> Result<Vec<ScrapeCounts>, UdpError> {
    let mut all = Vec::with_capacity(torrents);
    for _ in 0..torrents {
        let ([complete, downloaded, incomplete], rest) = numbers::<3>(body).ok_or(
            UdpError::Damaged("it is too short for the torrents that were asked for"),
        )?;
        all.push(ScrapeCounts {
            complete,
            incomplete,
            downloaded,
        });
        body = rest;
    }
    Ok(all)
}

fn numbers<const N: usize>(bytes: &[u8]) -> Option<([u32; N], &[u8])> {
    let (chunks, _) = bytes.as_chunks::<4>();
    let first = chunks.first_chunk::<N>()?;
    Some((first.map(u32::from_be_bytes), &bytes[4 * N..]))
}
