//! Where the files go: safe and unique paths, and which bytes are whose.

use proptest::prelude::*;
use unchoke_core::ids::{BlockRef, PieceIndex};
use unchoke_core::metainfo::{Metainfo, Segment};

use super::{file, multi, paths, single, text};

#[test]
fn paths_never_leave_the_folder() {
    let hostile: [(&[&[u8]], &str); 8] = [
        (&[b"..", b"..", b"etc", b"passwd"], "root/etc/passwd"),
        (&[b"", b"etc", b"shadow"], "root/etc/shadow"),
        (&[b"/etc/group"], "root/etcgroup"),
        (&[b"."], "root/_"),
        (&[b"..", b""], "root/_.1"),
        (&[b"a/../../b"], "root/a....b"),
        (&[b"a\0b"], "root/a_b"),
        (&[b"dir", b"..", b"x"], "root/dir/x"),
    ];
    let files: Vec<Vec<u8>> = hostile.iter().map(|it| file(1, it.0)).collect();
    let torrent = Metainfo::parse(&multi(&files)).expect("sanitised, not refused");
    for (entry, (_, safe)) in torrent.layout.files().iter().zip(hostile) {
        assert_eq!(entry.path, safe);
        assert!(entry.original.is_some(), "{safe}");
    }
    let shown = torrent.layout.files()[0].original.as_deref();
    assert_eq!(shown, Some("root/../../etc/passwd"));
    assert_eq!(
        torrent.layout.files()[6].original.as_deref(),
        Some("root/a\\u{0}b")
    );
    for name in ["..", "/", "", "a/b", "../x"] {
        let torrent = Metainfo::parse(&single(&[("name", &text(name))])).expect("sanitised");
        assert!(
            !torrent.name.is_empty() && !torrent.name.contains('/'),
            "{name}"
        );
        assert_ne!(torrent.name, "..");
        assert_eq!(torrent.original_name.as_deref(), Some(name));
    }
}

#[test]
fn equal_paths_are_renamed() {
    let files: [&[&[u8]]; 9] = [
        &[b"foo.txt"],
        &[b"FOO.txt"],
        &[b"foo.txt"],
        &[b"foo.1.TXT"],
        &[b"dir"],
        &[b"dir", b"x"],
        &[b"Dir", b"X"],
        &[b".hidden"],
        &[b".hidden"],
    ];
    let files: Vec<Vec<u8>> = files.iter().map(|it| file(1, it)).collect();
    let expected = [
        "root/foo.txt",
        "root/FOO.1.txt",
        "root/foo.2.txt",
        "root/foo.1.1.TXT",
        "root/dir.1",
        "root/dir/x",
        "root/Dir/X.1",
        "root/.hidden",
        "root/.hidden.1",
    ];
    assert_eq!(paths(&multi(&files)), expected);
}

#[test]
fn many_equal_names_cost_no_more_than_their_number() {
    // 100,000 files; with a search from 1 each time this would be 25 million look-ups.
    let files: Vec<Vec<u8>> = (0..200)
        .flat_map(|i| vec![file(1, &[format!("{i}.txt").as_bytes()]); 500])
        .collect();
    let mut unique = paths(&multi(&files));
    unique.sort_unstable();
    unique.dedup();
    assert_eq!(unique.len(), 100_000);
}

#[test]
fn blocks_map_to_parts_of_files() {
    let torrent = Metainfo::parse(&multi(&[
        file(10, &[b"a"]),
        file(0, &[b"empty"]),
        file(5, &[b"b"]),
        file(20, &[b"c"]),
    ]))
    .expect("valid");
    let segments = |offset, length| -> Vec<(usize, u64, u32)> {
        let all = torrent.layout.segments(offset, length);
        all.map(|it| (it.file, it.offset, it.length)).collect()
    };
    assert_eq!(segments(0, 35), [(0, 0, 10), (2, 0, 5), (3, 0, 20)]);
    assert_eq!(segments(9, 2), [(0, 9, 1), (2, 0, 1)]);
    assert_eq!(segments(10, 5), [(2, 0, 5)]);
    assert_eq!(segments(12, 0), []);
    assert_eq!(segments(30, 100), [(3, 15, 5)]);
    assert_eq!(segments(35, 1), []);
    let block = BlockRef {
        piece: PieceIndex(0),
        begin: 14,
        length: 3,
    };
    let expected = [
        Segment {
            file: 2,
            offset: 4,
            length: 1,
        },
        Segment {
            file: 3,
            offset: 0,
            length: 2,
        },
    ];
    assert_eq!(torrent.segments(block).collect::<Vec<_>>(), expected);
}

proptest! {
    #[test]
    fn segments_agree_with_counting_bytes(
        lengths in proptest::collection::vec(0..20u64, 1..12),
        offset in 0..150u32,
        length in 0..150u32,
    ) {
        prop_assume!(lengths.iter().sum::<u64>() > 0);
        let files: Vec<Vec<u8>> = lengths
            .iter()
            .map(|it| file(i64::try_from(*it).expect("small"), &[b"f"]))
            .collect();
        let torrent = Metainfo::parse(&multi(&files)).expect("valid");
        let bytes: Vec<(usize, u64)> = lengths
            .iter()
            .enumerate()
            .flat_map(|(file, length)| (0..*length).map(move |at| (file, at)))
            .collect();
        let wanted = bytes.iter().copied().skip(offset as usize).take(length as usize);
        let got = torrent.layout.segments(u64::from(offset), length);
        let got = got.flat_map(|it| (0..u64::from(it.length)).map(move |at| (it.file, it.offset + at)));
        prop_assert_eq!(got.collect::<Vec<_>>(), wanted.collect::<Vec<_>>());
    }
}

proptest! {
    #[test]
    fn any_path_becomes_one_inside_the_folder(
        path in proptest::collection::vec(
            proptest::collection::vec(prop_oneof![Just(b'.'), Just(b'/'), Just(b'\\'), any::<u8>()], 0..6),
            1..6,
        ),
    ) {
        let elements: Vec<&[u8]> = path.iter().map(Vec::as_slice).collect();
        let paths = paths(&multi(&[file(1, &elements)]));
        let mut parts = paths[0].split('/');
        prop_assert_eq!(parts.next(), Some("root"));
        prop_assert!(parts.clone().count() > 0);
        for part in parts {
            prop_assert!(!matches!(part, "" | "." | ".."), "{:?}", paths);
            prop_assert!(!part.chars().any(|it| it.is_control() || it == '\\'));
        }
    }
}
