//! The extension handshake. BEP 10, *handshake message*; `upload_only`: BEP 21; `metadata_size`:
//! BEP 9.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use super::metadata::{METADATA_ID, decode_metadata};
use super::pex::{PEX_ID, decode_pex};
use crate::bencode::{Dict, DictBuilder, Limits, decode_prefix};
use crate::message::{Extended, ExtendedHandshake};
use crate::text;

/// A handshake is one dictionary with one dictionary in it; deeper or larger ones are refused.
const LIMITS: Limits = Limits {
    depth: 10,
    tokens: 1000,
    bytes: 1 << 16,
};

/// Most bytes of the name of a client or of an extension that we keep.
const MAX_NAME_BYTES: usize = 80;

/// Reads the body of an extended message. A handshake that is not a bencoded dictionary becomes
/// [`Extended::Unknown`] with id 0: other clients keep the connection, and so do we. The same holds
/// for a peer exchange and for a message about metadata.
pub(super) fn decode(body: &[u8]) -> Extended {
    let (id, payload) = body.split_first().expect("at least 2 bytes, by its length");
    let known = match *id {
        0 => decode_extended_handshake(payload).map(Extended::Handshake),
        PEX_ID => decode_pex(payload).map(|changes| Extended::Pex {
            id: PEX_ID,
            changes,
        }),
        METADATA_ID => decode_metadata(payload).map(|message| Extended::Metadata {
            id: METADATA_ID,
            message,
        }),
        _ => None,
    };
    known.unwrap_or_else(|| Extended::Unknown {
        id: *id,
        payload: payload.to_vec(),
    })
}

/// Reads an extension handshake, `None` if it is not a bencoded dictionary. Entries of the wrong
/// type or out of range count as absent.
#[must_use]
pub fn decode_extended_handshake(payload: &[u8]) -> Option<ExtendedHandshake> {
    let document = decode_prefix(payload, LIMITS).ok()?;
    let dict = document.root().as_dict()?;
    let number = |key: &[u8]| dict.get(key).and_then(|it| it.as_u64());
    let client = dict.get(b"v").and_then(|it| it.as_bytes());
    Some(ExtendedHandshake {
        extensions: extensions(&dict),
        listen_port: number(b"p")
            .and_then(|it| u16::try_from(it).ok())
            .filter(|it| *it > 0),
        client: client.map(|it| text::printable(it, MAX_NAME_BYTES)),
        request_queue: number(b"reqq").map(|it| u32::try_from(it).unwrap_or(u32::MAX)),
        upload_only: number(b"upload_only").map(|it| it != 0),
        metadata_bytes: number(b"metadata_size").and_then(|it| u32::try_from(it).ok()),
    })
}

fn extensions(dict: &Dict<'_>) -> BTreeMap<String, u8> {
    let Some(names) = dict.get(b"m").and_then(|it| it.as_dict()) else {
        return BTreeMap::new();
    };
    let known = names.iter().filter_map(|(name, id)| {
        let name = core::str::from_utf8(name)
            .ok()
            .filter(|it| it.len() <= MAX_NAME_BYTES)?;
        Some((
            name.into(),
            id.as_u64().and_then(|it| u8::try_from(it).ok())?,
        ))
    });
    known.collect()
}

/// The bencoded handshake: the payload of an extended message with id 0.
#[must_use]
pub fn encode_extended_handshake(handshake: &ExtendedHandshake) -> Vec<u8> {
    let mut names = DictBuilder::new();
    for (name, id) in &handshake.extensions {
        names.int(name, i64::from(*id));
    }
    let mut dict = DictBuilder::new();
    dict.raw("m", names.finish());
    if let Some(client) = &handshake.client {
        dict.bytes("v", client);
    }
    let numbers = [
        ("p", handshake.listen_port.map(i64::from)),
        ("reqq", handshake.request_queue.map(i64::from)),
        ("upload_only", handshake.upload_only.map(i64::from)),
        ("metadata_size", handshake.metadata_bytes.map(i64::from)),
    ];
    for (key, number) in numbers {
        if let Some(number) = number {
            dict.int(key, number);
        }
    }
    dict.finish()
}
