//! Tests which servers and networks the client does not contact. Every packet that leaves the
//! machine is counted.
//!
//! For a private torrent (BEP 27) each source of peers has a test of its own:
//!
//! | source | test |
//! |---|---|
//! | all together | `a_private_torrent_speaks_to_its_tracker_and_to_nobody_else` |
//! | DHT, local discovery, port mapping, uTP | `private_*` below: packets are counted with only this one on, and none leaves; of a torrent that is not private some do |
//! | DHT | also `dht::private_torrents_proxies_and_users_who_say_so_keep_away_from_the_table` |
//! | peer exchange | `session::peers_of_a_private_torrent_are_not_exchanged`, and in `core` the case *a private torrent takes its peers from the tracker and the user* |
//! | magnet links | `magnet::trackers_of_a_link_are_asked_and_a_private_torrent_is_not_given_away` |
//! | web seeds, named by the torrent itself and used, and the others in one swarm | `real::mixed::of_a_private_torrent_only_the_tracker_tells` |

use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use super::network::{in_the_void, sent_into_the_void};
use crate::common::command::{run, stderr, unrestricted};
use crate::common::tracker::{Manner, Tracker};
use crate::common::{Sample, sample};

/// Longer than the time until the first packet of any source: DHT node names are resolved after at
/// most four seconds.
const WATCHED: Duration = Duration::from_secs(12);

/// A tracker on this machine that lists all peers, and torrents with this tracker.
struct Place {
    runtime: tokio::runtime::Runtime,
    tracker: Tracker,
    sample: Sample,
}

impl Place {
    fn new() -> Self {
        let runtime = tokio::runtime::Runtime::new().expect("runtime");
        let tracker = runtime.block_on(Tracker::start(Manner::Proper));
        let sample = sample();
        let home = sample.folder.path();
        for (name, option) in [
            ("shared.torrent", None),
            ("private.torrent", Some("--private")),
        ] {
            let words = ["create", "sample", "--out", name, "--tracker", &tracker.url];
            let words: Vec<&str> = words.into_iter().chain(option).collect();
            let made = run(home, &words);
            assert!(made.status.success(), "{}", stderr(&made));
        }
        Self {
            runtime,
            tracker,
            sample,
        }
    }

    fn home(&self) -> &Path {
        self.sample.folder.path()
    }

    fn start(&self, words: &[&str]) -> Child {
        let mut command = unrestricted(self.home(), words);
        command.stdin(Stdio::null()).stdout(Stdio::null());
        command.stderr(Stdio::null()).spawn().expect("it starts")
    }

    /// Number of packets that leave during a seed and a download with `--seed`.
    fn said(&self, torrent: &str, extra: &[&str]) -> u64 {
        let before = sent_into_the_void();
        let away = tempfile::tempdir().expect("temporary folder");
        let out = away.path().to_str().expect("text");
        let seed = ["seed", torrent, "--data", "."];
        let fetch = ["download", torrent, "--out", out, "--seed"];
        let children = [&seed[..], &fetch[..]].map(|it| self.start(&[it, extra].concat()));
        std::thread::sleep(WATCHED);
        let said = sent_into_the_void() - before;
        for mut child in children {
            // With SIGINT, so that packets at the end are counted, too.
            crate::common::command::signal(&child, "INT");
            child.wait().expect("it ends");
        }
        let at_the_end = sent_into_the_void() - before - said;
        if extra.is_empty() {
            self.sample.assert_in(away.path());
        }
        said + at_the_end
    }

    /// Whether a packet leaves during a seed with `extra`. Ends with the first one.
    fn speaks(&self, torrent: &str, extra: &[&str]) -> bool {
        let (began, before) = (Instant::now(), sent_into_the_void());
        let mut child = self.start(&[&["seed", torrent, "--data", "."], extra].concat());
        let has_spoken = || sent_into_the_void() > before;
        while !has_spoken() && began.elapsed() < WATCHED {
            std::thread::sleep(Duration::from_millis(50));
        }
        child.kill().expect("it runs");
        child.wait().expect("it ends");
        has_spoken()
    }
}

/// With only this source on, a private torrent sends nothing, and any other torrent does. `loud`
/// is what makes the source speak, for sources that answer only.
fn only(test: &str, on: &[&str], loud: &[&str]) {
    if !in_the_void(module_path!(), test, None) {
        return;
    }
    let place = Place::new();
    assert_eq!(place.said("private.torrent", on), 0);
    assert!(place.speaks("shared.torrent", &[on, loud].concat()));
    drop(place.runtime);
}

macro_rules! private {
    ($($test:ident: $on:expr, $loud:expr;)*) => {$(
        #[test]
        #[ignore = "half a minute; .ci/run runs it, and so does --include-ignored"]
        fn $test() {
            only(stringify!($test), $on, $loud);
        }
    )*};
}

private! {
    private_without_the_table: &["--no-lsd", "--portmap", "never", "--dht-node", "10.77.0.50:1"], &[];
    private_without_local_discovery: &["--no-dht", "--portmap", "never"], &[];
    private_without_port_mapping: &["--no-dht", "--no-lsd"], &[];
    private_over_utp: &["--no-dht", "--no-lsd", "--portmap", "never", "--utp", "only"],
        &["--peer", "10.77.0.50:1"];
}

#[test]
fn a_private_torrent_speaks_to_its_tracker_and_to_nobody_else() {
    let test = "a_private_torrent_speaks_to_its_tracker_and_to_nobody_else";
    if !in_the_void(module_path!(), test, None) {
        return;
    }
    let place = Place::new();
    assert_eq!(place.said("private.torrent", &[]), 0);
    let events = place.tracker.events();
    for event in ["started", "stopped"] {
        let told = events.iter().filter(|it| *it == event).count();
        assert!(told >= 2, "{event}: {events:?}");
    }
    let all_off = ["--no-dht", "--no-lsd", "--portmap", "never"];
    assert_eq!(place.said("shared.torrent", &all_off), 0);
    // Check that the count works: the same torrent, not private, sends packets.
    assert!(place.said("shared.torrent", &[]) > 0);
    drop(place.runtime);
}

#[test]
#[ignore = "half a minute; .ci/run runs it, and so does --include-ignored"]
fn nothing_passes_a_proxy_by() {
    let test = "nothing_passes_a_proxy_by";
    if !in_the_void(module_path!(), test, None) {
        return;
    }
    let place = Place::new();
    let proxied = ["--proxy", "socks5://127.0.0.1:9", "--peer", "10.77.0.50:1"];
    assert_eq!(place.said("shared.torrent", &proxied), 0);
    // Bound to a loopback address, no packet leaves. The DHT node is given as an IP address,
    // because the system resolves names itself.
    let node = ["--dht-node", "10.77.0.50:1"];
    let bound = [
        &["--bind", "127.0.0.1", "--portmap", "never"],
        &proxied[2..],
        &node,
    ]
    .concat();
    assert_eq!(place.said("shared.torrent", &bound), 0);
    drop(place.runtime);
}
