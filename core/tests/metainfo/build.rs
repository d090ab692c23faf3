//! Making .torrent files.

use unchoke_core::geometry::GeometryError;
use unchoke_core::metainfo::{
    BuildError, Builder, FileKind, Format, MAX_PIECE_BYTES, Metainfo, Naming, NewFile,
    choose_piece_bytes,
};

use super::all_paths;

#[test]
fn what_is_built_is_read_back() {
    let builder = Builder {
        name: "größe".into(),
        files: Some(vec![
            NewFile {
                path: vec!["a".into(), "b.txt".into()],
                length: 40_000,
            },
            NewFile {
                path: vec!["empty".into()],
                length: 0,
            },
        ]),
        piece_bytes: 1 << 14,
        trackers: vec![
            vec!["http://a/announce".into(), "udp://b:1".into()],
            vec!["https://c/x".into()],
        ],
        web_seeds: vec!["http://seed/".into()],
        private: true,
        source: Some("home".into()),
        comment: Some("hello".into()),
        created_by: Some("Unchoke".into()),
        creation_date: Some(1),
        length: 0,
        format: Format::Version1,
    };
    let hashes = [[1; 20], [2; 20], [3; 20]];
    let bytes = builder.encode(&hashes).expect("three pieces");
    let torrent = Metainfo::parse(&bytes).expect("our own");
    assert!(torrent.canonical && torrent.private && torrent.layout.multi_file());
    assert_eq!(torrent.name, builder.name);
    assert_eq!(torrent.hashes(), hashes);
    assert_eq!(Ok(&torrent.geometry), builder.geometry().as_ref());
    assert_eq!(torrent.trackers, builder.trackers);
    assert_eq!(torrent.web_seeds, builder.web_seeds);
    assert_eq!(torrent.source, builder.source);
    assert_eq!(torrent.comment, builder.comment);
    assert_eq!(torrent.created_by, builder.created_by);
    assert_eq!(torrent.creation_date, builder.creation_date);
    let files = torrent.layout.files();
    assert_eq!((files[0].length, files[1].length), (40_000, 0));
    for naming in [Naming::Exact, Naming::Folded] {
        let paths = all_paths(&torrent.layout, naming);
        assert_eq!(paths, ["größe/a/b.txt", "größe/empty"]);
    }
    assert!(files.iter().all(|it| it.kind == FileKind::Regular));
    assert!((0..2).all(|file| torrent.original_path(file).is_none()));
}

#[test]
fn what_nobody_could_use_is_not_built() {
    let good = Builder {
        name: "a".into(),
        length: 10,
        piece_bytes: 16,
        ..Builder::default()
    };
    assert!(good.encode(&[[0; 20]]).is_ok());
    let hashes = good.encode(&[]).err();
    assert_eq!(
        hashes,
        Some(BuildError::HashCount {
            hashes: 0,
            pieces: 1
        })
    );
    for name in ["", "..", "a/b", "x\n"] {
        let bad = Builder {
            name: name.into(),
            ..good.clone()
        };
        assert_eq!(bad.encode(&[[0; 20]]), Err(BuildError::Name(name.into())));
    }
    let huge = Builder {
        piece_bytes: MAX_PIECE_BYTES + 1,
        ..good.clone()
    };
    assert_eq!(
        huge.geometry(),
        Err(BuildError::PieceLength(MAX_PIECE_BYTES + 1))
    );
    let no_path = Builder {
        files: Some(vec![NewFile {
            path: vec![],
            length: 10,
        }]),
        ..good.clone()
    };
    assert_eq!(
        no_path.encode(&[[0; 20]]),
        Err(BuildError::Name("a/".into()))
    );
    let below = Builder {
        files: Some(vec![NewFile {
            path: vec!["season 1".into(), "b\\c".into()],
            length: 10,
        }]),
        ..good.clone()
    };
    let whole = "a/season 1/b\\c".into();
    assert_eq!(below.encode(&[[0; 20]]), Err(BuildError::Name(whole)));
    let empty = Builder { length: 0, ..good };
    assert_eq!(empty.geometry(), Err(GeometryError::Empty.into()));
}

#[test]
fn chosen_piece_length_grows_with_the_torrent() {
    for (total, piece_bytes) in [
        (0, 1 << 14),
        (1, 1 << 14),
        (32 << 20, 1 << 14),
        ((32 << 20) + 1, 1 << 15),
        (700 << 20, 1 << 19),
        (1 << 30, 1 << 19),
        (32 << 30, 1 << 24),
        (1 << 44, 1 << 24),
        (u64::MAX, 1 << 24),
    ] {
        assert_eq!(choose_piece_bytes(total), piece_bytes, "{total}");
    }
}

#[test]
fn what_would_be_too_large_is_known_before_the_hashes_are() {
    let many_pieces = |piece_bytes| Builder {
        name: "a".into(),
        length: 1 << 40,
        piece_bytes,
        ..Builder::default()
    };
    let error = BuildError::TooManyPieces {
        pieces: 1 << 22,
        better: 1 << 19,
    };
    assert_eq!(many_pieces(1 << 18).check(), Err(error));
    assert!(many_pieces(1 << 19).check().is_ok());
    let long = "x".repeat(200);
    let many_files = |count, depth| Builder {
        name: "a".into(),
        files: Some(vec![
            NewFile {
                path: vec![long.clone(); depth],
                length: 1
            };
            count
        ]),
        piece_bytes: 1 << 14,
        ..Builder::default()
    };
    for (files, depth, fine) in [
        (200_000, 1, true),
        (300_000, 1, false),
        (16_000, 20, true),
        (17_000, 20, false),
    ] {
        let checked = many_files(files, depth).check();
        match checked {
            Ok(_) => assert!(fine, "{files}"),
            Err(BuildError::TooLarge { .. }) => assert!(!fine, "{files}"),
            Err(error) => panic!("{error}"),
        }
    }
    let short = |count| Builder {
        files: Some(vec![
            NewFile {
                path: vec!["x".into()],
                length: 1
            };
            count
        ]),
        ..many_files(0, 0)
    };
    // A file takes seven values. The largest torrent that we make can be read again.
    let most = short(428_560);
    let pieces = most.check().expect("just within the limits").piece_count();
    let torrent = most.encode(&vec![[0; 20]; pieces as usize]).expect("made");
    assert!(Metainfo::parse(&torrent).is_ok());
    assert!(matches!(
        short(428_571).check(),
        Err(BuildError::TooLarge { .. })
    ));
}
