//! Paths of files: safe and unique. Also the bytes that belong to each file.

use proptest::prelude::*;
use unchoke_core::ids::{BlockRef, PieceIndex};
use unchoke_core::metainfo::{Metainfo, Naming, Segment};

use super::{all_paths, dict, file, int, list, multi, paths, single, text};

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
    for (file, (_, safe)) in hostile.iter().enumerate() {
        assert_eq!(torrent.layout.path(file, Naming::Exact), *safe);
        assert!(torrent.original_path(file).is_some(), "{safe}");
    }
    let original = |file| torrent.original_path(file).expect("another one");
    assert_eq!(original(0), "root/../../etc/passwd");
    assert_eq!(original(6), "root/a\\u{0}b");
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

fn torrent_of(paths: &[&str]) -> Metainfo {
    let file = |path: &&str| {
        let elements: Vec<&[u8]> = path.split('/').map(str::as_bytes).collect();
        file(1, &elements)
    };
    let files: Vec<Vec<u8>> = paths.iter().map(file).collect();
    Metainfo::parse(&multi(&files)).expect("a usable torrent")
}

#[test]
fn equal_paths_are_renamed_and_others_only_where_case_does_not_count() {
    // The original name, the name where case matters, and the name where it does not.
    let files = [
        ("foo.txt", "foo.txt", "foo.txt"),
        ("FOO.txt", "FOO.txt", "FOO.2.txt"),
        ("foo.txt", "foo.1.txt", "foo.3.txt"),
        // This file keeps its name, so the others must avoid it.
        ("foo.1.TXT", "foo.1.TXT", "foo.1.TXT"),
        // A folder keeps its name, and a file gives way, whichever comes first.
        ("dir", "dir.1", "dir.1"),
        ("dir/a", "dir/a", "dir/a"),
        ("Dir/A", "Dir/A", "Dir/A.1"),
        ("README", "README", "README.1"),
        ("readme/x/y", "readme/x/y", "readme/x/y"),
        ("readme/x", "readme/x.1", "readme/x.1"),
        (".hidden", ".hidden", ".hidden"),
        (".hidden", ".hidden.1", ".hidden.1"),
        // The kelvin sign.
        ("\u{212a}m", "\u{212a}m", "\u{212a}m"),
        ("km", "km", "km.1"),
        ("STRASSE", "STRASSE", "STRASSE"),
        ("Straße", "Straße", "Straße.1"),
        // Sigma has another form at the end of a word.
        ("ΌΣΟΣ.txt", "ΌΣΟΣ.txt", "ΌΣΟΣ.txt"),
        ("όσος.txt", "όσος.txt", "όσος.1.txt"),
    ];
    let torrent = torrent_of(&files.map(|it| it.0));
    for (file, (found, exact, folded)) in files.iter().enumerate() {
        let path = |naming| torrent.layout.path(file, naming);
        assert_eq!(path(Naming::Exact), format!("root/{exact}"));
        assert_eq!(path(Naming::Folded), format!("root/{folded}"));
        let original = (found != exact).then(|| format!("root/{found}"));
        assert_eq!(torrent.original_path(file), original);
    }
    assert!(torrent.layout.naming_matters());
    assert!(!torrent_of(&["a", "a", "b/c"]).layout.naming_matters());
}

#[test]
fn padding_is_in_nobodys_way() {
    let pad = |path: &str| {
        let path = list(&[text(path)]);
        dict(&[("attr", &text("p")), ("length", &int(1)), ("path", &path)])
    };
    let files = [pad("a"), file(1, &[b"a"]), pad("a"), file(1, &[b"A", b"b"])];
    let torrent = Metainfo::parse(&multi(&files)).expect("valid");
    let paths = all_paths(&torrent.layout, Naming::Exact);
    assert_eq!(paths, ["root/a", "root/a", "root/a", "root/A/b"]);
    let folded = torrent.layout.path(1, Naming::Folded);
    assert_eq!(folded, "root/a.1");
}

#[test]
fn equal_names_in_great_number_cost_no_more_than_other_names() {
    // Half of the names equal those that renaming would give to the other half.
    let half = 50_000;
    let names: Vec<String> = (0..half)
        .map(|_| "a.txt".to_owned())
        .chain((1..=half).map(|it| format!("A.{it}.txt")))
        .collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    // If each name were tried from 1 on, five billion look-ups would be needed, and this test would
    // not end.
    let torrent = torrent_of(&names);
    assert_eq!(
        torrent.layout.path(half - 1, Naming::Exact),
        "root/a.49999.txt"
    );
    assert_eq!(
        torrent.layout.path(half - 1, Naming::Folded),
        "root/a.99999.txt"
    );
}

fn folded(path: &str) -> String {
    let upper = path.chars().flat_map(char::to_uppercase);
    upper.flat_map(char::to_lowercase).collect()
}

proptest! {
    #[test]
    fn no_two_files_share_a_path_and_no_file_is_a_folder(
        paths in proptest::collection::vec("[aAbBßsSΣς.1]{1,3}(/[aAbßsSΣσ.1]{1,2}){0,2}", 1..20),
    ) {
        let names: Vec<&str> = paths.iter().map(String::as_str).collect();
        let torrent = torrent_of(&names);
        for naming in [Naming::Exact, Naming::Folded] {
            let mut paths = all_paths(&torrent.layout, naming);
            if naming == Naming::Folded {
                paths = paths.iter().map(|it| folded(it)).collect();
            }
            for (index, path) in paths.iter().enumerate() {
                let inside = format!("{path}/");
                for (other, it) in paths.iter().enumerate() {
                    prop_assert!(index == other || path != it, "{:?}", paths);
                    prop_assert!(!it.starts_with(&inside), "{:?}", paths);
                }
            }
        }
    }
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
