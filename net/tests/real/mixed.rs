//! One swarm whose peers find each other in every possible way; and the same for a private torrent,
//! where only the tracker and the user may name peers. One of them has only a web seed.

use std::fs;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use unchoke_core::metainfo::Metainfo;
use unchoke_net::dht::{Dht, Options};
use unchoke_net::route::Route;

use super::network::{OWN, in_the_void};
use super::stage::{sha256, write_files};
use crate::common::clients::{Running, opentracker};
use crate::common::command::{Listening, run, stderr, unrestricted};
use crate::common::web::{Manner, WebServer};

const FILE: &str = "payload.bin";

/// A swarm with one seed. Each leecher can use only one way to find peers.
struct Swarm {
    scratch: tempfile::TempDir,
    entry: String,
    _nodes: Vec<Dht>,
    _tracker: Running,
    hash: String,
    children: Vec<Child>,
    /// A leecher that knows the seed from the tracker, but is too slow to be useful.
    slow: Option<Listening>,
}

impl Drop for Swarm {
    fn drop(&mut self) {
        for child in &mut self.children {
            // It may have ended already.
            drop(child.kill());
            drop(child.wait());
        }
    }
}

impl Swarm {
    fn new(private: bool) -> Self {
        let scratch = tempfile::tempdir().expect("temporary folder");
        let home = scratch.path();
        let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        fs::set_permissions(home, open).expect("permissions");
        write_files(&home.join("full"), &[(FILE, 6_000_000)]);
        let content = format!("full/{FILE}");
        let url = format!("http://{}:6969/announce", OWN.tracker);
        let private = private.then_some("--private");
        for (name, tracker) in [("it.torrent", Some(&url)), ("bare.torrent", None)] {
            let words = ["create", &content, "--out", name, "--piece-size", "64 KiB"];
            let mut words: Vec<&str> = words.into_iter().chain(private).collect();
            if let Some(url) = tracker {
                words.extend(["--tracker", url]);
            }
            let made = run(home, &words);
            assert!(made.status.success(), "{}", stderr(&made));
        }
        let bytes = fs::read(home.join("it.torrent")).expect("just made");
        // The same torrent with a web seed and without a tracker.
        let folder = home.join("full").join(FILE);
        let content = fs::read(folder).expect("just written");
        let files = [(format!("/{FILE}"), content)].into();
        let ip = OWN.tracker.parse().expect("an address");
        let server = WebServer::start_at(ip, files, Manner::Proper);
        let bare = fs::read(home.join("bare.torrent")).expect("just made");
        let url = format!("http://{}/{FILE}", server.address);
        let url = format!("8:url-list{}:{url}e", url.len());
        let web = [&bare[..bare.len() - 1], url.as_bytes()].concat();
        fs::write(home.join("web.torrent"), web).expect("write");
        let hash = Metainfo::parse(&bytes)
            .expect("our own")
            .info_hash
            .to_string();
        let tracker = opentracker(home, OWN.tracker, 6969, &hash);
        let node = |bootstrap| {
            let options = Options {
                bootstrap,
                port: 0,
                file: None,
                route: Route::new(None, Some(OWN.tracker.parse().expect("an address"))),
            };
            Dht::start(options).expect("a node starts")
        };
        let first = node(Vec::new());
        let entry = format!("{}:{}", OWN.tracker, first.port(true).expect("IPv4"));
        let nodes = vec![first, node(vec![entry.clone()]), node(vec![entry.clone()])];
        Self {
            scratch,
            entry,
            _nodes: nodes,
            _tracker: tracker,
            hash,
            children: Vec::new(),
            slow: None,
        }
    }

    fn home(&self) -> &Path {
        self.scratch.path()
    }

    /// Starts a leecher that downloads into a folder called `name`, with these additional options.
    fn fetch(&mut self, name: &'static str, words: &[&str]) {
        let words = [
            &["download", words[0], "--out", name, "--portmap", "never"],
            &words[1..],
        ]
        .concat();
        let mut command = unrestricted(self.home(), &words);
        // Each leecher keeps its own DHT table.
        command.env("XDG_STATE_HOME", self.home().join(name));
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        self.children.push(command.spawn().expect("it starts"));
    }

    fn has(&self, name: &str) -> bool {
        let whole = sha256(&self.home().join("full").join(FILE));
        sha256(&self.home().join(name).join(FILE)) == whole
    }

    /// Starts all peers.
    fn start(&mut self) -> Listening {
        let entry = self.entry.clone();
        let words = [
            "seed",
            "it.torrent",
            "--data",
            "full",
            "--policy",
            "unchoke_all",
        ];
        let words = [&words[..], &["--dht-node", &entry, "--portmap", "never"]].concat();
        let seed = Listening::start(unrestricted(self.home(), &words));
        let words = [
            "download",
            "it.torrent",
            "--out",
            "slow",
            "--download-cap",
            "20 KiB/s",
        ];
        let words = [&words[..], &["--no-dht", "--no-lsd", "--portmap", "never"]].concat();
        let slow = Listening::start(unrestricted(self.home(), &words));
        let peer = format!("{}:{}", OWN.client, slow.port);
        let link = format!("magnet:?xt=urn:btih:{}", self.hash);
        let tracked = format!("{link}&tr=http://{}:6969/announce", OWN.tracker);
        let quiet = ["--no-dht", "--no-lsd"];
        self.fetch("tracker", &[&["it.torrent"], &quiet[..]].concat());
        self.fetch("magnet", &[&[tracked.as_str()], &quiet[..]].concat());
        self.fetch("table", &[&link, "--no-lsd", "--dht-node", &entry]);
        self.fetch("neighbour", &["bare.torrent", "--no-dht"]);
        self.fetch("web", &[&["web.torrent"], &quiet[..]].concat());
        self.fetch(
            "exchange",
            &[&["bare.torrent", "--peer", &peer], &quiet[..]].concat(),
        );
        self.slow = Some(slow);
        seed
    }
}

#[test]
fn peers_found_in_every_way_make_one_swarm() {
    let test = "peers_found_in_every_way_make_one_swarm";
    if !in_the_void(module_path!(), test, None) {
        return;
    }
    let mut swarm = Swarm::new(false);
    let _seed = swarm.start();
    let began = Instant::now();
    let ways = ["tracker", "magnet", "table", "neighbour", "exchange", "web"];
    loop {
        let missing: Vec<&str> = ways.into_iter().filter(|it| !swarm.has(it)).collect();
        if missing.is_empty() {
            break;
        }
        assert!(
            began.elapsed() < Duration::from_mins(2),
            "not complete: {missing:?}"
        );
        std::thread::sleep(Duration::from_millis(200));
    }
    eprintln!("everybody has everything after {:?}", began.elapsed());
}

#[test]
#[ignore = "half a minute; .ci/run runs it, and so does --include-ignored"]
fn of_a_private_torrent_only_the_tracker_tells() {
    let test = "of_a_private_torrent_only_the_tracker_tells";
    if !in_the_void(module_path!(), test, None) {
        return;
    }
    let mut swarm = Swarm::new(true);
    let _seed = swarm.start();
    let began = Instant::now();
    // A web seed is named in the torrent itself.
    while !(swarm.has("tracker") && swarm.has("web")) {
        assert!(began.elapsed() < Duration::from_mins(1), "not complete");
        std::thread::sleep(Duration::from_millis(200));
    }
    // Longer than each of the others takes if the torrent is not private.
    std::thread::sleep(Duration::from_secs(20));
    for way in ["magnet", "table", "neighbour", "exchange"] {
        assert!(!swarm.has(way), "{way}");
    }
}
