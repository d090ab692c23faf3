//! Content of `ut_pex` messages: peer exchange, BEP 11.

use alloc::vec::Vec;
use core::net::SocketAddr;

use crate::bencode::{Dict, DictBuilder, Limits, decode_prefix};
use crate::compact;
use crate::message::{Contact, Contacts};

/// The id under which this client accepts `ut_pex` messages, if its handshake offers them.
pub const PEX_ID: u8 = 1;

/// The extension's name in the handshake.
pub const PEX_NAME: &str = "ut_pex";

/// Most contacts of a kind, both address families together; further ones are ignored. BEP 11,
/// *protocol extension*: "should not exceed 50 entries".
pub const MAX_CONTACTS: usize = 50;

/// One dictionary of a few strings.
const LIMITS: Limits = Limits {
    depth: 4,
    tokens: 100,
    bytes: 1 << 16,
};

const SEED: u8 = 0x02;
const REACHABLE: u8 = 0x10;

/// Reads the payload of a `ut_pex` message; `None` if it is not a bencoded dictionary. A list with
/// an invalid length counts as absent. Addresses that cannot be connected to are left out.
#[must_use]
pub fn decode_pex(payload: &[u8]) -> Option<Contacts> {
    let document = decode_prefix(payload, LIMITS).ok()?;
    let dict = document.root().as_dict()?;
    let mut added = contacts::<6>(&dict, b"added", b"added.f");
    added.extend(contacts::<18>(&dict, b"added6", b"added6.f"));
    added.truncate(MAX_CONTACTS);
    // An IPv4 address may have come in the IPv6 list. In this order encoding gives the same result
    // as reading, so a recording keeps what was received.
    added.sort_by_key(|it| it.address.is_ipv6());
    let mut dropped = addresses::<6>(&dict, b"dropped");
    dropped.extend(addresses::<18>(&dict, b"dropped6"));
    dropped.truncate(MAX_CONTACTS);
    dropped.sort_by_key(SocketAddr::is_ipv6);
    Some(Contacts { added, dropped })
}

fn contacts<const N: usize>(dict: &Dict<'_>, list: &[u8], flags: &[u8]) -> Vec<Contact> {
    let list = dict.get(list).and_then(|it| it.as_bytes()).unwrap_or(b"");
    let flags = dict.get(flags).and_then(|it| it.as_bytes()).unwrap_or(b"");
    let flags = flags.iter().copied().chain(core::iter::repeat(0));
    let entries = compact::read::<N>(list).into_iter().flatten().zip(flags);
    let entries = entries.take(MAX_CONTACTS).filter_map(|(address, flags)| {
        Some(Contact {
            address: address?,
            seed: flags & SEED != 0,
            reachable: flags & REACHABLE != 0,
        })
    });
    entries.collect()
}

fn addresses<const N: usize>(dict: &Dict<'_>, list: &[u8]) -> Vec<SocketAddr> {
    let list = dict.get(list).and_then(|it| it.as_bytes()).unwrap_or(b"");
    let entries = compact::read::<N>(list).into_iter().flatten();
    entries.take(MAX_CONTACTS).flatten().collect()
}

/// The payload of a `ut_pex` message.
#[must_use]
pub fn encode_pex(changes: &Contacts) -> Vec<u8> {
    let [mut v4, mut v6, mut flags4, mut flags6] = [const { Vec::new() }; 4];
    for contact in &changes.added {
        let flags =
            if contact.seed { SEED } else { 0 } | if contact.reachable { REACHABLE } else { 0 };
        compact::write(contact.address, &mut v4, &mut v6);
        let list = if contact.address.is_ipv4() {
            &mut flags4
        } else {
            &mut flags6
        };
        list.push(flags);
    }
    let [mut dropped4, mut dropped6] = [const { Vec::new() }; 2];
    for address in &changes.dropped {
        compact::write(*address, &mut dropped4, &mut dropped6);
    }
    let mut dict = DictBuilder::new();
    for (key, list) in [
        ("added", v4),
        ("added.f", flags4),
        ("added6", v6),
        ("added6.f", flags6),
        ("dropped", dropped4),
        ("dropped6", dropped6),
    ] {
        if !list.is_empty() {
            dict.bytes(key, list);
        }
    }
    dict.finish()
}
