//! Random acts of peers that may be blamed: any message at any time, disconnecting, reconnecting.

use unchoke_core::bitfield::Bitfield;
use unchoke_core::ids::{BlockRef, PieceIndex};
use unchoke_core::message::{Contact, Contacts, Extended, ExtendedHandshake, Message};
use unchoke_core::wire::{PEX_ID, PEX_NAME};

use super::dice::Dice;
use super::setup::{BLOCK, Setup};

/// One random act. The first number is the peer's position in the setup.
#[derive(Clone, Debug)]
pub enum Act {
    /// Sends this message.
    Send(usize, Message),
    /// Answers one of our requests, counted back from the last, with good or corrupt data.
    Answer(usize, usize, Honesty),
    /// Rejects one of our requests, counted back from the last.
    Reject(usize, usize),
    /// Disconnects, and reconnects after this many milliseconds.
    Leave(usize, u32),
    /// The link to the peer accepts one more block.
    Writable(usize),
    /// A block on its way to the peer cannot be read from disk.
    Unread(usize),
    /// The driver fails to store the next piece.
    LoseNext,
    /// A stored piece is lost.
    LosePiece(PieceIndex),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Honesty {
    Good,
    Corrupt,
}

fn piece(dice: &mut Dice, setup: &Setup) -> PieceIndex {
    if dice.one_in(300) {
        PieceIndex(setup.pieces + u32::try_from(dice.below(1 << 31)).expect("31 bits"))
    } else {
        PieceIndex(dice.within(0, setup.pieces))
    }
}

fn block(dice: &mut Dice, setup: &Setup) -> BlockRef {
    let wild = |dice: &mut Dice| u32::try_from(dice.below(1 << 32)).expect("32 bits");
    match dice.below(10) {
        0 => BlockRef {
            piece: piece(dice, setup),
            begin: dice.within(0, setup.blocks * BLOCK),
            length: dice.within(0, BLOCK + 2),
        },
        1 => BlockRef {
            piece: PieceIndex(wild(dice)),
            begin: wild(dice),
            length: wild(dice),
        },
        _ => BlockRef {
            piece: piece(dice, setup),
            begin: dice.within(0, setup.blocks) * BLOCK,
            length: BLOCK,
        },
    }
}

fn hello(dice: &mut Dice) -> Message {
    let mut hello = ExtendedHandshake {
        listen_port: dice.one_in(2).then_some(6881),
        request_queue: dice.one_in(2).then(|| dice.within(0, 300)),
        upload_only: dice.one_in(3).then(|| dice.one_in(2)),
        ..ExtendedHandshake::default()
    };
    if dice.one_in(2) {
        let id = u8::try_from(dice.below(4)).expect("small");
        hello.extensions.insert(PEX_NAME.to_owned(), id);
    }
    Message::Extended(Box::new(Extended::Handshake(hello)))
}

fn pex(dice: &mut Dice) -> Message {
    let address = |dice: &mut Dice| {
        let number = dice.next().to_be_bytes();
        let [a, b, c, d, port, ..] = number;
        ([a, b, c, d], u16::from(port) + 1).into()
    };
    let count = dice.below(60);
    let changes = Contacts {
        added: (0..count)
            .map(|_| Contact {
                address: address(dice),
                seed: dice.one_in(2),
                reachable: dice.one_in(2),
            })
            .collect(),
        dropped: (0..count / 2).map(|_| address(dice)).collect(),
    };
    Message::Extended(Box::new(Extended::Pex {
        id: PEX_ID,
        changes,
    }))
}

fn bitfield(dice: &mut Dice, setup: &Setup) -> Message {
    let pieces = if dice.one_in(50) {
        setup.pieces + 1
    } else {
        setup.pieces
    };
    let mut set = Bitfield::empty(pieces);
    let often = dice.within(1, 4);
    for piece in (0..pieces).map(PieceIndex) {
        if dice.one_in(u64::from(often)) {
            set.insert(piece);
        }
    }
    Message::Bitfield(Box::new(set))
}

fn message(dice: &mut Dice, setup: &Setup) -> Message {
    match dice.below(45) {
        0 => Message::KeepAlive,
        1..3 => Message::Choke,
        3..7 => Message::Unchoke,
        7..9 => Message::Interested,
        9 => Message::NotInterested,
        10..14 => Message::Have(piece(dice, setup)),
        14 => bitfield(dice, setup),
        15..23 => Message::Request(block(dice, setup)),
        23..31 => Message::Piece(block(dice, setup)),
        31..33 => Message::Cancel(block(dice, setup)),
        33..36 => Message::Reject(block(dice, setup)),
        36 => Message::HaveAll,
        37 => Message::HaveNone,
        38 => Message::Suggest(piece(dice, setup)),
        39 => Message::AllowedFast(piece(dice, setup)),
        40 => Message::Port(6881),
        41..43 => hello(dice),
        43 => pex(dice),
        _ => Message::Extended(Box::new(Extended::Unknown {
            id: 9,
            payload: vec![0; dice.position(40)],
        })),
    }
}

/// Draws the acts of a run: none, a few or many. All happen in the first minute.
pub fn draw(dice: &mut Dice, setup: &Setup) -> Vec<(u32, Act)> {
    let hostile: Vec<usize> = setup
        .peers
        .iter()
        .enumerate()
        .filter(|(_, it)| !it.is_blameless())
        .map(|(at, _)| at)
        .collect();
    if hostile.is_empty() {
        return Vec::new();
    }
    let count = dice.pick(&[0, 0, 20, 100, 400]);
    let span = dice.within(1, 60_000);
    let mut acts: Vec<(u32, Act)> = (0..count)
        .map(|_| {
            let peer = dice.pick(&hostile);
            let act = match dice.below(26) {
                0..14 => Act::Send(peer, message(dice, setup)),
                14..17 => Act::Answer(peer, dice.position(8), Honesty::Good),
                17..19 => Act::Answer(peer, dice.position(8), Honesty::Corrupt),
                19..21 => Act::Reject(peer, dice.position(8)),
                21 => Act::Leave(peer, dice.within(0, 90_000)),
                22 => Act::Writable(peer),
                23 => Act::Unread(peer),
                24 => Act::LosePiece(piece(dice, setup)),
                _ => Act::LoseNext,
            };
            (dice.within(0, span), act)
        })
        .collect();
    acts.sort_by_key(|it| it.0);
    acts
}
