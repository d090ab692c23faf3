//! .torrent files: reading valid ones, and refusing hostile ones.

mod build;
mod hostile;
mod lenient;
mod paths;
mod read;

use unchoke_core::bencode::{DictBuilder, ListBuilder, encode_bytes, encode_int};
use unchoke_core::metainfo::{Layout, Metainfo, Naming};

/// A dictionary of entries that are already bencoded.
fn dict<K: AsRef<[u8]>>(entries: &[(K, &[u8])]) -> Vec<u8> {
    let mut dict = DictBuilder::new();
    for (key, value) in entries {
        dict.raw(key, value.to_vec());
    }
    dict.finish()
}

fn int(number: i64) -> Vec<u8> {
    let mut out = Vec::new();
    encode_int(&mut out, number);
    out
}

fn text(bytes: impl AsRef<[u8]>) -> Vec<u8> {
    let mut out = Vec::new();
    encode_bytes(&mut out, bytes.as_ref());
    out
}

fn list(items: &[Vec<u8>]) -> Vec<u8> {
    let mut list = ListBuilder::new();
    for item in items {
        list.raw(item);
    }
    list.finish()
}

fn file(length: i64, path: &[&[u8]]) -> Vec<u8> {
    let path: Vec<Vec<u8>> = path.iter().map(text).collect();
    dict(&[("length", &int(length)), ("path", &list(&path))])
}

/// An info dictionary of 100 bytes in 2 pieces, with some entries replaced or added.
fn info(changes: &[(&str, &[u8])]) -> Vec<u8> {
    let mut info = DictBuilder::new();
    info.bytes("name", "a.bin")
        .int("piece length", 64)
        .int("length", 100);
    info.bytes("pieces", [7; 40]);
    for (key, value) in changes {
        info.raw(key, value.to_vec());
    }
    info.finish()
}

/// The torrent of [`info`].
fn single(changes: &[(&str, &[u8])]) -> Vec<u8> {
    dict(&[("info", &info(changes))])
}

/// A torrent of one piece with these files.
fn multi(files: &[Vec<u8>]) -> Vec<u8> {
    let info = dict(&[
        ("name", &text("root")),
        ("piece length", &int(1 << 20)),
        ("pieces", &text([7; 20])),
        ("files", &list(files)),
    ]);
    dict(&[("info", &info)])
}

fn paths(torrent: &[u8]) -> Vec<String> {
    let metainfo = Metainfo::parse(torrent).expect("a usable torrent");
    all_paths(&metainfo.layout, Naming::Exact)
}

fn all_paths(layout: &Layout, naming: Naming) -> Vec<String> {
    let files = 0..layout.files().len();
    files.map(|file| layout.path(file, naming)).collect()
}
