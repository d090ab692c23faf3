//! File trees and their environment.

use unchoke_core::metainfo::{FileKind, Metainfo, Naming};

use super::{assert_refused, dict, int, leaf, no_layers, small, text, torrent};

#[test]
fn the_version_is_looked_at_first() {
    let of = |version: Option<Vec<u8>>| {
        let tree = dict(&[("a", small())]);
        let changes = [("meta version", version), ("name", None)];
        torrent(tree, &changes, Some(no_layers()))
    };
    for version in [0, 1, 3, -1, i64::MAX] {
        assert_refused(&of(Some(int(version))), "only versions 1 and 2 are known");
    }
    assert_refused(&of(Some(text("2"))), "`meta version` must be an integer");
    assert_refused(&of(None), "`meta version` is missing");
    let whole = torrent(dict(&[("a", small())]), &[], Some(no_layers()));
    assert!(Metainfo::parse(&whole).is_ok());
}

#[test]
fn piece_lengths_of_version_2_are_powers_of_two() {
    let tree = || dict(&[("a", small())]);
    for length in [0, -1, 1, 8192, 20_000, 49_152, 1 << 29, i64::MAX] {
        let torrent = torrent(
            tree(),
            &[("piece length", Some(int(length)))],
            Some(no_layers()),
        );
        assert_refused(
            &torrent,
            "it must be a power of two from 16384 to 268435456",
        );
    }
    let none = torrent(tree(), &[("piece length", None)], Some(no_layers()));
    assert_refused(&none, "`piece length` is missing");
}

#[test]
fn trees_that_are_none_are_refused() {
    let cases: Vec<(Vec<u8>, &str)> = vec![
        (int(1), "`file tree` must be a dictionary"),
        (dict::<&str>(&[]), "has no file"),
        (dict(&[("a", dict::<&str>(&[]))]), "has no file"),
        (small(), "a file without a name"),
        (
            dict(&[("a", int(1))]),
            "file 1 or a folder of it must be a dictionary",
        ),
        (
            dict(&[("a", dict(&[("", int(1))]))]),
            "file 1 or a folder of it must be a dictionary",
        ),
        (
            dict(&[(
                "a",
                dict(&[("", dict(&[("length", int(0))])), ("b", small())]),
            )]),
            "file 1 has other entries beside it",
        ),
    ];
    for (tree, part) in cases {
        assert_refused(&torrent(tree, &[], Some(no_layers())), part);
    }
    let missing = torrent(small(), &[("file tree", None)], Some(no_layers()));
    assert_refused(&missing, "`file tree` is missing");
}

#[test]
fn malformed_files_are_refused() {
    let root = || ("pieces root", text([1; 32]));
    let cases: Vec<(Vec<u8>, &str)> = vec![
        (
            dict(&[("a", leaf(&[root()]))]),
            "`length` of file 1 must be a number",
        ),
        (
            dict(&[("a", small()), ("b", leaf(&[("length", int(-1)), root()]))]),
            "`length` of file 2 must be a number",
        ),
        (
            dict(&[("a", leaf(&[("length", int(3))]))]),
            "file 1 has no `pieces root`",
        ),
        (
            dict(&[("a", leaf(&[("length", int(0)), root()]))]),
            "file 1 is empty and has a `pieces root`",
        ),
        (
            dict(&[(
                "a",
                leaf(&[("length", int(3)), ("pieces root", text([1; 31]))]),
            )]),
            "must be 32 bytes, not all zero",
        ),
        (
            dict(&[(
                "a",
                leaf(&[("length", int(3)), ("pieces root", text([0; 32]))]),
            )]),
            "must be 32 bytes, not all zero",
        ),
        (
            dict(&[("a", leaf(&[("length", int(3)), ("pieces root", int(1))]))]),
            "must be 32 bytes, not all zero",
        ),
        (
            dict(&[(
                "a",
                leaf(&[("attr", text("p")), ("length", int(3)), root()]),
            )]),
            "file 1 is padding",
        ),
        (
            dict(&[("a", leaf(&[("length", int(0))]))]),
            "nothing to transfer",
        ),
        (
            dict(&[("a", leaf(&[("length", int(i64::MAX)), root()]))]),
            "more than 2^29 blocks",
        ),
        (
            dict(&[
                ("a", leaf(&[("length", int(1 << 42)), root()])),
                ("b", leaf(&[("length", int(1 << 42)), root()])),
                ("c", leaf(&[("length", int(1 << 42)), root()])),
            ]),
            "more than 2^29 blocks",
        ),
        (
            dict(&[("a", leaf(&[("length", int(1 << 38)), root()]))]),
            "more than 2097152 are not supported",
        ),
    ];
    for (tree, part) in cases {
        assert_refused(&torrent(tree, &[], Some(no_layers())), part);
    }
}

#[test]
fn trees_too_deep_or_too_wide_are_refused() {
    let mut deep = small();
    for _ in 0..97 {
        deep = dict(&[("d", deep)]);
    }
    assert_refused(
        &torrent(deep, &[], Some(no_layers())),
        "nested deeper than 100",
    );
    // A long name that occurs in the paths of many files: 100 kB of metadata would become 20 GB of
    // paths.
    let files: Vec<(String, Vec<u8>)> = (0..2000).map(|it| (it.to_string(), small())).collect();
    let wide = dict(&[("n".repeat(40_000), dict(&files))]);
    assert_refused(&torrent(wide, &[], Some(no_layers())), "more than 64 MiB");
}

#[test]
fn odd_names_are_made_safe() {
    let names: [&[u8]; 5] = [b"..", b"a\\b", b"\xff", b"nul\0", b"x/y"];
    let files: Vec<(&[u8], Vec<u8>)> = names.iter().map(|it| (*it, small())).collect();
    let torrent = torrent(dict(&files), &[], Some(no_layers()));
    let torrent = Metainfo::parse(&torrent).expect("a torrent");
    let files = torrent.layout.files();
    let real = (0..files.len()).filter(|it| files[*it].kind == FileKind::Regular);
    for file in real {
        let path = torrent.layout.path(file, Naming::Exact);
        assert!(path.starts_with("root/") && !path.contains(".."), "{path}");
        let raw = torrent.raw_path(file).expect("a path");
        assert_eq!(raw.len(), 2);
        assert!(names.contains(&raw[1].as_slice()));
        assert!(torrent.original_path(file).is_some());
    }
}

#[test]
fn keys_of_version_2_are_in_order_and_once() {
    let good = torrent(dict(&[("a", small())]), &[], Some(no_layers()));
    let swapped = String::from_utf8_lossy(&good).into_owned();
    assert!(swapped.contains("12:meta versioni2e4:name4:root"));
    let find = b"12:meta versioni2e4:name4:root";
    let at = good
        .windows(find.len())
        .position(|it| it == find)
        .expect("there");
    let mut bad = good.clone();
    bad[at..at + find.len()].copy_from_slice(b"4:name4:root12:meta versioni2e");
    assert_refused(&bad, "out of order or there twice");
    // Outside the info dictionary, the problem is only reported, as in version 1.
    let outside = [
        b"d12:piece layersde".as_slice(),
        &good[1..good.len() - 18],
        b"e",
    ]
    .concat();
    let read = Metainfo::parse(&outside).expect("a torrent");
    assert!(!read.canonical);
    // Layers that are there twice could be read in two ways.
    let twice = [&good[..good.len() - 1], b"12:piece layersdee"].concat();
    assert_refused(&twice, "there twice");
}
