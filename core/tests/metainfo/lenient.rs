//! Harmless deviations that other clients produce and accept are accepted.

use unchoke_core::metainfo::{Metainfo, Naming};

use super::{dict, file, info, int, list, multi, paths, single, text};

/// For each optional `key`, values of every wrong type are ignored.
#[test]
fn keys_that_are_not_needed_may_hold_anything() {
    let plain = Metainfo::parse(&single(&[])).expect("valid");
    let values = [
        int(-7),
        text("2020-01-01"),
        list(&[int(1)]),
        dict::<&str>(&[]),
    ];
    for value in &values {
        let optional = [
            "comment",
            "comment.utf-8",
            "created by",
            "creation date",
            "encoding",
            "httpseeds",
            "nodes",
            "url-list",
            "announce",
            "announce-list",
            "publisher",
            "azureus_properties",
        ];
        for key in optional {
            let torrent = dict(&[("info", &info(&[])[..]), (key, value)]);
            let torrent = Metainfo::parse(&torrent).expect(key);
            assert_eq!(torrent.info_hash, plain.info_hash, "{key}");
            assert_eq!(torrent.layout, plain.layout, "{key}");
            assert!(
                torrent.trackers.is_empty() && torrent.web_seeds.is_empty(),
                "{key}"
            );
        }
        let in_info = [
            "attr",
            "md5sum",
            "sha1",
            "source",
            "file tree",
            "name.utf-8",
            "mtime",
        ];
        for key in in_info {
            let torrent = Metainfo::parse(&single(&[(key, value)])).expect(key);
            assert_eq!(torrent.geometry, plain.geometry, "{key}");
        }
        let in_file = ["attr", "md5sum", "sha1", "ed2k", "mtime", "symlink path"];
        for key in in_file {
            let file = dict(&[
                ("length", &int(5)[..]),
                ("path", &list(&[text("a")])),
                (key, value),
            ]);
            assert_eq!(paths(&multi(&[file])), ["root/a"], "{key}");
        }
    }
}

#[test]
fn a_date_is_read_if_it_is_a_number_even_before_1970() {
    let date = |value: &[u8]| {
        let torrent = dict(&[("info", &info(&[])[..]), ("creation date", value)]);
        Metainfo::parse(&torrent).expect("valid").creation_date
    };
    assert_eq!(date(&int(-5)), Some(-5));
    assert_eq!(date(&int(i64::MAX)), Some(i64::MAX));
    assert_eq!(date(&text("1591173906")), None);
}

#[test]
fn any_number_but_0_makes_a_torrent_private() {
    for (value, private) in [(0, false), (1, true), (2, true), (-1, true)] {
        let torrent = Metainfo::parse(&single(&[("private", &int(value))])).expect("valid");
        assert_eq!(torrent.private, private, "{value}");
    }
}

#[test]
fn a_bad_announce_beside_a_good_list_and_the_other_way_round() {
    let good = text("http://good/announce");
    let bad = [
        int(5),
        text(""),
        text("ws://web/only"),
        text("http://no\nway"),
        list(&[]),
    ];
    let flat = &list(std::slice::from_ref(&good));
    for bad in &bad {
        let tiers = list(&[list(&[bad.clone(), good.clone()])]);
        for (announce, announce_list) in [(bad, &tiers), (&good, bad), (bad, flat)] {
            let torrent = dict(&[
                ("announce", &announce[..]),
                ("announce-list", announce_list),
                ("info", &info(&[])),
            ]);
            let torrent = Metainfo::parse(&torrent).expect("valid");
            assert_eq!(torrent.trackers, [["http://good/announce"]]);
        }
    }
}

#[test]
fn web_torrent_trackers_are_kept_only_if_there_are_no_others() {
    let web = list(&[text("wss://a/"), text("ws://b")]);
    let trackers = |announce: &[u8]| {
        let lists = list(std::slice::from_ref(&web));
        let torrent = dict(&[
            ("announce", announce),
            ("announce-list", &lists),
            ("info", &info(&[])),
        ]);
        Metainfo::parse(&torrent).expect("valid").trackers
    };
    assert_eq!(trackers(&text("wss://a/")), [["wss://a/", "ws://b"]]);
    assert_eq!(trackers(&text("udp://c:1")), [["udp://c:1"]]);
}

#[test]
fn a_list_of_files_counts_before_a_length() {
    let files = list(&[file(60, &[b"a"]), file(40, &[b"b"])]);
    let torrent = Metainfo::parse(&single(&[("files", &files)])).expect("valid");
    assert_eq!(torrent.layout.files().len(), 2);
    let torrent = Metainfo::parse(&single(&[("files", &int(1))])).expect("valid");
    assert_eq!(torrent.layout.path(0, Naming::Exact), "a.bin");
}

#[test]
fn what_can_be_used_of_a_path_is_used() {
    let with = |path: &[Vec<u8>], utf8: &[u8]| {
        dict(&[
            ("length", &int(1)[..]),
            ("path", &list(path)),
            ("path.utf-8", utf8),
        ])
    };
    let names = [text(""), text("a"), int(1), text("b"), text("")];
    assert_eq!(paths(&multi(&[with(&names, &int(1))])), ["root/a/b"]);
    assert_eq!(paths(&multi(&[with(&names, &list(&[]))])), ["root/a/b"]);
    assert_eq!(paths(&multi(&[with(&[], &list(&[text("ü")]))])), ["root/ü"]);
}

#[test]
fn what_has_no_name_is_named_by_its_hash() {
    for name in ["", ".", ".."] {
        let torrent = Metainfo::parse(&single(&[("name", &text(name))])).expect("valid");
        assert_eq!(torrent.name, torrent.info_hash.to_string());
    }
}

#[test]
fn empty_files_and_odd_piece_lengths_are_read() {
    let files = [file(0, &[b"a"]), file(7, &[b"b"]), file(0, &[b"c"])];
    let torrent = Metainfo::parse(&multi(&files)).expect("valid");
    let ends: Vec<u64> = torrent
        .layout
        .files()
        .iter()
        .map(|it| it.offset + it.length)
        .collect();
    assert_eq!(ends, [0, 7, 7]);
    let odd = single(&[("piece length", &int(33)), ("pieces", &text([1; 80]))]);
    assert_eq!(
        Metainfo::parse(&odd).map(|it| it.geometry.piece_count()),
        Ok(4)
    );
}
