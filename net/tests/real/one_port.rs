//! Clients that get one of three torrents from the port that all of them share.

use std::fs;

use super::network::network;
use super::stage::{Stage, write_files};
use super::transfers::wait_for;
use crate::common::clients::Client;
use crate::common::command::{Listening, run, stderr, unchoke};

/// `unchoke run` seeds three torrents, and the client downloads the first.
fn one_of_three_goes_to(client: Client, encrypted: bool, test: &str) {
    let Some(network) = network(module_path!(), test, client) else {
        return;
    };
    let stage = Stage::new(network);
    let home = stage.scratch.path();
    let watched = home.join("watch");
    fs::create_dir(&watched).expect("folder");
    let torrent = home.join("it.torrent");
    fs::copy(&torrent, watched.join("1.torrent")).expect("copy");
    for (name, bytes) in [("second.bin", 1_000_000), ("third.bin", 2_000_001)] {
        write_files(&home.join("full"), &[(name, bytes)]);
        let (data, out) = (format!("full/{name}"), format!("watch/{name}.torrent"));
        let made = run(home, &["create", &data, "--out", &out]);
        assert!(made.status.success(), "{}", stderr(&made));
    }
    let words = ["run", "watch", "--out", "full", "--policy", "unchoke_all"];
    let running = Listening::start(unchoke(home, &words));
    let folder = home.join("empty");
    let fetching = client.fetch(stage.place(&torrent, &folder, encrypted));
    wait_for(&stage, &fetching, client);
    drop(running);
}

#[test]
fn aria2_gets_one_of_three() {
    one_of_three_goes_to(Client::Aria2, false, "aria2_gets_one_of_three");
}

#[test]
fn libtorrent_that_requires_encryption_gets_one_of_three() {
    let test = "libtorrent_that_requires_encryption_gets_one_of_three";
    one_of_three_goes_to(Client::Libtorrent, true, test);
}

#[test]
#[ignore = "half a minute; .ci/run runs it, and so does --include-ignored"]
fn aria2_that_requires_encryption_gets_one_of_three() {
    let test = "aria2_that_requires_encryption_gets_one_of_three";
    one_of_three_goes_to(Client::Aria2, true, test);
}

#[test]
#[ignore = "half a minute; .ci/run runs it, and so does --include-ignored"]
fn transmission_that_requires_encryption_gets_one_of_three() {
    let test = "transmission_that_requires_encryption_gets_one_of_three";
    one_of_three_goes_to(Client::Transmission, true, test);
}

#[test]
#[ignore = "half a minute; .ci/run runs it, and so does --include-ignored"]
fn qbittorrent_gets_one_of_three() {
    one_of_three_goes_to(Client::Qbittorrent, false, "qbittorrent_gets_one_of_three");
}
