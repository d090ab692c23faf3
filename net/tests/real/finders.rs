//! Peers that find each other without a tracker: by the distributed hash table, and in the local
//! network.

use std::time::{Duration, Instant};

use unchoke_net::dht::{Dht, Options};
use unchoke_net::route::{Bind, Route};

use super::network::{OWN, in_the_void, network};
use super::stage::Stage;
use crate::common::clients::{Client, Place};
use crate::common::command::{Listening, run, stderr, unchoke, unrestricted};

const PATIENCE: Duration = Duration::from_mins(2);

/// DHT nodes at the address of the tracker, and the first of them as `HOST:PORT`.
fn nodes() -> (Vec<Dht>, String) {
    let ip: Bind = OWN.tracker.parse().expect("an address");
    let mut entry = Vec::new();
    let nodes = (0..5).map(|_| {
        let options = Options {
            bootstrap: entry.clone(),
            port: 0,
            file: None,
            route: Route::new(None, Some(ip.clone())),
        };
        let node = Dht::start(options).expect("a node starts");
        if entry.is_empty() {
            entry.push(format!(
                "{}:{}",
                OWN.tracker,
                node.port(true).expect("IPv4")
            ));
        }
        node
    });
    let nodes: Vec<Dht> = nodes.collect();
    (nodes, entry.remove(0))
}

fn wait_until_complete(stage: &Stage, what: impl Fn() -> String) {
    let began = Instant::now();
    while !stage.differing(false).is_empty() {
        assert!(began.elapsed() < PATIENCE, "{}", what());
        std::thread::sleep(Duration::from_millis(300));
    }
    eprintln!("everything is there after {:?}", began.elapsed());
}

/// A magnet link without trackers or peers.
fn bare_magnet(stage: &Stage) -> String {
    let link = stage.magnet();
    link.split('&').next().expect("a link").to_owned()
}

#[test]
fn libtorrent_is_found_in_the_table() {
    let test = "libtorrent_is_found_in_the_table";
    if network(module_path!(), test, Client::Libtorrent).is_none() {
        return;
    }
    let (_nodes, entry) = nodes();
    let stage = Stage::new(OWN);
    let home = stage.scratch.path();
    let (torrent, folder) = (home.join("bare.torrent"), home.join("full"));
    stage.write_without_tracker(&torrent);
    let seed = Client::Libtorrent.seed(Place {
        finder: &format!("dht={entry}"),
        ..stage.place(&torrent, &folder, false)
    });
    let link = bare_magnet(&stage);
    let words = ["download", &link, "--out", "empty", "--timeout", "90 s"];
    let fetched = run(home, &[&words[..], &["--dht-node", &entry]].concat());
    let all = format!("{}\n{}", stderr(&fetched), seed.last_words());
    assert!(fetched.status.success(), "{all}");
    assert!(stage.differing(false).is_empty(), "{all}");
}

#[test]
fn libtorrent_finds_us_in_the_table() {
    let test = "libtorrent_finds_us_in_the_table";
    if network(module_path!(), test, Client::Libtorrent).is_none() {
        return;
    }
    let (_nodes, entry) = nodes();
    let stage = Stage::new(OWN);
    let home = stage.scratch.path();
    let words = ["seed", "it.torrent", "--data", "full", "--no-tracker"];
    let words = [&words[..], &["--dht-node", &entry, "--bind", OWN.tracker]].concat();
    let _seed = Listening::start(unchoke(home, &words));
    let (link, folder) = (bare_magnet(&stage), home.join("empty"));
    let fetching = Client::Libtorrent.fetch(Place {
        finder: &format!("dht={entry}"),
        ..stage.place(link.as_ref(), &folder, false)
    });
    wait_until_complete(&stage, || fetching.last_words());
}

#[test]
fn libtorrent_and_we_find_each_other_in_the_local_network() {
    let test = "libtorrent_and_we_find_each_other_in_the_local_network";
    if !in_the_void(module_path!(), test, Some(Client::Libtorrent)) {
        return;
    }
    let stage = Stage::new(OWN);
    let home = stage.scratch.path();
    let torrent = home.join("bare.torrent");
    stage.write_without_tracker(&torrent);
    // First libtorrent seeds and our client finds it; then another client fetches from us.
    let full = home.join("full");
    let seed = Client::Libtorrent.seed(Place {
        finder: "lsd",
        ..stage.place(&torrent, &full, false)
    });
    let link = bare_magnet(&stage);
    let words = [
        "download",
        &link,
        "--out",
        "empty",
        "--timeout",
        "90 s",
        "--no-dht",
    ];
    let fetched = unrestricted(home, &words).output().expect("it runs");
    let all = format!("{}\n{}", stderr(&fetched), seed.last_words());
    assert!(fetched.status.success(), "{all}");
    assert!(stage.differing(false).is_empty(), "{all}");
    drop(seed);

    let words = ["seed", "bare.torrent", "--data", "empty", "--no-dht"];
    let _seed = Listening::start(unrestricted(home, &words));
    let other = home.join("other");
    let fetching = Client::Libtorrent.fetch(Place {
        finder: "lsd",
        ..stage.place(&torrent, &other, false)
    });
    let began = Instant::now();
    while !stage.differing_in("other", false).is_empty() {
        assert!(began.elapsed() < PATIENCE, "{}", fetching.last_words());
        std::thread::sleep(Duration::from_millis(300));
    }
}
