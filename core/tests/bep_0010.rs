//! BEP 10, the extension protocol: reserved bit, message layout, handshake dictionary.

use std::collections::BTreeMap;

use unchoke_core::message::{Extended, ExtendedHandshake, Message};
use unchoke_core::wire::{
    Decoded, Decoder, Reserved, decode_extended_handshake, encode, encode_extended_handshake,
};

fn decode(wire: &[u8]) -> Message {
    match Decoder::new(9).decode(wire).expect("a message") {
        Decoded::Message { message, .. } => message,
        other => panic!("{other:?}"),
    }
}

/// Opening section: "(`reserved_byte[5]` & 0x10) is the expression to use".
#[test]
fn the_bit_is_in_byte_five() {
    assert!(Reserved([0, 0, 0, 0, 0, 0x10, 0, 0]).extended());
    assert!(!Reserved([0xff, 0xff, 0xff, 0xff, 0xff, 0xef, 0xff, 0xff]).extended());
}

/// Opening section, table: length prefix, "bittorrent message ID, = 20", "extended message ID.
/// 0 = handshake, >0 = extended message".
#[test]
fn layout_of_an_extended_message() {
    let message = Message::Extended(Box::new(Extended::Unknown {
        id: 3,
        payload: vec![1, 2],
    }));
    let mut bytes = Vec::new();
    encode(&message, &mut bytes);
    assert_eq!(bytes, [0, 0, 0, 4, 20, 3, 1, 2]);
    assert_eq!(decode(&bytes), message);
    let empty = Message::Extended(Box::new(Extended::Unknown {
        id: 3,
        payload: vec![],
    }));
    assert_eq!(decode(&[0, 0, 0, 2, 20, 3]), empty);
}

/// *handshake message*, its example: two extensions, a port and a client name.
#[test]
fn the_example_handshake_is_read() {
    let payload = "d1:md11:LT_metadatai1e7:µT_PEXi2ee1:pi6881e1:v13:µTorrent 1.2e";
    let handshake = decode_extended_handshake(payload.as_bytes()).expect("a dictionary");
    let names = [("LT_metadata".to_owned(), 1), ("µT_PEX".to_owned(), 2)];
    assert_eq!(handshake.extensions, BTreeMap::from(names));
    assert_eq!(handshake.listen_port, Some(6881));
    assert_eq!(handshake.client.as_deref(), Some("µTorrent 1.2"));
}

/// *handshake message*: "All items in the dictionary are optional. Any unknown names should be
/// ignored by the client."
#[test]
fn every_item_is_optional_and_unknown_ones_are_ignored() {
    assert_eq!(
        decode_extended_handshake(b"de"),
        Some(ExtendedHandshake::default())
    );
    let unknown = b"d3:fooli1ee6:yourip4:\x7f\0\0\x01e";
    assert_eq!(
        decode_extended_handshake(unknown),
        Some(ExtendedHandshake::default())
    );
}

/// Items of the wrong type or out of range count as absent. The other items are still used.
#[test]
fn senseless_items_count_as_absent() {
    let senseless = b"d1:mi5e13:metadata_sizei-1e1:pi65536e4:reqq3:abc11:upload_onlyle1:vi3ee";
    assert_eq!(
        decode_extended_handshake(senseless),
        Some(ExtendedHandshake::default())
    );
    let ids = b"d1:md1:ai256e1:bi-1e1:ci0e1:d0:ee";
    let extensions = decode_extended_handshake(ids).map(|it| it.extensions);
    assert_eq!(extensions, Some(BTreeMap::from([("c".to_owned(), 0)])));
    assert_eq!(
        decode_extended_handshake(b"d1:pi0ee").and_then(|it| it.listen_port),
        None
    );
}

/// A handshake that is not a dictionary changes nothing.
#[test]
fn a_malformed_handshake_stays_uninterpreted() {
    for payload in [&b"garbage"[..], b"le", b"", b"d1:m"] {
        let mut wire = u32::try_from(2 + payload.len())
            .expect("short")
            .to_be_bytes()
            .to_vec();
        wire.extend_from_slice(&[20, 0]);
        wire.extend_from_slice(payload);
        let message = Extended::Unknown {
            id: 0,
            payload: payload.to_vec(),
        };
        assert_eq!(decode(&wire), Message::Extended(Box::new(message)));
    }
}

/// *handshake message*, `v`: untrusted text that is printed on a terminal.
#[test]
fn client_names_are_safe_to_print() {
    for (sent, kept) in [
        (&b"Unchoke 0.1"[..], "Unchoke 0.1"),
        (b"\x1b[2Jevil\r\n", "_[2Jevil__"),
        (b"bad\xff\xfebytes", "bad__bytes"),
        ("right\u{202e}left\u{200b}".as_bytes(), "rightleft"),
    ] {
        let payload = [format!("d1:v{}:", sent.len()).as_bytes(), sent, b"e"].concat();
        let handshake = decode_extended_handshake(&payload).expect("a dictionary");
        assert_eq!(handshake.client.as_deref(), Some(kept));
    }
    let payload = format!("d1:v300:{}e", "é".repeat(150));
    let client = decode_extended_handshake(payload.as_bytes()).and_then(|it| it.client);
    assert_eq!(client, Some("é".repeat(40)));
}

/// BEP 21, *Extension Header*: `upload_only`; BEP 9, *extension header*: `metadata_size`.
#[test]
fn our_handshake_is_written_with_sorted_keys() {
    let handshake = ExtendedHandshake {
        extensions: BTreeMap::from([("ut_pex".to_owned(), 1), ("ut_metadata".to_owned(), 2)]),
        listen_port: Some(6881),
        client: Some("Unchoke".to_owned()),
        request_queue: Some(250),
        upload_only: Some(true),
        metadata_bytes: Some(31235),
    };
    let expected = "d1:md11:ut_metadatai2e6:ut_pexi1ee13:metadata_sizei31235e1:pi6881e\
                    4:reqqi250e11:upload_onlyi1e1:v7:Unchokee";
    assert_eq!(encode_extended_handshake(&handshake), expected.as_bytes());
}
