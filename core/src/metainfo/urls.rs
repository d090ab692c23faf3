//! The addresses in a .torrent file: trackers, web seeds, and nodes of the distributed hash table.

use alloc::collections::BTreeSet;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write as _;

use super::MAX_URLS;
use crate::bencode::{Dict, Value};

/// Most bytes of a URL.
const MAX_URL_BYTES: usize = 4096;

/// Schemes of trackers that we can ask.
pub(crate) const TRACKERS: &[&str] = &["http://", "https://", "udp://"];

/// Schemes of WebTorrent trackers. We cannot ask them. A torrent that names no others keeps them, so
/// that the user learns why no tracker is asked.
pub(crate) const WEB_TORRENT: &[&str] = &["ws://", "wss://"];

/// The trackers that we can ask. If there are none, the WebTorrent trackers.
pub(super) fn trackers(root: &Dict<'_>) -> Vec<Vec<String>> {
    let usable = tiers(root, TRACKERS);
    if usable.is_empty() {
        return tiers(root, WEB_TORRENT);
    }
    usable
}

/// BEP 12: `announce-list` replaces `announce`. But an `announce` over HTTP is kept as the last
/// tier if the list has no HTTP tracker, because not every client, network or proxy allows UDP.
fn tiers(root: &Dict<'_>, schemes: &[&str]) -> Vec<Vec<String>> {
    let mut seen = BTreeSet::new();
    let list = root.get(b"announce-list").and_then(|it| it.as_list());
    let tiers = list.into_iter().flatten();
    let mut tiers: Vec<Vec<String>> = tiers
        .map(|tier| urls(tier, schemes, &mut seen))
        .filter(|it| !it.is_empty())
        .take(MAX_URLS)
        .collect();
    let http = |url: &str| !url.to_ascii_lowercase().starts_with("udp:");
    if !tiers.iter().flatten().any(|it| http(it))
        && let Some(only) = root.get(b"announce")
    {
        let mut behind = urls(only, schemes, &mut seen);
        behind.retain(|it| http(it) || tiers.is_empty());
        tiers.push(behind);
        tiers.retain(|it| !it.is_empty());
    }
    tiers
}

/// Reads the web seeds. BEP 19.
pub(super) fn web_seeds(root: &Dict<'_>) -> Vec<String> {
    let seeds = root.get(b"url-list");
    seeds.map_or_else(Vec::new, |it| {
        urls(it, &["http://", "https://"], &mut BTreeSet::new())
    })
}

/// Most nodes that are kept from one file, and most bytes of a host name.
const MAX_NODES: usize = 64;
const MAX_HOST_BYTES: usize = 253;

/// Reads the nodes. BEP 5, *torrent file extensions*: pairs of a host and a port.
pub(super) fn nodes(root: &Dict<'_>) -> Vec<(String, u16)> {
    let nodes = root.get(b"nodes").and_then(|it| it.as_list());
    let node = |it: Value<'_>| {
        let mut pair = it.as_list()?;
        let host = pair.next()?.as_str()?;
        let port = u16::try_from(pair.next()?.as_int()?).ok()?;
        let clean = !host.is_empty()
            && host.len() <= MAX_HOST_BYTES
            && host
                .bytes()
                .all(|it| it.is_ascii_alphanumeric() || b"-._:".contains(&it));
        (clean && port > 0).then(|| (String::from(host), port))
    };
    let nodes = nodes.into_iter().flatten().filter_map(node);
    nodes.take(MAX_NODES).collect()
}

/// The usable URLs in a string or a list of strings, without those in `seen`. Adds them to `seen`,
/// which grows to at most [`MAX_URLS`].
fn urls(value: Value<'_>, schemes: &[&str], seen: &mut BTreeSet<String>) -> Vec<String> {
    let single = value.as_bytes();
    let list = value.as_list().into_iter().flatten();
    let all = single
        .into_iter()
        .chain(list.filter_map(|it| it.as_bytes()));
    let usable = all.filter_map(|bytes| usable_url(bytes, schemes));
    usable
        .filter(|url| seen.len() < MAX_URLS && seen.insert(url.clone()))
        .collect()
}

/// The URL in a form that is safe in a request line and on a terminal. It may contain no blanks and
/// no control characters. Outside ASCII it may contain only letters and digits in the host name;
/// other bytes after the host name become `%C3`, as in browsers.
pub(crate) fn usable_url(bytes: &[u8], schemes: &[&str]) -> Option<String> {
    let bytes = bytes.trim_ascii();
    if bytes.len() > MAX_URL_BYTES || !bytes.iter().all(|it| it.is_ascii_graphic() || *it >= 0x80) {
        return None;
    }
    let starts = |scheme: &&&str| {
        let start = bytes.get(..scheme.len());
        start.is_some_and(|it| it.eq_ignore_ascii_case(scheme.as_bytes()))
    };
    let start = schemes.iter().find(starts)?.len();
    let length = bytes[start..].iter().position(|it| b"/\\?#".contains(it));
    let (head, path) = bytes.split_at(length.map_or(bytes.len(), |it| start + it));
    let mut url = String::from(core::str::from_utf8(head).ok()?);
    if bytes.len() == start
        || url
            .chars()
            .any(|it| !it.is_ascii() && !it.is_alphanumeric())
    {
        return None;
    }
    for byte in path {
        match byte {
            0x80.. => write!(url, "%{byte:02X}").expect("a string takes everything"),
            _ => url.push(char::from(*byte)),
        }
    }
    (url.len() <= MAX_URL_BYTES).then_some(url)
}
