//! Hybrid torrents.

use unchoke_core::bencode::encode_bytes;
use unchoke_core::metainfo::Metainfo;

use super::{PIECE, assert_refused, dict, int, no_layers, small, text, torrent};

fn pieces(count: usize) -> Vec<u8> {
    text(vec![7; 20 * count])
}

fn path(name: &str) -> Vec<u8> {
    let mut list = b"l".to_vec();
    encode_bytes(&mut list, name.as_bytes());
    list.push(b'e');
    list
}

fn file(name: &str, length: i64) -> Vec<u8> {
    dict(&[("length", int(length)), ("path", path(name))])
}

fn pad(length: i64) -> Vec<u8> {
    dict(&[
        ("attr", text("p")),
        ("length", int(length)),
        ("path", path("pad")),
    ])
}

#[test]
fn hybrids_whose_parts_disagree_are_refused() {
    let of = |files: &[Vec<u8>], count| {
        let tree = dict(&[("a", small()), ("b", small())]);
        let list = [b"l".as_slice(), &files.concat(), b"e"].concat();
        torrent(
            tree,
            &[("files", Some(list)), ("pieces", Some(pieces(count)))],
            Some(no_layers()),
        )
    };
    let gap = i64::from(PIECE) - 3;
    // With and without padding after the last file: libtorrent writes and accepts both.
    for files in [
        vec![file("a", 3), pad(gap), file("b", 3)],
        vec![file("a", 3), pad(gap), file("b", 3), pad(gap)],
    ] {
        let hybrid = Metainfo::parse(&of(&files, 2)).expect("a hybrid");
        assert!(hybrid.is_hybrid());
        assert_eq!(hybrid.geometry.total_bytes(), 6);
    }
    let cases: Vec<(Vec<u8>, &str)> = vec![
        (
            of(&[file("a", 3), file("b", 3)], 1),
            "padding before file 2 is missing",
        ),
        (
            of(&[file("a", 3), pad(gap - 1), file("b", 3)], 2),
            "padding before file 2",
        ),
        (
            of(&[file("a", 3), pad(gap), file("c", 3)], 2),
            "in the name of file 2",
        ),
        (
            of(&[file("b", 3), pad(gap), file("a", 3)], 2),
            "in the name of file 1",
        ),
        (
            of(&[file("a", 3), pad(gap), file("b", 4)], 2),
            "in the size or kind of file 2",
        ),
        (
            of(&[file("a", 3)], 1),
            "the one has 1 files and the other 2",
        ),
        (
            of(&[file("a", 3), pad(gap), file("b", 3), pad(2 * gap)], 3),
            "too much at the end",
        ),
        (
            of(&[file("a", 3), pad(gap), file("b", 3)], 1),
            "piece hashes",
        ),
    ];
    for (torrent, part) in cases {
        assert_refused(&torrent, part);
    }
}

#[test]
fn a_hybrid_of_a_single_file_has_it_in_both_parts() {
    let cases: Vec<(Vec<u8>, &str)> = vec![
        (
            torrent(
                dict(&[("root", small())]),
                &[("length", Some(int(3)))],
                Some(no_layers()),
            ),
            "`pieces` is missing",
        ),
        (
            torrent(
                dict(&[("x", small())]),
                &[("length", Some(int(3))), ("pieces", Some(pieces(1)))],
                Some(no_layers()),
            ),
            "in the name of file 1",
        ),
        (
            torrent(
                dict(&[("root", small())]),
                &[("pieces", Some(pieces(1)))],
                Some(no_layers()),
            ),
            "must have `length` or `files`",
        ),
    ];
    for (torrent, part) in cases {
        assert_refused(&torrent, part);
    }
}
