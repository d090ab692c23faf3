//! BEP 9, extension for peers to send metadata files: messages, and magnet links.

use unchoke_core::message::{Extended, Message, MetadataMessage};
use unchoke_core::wire::{Decoded, Decoder, METADATA_ID, decode_metadata, encode, encode_metadata};

/// The examples of the BEP, word for word.
#[test]
fn the_messages_are_those_of_the_examples() {
    let data = MetadataMessage::Data {
        piece: 0,
        total_bytes: 3425,
        bytes: (*b"xxxxxxxx").into(),
    };
    for (message, bytes) in [
        (
            MetadataMessage::Request(0),
            &b"d8:msg_typei0e5:piecei0ee"[..],
        ),
        (
            data,
            b"d8:msg_typei1e5:piecei0e10:total_sizei3425eexxxxxxxx",
        ),
        (MetadataMessage::Reject(0), b"d8:msg_typei2e5:piecei0ee"),
    ] {
        assert_eq!(encode_metadata(&message), bytes);
        assert_eq!(decode_metadata(bytes), Some(message.clone()));
        let extended = Extended::Metadata {
            id: METADATA_ID,
            message,
        };
        let message = Message::Extended(Box::new(extended));
        let mut wire = Vec::new();
        encode(&message, &mut wire);
        let used = wire.len();
        let decoded = Decoder::new(1).decode(&wire);
        assert_eq!(decoded, Ok(Decoded::Message { message, used }));
    }
}

/// "Unrecognized message IDs MUST be ignored in order to support future extensibility."
#[test]
fn what_is_not_known_is_no_message_of_ours() {
    for payload in [
        &b"d8:msg_typei3e5:piecei0ee"[..],
        b"d8:msg_typei-1e5:piecei0ee",
        b"d8:msg_typei0ee",
        b"d5:piecei0ee",
        b"d8:msg_typei0e5:piecei-1ee",
        b"d8:msg_typei0e5:piecei4294967296ee",
        b"d8:msg_typei0e5:piece1:0e",
        b"d8:msg_typei1e5:piecei0ee",
        b"d8:msg_typei1e5:piecei0e10:total_sizei-5ee",
        b"le",
        b"",
        b"d",
    ] {
        let shown = String::from_utf8_lossy(payload);
        assert_eq!(decode_metadata(payload), None, "{shown}");
        let mut wire = u32::try_from(payload.len() + 2)
            .expect("short")
            .to_be_bytes()
            .to_vec();
        wire.extend([20, METADATA_ID]);
        wire.extend(payload);
        let decoded = Decoder::new(1)
            .decode(&wire)
            .expect("a message all the same");
        let unknown = Extended::Unknown {
            id: METADATA_ID,
            payload: payload.to_vec(),
        };
        let message = Message::Extended(Box::new(unknown));
        let used = wire.len();
        assert_eq!(decoded, Decoded::Message { message, used }, "{shown}");
    }
}

/// Unknown keys and keys in any order are accepted.
#[test]
fn further_keys_are_passed_over() {
    let payload = b"d1:ai5e5:piecei7e8:msg_typei1e10:total_sizei9e1:zlee\0\xff";
    let data = MetadataMessage::Data {
        piece: 7,
        total_bytes: 9,
        bytes: [0, 0xff].into(),
    };
    assert_eq!(decode_metadata(payload), Some(data));
}
