//! Web seeds (BEP 19): URLs of files, requests, wrong answers, and how a torrent uses a web seed.

use std::sync::Arc;

use unchoke_core::choke::{Parameters, build};
use unchoke_core::geometry::{BLOCK_BYTES, Geometry};
use unchoke_core::ids::{PeerKey, PieceIndex};
use unchoke_core::message::Message;
use unchoke_core::metainfo::{Builder, Metainfo, NewFile};
use unchoke_core::rng::Streams;
use unchoke_core::time::Instant;
use unchoke_core::torrent::{Config, Input, Output, PeerLink, Torrent};
use unchoke_core::web::{Head, Lie, Requests, file_url, judge};

fn torrent(files: Option<&[&[&str]]>) -> Metainfo {
    let new = |path: &&[&str]| NewFile {
        path: path.iter().map(ToString::to_string).collect(),
        length: 1,
    };
    let builder = Builder {
        name: "A b".into(),
        files: files.map(|it| it.iter().map(new).collect()),
        length: 1,
        piece_bytes: 16_384,
        ..Builder::default()
    };
    Metainfo::parse(&builder.encode(&[[0; 20]]).expect("a torrent")).expect("our own")
}

#[test]
fn a_single_file_is_at_the_url_or_below_its_folder() {
    let single = torrent(None);
    for (base, expected) in [
        ("http://x/file.iso", "http://x/file.iso"),
        ("http://x/pub/", "http://x/pub/A%20b"),
        ("http://x/pub/?key=1", "http://x/pub/A%20b?key=1"),
        ("http://x/f?key=/", "http://x/f?key=/"),
        ("http://x/f#part", "http://x/f"),
    ] {
        assert_eq!(file_url(base, &single, 0).as_deref(), Some(expected));
    }
}

#[test]
fn several_files_are_below_the_folder_of_the_torrent() {
    let several = torrent(Some(&[&["sub dir", "größe#1?.txt"], &["100%"]]));
    let at = |base, file| file_url(base, &several, file).expect("a URL");
    let first = "http://x/pub/A%20b/sub%20dir/gr%C3%B6%C3%9Fe%231%3F.txt";
    assert_eq!(at("http://x/pub/", 0), first);
    assert_eq!(at("http://x/pub", 0), first);
    assert_eq!(at("http://x/pub", 1), "http://x/pub/A%20b/100%25");
}

/// URLs contain the original names, not the names made safe for disks. No name leads to another
/// folder.
#[test]
fn names_are_those_of_the_torrent_and_lead_nowhere_else() {
    let info = |path: &str| {
        let files = format!("d6:lengthi1e4:pathl{path}ee");
        let info = format!(
            "d5:filesl{files}e4:name1:n12:piece lengthi16384e6:pieces20:{}e",
            "x".repeat(20)
        );
        Metainfo::parse(format!("d4:info{info}e").as_bytes()).expect("lenient")
    };
    let url = |path| file_url("http://x", &info(path), 0);
    assert_eq!(url("3:a:b").as_deref(), Some("http://x/n/a%3Ab"));
    assert_eq!(url("4:a/..").as_deref(), Some("http://x/n/a%2F.."));
    for leads_out in ["2:..1:a", "1:.1:a", "0:1:a"] {
        assert_eq!(url(leads_out), None, "{leads_out}");
    }
}

fn answer<'a>(status: u16, range: Option<&'a str>, length: Option<&'a str>) -> Head<'a> {
    Head {
        status,
        range,
        length,
        encoding: None,
    }
}

#[test]
fn an_answer_is_good_only_if_it_promises_what_was_asked_for() {
    let judged = |head: Head<'_>| judge(&head, &(100..200), 1000);
    for good in [
        answer(206, Some("bytes 100-199/1000"), Some("100")),
        answer(206, Some("bytes 100-199/*"), None),
        answer(206, Some(" BYTES 100-199/1000 "), Some(" 100 ")),
    ] {
        assert_eq!(judged(good), Ok(()), "{good:?}");
    }
    for bad in [
        answer(200, None, Some("1000")),
        answer(206, None, Some("100")),
        answer(206, Some("bytes 0-99/1000"), Some("100")),
        answer(206, Some("bytes 100-198/1000"), None),
        answer(206, Some("bytes 100-199/999"), None),
        answer(206, Some("bytes 100-199/1000"), Some("99")),
        answer(206, Some("bytes 100-18446744073709551615/1000"), None),
        answer(206, Some("bytes */1000"), None),
        answer(206, Some("items 100-199/1000"), None),
        answer(404, None, None),
        answer(416, None, None),
        answer(302, None, None),
    ] {
        let lie = judged(bad).expect_err("a lie");
        assert!(!lie.is_passing(), "{lie}");
    }
    assert_eq!(judged(answer(206, None, None)), Err(Lie::Unnamed));
    for busy in [429, 500, 503] {
        let lie = judged(answer(busy, None, None)).expect_err("no answer");
        assert!(lie.is_passing(), "{lie}");
    }
    let packed = Head {
        encoding: Some("gzip"),
        ..answer(206, Some("bytes 100-199/1000"), None)
    };
    assert_eq!(judged(packed), Err(Lie::Encoding("gzip".into())));
}

#[test]
fn the_whole_file_is_good_where_all_of_it_was_asked_for() {
    let whole = answer(200, None, Some("1000"));
    assert_eq!(judge(&whole, &(0..1000), 1000), Ok(()));
    let other = answer(200, None, Some("1001"));
    assert!(judge(&other, &(0..1000), 1000).is_err());
    assert_eq!(judge(&whole, &(0..999), 1000), Err(Lie::Whole));
}

fn geometry() -> Geometry {
    Geometry::new(8 * 65_536 - 100, 65_536).expect("a torrent")
}

#[test]
fn requests_that_follow_each_other_are_one_run() {
    let geometry = geometry();
    let block = |piece, index| geometry.block(PieceIndex(piece), index);
    let mut requests = Requests::default();
    for it in [
        block(2, 3),
        block(3, 0),
        block(3, 1),
        block(5, 0),
        block(0, 0),
    ] {
        requests.push(it);
    }
    requests.cancel(block(5, 0));
    let run = requests.next_run(&geometry).expect("a run");
    assert_eq!(run.blocks, [block(2, 3), block(3, 0), block(3, 1)]);
    assert_eq!(
        (run.offset, run.length),
        (2 * 65_536 + 3 * 16_384, 3 * 16_384)
    );
    let run = requests.next_run(&geometry).expect("a run");
    assert_eq!(run.blocks, [block(0, 0)]);
    assert!(requests.is_empty() && requests.next_run(&geometry).is_none());
}

#[test]
fn a_run_has_an_end() {
    let geometry = Geometry::new(1 << 30, 1 << 24).expect("a torrent");
    let mut requests = Requests::default();
    (0..1024).for_each(|it| requests.push(geometry.block(PieceIndex(0), it)));
    let run = requests.next_run(&geometry).expect("a run");
    assert_eq!(run.length, 1 << 22);
}

const WEB: PeerKey = PeerKey(1);

fn leecher(policy: &str, pieces: u32) -> Torrent {
    let bytes = u64::from(pieces) * u64::from(BLOCK_BYTES);
    let config = Config::new(Geometry::new(bytes, BLOCK_BYTES).expect("a torrent"));
    let have = config.nothing();
    let policy = build(policy, &Parameters::new()).expect("a policy");
    let picker = unchoke_core::pick::build("rarest_first").expect("a picker");
    let (streams, now) = (Streams::new(1), Instant::START);
    Torrent::new(Arc::new(config), have, policy, picker, streams, 0, now)
}

fn use_web_seed(torrent: &mut Torrent) -> Vec<Message> {
    let link = PeerLink {
        web: true,
        ..PeerLink::default()
    };
    let peer = WEB;
    torrent.handle_input(Instant::START, Input::PeerConnected { peer, link });
    sent(torrent)
}

fn sent(torrent: &mut Torrent) -> Vec<Message> {
    let outputs = std::iter::from_fn(|| torrent.poll_output());
    let messages = outputs.filter_map(|it| match it {
        Output::Send { message, .. } => Some(message),
        _ => None,
    });
    messages.collect()
}

/// A few long runs of a mebibyte, in file order, and no messages but requests.
#[test]
fn a_web_seed_is_asked_at_once_and_for_long_runs() {
    let mut torrent = leecher("tit_for_tat", 400);
    let said = use_web_seed(&mut torrent);
    let geometry = Geometry::new(400 * u64::from(BLOCK_BYTES), BLOCK_BYTES).expect("a torrent");
    let mut requests = Requests::default();
    for message in said {
        let Message::Request(block) = message else {
            panic!("a web server does not understand {message:?}");
        };
        requests.push(block);
    }
    let run = requests.next_run(&geometry).expect("a run");
    assert!(run.length >= 1 << 20 || !requests.is_empty());
    let second = requests.next_run(&geometry).map_or(0, |it| it.length);
    // The first piece is random. The run ends at the end of the torrent.
    assert_eq!(run.length + second, 64 * BLOCK_BYTES, "{run:?}");
}

#[test]
fn no_policy_hears_of_a_web_seed_and_silence_does_not_end_it() {
    for policy in [
        "tit_for_tat",
        "unchoke_all",
        "libtorrent_fixed",
        "fairtorrent",
        "thrift",
    ] {
        let mut torrent = leecher(policy, 8);
        use_web_seed(&mut torrent);
        assert_eq!(torrent.peer_views(Instant::START), []);
        assert_eq!(torrent.interesting(), 1);
        while let Some(at) = torrent
            .poll_timeout()
            .filter(|it| *it < Instant::from_secs(900))
        {
            torrent.handle_input(at, Input::Timeout);
            while let Some(output) = torrent.poll_output() {
                let harmless = match &output {
                    Output::Send { message, .. } => matches!(message, Message::Request(_)),
                    _ => false,
                };
                assert!(harmless, "{policy}: {output:?} at {at:?}");
            }
        }
    }
}

#[test]
fn a_web_seed_that_goes_leaves_its_blocks_to_others() {
    let mut torrent = leecher("bep3", 8);
    use_web_seed(&mut torrent);
    assert!(torrent.availability().iter().all(|it| *it == 1));
    torrent.handle_input(Instant::START, Input::PeerDisconnected { peer: WEB });
    assert!(torrent.availability().iter().all(|it| *it == 0));
    assert_eq!(use_web_seed(&mut torrent).len(), 8);
}
