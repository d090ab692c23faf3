//! Inputs as JSON.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use unchoke_core::choke::Parameters;
use unchoke_core::client::announcer::Wishes;
use unchoke_core::client::doors::Door;
use unchoke_core::client::explain::Unmet;
use unchoke_core::client::redial::Ended;
use unchoke_core::client::source::Source;
use unchoke_core::client::{Heard, Input, Internet, Room};
use unchoke_core::ids::{BlockRef, PeerId, PeerKey, PieceIndex};
use unchoke_core::torrent::{self, BlockDigest, Unsent, Verdict};
use unchoke_core::wire::{Decoded, Decoder, encode};

use crate::policies;

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum InputLine {
    Timeout,
    Stop,
    Found(String, Vec<SocketAddr>),
    Knock(SocketAddr),
    Failed(u32),
    Met {
        door: u32,
        name: String,
        fast: bool,
        extended: bool,
    },
    /// How the connection ended, and the blocks and payload bytes that were not sent.
    Closed {
        peer: u32,
        how: String,
        unsent: [u64; 2],
    },
    Announced {
        tracker: usize,
        heard: Option<HeardLine>,
    },
    /// The peer key, and the message in wire form, in hex and without payload.
    Message(u32, String),
    Writable(u32),
    /// The piece and the digests of its blocks.
    Good(u32, Vec<u64>),
    Bad(u32, Vec<u64>),
    Padded(u32, Vec<u64>),
    Lost(u32),
    /// A verified piece was lost.
    PieceLost(u32),
    /// A lost piece was restored on disk.
    PieceFound(u32),
    /// The caps of upload and download.
    Limit([Option<u64>; 2]),
    /// A choking policy and its set parameters.
    Policy(String, BTreeMap<String, u64>),
    /// The limits on connections: most, `initiate`, `enough`.
    Connections([u16; 3]),
    /// The peer key, and the block as piece, begin and length.
    BlockUnread(u32, [u32; 3]),
    /// The key of a web seed, the first piece that it lacks, and the one after the last.
    Lacks(u32, [u32; 2]),
}

/// The answer of a tracker. Times are in ns.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct HeardLine {
    interval: Option<u64>,
    min_interval: Option<u64>,
    peers: Vec<SocketAddr>,
}

/// All variants but `Busy`. A recording contains their debug text.
const ENDS: [Ended; 13] = [
    Ended::ByPeer,
    Ended::Garbage,
    Ended::Unread,
    Ended::ByDriver,
    Ended::Violation,
    Ended::Corrupt,
    Ended::Policy,
    Ended::BothSeeds,
    Ended::Idle,
    Ended::Turnover,
    Ended::Useless,
    Ended::Twice,
    Ended::Claimed,
];

fn word(it: &impl std::fmt::Debug) -> String {
    format!("{it:?}")
}

fn of_word<T: Copy + std::fmt::Debug>(all: &[T], text: &str) -> Option<T> {
    all.iter().find(|it| word(*it) == text).copied()
}

/// How a connection ended, from its debug text.
fn end_of(text: &str) -> Option<Ended> {
    let seconds = text
        .strip_prefix("Busy(")
        .and_then(|it| it.strip_suffix(')'));
    match seconds {
        Some(seconds) => Some(Ended::Busy(seconds.parse().ok()?)),
        None => of_word(&ENDS, text),
    }
}

/// The time in ns, the unit of the core. The range is far larger than any real time limit.
fn nanos(time: Option<Duration>) -> Option<u64> {
    time.map(|it| u64::try_from(it.as_nanos()).unwrap_or(u64::MAX))
}

pub(crate) fn line_of(input: &Input<Internet>) -> InputLine {
    match input {
        Input::Timeout => InputLine::Timeout,
        Input::Stop => InputLine::Stop,
        Input::Found { source, addresses } => InputLine::Found(word(source), addresses.clone()),
        Input::Knock { address } => InputLine::Knock(*address),
        // The reason has no effect on the client.
        Input::Failed { door, .. } => InputLine::Failed(door.0),
        Input::Met {
            door,
            name,
            fast,
            extended,
        } => InputLine::Met {
            door: door.0,
            name: hex::encode(name.0),
            fast: *fast,
            extended: *extended,
        },
        Input::Closed { peer, how, unsent } => InputLine::Closed {
            peer: peer.0,
            how: word(how),
            unsent: [u64::from(unsent.blocks), unsent.payload],
        },
        Input::Announced { tracker, outcome } => InputLine::Announced {
            tracker: *tracker,
            heard: outcome.as_ref().map(|it| HeardLine {
                interval: nanos(it.wishes.interval),
                min_interval: nanos(it.wishes.min_interval),
                peers: it.peers.clone(),
            }),
        },
        Input::Connections(it) => InputLine::Connections([it.connections, it.initiate, it.enough]),
        Input::Torrent(input) => line_of_torrent(input),
    }
}

fn line_of_torrent(input: &torrent::Input) -> InputLine {
    use torrent::Input as It;
    let numbers = |blocks: &[BlockDigest]| blocks.iter().map(|it| it.0).collect();
    match input {
        It::Timeout | It::PeerConnected { .. } | It::PeerDisconnected { .. } => {
            unreachable!("the client says so itself and takes it from nobody")
        }
        It::Message { peer, message } => {
            let mut bytes = Vec::new();
            encode(message, &mut bytes);
            InputLine::Message(peer.0, hex::encode(&bytes))
        }
        It::Writable { peer } => InputLine::Writable(peer.0),
        It::PieceVerified { piece, verdict } => match verdict {
            Verdict::Good { blocks } => InputLine::Good(piece.0, numbers(blocks)),
            Verdict::Bad { blocks } => InputLine::Bad(piece.0, numbers(blocks)),
            Verdict::Padded { blocks } => InputLine::Padded(piece.0, numbers(blocks)),
            Verdict::Lost => InputLine::Lost(piece.0),
        },
        It::PieceLost { piece } => InputLine::PieceLost(piece.0),
        It::PieceFound { piece } => InputLine::PieceFound(piece.0),
        It::Limit { upload, download } => InputLine::Limit([*upload, *download]),
        It::Policy(chosen) => {
            let set = chosen.parameters().iter();
            let set = set.map(|(name, value)| (name.to_owned(), value));
            InputLine::Policy(chosen.id().to_owned(), set.collect())
        }
        It::Lacks { peer, pieces } => InputLine::Lacks(peer.0, [pieces.start, pieces.end]),
        It::BlockUnread { peer, block } => {
            InputLine::BlockUnread(peer.0, [block.piece.0, block.begin, block.length])
        }
    }
}

/// The input of a line; `None` if no such input exists.
pub(crate) fn input_of(line: &InputLine, decoder: Decoder) -> Option<Input<Internet>> {
    Some(match line {
        InputLine::Timeout => Input::Timeout,
        InputLine::Stop => Input::Stop,
        InputLine::Found(source, addresses) => Input::Found {
            source: of_word(&Source::ALL, source)?,
            addresses: addresses.clone(),
        },
        InputLine::Knock(address) => Input::Knock { address: *address },
        InputLine::Failed(door) => Input::Failed {
            door: Door(*door),
            how: Unmet::HungUp,
        },
        InputLine::Met {
            door,
            name,
            fast,
            extended,
        } => Input::Met {
            door: Door(*door),
            name: PeerId(hex::decode(name).ok()?.try_into().ok()?),
            fast: *fast,
            extended: *extended,
        },
        InputLine::Closed {
            peer,
            how,
            unsent: [blocks, payload],
        } => Input::Closed {
            peer: key(*peer)?,
            how: end_of(how)?,
            unsent: Unsent {
                blocks: u32::try_from(*blocks).ok()?,
                payload: *payload,
            },
        },
        InputLine::Announced { tracker, heard } => Input::Announced {
            tracker: *tracker,
            outcome: heard.as_ref().map(|it| Heard {
                wishes: Wishes {
                    interval: it.interval.map(Duration::from_nanos),
                    min_interval: it.min_interval.map(Duration::from_nanos),
                },
                peers: it.peers.clone(),
            }),
        },
        InputLine::Connections([connections, initiate, enough]) => Input::Connections(Room {
            connections: *connections,
            initiate: *initiate,
            enough: *enough,
        }),
        of_torrent => Input::Torrent(torrent_input_of(of_torrent, decoder)?),
    })
}

fn key(number: u32) -> Option<PeerKey> {
    Some(PeerKey(number)).filter(|it| *it <= PeerKey::MAX)
}

fn torrent_input_of(line: &InputLine, decoder: Decoder) -> Option<torrent::Input> {
    use torrent::Input as It;
    let digests = |numbers: &[u64]| numbers.iter().copied().map(BlockDigest).collect();
    let verified = |piece: u32, verdict| It::PieceVerified {
        piece: PieceIndex(piece),
        verdict,
    };
    Some(match line {
        InputLine::Message(peer, hex) => match decoder.decode(&hex::decode(hex).ok()?).ok()? {
            Decoded::Message { message, .. } => It::Message {
                peer: key(*peer)?,
                message,
            },
            _ => return None,
        },
        InputLine::Writable(peer) => It::Writable { peer: key(*peer)? },
        InputLine::Good(piece, blocks) => {
            let blocks = digests(blocks);
            verified(*piece, Verdict::Good { blocks })
        }
        InputLine::Bad(piece, blocks) => {
            let blocks = digests(blocks);
            verified(*piece, Verdict::Bad { blocks })
        }
        InputLine::Padded(piece, blocks) => {
            let blocks = digests(blocks);
            verified(*piece, Verdict::Padded { blocks })
        }
        InputLine::Lost(piece) => verified(*piece, Verdict::Lost),
        InputLine::PieceLost(piece) => It::PieceLost {
            piece: PieceIndex(*piece),
        },
        InputLine::PieceFound(piece) => It::PieceFound {
            piece: PieceIndex(*piece),
        },
        InputLine::Limit([upload, download]) => It::Limit {
            upload: *upload,
            download: *download,
        },
        InputLine::Policy(id, set) => {
            let mut parameters = Parameters::new();
            for (name, value) in set {
                parameters.set(name, *value);
            }
            It::Policy(Box::new(policies::all().choose(id, parameters).ok()?))
        }
        InputLine::Lacks(peer, [start, end]) => It::Lacks {
            peer: key(*peer)?,
            pieces: *start..*end,
        },
        InputLine::BlockUnread(peer, [piece, begin, length]) => It::BlockUnread {
            peer: key(*peer)?,
            block: BlockRef {
                piece: PieceIndex(*piece),
                begin: *begin,
                length: *length,
            },
        },
        _ => return None,
    })
}
