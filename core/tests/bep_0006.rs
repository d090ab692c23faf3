//! BEP 6, the fast extension: the wire forms of its messages, and the allowed-fast set.

use std::collections::BTreeSet;
use std::sync::Arc;

use unchoke_core::allowed_fast::AllowedFast;
use unchoke_core::choke::{self, Parameters};
use unchoke_core::geometry::{BLOCK_BYTES, Geometry};
use unchoke_core::ids::{BlockRef, InfoHash, PeerKey, PieceIndex};
use unchoke_core::message::Message;
use unchoke_core::pick;
use unchoke_core::rng::Streams;
use unchoke_core::time::Instant;
use unchoke_core::torrent::{Config, Input, Output, PeerLink, Torrent};
use unchoke_core::wire::{Decoded, Decoder, Reserved, encode};

fn assert_wire(message: Message, wire: &[u8]) {
    let mut bytes = Vec::new();
    encode(&message, &mut bytes);
    assert_eq!(bytes, wire);
    let used = wire.len();
    assert_eq!(
        Decoder::new(9).decode(wire),
        Ok(Decoded::Message { message, used })
    );
}

/// Opening section: "reserved[7] |= 0x04", "enabled only if both ends of the connection set this bit".
#[test]
fn the_bit_counts_only_when_both_ends_set_it() {
    let ours = Reserved::FAST_AND_EXTENDED;
    assert!(ours.and(Reserved([0, 0, 0, 0, 0, 0, 0, 0x04])).fast());
    assert!(
        !ours
            .and(Reserved([0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfb]))
            .fast()
    );
    assert!(!Reserved::default().and(ours).fast());
}

/// *Have All/Have None*: "<len=0x0001> <op=0x0E>", "<len=0x0001><op=0x0F>".
#[test]
fn have_all_and_have_none() {
    assert_wire(Message::HaveAll, &[0, 0, 0, 1, 0x0e]);
    assert_wire(Message::HaveNone, &[0, 0, 0, 1, 0x0f]);
}

/// *Suggest Piece*: "<len=0x0005><op=0x0D><index>".
#[test]
fn suggest_piece() {
    assert_wire(
        Message::Suggest(PieceIndex(0x0102)),
        &[0, 0, 0, 5, 0x0d, 0, 0, 1, 2],
    );
}

/// *Reject Request*: "<len=0x000D><op=0x10><index><begin><length>".
#[test]
fn reject_request() {
    let block = BlockRef {
        piece: PieceIndex(8),
        begin: 1 << 14,
        length: 1 << 13,
    };
    let wire = [0, 0, 0, 13, 0x10, 0, 0, 0, 8, 0, 0, 0x40, 0, 0, 0, 0x20, 0];
    assert_wire(Message::Reject(block), &wire);
}

/// *Allowed Fast*: "<len=0x0005><op=0x11><index>".
#[test]
fn allowed_fast() {
    assert_wire(
        Message::AllowedFast(PieceIndex(3)),
        &[0, 0, 0, 5, 0x11, 0, 0, 0, 3],
    );
}

fn sets(grants: u8, whole_address: bool) -> Vec<u32> {
    let allowed = AllowedFast {
        grants,
        whole_address,
        info_hash: InfoHash([0xaa; 20]),
        ..AllowedFast::default()
    };
    let set = allowed.set([80, 4, 4, 200].into(), 1313);
    set.into_iter().map(|it| it.0).collect()
}

/// *Allowed fast set generation*: "7 piece allowed fast set for torrent with 1313 pieces and hex
/// infohash aaaa… for node with IP 80.4.4.200", and the same with 9 pieces.
#[test]
fn allowed_fast_sets_of_seven_and_nine_pieces() {
    let nine = [1059, 431, 808, 1217, 287, 376, 1188, 353, 508];
    assert_eq!(sets(7, false), nine[..7]);
    assert_eq!(sets(9, false), nine);
    // libtorrent also hashes the last byte of the address. Expected value computed independently.
    let whole = [421, 309, 795, 1262, 381, 547, 10, 1003, 681];
    assert_eq!(sets(9, true), whole);
}

/// A torrent with no more pieces than the set allows: all are in the set. Otherwise, generating the
/// set would never end.
#[test]
fn a_small_torrent_is_allowed_whole() {
    let allowed = AllowedFast {
        grants: 10,
        ..AllowedFast::default()
    };
    for pieces in [1, 9, 10, 11] {
        let set = allowed.set([10, 0, 0, 1].into(), pieces);
        let distinct: BTreeSet<_> = set.iter().collect();
        assert_eq!(distinct.len(), 10.min(pieces as usize), "{pieces}");
        assert!(set.iter().all(|it| it.0 < pieces));
    }
}

const LEECHER: PeerKey = PeerKey(0);
const NOW: Instant = Instant::START;

/// A torrent of 20 pieces of two blocks, with one peer that supports BEP 6.
fn torrent(allowed_fast: AllowedFast, complete: bool) -> Torrent {
    let geometry = Geometry::new(40 * u64::from(BLOCK_BYTES), 2 * BLOCK_BYTES).expect("pieces");
    let config = Config {
        allowed_fast,
        ..Config::new(geometry)
    };
    let have = if complete {
        config.everything()
    } else {
        config.nothing()
    };
    let policy = choke::build("freerider", &Parameters::new()).expect("it chokes everybody");
    let picker = pick::build("rarest_first").expect("a picker");
    let mut torrent = Torrent::new(
        Arc::new(config),
        have,
        policy,
        picker,
        Streams::new(1),
        0,
        NOW,
    );
    let link = PeerLink {
        fast: true,
        address: Some(([10, 1, 2, 3], 6881).into()),
        ..PeerLink::default()
    };
    let peer = LEECHER;
    torrent.handle_input(NOW, Input::PeerConnected { peer, link });
    for _ in 0..4 {
        torrent.handle_input(NOW, Input::Writable { peer });
    }
    said(&mut torrent);
    torrent
}

/// The messages that the torrent sends to the peer.
fn said(torrent: &mut Torrent) -> Vec<Message> {
    let outputs = std::iter::from_fn(|| torrent.poll_output());
    let sent = outputs.filter_map(|it| match it {
        Output::Send { message, .. } => Some(message),
        _ => None,
    });
    sent.collect()
}

fn hear(torrent: &mut Torrent, message: Message) -> Vec<Message> {
    let peer = LEECHER;
    torrent.handle_input(NOW, Input::Message { peer, message });
    said(torrent)
}

const FIVE: AllowedFast = AllowedFast {
    grants: 5,
    takes: true,
    whole_address: false,
    info_hash: InfoHash([7; 20]),
};

fn block(piece: PieceIndex, at: u32) -> BlockRef {
    BlockRef {
        piece,
        begin: at * BLOCK_BYTES,
        length: BLOCK_BYTES,
    }
}

/// *Allowed Fast*: "if you ask for this piece, I'll give it to you even if you're choked"; other
/// requests are rejected. The set is sent once, without pieces that the peer has.
#[test]
fn a_choked_peer_gets_what_it_is_allowed() {
    let mut seed = torrent(FIVE, true);
    let set = FIVE.set([10, 1, 2, 3].into(), 20);
    hear(&mut seed, Message::HaveNone);
    hear(&mut seed, Message::Have(set[1]));
    let mut granted = set.clone();
    granted.remove(1);
    let told: Vec<Message> = granted.iter().map(|it| Message::AllowedFast(*it)).collect();
    assert_eq!(hear(&mut seed, Message::Interested), told);
    hear(&mut seed, Message::NotInterested);
    assert_eq!(hear(&mut seed, Message::Interested), []);
    for number in 0..20 {
        let asked = block(PieceIndex(number), 1);
        let answer = if granted.contains(&asked.piece) {
            Message::Piece(asked)
        } else {
            Message::Reject(asked)
        };
        assert_eq!(
            hear(&mut seed, Message::Request(asked)),
            [answer],
            "{number}"
        );
    }
    assert!(seed.am_choking(LEECHER));
}

/// Each block of an allowed piece may be requested three times. A choked peer must not be able to
/// download the payload again and again.
#[test]
fn what_is_allowed_is_allowed_three_times() {
    let mut seed = torrent(FIVE, true);
    let piece = FIVE.set([10, 1, 2, 3].into(), 20)[0];
    hear(&mut seed, Message::Interested);
    for time in 0..8 {
        let asked = block(piece, time % 2);
        let peer = LEECHER;
        seed.handle_input(NOW, Input::Writable { peer });
        let answer = hear(&mut seed, Message::Request(asked));
        let served = matches!(answer[..], [Message::Piece(_)]);
        assert_eq!(served, time < 6, "{time}: {answer:?}");
    }
}

/// No set is sent to a peer that only uploads, and to no peer if the setting is off.
#[test]
fn nothing_is_allowed_without_a_reason() {
    let mut seed = torrent(FIVE, true);
    hear(&mut seed, Message::HaveAll);
    assert_eq!(hear(&mut seed, Message::Interested), []);
    let mut seed = torrent(AllowedFast::default(), true);
    assert_eq!(hear(&mut seed, Message::Interested), []);
}

/// *Allowed Fast*: only blocks of allowed pieces are requested, and no rejected block again.
#[test]
fn a_choked_leecher_asks_for_what_it_is_allowed() {
    let mut leecher = torrent(FIVE, false);
    assert_eq!(hear(&mut leecher, Message::HaveAll), [Message::Interested]);
    let (first, second) = (PieceIndex(3), PieceIndex(11));
    let asked = hear(&mut leecher, Message::AllowedFast(first));
    let both = [0, 1].map(|at| Message::Request(block(first, at)));
    assert_eq!(asked, both);
    // The peer rejects one block. No other block of that piece is requested.
    assert_eq!(hear(&mut leecher, Message::Reject(block(first, 0))), []);
    assert_eq!(hear(&mut leecher, Message::Piece(block(first, 1))), []);
    let asked = hear(&mut leecher, Message::AllowedFast(second));
    assert_eq!(asked, [0, 1].map(|at| Message::Request(block(second, at))));
    assert_eq!(hear(&mut leecher, Message::AllowedFast(PieceIndex(99))), []);
    // With the setting off, nothing is requested while choked.
    let mut leecher = torrent(AllowedFast::default(), false);
    hear(&mut leecher, Message::HaveAll);
    assert_eq!(hear(&mut leecher, Message::AllowedFast(first)), []);
}

/// *Reject Requests*: a choke rejects waiting requests, except for "pieces that are in the *allowed
/// fast set*".
#[test]
fn a_choke_rejects_all_but_what_is_allowed() {
    let geometry = Geometry::new(40 * u64::from(BLOCK_BYTES), 2 * BLOCK_BYTES).expect("pieces");
    let config = Config {
        allowed_fast: FIVE,
        ..Config::new(geometry)
    };
    let have = config.everything();
    let policy = choke::build("libtorrent_fixed", &Parameters::new()).expect("it unchokes");
    let picker = pick::build("rarest_first").expect("a picker");
    let mut seed = Torrent::new(
        Arc::new(config),
        have,
        policy,
        picker,
        Streams::new(1),
        0,
        NOW,
    );
    let link = PeerLink {
        fast: true,
        address: Some(([10, 1, 2, 3], 6881).into()),
        ..PeerLink::default()
    };
    let peer = LEECHER;
    seed.handle_input(NOW, Input::PeerConnected { peer, link });
    hear(&mut seed, Message::Interested);
    assert!(!seed.am_choking(LEECHER));
    let set = FIVE.set([10, 1, 2, 3].into(), 20);
    let other = (0..20).map(PieceIndex).find(|it| !set.contains(it));
    let (kept, lost) = (block(set[0], 0), block(other.expect("15 others"), 0));
    // The link accepts no block, so both requests wait.
    for asked in [lost, kept] {
        assert_eq!(hear(&mut seed, Message::Request(asked)), []);
    }
    let choked = hear(&mut seed, Message::NotInterested);
    assert_eq!(choked, [Message::Choke, Message::Reject(lost)]);
    seed.handle_input(NOW, Input::Writable { peer });
    assert_eq!(said(&mut seed), [Message::Piece(kept)]);
}
