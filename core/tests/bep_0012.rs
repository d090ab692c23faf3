//! BEP 12, multitracker metadata: the `announce-list` of a torrent.

use unchoke_core::metainfo::Metainfo;

/// The trackers of a torrent with these entries before `info`.
fn tiers(entries: &str) -> Vec<Vec<String>> {
    let info = "4:infod6:lengthi5e4:name1:a12:piece lengthi5e6:pieces20:aaaaaaaaaaaaaaaaaaaae";
    let torrent = format!("d{entries}{info}e");
    Metainfo::parse(torrent.as_bytes())
        .expect("a usable torrent")
        .trackers
}

/// *Metadata Extension*: "a list of lists of URLs".
#[test]
fn announce_list_is_a_list_of_tiers() {
    let list = "13:announce-listll8:http://a8:http://bel7:udp://cee";
    assert_eq!(tiers(list), [vec!["http://a", "http://b"], vec!["udp://c"]]);
}

/// *Metadata Extension*: "If the client is compatible with the multitracker specification, and if
/// the announce-list key is present, the client will ignore the announce key".
#[test]
fn announce_list_replaces_announce() {
    assert_eq!(
        tiers("8:announce8:http://x13:announce-listll8:http://aee"),
        [["http://a"]]
    );
    assert_eq!(tiers("8:announce8:http://x"), [["http://x"]]);
}

/// If the list has no HTTP tracker, an HTTP tracker in `announce` is kept as last resort, because
/// UDP is not available everywhere.
#[test]
fn an_http_announce_stands_behind_a_list_without_one() {
    let list = "13:announce-listll7:udp://aee";
    assert_eq!(
        tiers(&format!("8:announce8:http://x{list}")),
        [["udp://a"], ["http://x"]]
    );
    assert_eq!(tiers(&format!("8:announce7:udp://x{list}")), [["udp://a"]]);
}

/// libtorrent: an `announce-list` without one usable URL counts as absent.
#[test]
fn an_empty_announce_list_does_not_hide_announce() {
    for list in [
        "le",
        "llee",
        "li5ee",
        "ll6:foo://ee",
        "i5e",
        "ll7:http://ee",
    ] {
        let entries = format!("8:announce8:http://x13:announce-list{list}");
        assert_eq!(tiers(&entries), [["http://x"]], "{list}");
    }
    assert_eq!(tiers("13:announce-listllee"), Vec::<Vec<String>>::new());
}

/// Not in BEP 12, but it occurs: URLs in place of tiers. Each becomes a tier of its own.
#[test]
fn a_flat_list_is_a_list_of_tiers_of_one() {
    assert_eq!(
        tiers("13:announce-listl8:http://a8:http://be"),
        [["http://a"], ["http://b"]]
    );
}

/// A URL becomes part of a request. URLs that could inject another line, repeated URLs, and URLs
/// with schemes that are not for trackers are dropped.
#[test]
fn unusable_urls_are_dropped() {
    let list = "13:announce-listll10:  http://a12:http://b\r\nX:10:http://c d8:file:///8:HTTP://A\
                8:http://a9:http://\u{e9}el8:http://aee";
    assert_eq!(tiers(list), [["http://a", "HTTP://A", "http://\u{e9}"]]);
}

/// Not in BEP 12: non-ASCII letters are sent percent-encoded. Whether a host name may contain them
/// is decided when the tracker is contacted.
#[test]
fn letters_beyond_ascii_are_encoded() {
    let list = "13:announce-listll16:http://t/\u{e9}?x=\u{fc}22:udp://\u{e4}\u{4e2d}.example:1/20:http://\u{202e}t/announce\
                11:http://\u{85}/aee";
    assert_eq!(
        tiers(list),
        [[
            "http://t/%C3%A9?x=%C3%BC",
            "udp://\u{e4}\u{4e2d}.example:1/"
        ]]
    );
}

/// A torrent cannot make us contact thousands of hosts.
#[test]
fn no_more_than_256_trackers_are_kept() {
    let tier = |i: usize| format!("l12:http://h{i:04}e");
    let list: String = (0..1000).map(tier).collect();
    let kept = tiers(&format!("13:announce-listl{list}e"));
    assert_eq!(kept.iter().flatten().count(), 256);
    let urls: Vec<String> = (0..1000).map(|i| format!("12:http://h{i:04}")).collect();
    let list = urls.concat();
    let kept = tiers(&format!("13:announce-listll{list}ee"));
    assert_eq!(kept.iter().flatten().count(), 256);
}
