//! Reading valid files.

use unchoke_core::ids::PieceIndex;
use unchoke_core::metainfo::{MAX_PIECE_BYTES, Metainfo};

use super::{dict, info, int, list, multi, paths, single, text};

#[test]
fn single_file_torrent() {
    let torrent = Metainfo::parse(&single(&[])).expect("valid");
    assert_eq!(torrent.name, "a.bin");
    assert_eq!(torrent.original_name, None);
    assert_eq!(torrent.geometry.piece_count(), 2);
    assert_eq!(torrent.geometry.total_bytes(), 100);
    assert_eq!(torrent.hash(PieceIndex(1)), Some(&[7; 20]));
    assert!(!torrent.layout.multi_file());
    assert!(torrent.canonical && !torrent.is_hybrid() && !torrent.private);
    // SHA-1 of the info dictionary, computed with another implementation.
    assert_eq!(
        torrent.info_hash.to_string(),
        "55263b4c91992014ed8cffcfc7422b9222b7ccdc"
    );
}

#[test]
fn info_hash_is_that_of_the_bytes_as_found() {
    // The same entries in another order have another hash. A client must not "repair" the order.
    let sorted = single(&[]);
    let info = info(&[]);
    let length = b"6:lengthi100e";
    assert!(info[1..].starts_with(length));
    let moved = [b"d", &info[1 + length.len()..info.len() - 1], length, b"e"].concat();
    let unsorted = Metainfo::parse(&[b"d4:info", &moved[..], b"e"].concat()).expect("accepted");
    let sorted = Metainfo::parse(&sorted).expect("valid");
    assert!(!unsorted.canonical);
    assert_eq!(unsorted.geometry, sorted.geometry);
    assert_ne!(unsorted.info_hash, sorted.info_hash);
    assert_eq!(unsorted.info, moved);
}

#[test]
fn bytes_behind_the_dictionary_are_ignored() {
    let torrent = single(&[]);
    let newline = [&torrent[..], b"\n"].concat();
    assert_eq!(Metainfo::parse(&newline), Metainfo::parse(&torrent));
}

#[test]
fn everything_else_in_the_file_is_read() {
    let torrent = dict(&[
        ("comment", &text("made\x1b[2J by hand")[..]),
        ("comment.utf-8", &text("für Menschen")),
        ("created by", &text("Unchoke")),
        ("creation date", &int(1_700_000_000)),
        (
            "url-list",
            &list(&[text("http://seed/x"), text("ftp://seed/x"), text("")]),
        ),
        ("private", &int(1)),
        ("info", &info(&[("source", &text("home"))])),
    ]);
    let torrent = Metainfo::parse(&torrent).expect("valid");
    assert_eq!(torrent.comment.as_deref(), Some("für Menschen"));
    assert_eq!(torrent.created_by.as_deref(), Some("Unchoke"));
    assert_eq!(torrent.creation_date, Some(1_700_000_000));
    assert_eq!(torrent.source.as_deref(), Some("home"));
    assert_eq!(torrent.web_seeds, ["http://seed/x"]);
    assert!(
        !torrent.private,
        "only the info dictionary makes a torrent private"
    );
}

#[test]
fn utf8_names_are_preferred() {
    let torrent = single(&[("name", &text(b"\xfc.bin")), ("name.utf-8", &text("ü.bin"))]);
    assert_eq!(paths(&torrent), ["ü.bin"]);
    let wrong_type = single(&[("name.utf-8", &int(1))]);
    assert_eq!(paths(&wrong_type), ["a.bin"]);
    let file = dict(&[
        ("length", &int(5)[..]),
        ("path", &list(&[text(b"\xfc")])),
        ("path.utf-8", &list(&[text("ü")])),
    ]);
    assert_eq!(paths(&multi(&[file])), ["root/ü"]);
}

#[test]
fn any_piece_length_from_one_to_the_limit_is_read() {
    for (piece_bytes, pieces) in [(1, 100), (3, 34), (99, 2), (100, 1), (MAX_PIECE_BYTES, 1)] {
        let torrent = single(&[
            ("piece length", &int(i64::from(piece_bytes))),
            ("pieces", &text(vec![1; pieces * 20])),
        ]);
        let torrent = Metainfo::parse(&torrent).expect("valid");
        assert_eq!(torrent.geometry.piece_bytes(), piece_bytes);
        assert_eq!(torrent.hashes().len(), pieces);
    }
}
