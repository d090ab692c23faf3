//! Peers found by the distributed hash table, with nodes on loopback; and the cases in which the
//! table must not be asked.

use std::fs;
use std::net::{Ipv4Addr, UdpSocket};
use std::time::{Duration, Instant};

use unchoke_core::metainfo::Metainfo;
use unchoke_net::dht::{Dht, Find, Options};
use unchoke_net::route::Route;

use crate::common::command::{Listening, Reporting, run, stderr, unchoke};
use crate::common::{PATIENCE, Sample, sample};

fn node(bootstrap: &[&Dht]) -> Dht {
    let address = |it: &&Dht| format!("127.0.0.1:{}", it.port(true).expect("IPv4"));
    let options = Options {
        bootstrap: bootstrap.iter().map(address).collect(),
        port: 0,
        file: None,
        route: Route::default(),
    };
    Dht::start(options).expect("a node starts")
}

/// DHT nodes that know each other.
struct Net {
    nodes: Vec<Dht>,
    /// The address of the first node, for `--dht-node`.
    entry: String,
}

impl Net {
    fn new() -> Self {
        let first = node(&[]);
        let entry = format!("127.0.0.1:{}", first.port(true).expect("IPv4"));
        let mut nodes = vec![first];
        for _ in 0..9 {
            nodes.push(node(&[&nodes[0]]));
        }
        Self { nodes, entry }
    }
}

impl Drop for Net {
    fn drop(&mut self) {
        self.nodes.iter().for_each(Dht::close);
    }
}

fn seed(sample: &Sample, net: &Net) -> Listening {
    let folder = sample.folder.path();
    let torrent = sample.write_torrent(folder);
    let torrent = torrent.to_str().expect("text");
    let words = [
        "seed",
        torrent,
        "--data",
        ".",
        "--no-tracker",
        "--policy",
        "unchoke_all",
    ];
    let mut command = unchoke(folder, &[&words[..], &["--dht-node", &net.entry]].concat());
    command.current_dir(folder);
    Listening::start(command)
}

fn magnet(sample: &Sample) -> String {
    format!("magnet:?xt=urn:btih:{}", sample.metainfo.info_hash)
}

#[test]
fn a_link_without_trackers_starts_from_the_table_and_the_table_is_kept() {
    let (net, sample) = (Net::new(), sample());
    let seed = seed(&sample, &net);
    let away = tempfile::tempdir().expect("temporary folder");
    let link = magnet(&sample);
    let words = [
        "download",
        &link,
        "--timeout",
        "60 s",
        "--dht-node",
        &net.entry,
    ];
    let fetched = run(away.path(), &words);
    assert!(fetched.status.success(), "{}", stderr(&fetched));
    assert!(stderr(&fetched).contains("DHT: "), "{}", stderr(&fetched));
    sample.assert_in(&away.path().join("downloads"));

    // The next run knows nodes from the file and needs no bootstrap node.
    let kept = away.path().join(".state/unchoke/dht");
    assert!(fs::metadata(&kept).expect("the nodes are kept").len() > 26 * 5);
    let dead = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let nobody = dead.local_addr().expect("an address").to_string();
    let words = [
        "download",
        &link,
        "--timeout",
        "60 s",
        "--out",
        "again",
        "--dht-node",
        &nobody,
    ];
    let fetched = run(away.path(), &words);
    assert!(fetched.status.success(), "{}", stderr(&fetched));
    sample.assert_in(&away.path().join("again"));
    drop(seed);
}

/// A hybrid has a swarm for each of its hashes. Here only the swarm of the second one has a peer.
#[test]
fn a_link_with_two_hashes_is_searched_under_both() {
    let (net, sample) = (Net::new(), sample());
    let home = sample.folder.path();
    let words = ["create", "sample", "--hybrid", "--out", "hybrid.torrent"];
    let made = run(home, &words);
    assert!(made.status.success(), "{}", stderr(&made));
    let torrent = fs::read(home.join("hybrid.torrent")).expect("made");
    let torrent = Metainfo::parse(&torrent).expect("our own");
    let second = torrent.version_2.as_ref().expect("version 2").info_hash;
    let words = ["seed", "hybrid.torrent", "--data", ".", "--no-tracker"];
    let seed = Listening::start(unchoke(home, &words));
    let announced = net.nodes[5].want(second.truncated(), Some(seed.port));
    let away = tempfile::tempdir().expect("temporary folder");
    let first = torrent.info_hash;
    let link = format!("magnet:?xt=urn:btih:{first}&xt=urn:btmh:1220{second}");
    let words = ["download", &link, "--timeout", "60 s"];
    let fetched = run(
        away.path(),
        &[&words[..], &["--dht-node", &net.entry]].concat(),
    );
    assert!(fetched.status.success(), "{}", stderr(&fetched));
    sample.assert_in(&away.path().join("downloads"));
    drop(announced);
}

#[test]
fn nodes_that_a_torrent_names_are_asked_and_a_peer_tells_of_its_node() {
    let (net, sample) = (Net::new(), sample());
    let seed = seed(&sample, &net);
    let away = tempfile::tempdir().expect("temporary folder");
    let port = net.nodes[3].port(true).expect("IPv4");
    let named = format!("5:nodesll9:127.0.0.1i{port}eeee");
    let bytes = &sample.torrent[..sample.torrent.len() - 1];
    let torrent = [bytes, named.as_bytes()].concat();
    fs::write(away.path().join("it.torrent"), torrent).expect("write");
    let dead = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let nobody = dead.local_addr().expect("an address").to_string();
    let words = [
        "download",
        "it.torrent",
        "--timeout",
        "60 s",
        "--dht-node",
        &nobody,
    ];
    let fetched = run(away.path(), &words);
    assert!(fetched.status.success(), "{}", stderr(&fetched));
    sample.assert_in(&away.path().join("downloads"));

    // Here the table learns nodes only through the peer, which is given on the command line.
    let other = tempfile::tempdir().expect("temporary folder");
    fs::write(other.path().join("it.torrent"), &sample.torrent).expect("write");
    let peer = seed.peer();
    let words = [
        "download",
        "it.torrent",
        "--no-tracker",
        "--peer",
        &peer,
        "--seed",
    ];
    let command = unchoke(
        other.path(),
        &[&words[..], &["--dht-node", &nobody]].concat(),
    );
    let told = Reporting::start(command);
    told.until(|it| {
        let text = it["text"].as_str().unwrap_or_default();
        it["event"] == "source" && text.ends_with("answered")
    });
}

/// A socket in the place of a DHT node. Returns the number of datagrams that it receives within
/// `time`.
fn heard(words: &[&str], folder: &std::path::Path, time: Duration) -> usize {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let entry = socket.local_addr().expect("an address").to_string();
    let all = [words, &["--dht-node", &entry]].concat();
    let mut command = unchoke(folder, &all);
    command
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null());
    let mut child = command.spawn().expect("the command starts");
    let (mut count, end) = (0, Instant::now() + time);
    socket
        .set_read_timeout(Some(Duration::from_millis(100)))
        .expect("a limit");
    while Instant::now() < end {
        count += usize::from(socket.recv(&mut [0; 2000]).is_ok());
    }
    child.kill().expect("kills");
    child.wait().expect("ends");
    count
}

#[test]
fn private_torrents_proxies_and_users_who_say_so_keep_away_from_the_table() {
    let sample = sample();
    let home = sample.folder.path();
    sample.write_torrent(home);
    let made = run(
        home,
        &["create", "sample", "--private", "--out", "private.torrent"],
    );
    assert!(made.status.success(), "{}", stderr(&made));
    let time = Duration::from_secs(2);
    let shared = ["download", "sample.torrent", "--out", "x"];
    assert!(heard(&shared, home, time) > 0, "a shared torrent asks");
    for verb in ["download", "seed"] {
        let folder = if verb == "seed" { "--data" } else { "--out" };
        assert_eq!(
            heard(&[verb, "private.torrent", folder, "."], home, time),
            0,
            "{verb}"
        );
    }
    let proxied = [&shared[..], &["--proxy", "socks5://127.0.0.1:9"]].concat();
    assert_eq!(heard(&proxied, home, time), 0, "through a proxy");
    let refused = run(
        home,
        &[
            "download",
            "sample.torrent",
            "--no-dht",
            "--dht-node",
            "a:1",
        ],
    );
    assert_eq!(refused.status.code(), Some(2));
}

/// Without IPv6 nodes the searches of that family find nobody, and say nothing about the other.
#[test]
fn a_family_without_nodes_does_not_hide_those_of_the_other() {
    let first = node(&[]);
    if first.port(false).is_none() {
        eprintln!("SKIPPED: the machine has no IPv6");
        return;
    }
    let second = node(&[&first]);
    let mut finds = second.want(unchoke_core::ids::InfoHash([8; 20]), None);
    let runtime = tokio::runtime::Runtime::new().expect("runtime");
    let counts = runtime.block_on(async {
        let mut counts = Vec::new();
        let all = async {
            while counts.iter().filter(|it| **it > 0).count() < 3 {
                if let Some(Find::Searched(nodes)) = finds.recv().await {
                    counts.push(nodes);
                }
            }
        };
        let in_time = tokio::time::timeout(PATIENCE * 2, all).await;
        assert!(in_time.is_ok(), "too few searches");
        counts
    });
    let first_answer = counts.iter().position(|it| *it > 0).expect("some answer");
    assert!(!counts[first_answer..].contains(&0), "{counts:?}");
    first.close();
    second.close();
}

/// Peers that announce themselves over IPv6 are found over IPv6.
#[test]
fn both_families_have_a_table() {
    let first = node(&[]);
    let Some(port) = first.port(false) else {
        eprintln!("SKIPPED: the machine has no IPv6");
        return;
    };
    let options = Options {
        bootstrap: vec![format!("[::1]:{port}")],
        port: 0,
        file: None,
        route: Route::new(None, Some("::1".parse().expect("an address"))),
    };
    let second = Dht::start(options).expect("a node starts");
    assert_eq!(second.port(true), None, "bound to IPv6 alone");
    let hash = unchoke_core::ids::InfoHash([9; 20]);
    let _there = second.want(hash, Some(4242));
    let runtime = tokio::runtime::Runtime::new().expect("runtime");
    let found = runtime.block_on(async {
        // The first search may come before the announce.
        let deadline = Instant::now() + PATIENCE;
        loop {
            let mut finds = first.want(hash, None);
            let find = tokio::time::timeout(Duration::from_secs(1), async {
                loop {
                    if let Some(Find::Peers(peers)) = finds.recv().await {
                        return peers;
                    }
                }
            });
            match find.await {
                Ok(peers) => return peers,
                Err(_) => assert!(Instant::now() < deadline, "no peer is found"),
            }
        }
    });
    assert_eq!(found, ["[::1]:4242".parse().expect("an address")]);
    first.close();
    second.close();
}
