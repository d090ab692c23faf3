//! Transfers over uTP with libtorrent, with its TCP turned off.

use std::time::{Duration, Instant};

use super::network::network;
use super::stage::Stage;
use crate::common::clients::{Client, Place};
use crate::common::command::{Listening, run, stderr, unchoke};

const PATIENCE: Duration = Duration::from_mins(2);

#[test]
#[ignore = "half a minute; .ci/run runs it, and so does --include-ignored"]
fn libtorrent_seeds_to_us_over_utp() {
    let test = "libtorrent_seeds_to_us_over_utp";
    let Some(network) = network(module_path!(), test, Client::Libtorrent) else {
        return;
    };
    for encrypted in [false, true] {
        let stage = Stage::new(network);
        let home = stage.scratch.path();
        let (torrent, folder) = (home.join("it.torrent"), home.join("full"));
        let seed = Client::Libtorrent.seed(Place {
            utp: true,
            ..stage.place(&torrent, &folder, encrypted)
        });
        let peer = format!("{}:7702", network.client);
        let words = [
            "download",
            "it.torrent",
            "--out",
            "empty",
            "--timeout",
            "90 s",
        ];
        let utp = ["--peer", &peer, "--utp", "only"];
        let began = Instant::now();
        let fetched = run(home, &[&words[..], &utp].concat());
        let all = format!("{}\n{}", stderr(&fetched), seed.last_words());
        assert!(fetched.status.success(), "{all}");
        assert!(stage.differing(false).is_empty(), "{all}");
        eprintln!("over uTP after {:?}", began.elapsed());
    }
}

#[test]
#[ignore = "half a minute; .ci/run runs it, and so does --include-ignored"]
fn libtorrent_fetches_from_us_over_utp() {
    let test = "libtorrent_fetches_from_us_over_utp";
    let Some(network) = network(module_path!(), test, Client::Libtorrent) else {
        return;
    };
    for encrypted in [false, true] {
        let stage = Stage::new(network);
        let home = stage.scratch.path();
        let words = ["seed", "it.torrent", "--data", "full", "--utp", "only"];
        let words = [&words[..], &["--policy", "unchoke_all"]].concat();
        let seed = Listening::start(unchoke(home, &words));
        let (torrent, folder) = (home.join("it.torrent"), home.join("empty"));
        let fetching = Client::Libtorrent.fetch(Place {
            utp: true,
            ..stage.place(&torrent, &folder, encrypted)
        });
        let began = Instant::now();
        while !stage.differing(false).is_empty() {
            assert!(began.elapsed() < PATIENCE, "{}", fetching.last_words());
            std::thread::sleep(Duration::from_millis(300));
        }
        eprintln!("over uTP after {:?}", began.elapsed());
        drop(seed);
    }
}
