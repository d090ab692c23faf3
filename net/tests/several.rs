//! Several torrents in one process, with shared limits.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::common::command::{assert_sentence, run, stderr, stdout};
use crate::common::noise;
use crate::common::web::{Manner, WebServer};

/// Makes torrents of one file each, `bytes` long, with web seeds that have the data.
fn home(names: &[&str], bytes: usize) -> (tempfile::TempDir, Vec<WebServer>) {
    let home = tempfile::tempdir().expect("temporary folder");
    let folder = home.path().join("data");
    fs::create_dir(&folder).expect("folder");
    let servers = names.iter().enumerate().map(|(number, name)| {
        let mut payload = noise(bytes);
        payload[0] = u8::try_from(number).expect("few");
        fs::write(folder.join(name), &payload).expect("write");
        let server = WebServer::with_files([(format!("/{name}"), payload)].into(), Manner::Proper);
        let url = format!("http://{}/{name}", server.address);
        let (data, out) = (format!("data/{name}"), format!("{name}.torrent"));
        let words = ["create", &data, "--out", &out, "--web-seed", &url];
        let made = run(home.path(), &words);
        assert!(made.status.success(), "{}", stderr(&made));
        server
    });
    let servers = servers.collect();
    (home, servers)
}

fn assert_same(home: &Path, name: &str) {
    let read = |folder: &str| fs::read(home.join(folder).join(name)).expect("read");
    assert!(read("data") == read("downloads"), "{name} differs");
}

#[test]
fn several_torrents_share_one_process_and_one_rate() {
    let names = ["one", "two", "three"];
    let (home, _servers) = home(&names, 600_000);
    let began = Instant::now();
    let words = ["download", "one.torrent", "two.torrent", "three.torrent"];
    let limits = ["--no-tracker", "--no-lsd", "--download-cap", "600 KiB/s"];
    let done = run(home.path(), &[&words[..], &limits].concat());
    assert!(done.status.success(), "{}", stderr(&done));
    for name in names {
        assert_same(home.path(), name);
    }
    // 1.8 MB at 614 KB/s, with a burst for each torrent at the start.
    let took = began.elapsed();
    assert!(took > Duration::from_millis(2200), "{took:?}");
    for name in names {
        assert!(
            stdout(&done).contains(&format!("{name}: ")),
            "{}",
            stdout(&done)
        );
        let line = format!("{name}: complete, every piece verified");
        assert!(stderr(&done).contains(&line), "{}", stderr(&done));
        assert!(stderr(&done).contains(&format!("{name}: listening")));
        let twice = format!("{name}: {name}");
        assert!(!stderr(&done).contains(&twice), "{}", stderr(&done));
    }
}

#[test]
fn one_that_fails_keeps_no_other_from_its_end() {
    let (home, _servers) = home(&["one", "two"], 100_000);
    fs::write(home.path().join("bad.torrent"), "nonsense").expect("write");
    fs::copy(
        home.path().join("one.torrent"),
        home.path().join("again.torrent"),
    )
    .expect("copy");
    let words = [
        "download",
        "one.torrent",
        "bad.torrent",
        "again.torrent",
        "two.torrent",
    ];
    let ended = run(
        home.path(),
        &[&words[..], &["--no-tracker", "--no-lsd", "--json"]].concat(),
    );
    assert_sentence(&ended, 2, "2 of 4 torrents failed");
    let said = stderr(&ended);
    let names = said.matches("bad.torrent").count();
    assert_eq!(names, 1, "{said}");
    assert!(
        said.contains("again.torrent: it is the same torrent as one.torrent"),
        "{said}"
    );
    for name in ["one", "two"] {
        assert_same(home.path(), name);
    }
    let ends = stdout(&ended);
    let ends = ends
        .lines()
        .map(|it| serde_json::from_str::<serde_json::Value>(it).expect("JSON"));
    let hashes = ends
        .filter(|it| it["event"] == "end")
        .map(|it| it["info_hash"].to_string());
    let hashes: std::collections::BTreeSet<String> = hashes.collect();
    assert_eq!(hashes.len(), 2, "each event says which torrent it is about");
}

/// A file that takes long to read keeps its turn, also before files that are read at once and fail.
#[test]
fn of_two_the_first_is_kept_whatever_stands_between() {
    let (home, _servers) = home(&["one"], 100_000);
    let path = |name: &str| home.path().join(name);
    let torrent = fs::read(path("one.torrent")).expect("read");
    assert!(!torrent.starts_with(b"d8:announce"), "keys are in order");
    let comment = [&b"d7:comment9000000:"[..], &vec![b'c'; 9_000_000]].concat();
    fs::write(path("long.torrent"), [&comment, &torrent[1..]].concat()).expect("write");
    fs::write(path("bad.torrent"), "nonsense").expect("write");
    let words = ["download", "long.torrent", "bad.torrent", "one.torrent"];
    let ended = run(home.path(), &[&words[..], &["--no-tracker"]].concat());
    assert_sentence(&ended, 2, "2 of 3 torrents failed");
    let same = "one.torrent: it is the same torrent as long.torrent";
    assert!(stderr(&ended).contains(same), "{}", stderr(&ended));
    assert_same(home.path(), "one");
}

#[test]
fn what_is_about_one_torrent_is_refused_for_several() {
    let (home, _servers) = home(&["one", "two"], 100_000);
    let base = ["download", "one.torrent", "two.torrent", "--no-tracker"];
    for (words, part) in [
        (["--files", "1"], "name files of one torrent"),
        (["--record", "r"], "records one session"),
    ] {
        let ended = run(home.path(), &[&base[..], &words[..]].concat());
        assert_sentence(&ended, 2, part);
    }
}
