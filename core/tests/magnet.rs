//! Magnet links: BEP 9, *magnet URI format*; BEP 53.

use proptest::prelude::*;
use unchoke_core::magnet::{MAX_LINK_BYTES, MAX_PEERS, Magnet, MagnetError};
use unchoke_core::metainfo::{MAX_URLS, Metainfo};

const HEX: &str = "cab507494d02ebb1178b38f2e9d7be299c86b862";
const BASE32: &str = "ZK2QOSKNALV3CF4LHDZOTV56FGOINODC";

fn link(rest: &str) -> String {
    format!("magnet:?xt=urn:btih:{HEX}{rest}")
}

fn parsed(rest: &str) -> Magnet {
    Magnet::parse(&link(rest)).expect(rest)
}

#[test]
fn hex_and_base32_name_the_same_torrent() {
    for hash in [HEX, &HEX.to_uppercase(), BASE32, &BASE32.to_lowercase()] {
        for start in [
            "magnet:?xt=urn:btih:",
            "MAGNET:?xt=URN:BTIH:",
            " magnet:?xt.1=urn%3Abtih%3A",
        ] {
            let magnet = Magnet::parse(&format!("{start}{hash}\n")).expect(hash);
            assert_eq!(magnet.info_hash.to_string(), HEX);
        }
    }
    // Every base32 digit in its place. The expected bytes come from another implementation.
    let all = Magnet::parse("magnet:?xt=urn:btih:ABCDEFGHIJKLMNOPQRSTUVWXYZ234567").expect("valid");
    assert_eq!(
        all.info_hash.to_string(),
        "00443214c74254b635cf84653a56d7c675be77df"
    );
}

#[test]
fn everything_a_link_may_say_is_read() {
    let magnet = parsed(
        "&dn=a+name%2Bmore%20%1b%5B2J&tr=http%3A%2F%2Fa%2Fannounce&tr.1=udp://b:80&tr=http://a/announce\
         &ws=https://seed/x&x.pe=1.2.3.4:5&x.pe=%5B2001:db8::1%5D:6881&x.pe=host.test:80&so=0,2,4-7\
         &xl=123&kt=word&as=http://other",
    );
    assert_eq!(magnet.name.as_deref(), Some("a name+more _[2J"));
    assert_eq!(magnet.trackers, [["http://a/announce"], ["udp://b:80"]]);
    assert_eq!(magnet.web_seeds, ["https://seed/x"]);
    assert_eq!(
        magnet.peers,
        ["1.2.3.4:5", "[2001:db8::1]:6881", "host.test:80"]
    );
    assert_eq!(magnet.files, Some(vec![0..=0, 2..=2, 4..=7]));
    let plain = parsed("");
    assert_eq!(plain.files, None);
    assert_eq!(plain.name, None);
    let escaped = parsed("&amp;dn=x&amp;tr=http://a/");
    assert_eq!(
        (escaped.name.as_deref(), escaped.trackers.len()),
        (Some("x"), 1)
    );
}

#[test]
fn web_torrent_trackers_are_kept_only_if_there_are_no_others() {
    let web = parsed("&tr=wss://web/&tr=ws%3A%2F%2Fb&tr=wss://web/");
    assert_eq!(web.trackers, [["wss://web/"], ["ws://b"]]);
    let both = parsed("&tr=wss://web/&tr=udp://a:1");
    assert_eq!(both.trackers, [["udp://a:1"]]);
}

#[test]
fn hints_that_cannot_be_used_are_left_out() {
    let magnet = parsed(
        "&tr=&tr=http://a%0d%0aHost:x&tr=h%C3%BCst&dn=&dn=second&ws=ftp://x&x.pe=1.2.3.4\
         &x.pe=1.2.3.4:0&x.pe=:80&x.pe=[::1:80&x.pe=[1.2.3.4]:80&x.pe=a%20b:80&x.pe=a/b:80&x.pe=%ff:80\
         &x.pe=1.2.3.4:99999&=&&novalue&%&x.y.1=2",
    );
    assert_eq!(magnet.name.as_deref(), Some("second"));
    assert!(magnet.trackers.is_empty() && magnet.web_seeds.is_empty());
    assert!(magnet.peers.is_empty(), "{:?}", magnet.peers);
}

#[test]
fn links_without_a_torrent_are_refused_with_a_sentence() {
    let other = "1".repeat(40);
    let v2 = format!("urn:btmh:1220{}", "a".repeat(64));
    let cases = [
        (String::new(), "starts with `magnet:?`"),
        ("http://host/a.torrent".into(), "starts with `magnet:?`"),
        ("magnet:xt=urn:btih:".into(), "starts with `magnet:?`"),
        ("magnet:?".into(), "neither `xt=urn:btih:`"),
        ("magnet:?dn=x".into(), "neither `xt=urn:btih:`"),
        ("magnet:?xt=urn:sha1:abc".into(), "neither `xt=urn:btih:`"),
        ("magnet:?xt=urn:btih:".into(), "`` is no info-hash"),
        ("magnet:?xt=urn:btih:abc".into(), "`abc` is no info-hash"),
        (
            format!("magnet:?xt=urn:btih:{}g", &HEX[1..]),
            "is no info-hash",
        ),
        (
            format!("magnet:?xt=urn:btih:{}1", &BASE32[1..]),
            "is no info-hash",
        ),
        (
            "magnet:?xt=urn:btih:%1b[2J".into(),
            "`\\u{1b}[2J` is no info-hash",
        ),
        (format!("magnet:?xt={v2}0"), "is no info-hash of version 2"),
        (
            format!("magnet:?xt={}", v2.replace("1220", "1320")),
            "is no info-hash of version 2",
        ),
        (
            format!("magnet:?xt={v2}&xt={}", v2.replace('a', "b")),
            "names two torrents",
        ),
        (link(&format!("&xt=urn:btih:{other}")), "names two torrents"),
        (link("&so="), "selects no files"),
        (link("&so=4-2"), "selects no files"),
        (link("&so=a"), "selects no files"),
        (link("&so=-1"), "selects no files"),
        (link("&so=4294967296"), "selects no files"),
        (
            link(&"&tr=http://a/b".repeat(MAX_LINK_BYTES / 10)),
            "more than 1048576 bytes",
        ),
    ];
    for (link, part) in cases {
        let error = Magnet::parse(&link).expect_err(part).to_string();
        assert!(error.contains(part), "{error}");
    }
    // A hybrid may have both hashes; the same hash twice is no contradiction.
    for rest in [format!("&xt={v2}"), format!("&xt=urn:btih:{BASE32}")] {
        assert_eq!(parsed(&rest).info_hash.to_string(), HEX);
    }
    assert!(Magnet::is_meant(" MAGNET:?x") && !Magnet::is_meant("magnet.torrent"));
    assert!(!Magnet::is_meant("mägnet"));
}

#[test]
fn links_of_version_2_name_the_whole_hash_and_go_by_a_part_of_it() {
    let v2 = format!("urn:btmh:1220{}", "aB".repeat(32));
    let magnet = Magnet::parse(&format!("magnet:?xt={v2}")).expect("a link");
    assert_eq!(magnet.info_hash.to_string(), "ab".repeat(20));
    let whole = magnet.version_2.expect("a hash of version 2");
    assert_eq!(whole.to_string(), "ab".repeat(32));
    let expected = magnet.expected();
    assert_eq!(
        (expected.version_1, expected.version_2),
        (None, Some(whole))
    );
    let both = parsed(&format!("&xt={v2}")).expected();
    assert_eq!(
        both.version_1.map(|it| it.to_string()).as_deref(),
        Some(HEX)
    );
    assert_eq!(both.version_2, Some(whole));
}

#[test]
fn a_link_of_many_hints_is_bounded() {
    let hints = (0..2000).map(|it| format!("&tr=http://{it}/&ws=http://{it}/&x.pe=host{it}:1"));
    let rest = hints.collect::<Vec<_>>().concat();
    let magnet = parsed(&rest);
    assert_eq!(magnet.trackers.len(), MAX_URLS);
    assert_eq!(magnet.web_seeds.len(), MAX_URLS);
    assert_eq!(magnet.peers.len(), MAX_PEERS);
    let many = vec!["5"; 20_000].join(",");
    let error = Magnet::parse(&link(&format!("&so={many}"))).err();
    assert!(matches!(error, Some(MagnetError::Files(_))));
}

#[test]
fn with_the_info_dictionary_a_link_becomes_a_torrent_file() {
    let magnet = parsed("&tr=http://a/announce&tr=udp://b:80&ws=http://seed/x");
    let info = b"d6:lengthi5e4:name1:a12:piece lengthi16384e6:pieces20:aaaaaaaaaaaaaaaaaaaae";
    let torrent = Metainfo::parse(&magnet.torrent_file(info, None)).expect("a torrent");
    assert_eq!(torrent.info, info);
    assert_eq!(torrent.trackers, magnet.trackers);
    assert_eq!(torrent.web_seeds, magnet.web_seeds);
    let bare = Metainfo::parse(&parsed("").torrent_file(info, None)).expect("a torrent");
    assert!(bare.trackers.is_empty() && bare.canonical);
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(
        text in "(magnet:\\?)?(xt=urn:btih:)?[0-9a-z%&=.:,\\-\\[\\]\u{1b}ü+]{0,80}",
    ) {
        let shown = match Magnet::parse(&text) {
            Ok(magnet) => magnet.name.unwrap_or_default(),
            Err(error) => error.to_string(),
        };
        prop_assert!(!shown.contains(char::is_control));
    }
}
