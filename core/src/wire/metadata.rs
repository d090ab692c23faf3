//! Content of `ut_metadata` messages, which carry the info dictionary between peers. BEP 9.

use alloc::vec::Vec;

use crate::bencode::{DictBuilder, Limits, decode_prefix};
use crate::message::MetadataMessage;

/// The id under which this client accepts `ut_metadata` messages, if its handshake offers them.
pub const METADATA_ID: u8 = 2;

/// The extension's name in the handshake.
pub const METADATA_NAME: &str = "ut_metadata";

/// One dictionary of a few numbers, followed by a piece.
const LIMITS: Limits = Limits {
    depth: 4,
    tokens: 100,
    bytes: 1 << 17,
};

const REQUEST: i64 = 0;
const DATA: i64 = 1;
const REJECT: i64 = 2;

/// Reads the payload of a `ut_metadata` message; `None` if it is not a bencoded dictionary or lacks
/// a key. BEP 9: messages of another type must be ignored.
#[must_use]
pub fn decode_metadata(payload: &[u8]) -> Option<MetadataMessage> {
    let document = decode_prefix(payload, LIMITS).ok()?;
    let dict = document.root().as_dict()?;
    let number = |key: &[u8]| dict.get(key).and_then(|it| it.as_int());
    let word = |key: &[u8]| number(key).and_then(|it| u32::try_from(it).ok());
    let piece = word(b"piece")?;
    Some(match number(b"msg_type")? {
        REQUEST => MetadataMessage::Request(piece),
        DATA => MetadataMessage::Data {
            piece,
            total_bytes: word(b"total_size")?,
            bytes: payload[document.root().raw().len()..].into(),
        },
        REJECT => MetadataMessage::Reject(piece),
        _ => return None,
    })
}

/// The payload of a `ut_metadata` message.
#[must_use]
pub fn encode_metadata(message: &MetadataMessage) -> Vec<u8> {
    let mut dict = DictBuilder::new();
    let (kind, piece, bytes) = match message {
        MetadataMessage::Request(piece) => (REQUEST, piece, &[][..]),
        MetadataMessage::Reject(piece) => (REJECT, piece, &[][..]),
        MetadataMessage::Data {
            piece,
            total_bytes,
            bytes,
        } => {
            dict.int("total_size", i64::from(*total_bytes));
            (DATA, piece, &**bytes)
        }
    };
    dict.int("msg_type", kind).int("piece", i64::from(*piece));
    let mut out = dict.finish();
    out.extend_from_slice(bytes);
    out
}
