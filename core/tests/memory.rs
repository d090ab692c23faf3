//! Reading a .torrent file takes at most a small multiple of its size in memory, whatever its
//! contents. Each kind of file attacks memory in another way. This is a program without a test
//! harness, because other threads would allocate memory, too.
#![expect(
    clippy::disallowed_types,
    reason = "the time that reading takes is part of the test"
)]

use std::time::{Duration, Instant};

use peak_alloc::PeakAlloc;
use unchoke_core::bencode::{DictBuilder, ListBuilder, encode_bytes};
use unchoke_core::metainfo::{Metainfo, Naming};

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// Bytes of memory for each byte of the file during reading. A value takes twelve bytes but may be
/// two bytes long in the file. The list of values doubles its capacity when it is full.
const MOST_WHILE_READ: usize = 20;
/// Bytes of memory for each byte of the file after reading.
const MOST_KEPT: usize = 4;
/// Bytes of memory allowed in addition, for files of every size.
const ALLOWANCE: usize = 64 << 10;
/// Time limit for reading a file of 2 MB, without compiler optimisation, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

/// Approximate size of the files below.
const SIZE: usize = 2_000_000;

fn file(path: &[&[u8]]) -> Vec<u8> {
    let mut elements = ListBuilder::new();
    for element in path {
        elements.bytes(element);
    }
    let mut file = DictBuilder::new();
    file.int("length", 1).raw("path", elements.finish());
    file.finish()
}

/// A list of `item(0)`, `item(1)` and so on with [`SIZE`] bytes in total.
fn fill(item: impl Fn(usize) -> Vec<u8>) -> Vec<u8> {
    let mut out = Vec::from(b"l");
    for index in 0.. {
        out.extend(item(index));
        if out.len() >= SIZE {
            break;
        }
    }
    out.push(b'e');
    out
}

fn info(name: &[u8], key: &str, value: Vec<u8>) -> Vec<u8> {
    let mut info = DictBuilder::new();
    info.bytes("name", name)
        .int("piece length", 1 << 24)
        .bytes("pieces", [7; 20])
        .raw(key, value);
    info.finish()
}

fn with_files(name: &[u8], item: impl Fn(usize) -> Vec<u8>) -> Vec<u8> {
    let mut root = DictBuilder::new();
    root.raw("info", info(name, "files", fill(item)));
    root.finish()
}

fn with_root(key: &str, value: Vec<u8>) -> Vec<u8> {
    let mut root = DictBuilder::new();
    root.raw("info", info(b"a", "length", b"i100e".to_vec()))
        .raw(key, value);
    root.finish()
}

fn string(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    encode_bytes(&mut out, bytes);
    out
}

fn number(index: usize) -> Vec<u8> {
    index.to_string().into_bytes()
}

type Case = (&'static str, Vec<u8>);

/// Torrents of many files with hostile names.
fn names() -> Vec<Case> {
    let escaped = vec![0x01; 100_000];
    let long = vec![b'x'; 240];
    vec![
        (
            "many short files",
            with_files(b"a", |i| file(&[&number(i)])),
        ),
        ("files of one name", with_files(b"a", |_| file(&[b"a"]))),
        (
            "files called as renamed ones",
            with_files(b"a", |i| match i % 2 {
                0 => file(&[b"a.b"]),
                _ => file(&[format!("A.{i}.b").as_bytes()]),
            }),
        ),
        (
            "a name that is escaped",
            with_files(&escaped, |i| file(&[&number(i)])),
        ),
        ("a long name", with_files(&long, |i| file(&[&number(i)]))),
        (
            "names that are escaped",
            with_files(b"a", |_| file(&[&escaped[..5000]])),
        ),
        (
            "names of one bad byte",
            with_files(b"a", |_| file(&[b"\xff"])),
        ),
        (
            "names that grow in upper case",
            with_files(b"a", |_| file(&[&"ΐ".repeat(100).into_bytes()])),
        ),
    ]
}

/// Torrents with hostile paths.
fn paths() -> Vec<Case> {
    let long = vec![b'x'; 240];
    let deep: Vec<&[u8]> = vec![b"d"; 98];
    let wide: Vec<&[u8]> = vec![&long; 98];
    vec![
        (
            "a folder for each element",
            with_files(b"a", |i| {
                let first = number(i);
                let path = [&[&first[..]], &deep[..]].concat();
                file(&path)
            }),
        ),
        (
            "long paths that are alike",
            with_files(b"a", |i| file(&[&wide[..], &[&number(i)]].concat())),
        ),
        (
            "elements that are dropped",
            with_files(b"a", |_| file(&[&b""[..]; 98])),
        ),
        (
            "one long path element",
            with_files(b"a", |_| file(&[&vec![b'a'; SIZE]])),
        ),
    ]
}

/// Torrents with many other entries.
fn others() -> Vec<Case> {
    let many_urls = |index| string(format!("http://{index}").as_bytes());
    vec![
        ("trackers", with_root("announce-list", fill(many_urls))),
        (
            "tiers",
            with_root(
                "announce-list",
                fill(|i| [b"l", &many_urls(i)[..], b"e"].concat()),
            ),
        ),
        (
            "one tracker again and again",
            with_root("announce-list", fill(|_| many_urls(0))),
        ),
        ("web seeds", with_root("url-list", fill(many_urls))),
        (
            "a long comment",
            with_root("comment", string(&vec![1; SIZE])),
        ),
        ("empty strings", with_root("x", fill(|_| b"0:".to_vec()))),
        ("empty lists", with_root("x", fill(|_| b"le".to_vec()))),
        (
            "keys",
            [
                b"d4:info",
                &info(b"a", "length", b"i1e".to_vec())[..],
                &b"0:0:".repeat(SIZE / 4),
                b"e",
            ]
            .concat(),
        ),
        ("hashes", with_hashes()),
    ]
}

fn with_hashes() -> Vec<u8> {
    let pieces = SIZE / 20;
    let mut info = DictBuilder::new();
    info.bytes("name", "a")
        .int("piece length", 1)
        .int("length", i64::try_from(pieces).expect("small"))
        .bytes("pieces", vec![7; pieces * 20]);
    let mut root = DictBuilder::new();
    root.raw("info", info.finish());
    root.finish()
}

fn main() {
    let mut faults = 0;
    println!(
        "{:>12}  {:>10} {:>10}  file",
        "bytes", "peak/byte", "kept/byte"
    );
    for (name, torrent) in [names(), paths(), others()].concat() {
        let before = MEMORY.current_usage();
        MEMORY.reset_peak_usage();
        let started = Instant::now();
        let parsed = Metainfo::parse(&torrent);
        let took = started.elapsed();
        let peak = MEMORY.peak_usage() - before;
        let kept = MEMORY.current_usage() - before;
        if let Ok(metainfo) = &parsed {
            show(metainfo);
        }
        let shown = MEMORY.peak_usage() - before;
        let tenths = |bytes: usize| bytes * 10 / torrent.len();
        let (high, low) = (tenths(peak), tenths(kept));
        println!(
            "{:>12}  {:>8}.{} {:>8}.{}  {name}",
            torrent.len(),
            high / 10,
            high % 10,
            low / 10,
            low % 10
        );
        let fine = peak <= torrent.len() * MOST_WHILE_READ + ALLOWANCE
            && shown <= torrent.len() * MOST_WHILE_READ + ALLOWANCE
            && kept <= torrent.len() * MOST_KEPT + ALLOWANCE
            && took < PATIENCE;
        if !fine {
            println!("{name}: {peak} bytes, {shown} when shown, {kept} kept, {took:?}");
            faults += 1;
        }
    }
    assert_eq!(faults, 0, "more memory or time than a torrent may take");
}

/// Makes every text that a command would print about the torrent.
fn show(metainfo: &Metainfo) {
    for file in 0..metainfo.layout.files().len() {
        for naming in [Naming::Exact, Naming::Folded] {
            assert!(!metainfo.layout.path(file, naming).is_empty());
        }
        if let Some(original) = metainfo.original_path(file) {
            assert!(original.len() < 5000);
        }
    }
}
