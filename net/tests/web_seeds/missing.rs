//! Web seeds that lack files, and web seeds that are overloaded.

use std::fs;

use super::{fetch, home};
use crate::common::command::{run, seed, stderr};
use crate::common::sample;
use crate::common::web::{Manner, WebServer, files_of};

/// The other files still come from the web seed, and the missing one is requested only once.
#[test]
fn a_missing_file_costs_only_its_own_pieces() {
    let sample = sample();
    let server = WebServer::start(&sample, Manner::Without("first.bin"));
    let home = home(&sample, &[server.url()]);
    // Slow enough that most data comes from the web seed.
    let peer = seed(&sample, &["--upload-cap", "200 KiB/s"]);
    let done = fetch(home.path(), &["--peer", &peer.peer()]);
    let said = stderr(&done);
    assert!(done.status.success(), "{said}");
    let part = "it cannot give the file sample/first.bin: it answered with HTTP status 404";
    assert!(said.contains(part), "{said}");
    assert!(!said.contains("not used any more"), "{said}");
    sample.assert_in(&home.path().join("downloads"));
    let asked = server.requests();
    let missing = asked.iter().filter(|it| it.0.contains("first.bin"));
    assert!(missing.count() <= 1, "{asked:?}");
    assert!(asked.iter().any(|it| it.0.contains("größe")), "{asked:?}");
}

/// In a hybrid each file begins with a piece, so two servers that lack different files are enough.
/// The same in version 2.
#[test]
fn two_servers_that_lack_different_files_are_enough() {
    let sample = sample();
    for format in ["--v2", "--hybrid"] {
        let lacking = ["first.bin", "größe"];
        let servers = lacking.map(|it| WebServer::start(&sample, Manner::Without(it)));
        let home = tempfile::tempdir().expect("temporary folder");
        sample.write_payload(home.path());
        let urls = servers.each_ref().map(WebServer::url);
        let words = ["create", "sample", "--out", "sample.torrent", format];
        let words = [
            &words[..],
            &["--web-seed", &urls[0], "--web-seed", &urls[1]],
        ]
        .concat();
        let made = run(home.path(), &words);
        assert!(made.status.success(), "{}", stderr(&made));
        fs::remove_dir_all(home.path().join("sample")).expect("removes");
        let done = fetch(home.path(), &["--idle-timeout", "20 s"]);
        assert!(done.status.success(), "{format}: {}", stderr(&done));
        sample.assert_in(&home.path().join("downloads"));
        for (server, name) in servers.iter().zip(lacking) {
            let asked = server.requests();
            let missing = asked.iter().filter(|it| it.0.contains(name));
            assert!(missing.count() <= 1, "{asked:?}");
        }
    }
}

/// Without files of its own a web seed is left alone, and the user learns what it said.
#[test]
fn one_without_any_file_is_left_alone() {
    let sample = sample();
    let server = WebServer::with_files([].into(), Manner::Proper);
    let home = home(&sample, &[server.url()]);
    let ended = fetch(home.path(), &["--idle-timeout", "3 s", "--explain"]);
    assert!(!ended.status.success());
    let said = stderr(&ended);
    assert!(said.contains("it answered with HTTP status 404"), "{said}");
    let told = said.lines().filter(|it| it.starts_with("web seed "));
    assert_eq!(told.count(), 1, "{said}");
    // At most once for each file.
    assert!(server.requests().len() <= 4, "{:?}", server.requests());
}

#[test]
fn a_pause_that_the_server_asks_for_is_kept() {
    let sample = sample();
    let server = WebServer::start(&sample, Manner::BusyOnce("1"));
    let home = home(&sample, &[server.url()]);
    // Without `Retry-After` it would take 30 s.
    let done = fetch(home.path(), &["--idle-timeout", "20 s"]);
    let said = stderr(&done);
    assert!(done.status.success(), "{said}");
    let part = "it answered with HTTP status 503 and asks for a pause of 1 s; will try again";
    assert!(said.contains(part), "{said}");
    sample.assert_in(&home.path().join("downloads"));
    // A longer pause is kept too.
    let server = WebServer::with_files(files_of(&sample), Manner::BusyOnce("3600"));
    let home = super::home(&sample, &[server.url()]);
    let ended = fetch(home.path(), &["--idle-timeout", "3 s"]);
    assert!(!ended.status.success());
    assert_eq!(server.requests().len(), 1);
}
