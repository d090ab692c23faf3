//! BEP 3, the protocol: handshake and messages on the wire.

use unchoke_core::bitfield::Bitfield;
use unchoke_core::ids::{BlockRef, InfoHash, PeerId, PieceIndex};
use unchoke_core::message::Message;
use unchoke_core::wire::{Decoded, Decoder, Handshake, Reserved, WireError, encode};

fn assert_wire(message: Message, wire: &[u8]) {
    let mut bytes = Vec::new();
    encode(&message, &mut bytes);
    assert_eq!(bytes, wire);
    let used = wire.len();
    assert_eq!(
        Decoder::new(10).decode(wire),
        Ok(Decoded::Message { message, used })
    );
}

fn block() -> BlockRef {
    BlockRef {
        piece: PieceIndex(1),
        begin: 0x4000,
        length: 0x4000,
    }
}

/// *peer protocol*: "starts with character ninteen (decimal) followed by the string 'BitTorrent
/// protocol'", "eight reserved bytes", "20 byte sha1 hash", "20-byte peer id".
#[test]
fn handshake_has_68_bytes_in_this_order() {
    let handshake = Handshake {
        reserved: Reserved([1, 2, 3, 4, 5, 6, 7, 8]),
        info_hash: InfoHash([0xaa; 20]),
        peer_id: PeerId([0xbb; 20]),
    };
    let mut expected = b"\x13BitTorrent protocol\x01\x02\x03\x04\x05\x06\x07\x08".to_vec();
    expected.extend([0xaa; 20]);
    expected.extend([0xbb; 20]);
    let wire = handshake.encode();
    assert_eq!(wire.as_slice(), expected);
    assert_eq!(Handshake::decode(&wire), Ok(handshake));
    let head = wire.first_chunk().expect("48 of 68");
    assert_eq!(
        Handshake::decode_head(head),
        Ok((handshake.reserved, handshake.info_hash))
    );
}

/// *peer protocol*: the length prefix makes other protocols "trivially distinguishable".
#[test]
fn other_protocols_are_told_apart() {
    for i in 0..20 {
        let mut wire = [0; 68];
        wire[..20].copy_from_slice(b"\x13BitTorrent protocol");
        wire[i] ^= 0x20;
        assert_eq!(Handshake::decode(&wire), Err(WireError::NotBitTorrent));
    }
}

/// *peer protocol*: "Messages of length zero are keepalives, and ignored."
#[test]
fn keep_alive_is_a_length_of_zero() {
    assert_wire(Message::KeepAlive, &[0, 0, 0, 0]);
}

/// *peer messages*: "'choke', 'unchoke', 'interested', and 'not interested' have no payload."
#[test]
fn flags_have_ids_0_to_3_and_no_payload() {
    assert_wire(Message::Choke, &[0, 0, 0, 1, 0]);
    assert_wire(Message::Unchoke, &[0, 0, 0, 1, 1]);
    assert_wire(Message::Interested, &[0, 0, 0, 1, 2]);
    assert_wire(Message::NotInterested, &[0, 0, 0, 1, 3]);
}

/// *peer messages*: "The 'have' message's payload is a single number".
#[test]
fn have_carries_one_index() {
    assert_wire(
        Message::Have(PieceIndex(0x0102_0304)),
        &[0, 0, 0, 5, 4, 1, 2, 3, 4],
    );
}

/// *peer messages*: "The first byte of the bitfield corresponds to indices 0 - 7 from high bit to
/// low bit", "Spare bits at the end are set to zero."
#[test]
fn bitfield_starts_at_the_high_bit() {
    let mut pieces = Bitfield::empty(10);
    for piece in [0, 7, 9] {
        pieces.insert(PieceIndex(piece));
    }
    assert_wire(
        Message::Bitfield(Box::new(pieces)),
        &[0, 0, 0, 3, 5, 0b1000_0001, 0b0100_0000],
    );
}

/// Departs from *peer messages* (which lets us close): spare bits that a peer sets are dropped.
#[test]
fn spare_bits_are_forgiven() {
    let decoded = Decoder::new(10).decode(&[0, 0, 0, 3, 5, 0xff, 0xff]);
    let message = Message::Bitfield(Box::new(Bitfield::full(10)));
    assert_eq!(decoded, Ok(Decoded::Message { message, used: 7 }));
}

/// *peer messages*: "'request' messages contain an index, begin, and length", "'cancel' messages
/// have the same payload".
#[test]
fn request_and_cancel_name_a_block() {
    let body = [0, 0, 0, 1, 0, 0, 0x40, 0, 0, 0, 0x40, 0];
    assert_wire(
        Message::Request(block()),
        &[&[0, 0, 0, 13, 6], &body[..]].concat(),
    );
    assert_wire(
        Message::Cancel(block()),
        &[&[0, 0, 0, 13, 8], &body[..]].concat(),
    );
}

/// *peer messages*: "'piece' messages contain an index, begin, and piece".
#[test]
fn piece_is_a_header_and_its_payload_follows() {
    assert_wire(
        Message::Piece(block()),
        &[0, 0, 0x40, 9, 7, 0, 0, 0, 1, 0, 0, 0x40, 0],
    );
}
