//! BEP 52, torrents of version 2 and hybrids: reading, rejecting and making them.

mod hybrids;
mod layers;
mod trees;

use proptest::prelude::*;
use unchoke_core::bencode::{DictBuilder, encode_bytes, encode_int};
use unchoke_core::bitfield::Bitfield;
use unchoke_core::geometry::{BLOCK_BYTES, Geometry};
use unchoke_core::ids::{BlockRef, PieceIndex};
use unchoke_core::merkle::{self, Growing};
use unchoke_core::metainfo::{
    BuildError, Builder, FileKind, Format, Metainfo, Naming, NewFile, PieceDigests,
};

const PIECE: u32 = 2 * BLOCK_BYTES;

/// Bytes of a file, different for each file.
fn content(length: u64, salt: u8) -> Vec<u8> {
    (0..length).map(|it| (it % 251) as u8 ^ salt).collect()
}

fn new_file(path: &str, length: u64) -> NewFile {
    NewFile {
        path: path.split('/').map(str::to_owned).collect(),
        length,
    }
}

fn builder(format: Format, files: &[(&str, u64)]) -> Builder {
    let mut builder = Builder {
        format,
        name: "root".into(),
        files: Some(files.iter().map(|it| new_file(it.0, it.1)).collect()),
        piece_bytes: PIECE,
        ..Builder::default()
    };
    builder.sort();
    builder
}

/// The root over the blocks of each piece.
fn digests(builder: &Builder) -> PieceDigests {
    let geometry = builder.geometry().expect("a torrent");
    let files = builder.files.as_deref().unwrap_or_default();
    let lengths = files.iter().map(|it| it.length);
    let mut roots = Vec::new();
    let mut heights = builder.heights().into_iter();
    for (salt, length) in (0..).zip(lengths) {
        for piece in content(length, salt).chunks(builder.piece_bytes as usize) {
            let mut tree = Growing::default();
            let blocks = piece.chunks(BLOCK_BYTES as usize);
            blocks.for_each(|it| tree.push(merkle::leaf(it)));
            roots.push(tree.root(0, heights.next().expect("a height for each piece")));
        }
    }
    assert_eq!(heights.next(), None);
    let pieces = geometry.piece_count() as usize;
    let version_1 = builder.format != Format::Version2;
    PieceDigests {
        version_1: vec![[7; 20]; if version_1 { pieces } else { 0 }],
        version_2: roots,
    }
}

fn made(format: Format, files: &[(&str, u64)]) -> Vec<u8> {
    let builder = builder(format, files);
    let made = builder.encode_digests(&digests(&builder));
    made.expect("a torrent")
}

const FILES: [(&str, u64); 5] = [
    ("b", 0),
    ("a/x", 3 * PIECE as u64 + 5),
    ("a/y", 7),
    ("c", PIECE as u64),
    ("a.b", 2 * PIECE as u64),
];

#[test]
fn what_is_made_is_read_back_with_files_on_piece_boundaries() {
    for format in [Format::Version2, Format::Hybrid] {
        let builder = builder(format, &FILES);
        let torrent = Metainfo::parse(&made(format, &FILES)).expect("our own");
        assert_eq!(torrent.is_hybrid(), format == Format::Hybrid);
        assert!(torrent.canonical);
        assert_eq!(Ok(&torrent.geometry), builder.geometry().as_ref());
        let layout = &torrent.layout;
        let real =
            (0..layout.files().len()).filter(|it| layout.files()[*it].kind != FileKind::Padding);
        let real: Vec<usize> = real.collect();
        let paths = real.iter().map(|it| layout.path(*it, Naming::Exact));
        assert_eq!(
            paths.collect::<Vec<_>>(),
            ["root/a/x", "root/a/y", "root/a.b", "root/b", "root/c"]
        );
        for file in &real {
            let entry = &layout.files()[*file];
            let aligned = entry.offset.is_multiple_of(u64::from(PIECE));
            assert!(aligned || entry.length == 0);
            let path = layout.path(*file, Naming::Exact);
            let raw = torrent.raw_path(*file).expect("a path").join(&b'/');
            assert_eq!(raw, path.as_bytes());
            assert_eq!(torrent.original_path(*file), None);
        }
        let trees = torrent.version_2.as_ref().expect("version 2");
        assert!(trees.is_complete());
        assert_eq!(trees.trees().len(), 4);
        let expected = digests(&builder).version_2;
        let found = (0..torrent.geometry.piece_count()).map(|it| trees.expected(PieceIndex(it)));
        assert_eq!(found.map(|it| it.root).collect::<Vec<_>>(), expected);
        let short = trees.expected(PieceIndex(4));
        assert_eq!(short.height, 0, "a file of one block is its own root");
        assert_eq!(trees.expected(PieceIndex(0)).height, 1);
        let hashes = torrent.info_hashes().count();
        assert_eq!(hashes, if torrent.is_hybrid() { 2 } else { 1 });
        let last = torrent.info_hashes().last();
        assert_eq!(last, Some(trees.info_hash.truncated()));
    }
}

#[test]
fn a_single_file_lies_in_no_folder() {
    for (format, hashes) in [(Format::Version2, 1), (Format::Hybrid, 2)] {
        let builder = Builder {
            format,
            name: "one".into(),
            length: 5,
            piece_bytes: PIECE,
            ..Builder::default()
        };
        let digests = PieceDigests {
            version_1: vec![[1; 20]; hashes - 1],
            version_2: vec![merkle::leaf(b"hello")],
        };
        let torrent = builder.encode_digests(&digests).expect("a torrent");
        let torrent = Metainfo::parse(&torrent).expect("our own");
        assert!(!torrent.layout.multi_file());
        assert_eq!(torrent.layout.path(0, Naming::Exact), "one");
        assert_eq!(torrent.raw_path(0), Some(vec![b"one".to_vec()]));
        assert_eq!(torrent.geometry.total_bytes(), 5);
        assert_eq!(torrent.geometry.piece_len(PieceIndex(0)), 5);
        assert_eq!(torrent.info_hashes().count(), hashes);
    }
}

#[test]
fn what_cannot_be_made_is_said_before_hashing() {
    let mut wrong = builder(Format::Version2, &FILES);
    for piece_bytes in [0, 100_000, 8192, 1 << 29] {
        wrong.piece_bytes = piece_bytes;
        let error = wrong.check().expect_err("no piece length of version 2");
        let known = matches!(
            error,
            BuildError::PowerOfTwo(_) | BuildError::PieceLength(_)
        );
        assert!(known, "{error}");
    }
    for files in [
        [("b", 1), ("a", 1)],
        [("a", 1), ("a", 1)],
        [("a", 1), ("a/b", 1)],
    ] {
        let mut builder = builder(Format::Hybrid, &files);
        builder.files = Some(files.iter().map(|it| new_file(it.0, it.1)).collect());
        assert!(matches!(builder.check(), Err(BuildError::Order(_))));
    }
    let many = builder(Format::Version2, &FILES);
    let none = many.encode_digests(&PieceDigests::default());
    assert!(matches!(none, Err(BuildError::HashCount { hashes: 0, .. })));
}

#[test]
fn gaps_behind_files_are_not_asked_for_and_may_be_served() {
    let geometry = Geometry::aligned([5, 0, u64::from(PIECE) + 1], PIECE, None).expect("sizes");
    assert_eq!(geometry.piece_count(), 3);
    assert_eq!(geometry.total_bytes(), u64::from(PIECE) + 6);
    assert_eq!(geometry.most_blocks(), 2);
    let lengths = (0..3).map(|it| geometry.piece_len(PieceIndex(it)));
    assert_eq!(lengths.collect::<Vec<_>>(), [5, PIECE, 1]);
    let block = |piece, length| BlockRef {
        piece: PieceIndex(piece),
        begin: 0,
        length,
    };
    assert_eq!(geometry.block(PieceIndex(0), 0), block(0, 5));
    assert_eq!(geometry.block_index(block(2, 1)), Some(0));
    assert_eq!(geometry.block_index(block(2, 2)), None);
    assert!(geometry.may_request(block(0, BLOCK_BYTES)));
    let mut have = Bitfield::empty(3);
    assert_eq!(geometry.bytes_in(&have), 0);
    have.insert(PieceIndex(0));
    assert_eq!(geometry.bytes_in(&have), 5);
    assert_eq!(
        geometry.bytes_in(&Bitfield::full(3)),
        geometry.total_bytes()
    );
    let small = Geometry::aligned([5, 6], PIECE, Some(u64::from(PIECE) + 6)).expect("sizes");
    assert_eq!(small.most_blocks(), 1);
    assert_eq!(small.piece_span(PieceIndex(1)), 6);
    assert!(
        !small.may_request(block(1, 7)),
        "beyond the end of the torrent"
    );
}

proptest! {
    #[test]
    fn any_files_make_a_torrent_that_is_read_back(
        lengths in proptest::collection::vec(0..5 * u64::from(PIECE), 1..8),
        hybrid: bool,
    ) {
        let names: Vec<String> = (0..lengths.len()).map(|it| format!("d{}/f{it}", it % 3)).collect();
        let files: Vec<(&str, u64)> =
            names.iter().map(String::as_str).zip(lengths.iter().copied()).collect();
        prop_assume!(lengths.iter().any(|it| *it > 0));
        let format = if hybrid { Format::Hybrid } else { Format::Version2 };
        let builder = builder(format, &files);
        let torrent = Metainfo::parse(&made(format, &files)).expect("our own");
        let total: u64 = lengths.iter().sum();
        prop_assert_eq!(torrent.geometry.total_bytes(), total);
        prop_assert_eq!(torrent.geometry.clone(), builder.geometry().expect("sizes"));
        let each = (0..torrent.geometry.piece_count()).map(PieceIndex);
        let sum: u64 = each.clone().map(|it| u64::from(torrent.geometry.piece_len(it))).sum();
        prop_assert_eq!(sum, total);
        let longest = each.map(|it| torrent.geometry.blocks_in(it)).max();
        prop_assert_eq!(Some(torrent.geometry.most_blocks()), longest);
        let again = torrent.geometry.aligned_lengths().expect("aligned");
        let again = Geometry::aligned(again, PIECE, Some(torrent.geometry.end()));
        prop_assert_eq!(again.as_ref(), Ok(&torrent.geometry));
    }
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

fn dict<K: AsRef<[u8]>>(entries: &[(K, Vec<u8>)]) -> Vec<u8> {
    let mut dict = DictBuilder::new();
    for (key, value) in entries {
        dict.raw(key, value.clone());
    }
    dict.finish()
}

/// A file of a tree: its properties under the empty key.
fn leaf(properties: &[(&str, Vec<u8>)]) -> Vec<u8> {
    dict(&[("", dict(properties))])
}

fn small() -> Vec<u8> {
    leaf(&[("length", int(3)), ("pieces root", text([1; 32]))])
}

/// Three pieces and their layer.
fn large() -> (Vec<u8>, [u8; 32], Vec<u8>) {
    let layer = [[1; 32], [2; 32], [3; 32]];
    let root = merkle::root(&layer, 1);
    let length = int(3 * i64::from(PIECE));
    let file = leaf(&[("length", length), ("pieces root", text(root))]);
    (file, root, layer.as_flattened().to_vec())
}

type Change<'a> = (&'a str, Option<Vec<u8>>);

/// A torrent of version 2 with this tree, and with other entries in its info dictionary and layers.
fn torrent(tree: Vec<u8>, changes: &[Change<'_>], layers: Option<Vec<u8>>) -> Vec<u8> {
    let mut entries = vec![
        ("file tree", tree),
        ("meta version", int(2)),
        ("name", text("root")),
        ("piece length", int(i64::from(PIECE))),
    ];
    for (key, value) in changes {
        entries.retain(|it| it.0 != *key);
        entries.extend(value.clone().map(|it| (*key, it)));
    }
    let mut root = vec![("info", dict(&entries))];
    root.extend(layers.map(|it| ("piece layers", it)));
    dict(&root)
}

fn no_layers() -> Vec<u8> {
    dict::<&str>(&[])
}

fn refusal(torrent: &[u8]) -> String {
    let refused = Metainfo::parse(torrent);
    refused.expect_err("malformed").to_string()
}

fn assert_refused(torrent: &[u8], part: &str) {
    let said = refusal(torrent);
    assert!(said.contains(part), "{said:?} does not say {part:?}");
    assert!(!said.contains('\n') && said.len() < 300, "{said}");
}
