//! Web seeds (BEP 19), tested through the command: correct ones, wrong ones, and both together with
//! peers.

mod missing;
mod routes;

use std::fs;
use std::path::Path;
use std::process::Output;
use std::time::{Duration, Instant};

use unchoke_net::record::replay;

use crate::common::command::{assert_sentence, run, seed, stderr, stdout};
use crate::common::web::{Manner, WebServer};
use crate::common::{Sample, sample, sample_with};

/// A folder with a `sample.torrent` that names these web seeds.
fn home(sample: &Sample, urls: &[String]) -> tempfile::TempDir {
    let home = tempfile::tempdir().expect("temporary folder");
    let mut torrent = sample.torrent.clone();
    assert_eq!(torrent.pop(), Some(b'e'));
    torrent.extend_from_slice(b"8:url-listl");
    for url in urls {
        torrent.extend_from_slice(format!("{}:{url}", url.len()).as_bytes());
    }
    torrent.extend_from_slice(b"ee");
    fs::write(home.path().join("sample.torrent"), torrent).expect("write");
    home
}

fn fetch(home: &Path, extra: &[&str]) -> Output {
    let words = ["download", "sample.torrent", "--no-tracker"];
    run(home, &[&words[..], extra].concat())
}

#[test]
fn a_torrent_with_nothing_but_a_web_seed_completes() {
    let sample = sample_with(&[], 32 * 1024, 5_000_001);
    let server = WebServer::start(&sample, Manner::Proper);
    let home = home(&sample, &[server.url()]);
    let record = home.path().join("recording");
    let done = fetch(home.path(), &["--record", record.to_str().expect("text")]);
    assert!(done.status.success(), "{}", stderr(&done));
    assert!(
        !stderr(&done).contains("waiting for peers"),
        "{}",
        stderr(&done)
    );
    sample.assert_in(&home.path().join("downloads"));
    // Long runs over one connection: few requests.
    assert_eq!(*server.connections.lock().expect("no panic"), 1);
    let asked = server.requests();
    assert!(asked.len() < 40, "{} requests for 5 MB", asked.len());
    let bytes: u64 = asked.iter().map(|it| it.1.end - it.1.start).sum();
    assert_eq!(
        bytes,
        sample.payload.len() as u64,
        "nothing is fetched twice"
    );
    replay(&record).expect("the same outputs");
}

#[test]
fn a_single_file_comes_from_its_own_address() {
    let sample = sample();
    let payload = sample.payload.clone();
    let files = [("/x/any name.bin".to_owned(), payload.clone())].into();
    let server = WebServer::with_files(files, Manner::Proper);
    let home = tempfile::tempdir().expect("temporary folder");
    fs::create_dir(home.path().join("data")).expect("folder");
    fs::write(home.path().join("data/one.bin"), &payload).expect("write");
    let url = format!("http://{}/x/any%20name.bin", server.address);
    let words = [
        "create",
        "data/one.bin",
        "--out",
        "sample.torrent",
        "--web-seed",
        &url,
    ];
    let made = run(home.path(), &words);
    assert!(made.status.success(), "{}", stderr(&made));
    let shown = stdout(&run(home.path(), &["show", "sample.torrent"]));
    assert!(shown.contains(&format!("web seed      {url}")), "{shown}");
    let done = fetch(home.path(), &[]);
    assert!(done.status.success(), "{}", stderr(&done));
    assert!(fs::read(home.path().join("downloads/one.bin")).expect("read") == payload);
}

/// Each kind of wrong answer is reported in one message and costs only time: a peer has the rest.
#[test]
fn a_web_seed_that_lies_is_found_out() {
    // Status 200 is a lie about a part of a file. Of a small file all is asked for: then the length is wrong.
    let lies: [(Manner, &[&str]); 10] = [
        (Manner::Whole, &["sends the whole file"]),
        (
            Manner::Html,
            &["sends the whole file", "it announces 37 bytes"],
        ),
        (
            Manner::Shifted,
            &["instead of the bytes that were asked for"],
        ),
        (Manner::Corrupt, &["sent a corrupt block of piece"]),
        (Manner::Status(404), &["HTTP status 404"]),
        (Manner::Status(503), &["HTTP status 503"]),
        (Manner::Endless, &["sends more than was asked for"]),
        (Manner::Short, &["the answer is not valid HTTP"]),
        (Manner::Packed, &["it packs what it sends"]),
        (
            Manner::Elsewhere(String::new()),
            &["redirects more than 5 times"],
        ),
    ];
    // All at once, because each has to be slow.
    std::thread::scope(|scope| {
        for (manner, parts) in lies {
            scope.spawn(move || is_found_out(&manner, parts));
        }
    });
}

fn is_found_out(manner: &Manner, parts: &[&str]) {
    let sample = sample();
    let server = WebServer::start(&sample, manner.clone());
    let home = home(&sample, &[server.url()]);
    // Slow enough that the web seed is asked before the download is complete.
    let seed = seed(&sample, &["--upload-cap", "150 KiB/s"]);
    let peer = ["--peer", &seed.peer()];
    // A web seed that is asked for whole files may send them whole. So it must not be asked for all.
    let alone = [&peer[..], &["--no-web-seed", "--pieces", "8"]].concat();
    let begun = fetch(home.path(), &alone);
    assert!(begun.status.success(), "{}", stderr(&begun));
    let done = fetch(home.path(), &peer);
    let said = stderr(&done);
    assert!(done.status.success(), "{manner:?}: {said}");
    let told = said.lines().find(|it| it.starts_with("web seed "));
    assert!(
        told.is_some_and(|it| parts.iter().any(|part| it.contains(part))),
        "{manner:?}: {said}"
    );
    sample.assert_in(&home.path().join("downloads"));
    assert!(
        !said.contains("banned"),
        "the honest peer is not blamed: {said}"
    );
}

#[test]
fn alone_with_a_liar_nothing_wrong_is_kept() {
    let sample = sample();
    for manner in [Manner::Corrupt, Manner::Endless, Manner::Silent] {
        let server = WebServer::start(&sample, manner);
        let home = home(&sample, &[server.url()]);
        let ended = fetch(home.path(), &["--idle-timeout", "3 s"]);
        assert_sentence(&ended, 1, "--idle-timeout");
        let check = run(
            home.path(),
            &["check", "sample.torrent", "--data", "downloads"],
        );
        let good = stdout(&check);
        let claimed = good.lines().last().expect("a line").to_owned();
        assert!(claimed.contains("of 25 pieces are good"), "{claimed}");
    }
}

#[test]
fn one_that_redirects_and_one_that_lies_do_no_harm_together() {
    let sample = sample();
    let honest = WebServer::start(&sample, Manner::Proper);
    let to = format!("http://{}", honest.address);
    let redirects = WebServer::start(&sample, Manner::Elsewhere(to));
    let liar = WebServer::start(&sample, Manner::Corrupt);
    let home = home(&sample, &[liar.url(), redirects.url()]);
    let done = fetch(home.path(), &[]);
    assert!(done.status.success(), "{}", stderr(&done));
    assert!(
        stderr(&done).contains("it is not used any more"),
        "{}",
        stderr(&done)
    );
    sample.assert_in(&home.path().join("downloads"));
    assert!(!honest.requests().is_empty());
}

/// A torrent must not be able to send commands to a service on this machine.
#[test]
fn a_server_of_this_machine_must_not_have_a_query() {
    let sample = sample();
    let server = WebServer::start(&sample, Manner::Proper);
    let home = home(&sample, &[format!("{}?cmd=reboot", server.url())]);
    let ended = fetch(home.path(), &["--idle-timeout", "1 s"]);
    assert_sentence(&ended, 1, "--idle-timeout");
    assert!(
        stderr(&ended).contains("must not have a query"),
        "{}",
        stderr(&ended)
    );
    assert_eq!(server.requests(), []);
}

#[test]
fn web_seeds_keep_to_the_rate_and_can_be_left_out() {
    let sample = sample();
    let server = WebServer::start(&sample, Manner::Proper);
    let home = home(&sample, &[server.url()]);
    let off = fetch(home.path(), &["--no-web-seed", "--idle-timeout", "1 s"]);
    assert_sentence(&off, 1, "--idle-timeout");
    assert_eq!(server.requests(), []);
    // 800 KB at 300 KB/s, with a burst at the start.
    let began = Instant::now();
    let done = fetch(home.path(), &["--download-cap", "300 KiB/s"]);
    assert!(done.status.success(), "{}", stderr(&done));
    assert!(
        began.elapsed() > Duration::from_millis(1500),
        "{:?}",
        began.elapsed()
    );
    sample.assert_in(&home.path().join("downloads"));
}

#[test]
fn only_the_wanted_files_are_fetched_from_a_web_seed() {
    let sample = sample();
    let server = WebServer::start(&sample, Manner::Proper);
    let home = home(&sample, &[server.url()]);
    let done = fetch(home.path(), &["--files", "1"]);
    assert!(done.status.success(), "{}", stderr(&done));
    let bytes: u64 = server
        .requests()
        .iter()
        .map(|it| it.1.end - it.1.start)
        .sum();
    assert_eq!(bytes, 4 * 32 * 1024);
}

#[test]
fn a_link_names_web_seeds() {
    let sample = sample();
    let server = WebServer::start(&sample, Manner::Proper);
    let peer = seed(&sample, &[]);
    let (hash, peer) = (sample.metainfo.info_hash, peer.peer());
    let link = format!("magnet:?xt=urn:btih:{hash}&ws={}&x.pe={peer}", server.url());
    let home = tempfile::tempdir().expect("temporary folder");
    let done = run(home.path(), &["download", &link, "--no-tracker"]);
    assert!(done.status.success(), "{}", stderr(&done));
    assert!(!server.requests().is_empty());
    let kept = home.path().join(format!("downloads/.{hash}.torrent"));
    let kept = kept.to_str().expect("text");
    let shown = stdout(&run(home.path(), &["show", kept]));
    assert!(shown.contains(&server.url()), "{shown}");
}
