//! Inputs as JSON.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};
use unchoke_core::ids::{BlockRef, PeerId, PeerKey, PieceIndex};
use unchoke_core::torrent::{BlockDigest, Input, PeerLink, Verdict};
use unchoke_core::wire::{Decoded, Decoder, encode};

use crate::text::{from_hex, to_hex};

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum InputLine {
    Timeout,
    Connected {
        peer: u32,
        peer_id: String,
        fast: bool,
        extended: bool,
        outgoing: bool,
        address: Option<SocketAddr>,
    },
    Disconnected(u32),
    /// The peer, and the message in its wire form in hex, without payload.
    Message(u32, String),
    Writable(u32),
    /// The piece and the digests of its blocks.
    Good(u32, Vec<u64>),
    Bad(u32, Vec<u64>),
    Lost(u32),
    /// A piece that we had.
    PieceLost(u32),
    /// The peer, and piece, begin and length of the block.
    BlockUnread(u32, [u32; 3]),
}

pub(super) fn line_of(input: &Input) -> InputLine {
    let numbers = |blocks: &[BlockDigest]| blocks.iter().map(|it| it.0).collect();
    match input {
        Input::Timeout => InputLine::Timeout,
        Input::PeerConnected { peer, link } => InputLine::Connected {
            peer: peer.0,
            peer_id: to_hex(&link.peer_id.0),
            fast: link.fast,
            extended: link.extended,
            outgoing: link.outgoing,
            address: link.address,
        },
        Input::PeerDisconnected { peer } => InputLine::Disconnected(peer.0),
        Input::Message { peer, message } => {
            let mut bytes = Vec::new();
            encode(message, &mut bytes);
            InputLine::Message(peer.0, to_hex(&bytes))
        }
        Input::Writable { peer } => InputLine::Writable(peer.0),
        Input::PieceVerified { piece, verdict } => match verdict {
            Verdict::Good { blocks } => InputLine::Good(piece.0, numbers(blocks)),
            Verdict::Bad { blocks } => InputLine::Bad(piece.0, numbers(blocks)),
            Verdict::Lost => InputLine::Lost(piece.0),
        },
        Input::PieceLost { piece } => InputLine::PieceLost(piece.0),
        Input::BlockUnread { peer, block } => {
            InputLine::BlockUnread(peer.0, [block.piece.0, block.begin, block.length])
        }
    }
}

/// The input of a line; `None` if there is no such input.
pub(super) fn input_of(line: &InputLine, decoder: Decoder) -> Option<Input> {
    let key = |number: u32| Some(PeerKey(number)).filter(|it| *it <= PeerKey::MAX);
    let digests = |numbers: &[u64]| numbers.iter().copied().map(BlockDigest).collect();
    let verified = |piece: u32, verdict| Input::PieceVerified {
        piece: PieceIndex(piece),
        verdict,
    };
    Some(match line {
        InputLine::Timeout => Input::Timeout,
        InputLine::Connected {
            peer,
            peer_id,
            fast,
            extended,
            outgoing,
            address,
        } => Input::PeerConnected {
            peer: key(*peer)?,
            link: PeerLink {
                peer_id: PeerId(from_hex(peer_id)?.try_into().ok()?),
                fast: *fast,
                extended: *extended,
                outgoing: *outgoing,
                address: *address,
            },
        },
        InputLine::Disconnected(peer) => Input::PeerDisconnected { peer: key(*peer)? },
        InputLine::Message(peer, hex) => match decoder.decode(&from_hex(hex)?).ok()? {
            Decoded::Message { message, .. } => Input::Message {
                peer: key(*peer)?,
                message,
            },
            _ => return None,
        },
        InputLine::Writable(peer) => Input::Writable { peer: key(*peer)? },
        InputLine::Good(piece, blocks) => verified(
            *piece,
            Verdict::Good {
                blocks: digests(blocks),
            },
        ),
        InputLine::Bad(piece, blocks) => verified(
            *piece,
            Verdict::Bad {
                blocks: digests(blocks),
            },
        ),
        InputLine::Lost(piece) => verified(*piece, Verdict::Lost),
        InputLine::PieceLost(piece) => Input::PieceLost {
            piece: PieceIndex(*piece),
        },
        InputLine::BlockUnread(peer, [piece, begin, length]) => Input::BlockUnread {
            peer: key(*peer)?,
            block: BlockRef {
                piece: PieceIndex(*piece),
                begin: *begin,
                length: *length,
            },
        },
    })
}
