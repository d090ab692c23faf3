//! Files that are refused, with the reason.

use proptest::prelude::*;
use unchoke_core::bencode::{DictBuilder, Problem};
use unchoke_core::geometry::GeometryError;
use unchoke_core::metainfo::{MAX_PIECES, Metainfo, MetainfoError, Version2Error};

use super::{dict, file, info, int, multi, single, text};

fn invalid(key: &'static str, expected: &'static str) -> MetainfoError {
    MetainfoError::Invalid { key, expected }
}

fn assert_refused(torrent: &[u8], error: MetainfoError) {
    let shown = String::from_utf8_lossy(&torrent[..torrent.len().min(200)]).into_owned();
    assert_eq!(Metainfo::parse(torrent), Err(error), "{shown}");
}

#[test]
fn files_that_are_no_torrents_are_refused() {
    assert_refused(b"le", MetainfoError::NotADictionary);
    assert_refused(b"de", MetainfoError::Missing("info"));
    assert_refused(b"d4:infoi5ee", invalid("info", "a dictionary"));
    assert_refused(b"d4:infodee", MetainfoError::Missing("pieces"));
    let version_2 = dict(&[("meta version", &int(2)[..]), ("name", b"1:a")]);
    let missing = Version2Error::Missing("piece length");
    assert_refused(&dict(&[("info", &version_2)]), missing.into());
}

#[test]
fn impossible_values_are_refused() {
    for length in [0, -1, 536_854_529, 1 << 32, i64::MIN, i64::MAX] {
        let torrent = single(&[("piece length", &int(length))]);
        assert_refused(&torrent, MetainfoError::PieceLength(length));
    }
    let too_large = GeometryError::TooLarge(i64::MAX.unsigned_abs());
    let cases: [(&str, &[u8], MetainfoError); 7] = [
        ("pieces", b"i5e", invalid("pieces", "a string")),
        ("name", b"i5e", invalid("name", "a string")),
        (
            "piece length",
            b"2:64",
            invalid("piece length", "an integer"),
        ),
        ("length", b"i-1e", invalid("length", "a number of bytes")),
        ("length", b"3:100", invalid("length", "a number of bytes")),
        ("length", b"i0e", GeometryError::Empty.into()),
        ("length", b"i9223372036854775807e", too_large.into()),
    ];
    for (key, value, error) in cases {
        assert_refused(&single(&[(key, value)]), error);
    }
}

#[test]
fn impossible_file_lists_are_refused() {
    let in_file = |file, key, expected| MetainfoError::InvalidFile {
        file,
        key,
        expected,
    };
    let bad_path = |file| in_file(file, "path", "a list of names");
    let good = file(5, &[b"a"]);
    let with_path = |path: &[u8]| dict(&[("length", &int(5)[..]), ("path", path)]);
    let endless = [b"a", b"b", b"c"].map(|it| file(i64::MAX, &[it]));
    let cases: [(&[Vec<u8>], MetainfoError); 9] = [
        (&[], invalid("files", "at least one file")),
        (&[b"i5e".to_vec()], in_file(1, "files", "a dictionary")),
        (
            &[file(0, &[b"a"]), file(0, &[b"b"])],
            GeometryError::Empty.into(),
        ),
        (
            &[good.clone(), file(-1, &[b"b"])],
            in_file(2, "length", "a number of bytes"),
        ),
        (&endless, GeometryError::TooLarge(u64::MAX).into()),
        (&[good.clone(), file(5, &[])], bad_path(2)),
        (&[with_path(b"li5ee")], bad_path(1)),
        (&[with_path(b"4:name")], bad_path(1)),
        (
            &[good, file(5, &[&b"d"[..]; 100])],
            MetainfoError::TooDeep(2),
        ),
    ];
    for (files, error) in cases {
        assert_refused(&multi(files), error);
    }
}

#[test]
fn a_torrent_of_folders_is_refused_before_it_fills_the_memory() {
    let path = |i: usize| -> Vec<Vec<u8>> {
        let first = format!("{i}").into_bytes();
        std::iter::once(first)
            .chain(vec![b"d".to_vec(); 98])
            .collect()
    };
    let files: Vec<Vec<u8>> = (0..5_200)
        .map(|i| {
            let path = path(i);
            let elements: Vec<&[u8]> = path.iter().map(Vec::as_slice).collect();
            file(1, &elements)
        })
        .collect();
    assert_refused(&multi(&files), MetainfoError::TooManyFolders);
    // Fifty thousand folders are accepted.
    let error = Metainfo::parse(&multi(&files[..520])).err();
    assert_eq!(error, None);
}

#[test]
fn hashes_must_fit_the_size_exactly() {
    for bytes in [0, 20, 39, 41, 60, 119] {
        let error = Metainfo::parse(&single(&[("pieces", &text(vec![0; bytes]))])).err();
        assert_eq!(error, Some(MetainfoError::HashCount { bytes, pieces: 2 }));
    }
}

#[test]
fn missing_keys_are_named() {
    for key in ["name", "piece length", "pieces"] {
        let mut info = DictBuilder::new();
        for (other, value) in [
            ("name", text("x")),
            ("piece length", int(64)),
            ("pieces", text([0; 20])),
        ] {
            if other != key {
                info.raw(other, value);
            }
        }
        info.int("length", 5);
        let error = Metainfo::parse(&dict(&[("info", &info.finish())])).err();
        assert_eq!(error, Some(MetainfoError::Missing(key)));
    }
    let neither = dict(&[("name", &text("x")), ("pieces", &text([0; 20]))]);
    let error = Metainfo::parse(&dict(&[("info", &neither)])).err();
    assert_eq!(error, Some(MetainfoError::Layout));
}

#[test]
fn keys_that_matter_must_not_be_there_twice() {
    let info = info(&[]);
    for double in [
        "4:name1:b",
        "6:pieces20:bbbbbbbbbbbbbbbbbbbb",
        "6:lengthi9e",
        "12:piece lengthi9e",
    ] {
        let doubled = [
            b"d4:info",
            &info[..info.len() - 1],
            double.as_bytes(),
            b"ee",
        ]
        .concat();
        match Metainfo::parse(&doubled) {
            Err(MetainfoError::Bencode(error)) => assert_eq!(error.problem, Problem::DuplicateKey),
            other => panic!("{double}: {other:?}"),
        }
    }
    let two_infos = [b"d4:info", &info[..], b"4:info", &info, b"e"].concat();
    assert!(matches!(
        Metainfo::parse(&two_infos),
        Err(MetainfoError::Bencode(_))
    ));
}

#[test]
fn keys_of_files_must_not_be_there_twice() {
    let good = multi(&[file(5, &[b"a"])]);
    let with = |more: &[u8]| [&good[..good.len() - 2], more, b"ee"].concat();
    let path = b"d6:lengthi5e4:pathl1:ae4:pathl1:bee".to_vec();
    let length = b"d6:lengthi5e6:lengthi6e4:pathl1:aee".to_vec();
    for doubled in [
        with(b"5:filesld6:lengthi5e4:pathl1:beee"),
        with(b"7:privatei1e7:privatei0e"),
        multi(&[path]),
        multi(&[length]),
    ] {
        let shown = String::from_utf8_lossy(&doubled).into_owned();
        match Metainfo::parse(&doubled) {
            Err(MetainfoError::Bencode(error)) => assert_eq!(error.problem, Problem::DuplicateKey),
            other => panic!("{shown}: {other:?}"),
        }
    }
}

#[test]
fn every_cut_of_a_torrent_is_refused() {
    let torrent = multi(&[file(5, &[b"a"]), file(0, &[b"b", b"c"])]);
    for cut in 0..torrent.len() {
        assert!(Metainfo::parse(&torrent[..cut]).is_err(), "cut at {cut}");
    }
    assert!(Metainfo::parse(&torrent).is_ok());
}

proptest! {
    #[test]
    fn damaged_torrents_never_panic(
        at in any::<proptest::sample::Index>(),
        byte in prop_oneof![any::<u8>(), b'0'..=b'9', Just(b'e'), Just(b':')],
        cut in any::<proptest::sample::Index>(),
    ) {
        let mut torrent = multi(&[file(5, &[b"a", b".."]), file(900_000, &[b"b", b"c"])]);
        let at = at.index(torrent.len());
        torrent[at] = byte;
        let _ = Metainfo::parse(&torrent);
        torrent.truncate(cut.index(torrent.len()));
        let _ = Metainfo::parse(&torrent);
    }
}

#[test]
fn more_pieces_than_anybody_can_use_are_refused() {
    let pieces = MAX_PIECES + 1;
    let torrent = single(&[("piece length", &int(1)), ("length", &int(pieces.into()))]);
    assert_refused(&torrent, MetainfoError::TooManyPieces(pieces));
    let most = single(&[
        ("piece length", &int(1)),
        ("length", &int(MAX_PIECES.into())),
        ("pieces", &text(vec![3; MAX_PIECES as usize * 20])),
    ]);
    let torrent = Metainfo::parse(&most).expect("42 MB of hashes");
    assert_eq!(torrent.hashes().len(), MAX_PIECES as usize);
}

#[test]
fn other_kinds_of_files_are_named() {
    let cases: [(&[u8], &str); 24] = [
        (b"", "empty"),
        (b"<!DOCTYPE html><html>", "web page"),
        (b"\xef\xbb\xbf\r\n<html>", "web page"),
        (b"<?xml version='1.0'?>", "web page"),
        (b"\x1f\x8b\x08\0\0", "compressed"),
        (b"BZh91AY", "compressed"),
        (b"PK\x03\x04\x14", "archive"),
        (b"7z\xbc\xaf\x27\x1c\0", "archive"),
        (b"Rar!\x1a\x07", "archive"),
        (b"magnet:?xt=urn:btih:00", "magnet link"),
        (b"  MAGNET:?xt=urn:btih:00", "magnet link"),
        (b"https://example.org/a.torrent\n", "link as text"),
        (b"{\"error\": 404}", "JSON"),
        (b"\xff\xfed\x008\0:\0", "UTF-16"),
        (b"%PDF-1.7", "document"),
        (b"\0\0\0\x20ftypisom", "film"),
        (b"\0\0\0\0\0\0\0\0\0", "zeros"),
        (b"do not read", "another kind"),
        (b"lorem ipsum", "another kind"),
        (b"index", "another kind"),
        (b"404 not found", "another kind"),
        (b"d11:file-format22:libtorrent resume filee", "resume data"),
        (b"d8:intervali1800e5:peers0:e", "answer of a tracker"),
        (
            b"d12:piece lengthi64e6:pieces20:aaaaaaaaaaaaaaaaaaaae",
            "info dictionary alone",
        ),
    ];
    for (bytes, part) in cases {
        let shown = String::from_utf8_lossy(bytes);
        let error = Metainfo::parse(bytes).expect_err("no torrent").to_string();
        assert!(
            error.starts_with("not a torrent file: it "),
            "{shown}: {error}"
        );
        assert!(error.contains(part), "{shown}: {error}");
    }
}

#[test]
fn errors_are_sentences() {
    let error = Metainfo::parse(b"d4:infod3:key").expect_err("cut");
    let expected = "not a valid torrent file: not valid bencode at byte 13: the data ends in the \
         middle of a value";
    assert_eq!(error.to_string(), expected);
    let error = Metainfo::parse(&single(&[("piece length", &int(0))])).expect_err("refused");
    assert_eq!(
        error.to_string(),
        "piece length 0 is not possible, it must be 1 to 536854528 bytes"
    );
}
