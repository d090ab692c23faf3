//! Transfers with each client, in both directions. Peers find each other by a tracker.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use super::network::network;
use super::stage::Stage;
use crate::common::clients::{Client, Place, Running};
use crate::common::command::{Listening, run, stderr, unchoke};

/// Transmission acts on timers of ten seconds; other clients need less time.
const PATIENCE: Duration = Duration::from_mins(2);

/// What a client gets: the torrent file or a magnet link.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Given {
    File,
    Magnet,
}

/// The policy for the transfer with this client: one that ranks by rate, one that divides its
/// upload by weights, or one that caps uploads.
fn policy(client: Client) -> &'static str {
    match client {
        Client::Transmission => "bep3",
        Client::Aria2 => "propshare",
        Client::Libtorrent | Client::Rtorrent | Client::Qbittorrent | Client::Webtorrent => {
            "thrift"
        }
    }
}

/// The client seeds and we download.
fn we_fetch_from(client: Client, given: Given, encrypted: bool, test: &str) {
    let Some(network) = network(module_path!(), test, client) else {
        return;
    };
    let stage = Stage::new(network);
    let home = stage.scratch.path();
    let (torrent, folder) = (home.join("it.torrent"), home.join("full"));
    let seed = client.seed(stage.place(&torrent, &folder, encrypted));
    let given = match given {
        Given::File => "it.torrent".to_owned(),
        Given::Magnet => stage.magnet(),
    };
    let words = [
        "download",
        &given,
        "--out",
        "empty",
        "--idle-timeout",
        "60 s",
        "--policy",
        policy(client),
    ];
    // We may ask the tracker before the client has announced itself, and the tracker's interval is
    // minutes. So restart the download as a user would.
    let deadline = Instant::now() + PATIENCE;
    let mut said = String::new();
    while Instant::now() < deadline {
        let asked = run(home, &["announce", "it.torrent", "--port", "9"]);
        said = String::from_utf8_lossy(&asked.stdout).into_owned();
        if said.contains(":7702") {
            break;
        }
        std::thread::sleep(Duration::from_millis(500));
    }
    assert!(
        said.contains(":7702"),
        "the tracker does not know it: {said}\n{}",
        seed.last_words()
    );
    let fetched = run(home, &words);
    let all = format!("{}\n{client:?}: {}", stderr(&fetched), seed.last_words());
    assert!(fetched.status.success(), "{all}");
    assert_eq!(stage.differing(false), [] as [&Path; 0], "{all}");
    eprintln!("{}", String::from_utf8_lossy(&fetched.stdout).trim());
}

/// We seed and the client downloads.
fn we_seed_to(client: Client, given: Given, encrypted: bool, test: &str) {
    let Some(network) = network(module_path!(), test, client) else {
        return;
    };
    let stage = Stage::new(network);
    let home = stage.scratch.path();
    let words = [
        "seed",
        "it.torrent",
        "--data",
        "full",
        "--policy",
        policy(client),
    ];
    let seed = Listening::start(unchoke(home, &words));
    let torrent = match given {
        Given::File => home.join("it.torrent"),
        Given::Magnet => stage.magnet().into(),
    };
    let folder = home.join("empty");
    let fetching = client.fetch(stage.place(&torrent, &folder, encrypted));
    wait_for(&stage, &fetching, client);
    drop(seed);
}

pub(super) fn wait_for(stage: &Stage, fetching: &Running, client: Client) {
    // Transmission never creates empty files.
    let lenient = client == Client::Transmission;
    let began = Instant::now();
    loop {
        let differing = stage.differing(lenient);
        if differing.is_empty() {
            eprintln!("{client:?} has everything after {:?}", began.elapsed());
            return;
        }
        assert!(
            began.elapsed() < PATIENCE,
            "{differing:?} are wrong or missing\n{}",
            fetching.last_words()
        );
        std::thread::sleep(Duration::from_secs(1));
    }
}

/// We seed with hidden pieces (super-seeding), and two instances of the client download, from us
/// and from each other. The client disconnects a peer that sends `upload_only` and shows no pieces.
fn we_reveal_to_two(client: Client, policy: &str, test: &str) {
    let Some(network) = network(module_path!(), test, client) else {
        return;
    };
    let stage = Stage::new(network);
    let home = stage.scratch.path();
    let words = ["seed", "it.torrent", "--data", "full", "--policy", policy];
    let seed = Listening::start(unchoke(home, &words));
    let (torrent, folders) = (home.join("it.torrent"), ["empty", "other"]);
    let (first, second) = (home.join(folders[0]), home.join(folders[1]));
    let place = stage.place(&torrent, &first, false);
    let fetching = client.fetch(place);
    let logs = home.join("logs");
    fs::create_dir(&logs).expect("folder");
    let _second = client.fetch(Place {
        folder: &second,
        scratch: &logs,
        port: 7703,
        ..place
    });
    let began = Instant::now();
    while folders
        .iter()
        .any(|it| !stage.differing_in(it, false).is_empty())
    {
        assert!(
            began.elapsed() < 2 * PATIENCE,
            "{policy}: not complete\n{}",
            fetching.last_words()
        );
        std::thread::sleep(Duration::from_secs(1));
    }
    eprintln!("{policy}: both complete after {:?}", began.elapsed());
    drop(seed);
}

#[test]
fn libtorrent_fetches_from_a_super_seed() {
    let test = "libtorrent_fetches_from_a_super_seed";
    we_reveal_to_two(Client::Libtorrent, "superseed", test);
}

#[test]
fn libtorrent_fetches_from_a_smart_seed() {
    let test = "libtorrent_fetches_from_a_smart_seed";
    we_reveal_to_two(Client::Libtorrent, "smartseed", test);
}

#[test]
fn transmission_seeds_to_us() {
    we_fetch_from(
        Client::Transmission,
        Given::File,
        false,
        "transmission_seeds_to_us",
    );
}

#[test]
fn transmission_fetches_from_us() {
    we_seed_to(
        Client::Transmission,
        Given::File,
        false,
        "transmission_fetches_from_us",
    );
}

#[test]
fn aria2_seeds_to_us() {
    we_fetch_from(Client::Aria2, Given::File, false, "aria2_seeds_to_us");
}

#[test]
fn aria2_fetches_from_us() {
    we_seed_to(Client::Aria2, Given::File, false, "aria2_fetches_from_us");
}

#[test]
fn libtorrent_seeds_to_us() {
    we_fetch_from(
        Client::Libtorrent,
        Given::File,
        false,
        "libtorrent_seeds_to_us",
    );
}

#[test]
fn libtorrent_fetches_from_us() {
    we_seed_to(
        Client::Libtorrent,
        Given::File,
        false,
        "libtorrent_fetches_from_us",
    );
}

#[test]
#[ignore = "half a minute; .ci/run runs it, and so does --include-ignored"]
fn transmission_that_requires_encryption_seeds_to_us() {
    let test = "transmission_that_requires_encryption_seeds_to_us";
    we_fetch_from(Client::Transmission, Given::File, true, test);
}

#[test]
#[ignore = "half a minute; .ci/run runs it, and so does --include-ignored"]
fn transmission_that_requires_encryption_fetches_from_us() {
    let test = "transmission_that_requires_encryption_fetches_from_us";
    we_seed_to(Client::Transmission, Given::File, true, test);
}

#[test]
#[ignore = "half a minute; .ci/run runs it, and so does --include-ignored"]
fn aria2_that_requires_encryption_seeds_to_us() {
    let test = "aria2_that_requires_encryption_seeds_to_us";
    we_fetch_from(Client::Aria2, Given::File, true, test);
}

#[test]
#[ignore = "half a minute; .ci/run runs it, and so does --include-ignored"]
fn aria2_that_requires_encryption_fetches_from_us() {
    let test = "aria2_that_requires_encryption_fetches_from_us";
    we_seed_to(Client::Aria2, Given::File, true, test);
}

#[test]
#[ignore = "half a minute; .ci/run runs it, and so does --include-ignored"]
fn libtorrent_that_requires_encryption_seeds_to_us() {
    let test = "libtorrent_that_requires_encryption_seeds_to_us";
    we_fetch_from(Client::Libtorrent, Given::File, true, test);
}

#[test]
#[ignore = "half a minute; .ci/run runs it, and so does --include-ignored"]
fn libtorrent_that_requires_encryption_fetches_from_us() {
    let test = "libtorrent_that_requires_encryption_fetches_from_us";
    we_seed_to(Client::Libtorrent, Given::File, true, test);
}

#[test]
fn libtorrent_gives_us_the_torrent_of_a_magnet_link() {
    let test = "libtorrent_gives_us_the_torrent_of_a_magnet_link";
    we_fetch_from(Client::Libtorrent, Given::Magnet, false, test);
}

#[test]
fn libtorrent_gets_the_torrent_of_a_magnet_link_from_us() {
    let test = "libtorrent_gets_the_torrent_of_a_magnet_link_from_us";
    we_seed_to(Client::Libtorrent, Given::Magnet, false, test);
}

#[test]
fn transmission_gives_us_the_torrent_of_a_magnet_link() {
    let test = "transmission_gives_us_the_torrent_of_a_magnet_link";
    we_fetch_from(Client::Transmission, Given::Magnet, false, test);
}

#[test]
fn aria2_gives_us_the_torrent_of_a_magnet_link() {
    let test = "aria2_gives_us_the_torrent_of_a_magnet_link";
    we_fetch_from(Client::Aria2, Given::Magnet, false, test);
}

#[test]
fn aria2_gets_the_torrent_of_a_magnet_link_from_us() {
    let test = "aria2_gets_the_torrent_of_a_magnet_link_from_us";
    we_seed_to(Client::Aria2, Given::Magnet, false, test);
}
