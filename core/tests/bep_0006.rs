//! BEP 6, the fast extension: the wire forms of its messages.

use unchoke_core::ids::{BlockRef, PieceIndex};
use unchoke_core::message::Message;
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
