//! Piece layers.

use unchoke_core::ids::PieceIndex;
use unchoke_core::metainfo::{Metainfo, MetainfoError};

use super::{PIECE, assert_refused, dict, int, large, leaf, small, text, torrent};

#[test]
fn malformed_piece_layers_are_refused() {
    let (file, root, layer) = large();
    let tree = || dict(&[("a", file.clone()), ("b", small())]);
    let of = |layers: &[(&[u8], Vec<u8>)]| torrent(tree(), &[], Some(dict(layers)));
    let good: (&[u8], Vec<u8>) = (&root, text(&layer));
    let read = Metainfo::parse(&of(std::slice::from_ref(&good))).expect("a good one");
    assert_eq!(read.geometry.piece_count(), 4);
    let mut wrong = layer.clone();
    wrong[40] ^= 1;
    let cases: Vec<(Vec<u8>, &str)> = vec![
        (torrent(tree(), &[], None), "has nothing of file 1"),
        (
            torrent(tree(), &[], Some(int(1))),
            "`piece layers` must be a dictionary",
        ),
        (of(&[]), "has nothing of file 1"),
        (of(&[(&[9; 32], text(&layer))]), "has nothing of file 1"),
        (
            of(&[(&root, text(&layer[1..]))]),
            "its size needs 3 times 32",
        ),
        (
            of(&[(&root, text(&layer[32..]))]),
            "its size needs 3 times 32",
        ),
        (of(&[(&root, int(5))]), "its size needs 3 times 32"),
        (
            of(&[(&root, text([layer.clone(), vec![0; 32]].concat()))]),
            "its size needs 3 times 32",
        ),
        (
            of(&[(&root, text(wrong))]),
            "do not lead to its `pieces root`",
        ),
        (
            of(&[good.clone(), (&[9; 32], text(&layer))]),
            "has hashes of no file",
        ),
        (
            of(&[good.clone(), (b"short", text(&layer))]),
            "has hashes of no file",
        ),
        (
            of(&[good, (&[1; 32], text([1; 32]))]),
            "has an entry for file 2",
        ),
    ];
    for (torrent, part) in cases {
        assert_refused(&torrent, part);
    }
    // Metadata from a magnet link has no layers, and says so.
    let bare = Metainfo::parse_without_layers(&torrent(tree(), &[], None)).expect("a torrent");
    assert!(
        bare.version_2
            .is_some_and(|it| !it.is_complete() && it.piece_layers().is_none())
    );
}

#[test]
fn two_files_of_equal_content_have_the_same_tree() {
    let (file, root, layer) = large();
    let tree = dict(&[("a", file.clone()), ("b", file)]);
    let layers = Some(dict(&[(root, text(&layer))]));
    let torrent = Metainfo::parse(&torrent(tree, &[], layers)).expect("a torrent");
    let trees = torrent.version_2.expect("version 2");
    assert_eq!(trees.expected(PieceIndex(1)), trees.expected(PieceIndex(4)));
    assert_eq!(trees.by_root(&root).map(|it| it.piece_count), Some(3));
    assert!(trees.by_root(&[9; 32]).is_none());
    // A tree of another size cannot have the same root.
    let (file, ..) = large();
    let other = leaf(&[
        ("length", int(4 * i64::from(PIECE))),
        ("pieces root", text(root)),
    ]);
    let tree = dict(&[("a", file), ("b", other)]);
    let layers = Some(dict(&[(root, text(&layer))]));
    let error = Metainfo::parse(&super::torrent(tree, &[], layers)).expect_err("malformed");
    assert!(matches!(error, MetainfoError::Version2(_)), "{error}");
}
