//! Transfers over uTP between two of our own clients, on loopback.

use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU16, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use unchoke_core::ids::InfoHash;
use unchoke_core::utp::{Kind, Packet};
use unchoke_net::dht::{Dht, Find, Options};
use unchoke_net::route::{Bind, Route};
use unchoke_net::session::{Session, Settings};
use unchoke_net::utp::{Utp, UtpMode};

use crate::common::command::{Listening, run, seed, stderr, unchoke, wait};
use crate::common::ports::free_port;
use crate::common::{PATIENCE, sample, sample_called, sample_with};

#[test]
fn a_torrent_comes_over_utp_alone_also_encrypted() {
    for encryption in ["off", "require"] {
        let sample = sample_with(&[], 256 * 1024, 20_000_000);
        let seed = seed(&sample, &["--utp", "only", "--encryption", encryption]);
        let away = tempfile::tempdir().expect("temporary folder");
        sample.write_torrent(away.path());
        let peer = seed.peer();
        let words = [
            "download",
            "sample.torrent",
            "--no-tracker",
            "--peer",
            &peer,
        ];
        let utp = [
            "--utp",
            "only",
            "--encryption",
            encryption,
            "--timeout",
            "60 s",
        ];
        let fetched = run(away.path(), &[&words[..], &utp].concat());
        assert!(fetched.status.success(), "{}", stderr(&fetched));
        sample.assert_in(&away.path().join("downloads"));
    }
}

#[test]
fn who_is_not_reached_by_tcp_is_reached_by_utp_and_nothing_passes_a_proxy() {
    let sample = sample();
    let seed = seed(&sample, &["--utp", "only"]);
    let away = tempfile::tempdir().expect("temporary folder");
    sample.write_torrent(away.path());
    let peer = seed.peer();
    let words = [
        "download",
        "sample.torrent",
        "--no-tracker",
        "--peer",
        &peer,
    ];
    let with = |utp, extra: &[&str]| {
        let end = ["--utp", utp, "--timeout", "4 s"];
        let words = [&words[..], &end, extra].concat();
        let mut command = unchoke(away.path(), &words);
        // So that a failure shows what happened.
        command.env("UNCHOKE_LOG", "debug").stdin(Stdio::null());
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped());
        wait(child.spawn().expect("the command starts"), &words)
    };
    let refused = with("off", &[]);
    assert_eq!(refused.status.code(), Some(1), "{}", stderr(&refused));
    let fetched = with("allow", &[]);
    assert!(fetched.status.success(), "{}", stderr(&fetched));
    sample.assert_in(&away.path().join("downloads"));
    let proxied = with(
        "only",
        &["--proxy", "socks5://127.0.0.1:9", "--out", "proxied"],
    );
    assert_eq!(proxied.status.code(), Some(1), "{}", stderr(&proxied));
}

/// Whoever dials needs no certain port.
#[test]
fn who_is_not_reached_by_tcp_is_reached_by_utp_from_another_port_than_ours() {
    let sample = sample();
    let seed = seed(&sample, &["--utp", "only"]);
    let away = tempfile::tempdir().expect("temporary folder");
    sample.write_torrent(away.path());
    let other = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, free_port())).expect("a port");
    let port = other.local_addr().expect("an address").port().to_string();
    let peer = seed.peer();
    let words = ["download", "sample.torrent", "--no-tracker", "--peer"];
    let end = [&peer, "--port", &port, "--timeout", "10 s"];
    let fetched = run(away.path(), &[&words[..], &end].concat());
    assert!(fetched.status.success(), "{}", stderr(&fetched));
    sample.assert_in(&away.path().join("downloads"));
}

/// A client that takes no TCP may still listen, and close each connection at once.
#[test]
fn who_hangs_up_by_tcp_before_any_byte_is_reached_by_utp() {
    let sample = sample();
    let seed = seed(&sample, &["--utp", "only"]);
    let door = TcpListener::bind((Ipv4Addr::LOCALHOST, seed.port)).expect("TCP is unused");
    std::thread::spawn(move || door.incoming().for_each(drop));
    let (hash, peer) = (sample.metainfo.info_hash, seed.peer());
    let link = format!("magnet:?xt=urn:btih:{hash}");
    for encryption in ["allow", "off", "require"] {
        let away = tempfile::tempdir().expect("temporary folder");
        let words = ["download", &link, "--no-tracker", "--peer", &peer];
        let end = ["--encryption", encryption, "--timeout", "10 s"];
        let fetched = run(away.path(), &[&words[..], &end].concat());
        assert!(fetched.status.success(), "{}", stderr(&fetched));
        sample.assert_in(&away.path().join("downloads"));
    }
}

/// The search for the torrent of a link uses uTP as well.
#[test]
fn a_link_is_fetched_over_utp_alone() {
    let sample = sample();
    for seeding in ["only", "allow"] {
        let seed = seed(&sample, &["--utp", seeding]);
        let away = tempfile::tempdir().expect("temporary folder");
        let (hash, peer) = (sample.metainfo.info_hash, seed.peer());
        let link = format!("magnet:?xt=urn:btih:{hash}");
        let words = ["download", &link, "--no-tracker", "--peer", &peer];
        let with = |utp| {
            let end = ["--utp", utp, "--timeout", "60 s"];
            run(away.path(), &[&words[..], &end].concat())
        };
        let fetched = with("only");
        assert!(fetched.status.success(), "{}", stderr(&fetched));
        sample.assert_in(&away.path().join("downloads"));
    }
    // Without uTP the peer cannot be reached.
    let seed = seed(&sample, &["--utp", "only"]);
    let away = tempfile::tempdir().expect("temporary folder");
    let (hash, peer) = (sample.metainfo.info_hash, seed.peer());
    let link = format!("magnet:?xt=urn:btih:{hash}");
    let words = ["download", &link, "--no-tracker", "--peer", &peer];
    let off = ["--utp", "off", "--timeout", "3 s"];
    let refused = run(away.path(), &[&words[..], &off].concat());
    assert_eq!(refused.status.code(), Some(1), "{}", stderr(&refused));
}

/// One UDP port is enough: the table answers there, and connections by uTP arrive.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_table_and_utp_share_a_port() {
    let here = Route::new(None, Some(Bind::Address(Ipv4Addr::LOCALHOST.into())));
    let table = |bootstrap: Vec<String>| {
        let route = here.clone();
        Dht::start(Options {
            bootstrap,
            port: 0,
            file: None,
            route,
        })
    };
    let first = table(Vec::new()).expect("a node starts");
    let port = first.port(true).expect("it has a port");
    let alone = Utp::start(&here, port, None);
    assert!(alone.is_err(), "the port is in use");
    let (ours, mut strangers) = Utp::start(&here, port, Some(&first.ports())).expect("they share");
    let (theirs, _) = Utp::start(&here, 0, None).expect("it listens");
    let second = table(vec![format!("127.0.0.1:{port}")]).expect("a node starts");
    let hash = InfoHash([9; 20]);
    let _there = second.want(hash, Some(4242));
    for _ in 0..2 {
        let dialled = tokio::time::timeout(PATIENCE, theirs.connect(([127, 0, 0, 1], port).into()));
        let mut stream = dialled.await.expect("in time").expect("connected");
        stream.write_all(b"hello").await.expect("sent");
        let (mut met, _) = strangers.recv().await.expect("it is reported");
        let mut bytes = [0; 5];
        met.read_exact(&mut bytes).await.expect("received");
        assert_eq!(&bytes, b"hello");
    }
    let found = tokio::time::timeout(PATIENCE, async {
        loop {
            let mut finds = first.want(hash, None);
            let find = tokio::time::timeout(Duration::from_secs(1), finds.recv());
            if let Ok(Some(Find::Peers(peers))) = find.await {
                return peers;
            }
        }
    });
    let there = std::net::SocketAddr::from(([127, 0, 0, 1], 4242));
    assert_eq!(found.await.expect("found in time"), [there]);
    // The table has the port, so it stays when uTP is closed, and may be shared again.
    ours.close().await;
    let again = Utp::start(&here, port, Some(&first.ports()));
    assert!(again.is_ok());
    drop(again);
    for table in [first, second] {
        table.close();
    }
}

/// A session that is given only the table uses uTP on its port.
#[tokio::test]
async fn a_session_shares_the_port_of_its_table() {
    let sample = sample();
    let here = Route::new(None, Some(Bind::Address(Ipv4Addr::LOCALHOST.into())));
    let table = Dht::start(Options {
        bootstrap: Vec::new(),
        port: 0,
        file: None,
        route: here.clone(),
    });
    let table = table.expect("a node starts");
    let folder = tempfile::tempdir().expect("temporary folder");
    let settings = Settings {
        port: table.port(true).expect("it has a port"),
        utp: UtpMode::Only,
        dht: Some(table.clone()),
        route: here,
        ..sample.settings(folder.path())
    };
    let (notices, _) = tokio::sync::mpsc::unbounded_channel();
    let session = Session::open(settings, notices).await;
    session.map(drop).expect("it has no socket of its own");
    table.close();
}

/// The table of a shared torrent may have the port of a private one, which uses uTP all the same.
#[test]
fn a_private_torrent_uses_utp_on_the_port_of_the_table() {
    let sample = sample();
    let shared = seed(&sample, &["--utp", "only"]);
    let hidden = sample_called("hidden", &[], 32 * 1024, 200_001);
    let home = hidden.folder.path();
    sample.write_torrent(home);
    let words = ["create", "hidden", "--private", "--out", "private.torrent"];
    assert!(run(home, &words).status.success());
    let words = ["seed", "private.torrent", "--data", "."];
    let only = ["--no-tracker", "--utp", "only"];
    let private = Listening::start(unchoke(home, &[&words[..], &only].concat()));
    // Both of two neighbouring ports are needed.
    let free = |port: u16| UdpSocket::bind((Ipv4Addr::UNSPECIFIED, port)).is_ok();
    let port = (20_000..30_000)
        .step_by(2)
        .find(|it| free(*it) && free(it + 1));
    let port = port.expect("free ports").to_string();
    let (first, second) = (private.peer(), shared.peer());
    let words = ["download", "private.torrent", "sample.torrent"];
    let here = [
        "--port",
        &port,
        "--dht-node",
        "127.0.0.1:9",
        "--out",
        "both",
    ];
    let peers = ["--peer", &first, "--peer", &second, "--timeout", "30 s"];
    let fetched = run(home, &[&words[..], &only, &here, &peers].concat());
    assert!(fetched.status.success(), "{}", stderr(&fetched));
    hidden.assert_in(&home.join("both"));
    sample.assert_in(&home.join("both"));
}

/// First packets may have forged addresses, so they must cost no file descriptors.
#[cfg(target_os = "linux")]
#[test]
fn connections_that_only_begin_take_no_file_descriptors() {
    let sample = sample();
    let seed = seed(&sample, &[]);
    let descriptors = format!("/proc/{}/fd", seed.child.id());
    let open = || std::fs::read_dir(&descriptors).expect("a folder").count();
    let before = open();
    let (sent, stop) = (AtomicU16::new(0), AtomicBool::new(false));
    std::thread::scope(|scope| {
        scope.spawn(|| flood(seed.port, &sent, &stop));
        while sent.load(Ordering::Relaxed) < 200 {
            std::thread::sleep(Duration::from_millis(20));
        }
        // A few for files that it looks at meanwhile.
        let now = open();
        stop.store(true, Ordering::Relaxed);
        assert!(now < before + 10, "{before} before, {now} in the flood");
    });
}

#[cfg(target_os = "linux")]
#[test]
fn the_limit_of_open_files_is_raised() {
    let seed = seed(&sample(), &[]);
    let limits = format!("/proc/{}/limits", seed.child.id());
    let limits = std::fs::read_to_string(limits).expect("limits");
    let files = limits.lines().find(|it| it.starts_with("Max open files"));
    let files: Vec<&str> = files.expect("a limit").split_whitespace().collect();
    let [soft, hard] = [3, 4].map(|it| files[it].parse().unwrap_or(u64::MAX));
    assert!(soft >= hard.min(1 << 16), "{soft} of {hard}");
}

/// Sends first packets of connections that never go on, until told to stop. Counts them.
fn flood(port: u16, sent: &AtomicU16, stop: &AtomicBool) {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a socket");
    while !stop.load(Ordering::Relaxed) {
        let syn = Packet {
            kind: Kind::Syn,
            id: sent.fetch_add(2, Ordering::Relaxed),
            sent_at: 0,
            delay: 0,
            window: 1 << 20,
            seq: 1,
            ack: 0,
            selective: Vec::new(),
            payload: &[],
        };
        let done = socket.send_to(&syn.encode(), (Ipv4Addr::LOCALHOST, port));
        done.expect("the port is open");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_only_begins_connections_keeps_no_other_host_out() {
    let here = Route::new(None, Some(Bind::Address(Ipv4Addr::LOCALHOST.into())));
    let port = free_port();
    let (_utp, mut strangers) = Utp::start(&here, port, None).expect("it listens");
    let state = Arc::new((AtomicU16::new(0), AtomicBool::new(false)));
    let flooding = std::thread::spawn({
        let state = Arc::clone(&state);
        move || flood(port, &state.0, &state.1)
    });
    // Twice as many as may be half-open.
    while state.0.load(Ordering::Relaxed) < 400 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let other = Ipv4Addr::new(127, 0, 0, 2);
    let there = Route::new(None, Some(Bind::Address(other.into())));
    let (theirs, _) = Utp::start(&there, 0, None).expect("it listens");
    // On a busy machine the system drops packets, so one attempt may fail.
    let mut attempt = async || {
        let mut stream = theirs
            .connect((Ipv4Addr::LOCALHOST, port).into())
            .await
            .ok()?;
        stream.write_all(b"hello").await.ok()?;
        let (mut met, from) = strangers.recv().await?;
        let mut bytes = [0; 5];
        met.read_exact(&mut bytes).await.ok()?;
        Some((from.ip(), bytes))
    };
    let met = tokio::time::timeout(2 * PATIENCE, async {
        loop {
            if let Ok(Some(met)) = tokio::time::timeout(PATIENCE / 4, attempt()).await {
                return met;
            }
        }
    });
    let met = met.await.expect("there is room for it");
    assert_eq!(met, (other.into(), *b"hello"));
    state.1.store(true, Ordering::Relaxed);
    flooding.join().expect("no panic");
}
