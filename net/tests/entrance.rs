//! One port for all torrents of a process: `unchoke run`, and `unchoke download` with several.

use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;

use crate::common::command::{Reporting, run, seed, stderr, unchoke};
use crate::common::ports::free_port;
use crate::common::{Sample, sample_called};

fn samples() -> Vec<Sample> {
    let sample = |name: &&str| sample_called(name, &[], 32 * 1024, 700_001);
    ["one", "two", "three"].iter().map(sample).collect()
}

/// Downloads a sample from this port.
fn fetch(sample: &Sample, port: &str, extra: &[&str]) {
    let home = tempfile::tempdir().expect("temporary folder");
    sample.write_torrent(home.path());
    let peer = format!("{}:{port}", Ipv4Addr::LOCALHOST);
    let words = [
        "download",
        "sample.torrent",
        "--no-tracker",
        "--peer",
        &peer,
        "--idle-timeout",
        "20 s",
    ];
    let fetched = run(home.path(), &[&words[..], extra].concat());
    assert!(fetched.status.success(), "{extra:?}: {}", stderr(&fetched));
    sample.assert_in(&home.path().join("downloads"));
}

/// The ports that the command reports, as many as torrents.
fn ports(running: &Reporting, count: usize) -> Vec<String> {
    let listening = |_| running.until(|it| it["event"] == "listening")["port"].to_string();
    (0..count).map(listening).collect()
}

/// Puts the samples, whose data are in `home/downloads` already, into `home/watch`.
fn watched(home: &Path, samples: &[Sample]) {
    fs::create_dir(home.join("watch")).expect("a folder");
    fs::create_dir(home.join("downloads")).expect("a folder");
    for (number, sample) in samples.iter().enumerate() {
        sample.write_payload(&home.join("downloads"));
        let torrent = home.join(format!("watch/{number}.torrent"));
        fs::write(torrent, &sample.torrent).expect("write");
    }
}

#[test]
fn all_torrents_of_a_folder_are_reached_by_one_port() {
    let (home, samples) = (tempfile::tempdir().expect("temporary folder"), samples());
    watched(home.path(), &samples);
    let words = ["run", "watch", "--no-tracker", "--policy", "unchoke_all"];
    let running = Reporting::start(unchoke(home.path(), &words));
    let ports = ports(&running, 3);
    assert!(ports.iter().all(|it| *it == ports[0]), "{ports:?}");
    for (number, sample) in samples.iter().enumerate() {
        fetch(sample, &ports[0], &["--encryption", "off", "--utp", "off"]);
        let ways = ["--encryption", "require", "--utp", "off"];
        fetch(sample, &ports[0], &ways);
        fetch(sample, &ports[0], &["--utp", "only"]);
        // The others go on without it.
        let file = home.path().join(format!("watch/{number}.torrent"));
        fs::remove_file(file).expect("removed");
        let hash = sample.metainfo.info_hash.to_string();
        running.until(|it| it["event"] == "end" && it["info_hash"] == hash);
    }
}

#[test]
fn several_downloads_share_the_port_of_the_user() {
    let (home, samples) = (tempfile::tempdir().expect("temporary folder"), samples());
    let port = free_port().to_string();
    let mut command = unchoke(home.path(), &["download", "--no-tracker", "--port", &port]);
    for (number, sample) in samples.iter().enumerate() {
        let torrent = home.path().join(format!("{number}.torrent"));
        fs::write(&torrent, &sample.torrent).expect("write");
        command.arg(torrent);
    }
    let running = Reporting::start(command);
    assert_eq!(ports(&running, 3), [&port[..]; 3]);
    // Each seed connects to the only port, and gives what it has.
    let peer = format!("{}:{port}", Ipv4Addr::LOCALHOST);
    let _seeds: Vec<_> = samples
        .iter()
        .map(|it| seed(it, &["--peer", &peer]))
        .collect();
    for _ in &samples {
        running.until(|it| it["event"] == "end" && it["end"] == "done");
    }
    for sample in &samples {
        sample.assert_in(&home.path().join("downloads"));
    }
}

#[test]
fn a_magnet_link_is_found_by_the_port_of_all() {
    let (home, samples) = (tempfile::tempdir().expect("temporary folder"), samples());
    watched(home.path(), &samples[..2]);
    let link = format!("magnet:?xt=urn:btih:{}", samples[2].metainfo.info_hash);
    fs::write(home.path().join("watch/2.magnet"), link).expect("write");
    let port = free_port().to_string();
    let words = ["run", "watch", "--no-tracker", "--port", &port];
    let running = Reporting::start(unchoke(home.path(), &words));
    // The search does not know any peer, so a peer has to come.
    running.until(|it| it["event"] == "metadata");
    let peer = format!("{}:{port}", Ipv4Addr::LOCALHOST);
    let _seed = seed(&samples[2], &["--peer", &peer]);
    let hash = samples[2].metainfo.info_hash.to_string();
    running.until(|it| it["event"] == "completed" && it["info_hash"] == hash);
    samples[2].assert_in(&home.path().join("downloads"));
}

#[test]
fn a_port_in_use_is_told_at_the_start() {
    let home = tempfile::tempdir().expect("temporary folder");
    watched(home.path(), &[]);
    let taken = TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0)).expect("a port");
    let port = taken.local_addr().expect("an address").port().to_string();
    let ended = run(
        home.path(),
        &["run", "watch", "--no-tracker", "--port", &port],
    );
    let said = stderr(&ended);
    assert!(!ended.status.success());
    assert!(
        said.contains(&format!("cannot listen on port {port}")),
        "{said}"
    );
}
