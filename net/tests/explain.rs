//! What the user is told when no data arrives.

use std::path::Path;

use crate::common::command::{Listening, assert_sentence, run, seed, stderr, stdout, unchoke};
use crate::common::disk::home_of;
use crate::common::ports::dead_address;
use crate::common::{sample, sample_with};

/// Runs a download without other sources until it gives up. Returns the last message.
fn told(home: &Path, extra: &[&str]) -> String {
    let words = ["download", "sample.torrent", "--no-lsd"];
    let words = [&words[..], extra, &["--idle-timeout", "2 s"]].concat();
    let ended = run(home, &words);
    assert_sentence(&ended, 1, "nothing useful came for 2 s");
    let said = stderr(&ended);
    let last = said.lines().find(|it| it.starts_with("unchoke: "));
    last.expect("a sentence").to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_says_that_nobody_is_known_and_what_is_off() {
    let dead = dead_address();
    let tracker = format!("http://{dead}/announce");
    let sample = sample_with(std::slice::from_ref(&tracker), 32 * 1024, 700_001);
    let home = home_of(&sample);
    let said = told(home.path(), &[]);
    let expected = format!("no peer is known; tracker {tracker}: cannot connect to {dead}");
    assert!(said.contains(&expected), "{said}");
    assert!(
        said.contains("off: DHT (--no-dht), local discovery (--no-lsd)"),
        "{said}"
    );
    let said = told(home.path(), &["--no-tracker"]);
    assert!(said.contains("off: trackers (--no-tracker), DHT"), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_says_that_nobody_can_be_reached() {
    let sample = sample();
    let home = home_of(&sample);
    let dead = dead_address().to_string();
    let said = told(home.path(), &["--peer", &dead]);
    assert!(
        said.contains("no peer is connected; of 1 address: 1 refused"),
        "{said}"
    );
}

#[test]
fn it_says_that_peers_hang_up_and_does_not_guess_why() {
    let sample = sample();
    let home = home_of(&sample);
    let encrypted = seed(&sample, &["--encryption", "require"]);
    let peer = encrypted.peer();
    let said = told(home.path(), &["--peer", &peer, "--encryption", "off"]);
    let expected = "of 1 address: 1 closed the connection at our unencrypted greeting";
    assert!(said.contains(expected), "{said}");
    assert!(said.contains("encryption (--encryption off)"), "{said}");
}

#[test]
fn it_says_that_peers_have_nothing_for_us() {
    let sample = sample();
    let (home, other) = (home_of(&sample), home_of(&sample));
    let words = ["download", "sample.torrent", "--no-tracker", "--no-lsd"];
    let empty = Listening::start(unchoke(other.path(), &words));
    let said = told(home.path(), &["--peer", &empty.peer()]);
    let expected = "1 peer is connected, but it does not have a piece that we need";
    assert!(said.contains(expected), "{said}");
}

/// Both as text and as JSON, within half a minute.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_says_so_within_half_a_minute_as_a_line_and_as_json() {
    let sample = sample();
    let home = home_of(&sample);
    let dead = dead_address().to_string();
    let words = ["download", "sample.torrent", "--no-tracker", "--no-lsd"];
    let words = [
        &words[..],
        &["--peer", &dead, "--timeout", "24 s", "--explain"],
    ]
    .concat();
    let folder = home.path().to_owned();
    let texts: Vec<String> = words.iter().map(ToString::to_string).collect();
    let plain = tokio::task::spawn_blocking(move || {
        let words: Vec<&str> = texts.iter().map(String::as_str).collect();
        stderr(&run(&folder, &words))
    });
    let other = home_of(&sample);
    let events = stdout(&run(other.path(), &[&words[..], &["--json"]].concat()));
    let said = plain.await.expect("runs");
    let line = said
        .lines()
        .find(|it| it.starts_with("nothing useful came for 20 s: "));
    assert!(line.is_some_and(|it| it.contains("1 refused")), "{said}");
    assert!(
        said.contains("addresses from") && said.contains("named by you"),
        "{said}"
    );
    assert!(said.contains("off: trackers"), "{said}");
    let events = events
        .lines()
        .map(|it| serde_json::from_str(it).expect("JSON"));
    let events: Vec<serde_json::Value> = events.collect();
    let stuck = events
        .iter()
        .find(|it| it["event"] == "stuck")
        .expect("an event");
    assert_eq!(stuck["hindrance"], "NobodyMet");
    let row = &stuck["candidates"][0];
    assert_eq!(
        (&row["source"], &row["refused"]),
        (&"User".into(), &1.into())
    );
    assert_eq!(stuck["connections"]["all"], 0);
    assert_eq!(stuck["off"].as_array().map(Vec::len), Some(3));
    let explained = events.iter().filter(|it| it["event"] == "explained");
    assert!(explained.count() >= 1);
}
