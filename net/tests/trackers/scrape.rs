//! Scrapes: counts without an announce. BEP 48.

use std::net::Ipv4Addr;

use super::command::torrent;
use crate::common::command::{run, stderr, stdout};
use crate::common::scripted::{Http, Udp, ok, reply};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn counts_are_asked_for_without_an_announce() {
    let http = Http::start(|head| {
        let hash = head.split("info_hash=").nth(1).expect("it is sent");
        let hash = hash.split(['&', ' ']).next().expect("a value");
        let bytes: Vec<u8> = percent_encoding::percent_decode_str(hash).collect();
        let counts = b"d8:completei5e10:downloadedi50e10:incompletei10ee";
        let body = [b"d5:filesd20:", &bytes[..], counts, b"ee"].concat();
        ok("", &body)
    })
    .await;
    let unknown = Http::start(|_| ok("", b"d5:filesdee")).await;
    let refusing = Http::start(|_| ok("", b"d14:failure reason4:no!!e")).await;
    let udp = Udp::start(Ipv4Addr::LOCALHOST, |request, _| match request[11] {
        0 => vec![reply(0, request, b"conn-id!")],
        2 => vec![reply(2, request, &[0, 0, 0, 3, 0, 0, 0, 30, 0, 0, 0, 7])],
        _ => Vec::new(),
    })
    .await;
    let sample = torrent(&[
        http.url("/announce?pass=1"),
        unknown.url("/x/announce"),
        refusing.url("/announce"),
        udp.url("/announce"),
        http.url("/a/announce/../announce/b"),
        http.url("/b/announce.php"),
    ]);
    let folder = sample.folder.path().to_owned();
    let asked = tokio::task::spawn_blocking(move || {
        run(&folder, &["announce", "sample.torrent", "--scrape"])
    });
    let asked = asked.await.expect("no panic");
    let said = stdout(&asked) + &stderr(&asked);
    assert!(asked.status.success(), "{said}");
    for part in [
        "5 seeds, 10 leechers, 50 completed",
        "it does not know the torrent",
        "the tracker refused: no!!",
        "3 seeds, 7 leechers, 30 completed",
        "there is no scrape",
    ] {
        assert!(said.contains(part), "`{part}` is not in: {said}");
    }
    let heads = http.heads();
    for start in [
        "GET /scrape?pass=1&info_hash=",
        "GET /b/scrape.php?info_hash=",
    ] {
        assert!(heads.iter().any(|it| it.starts_with(start)), "{heads:?}");
    }
}
