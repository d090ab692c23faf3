//! `--proxy` and `--bind`: which traffic leaves, and by which route.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};

use super::GOOD;
use super::command::torrent;
use crate::common::command::{run, stderr, stdout};
use crate::common::proxy::Proxy;
use crate::common::scripted::{Http, Udp, ok};

/// Peers and HTTP trackers are reached through the proxy, with unresolved names; UDP trackers are
/// left out.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_a_proxy_nothing_goes_beside_it() {
    let seeds: Arc<Mutex<Vec<u8>>> = Arc::default();
    let known = Arc::clone(&seeds);
    let tracker = Http::start(move |_| {
        let entry = known.lock().expect("no panic").clone();
        ok(
            "",
            &[b"d8:intervali1800e5:peers6:", &entry[..], b"e"].concat(),
        )
    })
    .await;
    let udp = Udp::start(Ipv4Addr::LOCALHOST, |_, _| Vec::new()).await;
    let proxy = Proxy::start(tracker.address).await;
    let sample = torrent(&[
        "http://tracker.example/announce".into(),
        udp.url("/announce"),
    ]);
    let seed = sample.seed().await;
    *seeds.lock().expect("no panic") = [&[127, 0, 0, 1][..], &seed.port().to_be_bytes()].concat();
    let (folder, url) = (sample.folder.path().to_owned(), proxy.url("me:p%40ss@"));
    let output = tokio::task::spawn_blocking(move || {
        let words = [
            "download",
            "sample.torrent",
            "--out",
            "there",
            "--proxy",
            &url,
        ];
        run(&folder, &words)
    });
    let output = output.await.expect("no panic");
    assert!(output.status.success(), "{}", stderr(&output));
    sample.assert_in(&sample.folder.path().join("there"));
    let asked = proxy.asked();
    assert!(asked.contains(&"tracker.example:80".into()), "{asked:?}");
    assert!(asked.contains(&seed.to_string()), "{asked:?}");
    assert_eq!(udp.datagrams(), Vec::<Vec<u8>>::new());
    let said = stdout(&output) + &stderr(&output);
    let why = "a UDP tracker is not asked, because its datagrams would not go through the proxy";
    assert!(said.contains(why), "{said}");
    assert!(!said.contains("p%40ss") && !said.contains("p@ss"), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_proxy_refuses_is_told() {
    let tracker = Http::start(|_| ok("", GOOD)).await;
    let proxy = Proxy::start(tracker.address).await;
    let dead = crate::common::ports::dead_address();
    let sample = torrent(&["http://tracker.example/announce".into()]);
    let local = torrent(&["http://localhost/admin".into()]);
    let gone = torrent(&[format!("http://{dead}/announce")]);
    for (sample, login, why) in [
        (
            &sample,
            "",
            "the proxy wants a user name and a password, or another login",
        ),
        (
            &sample,
            "me:wrong@",
            "does not accept the user name and password",
        ),
        (
            &local,
            "me:p%40ss@",
            "127.0.0.1 is on this machine, where a tracker must",
        ),
        (
            &gone,
            "me:p%40ss@",
            "the proxy did not connect: the host refused the connection",
        ),
    ] {
        let (folder, url) = (sample.folder.path().to_owned(), proxy.url(login));
        let output = tokio::task::spawn_blocking(move || {
            run(&folder, &["announce", "sample.torrent", "--proxy", &url])
        });
        let output = output.await.expect("no panic");
        let said = stdout(&output) + &stderr(&output);
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains(why), "`{why}` is not in: {said}");
    }
    // If the proxy is not reachable, no connection is made without it.
    let folder = sample.folder.path().to_owned();
    let output = tokio::task::spawn_blocking(move || {
        let url = format!("socks5://{dead}");
        run(&folder, &["announce", "sample.torrent", "--proxy", &url])
    });
    let said = stdout(&output.await.expect("no panic"));
    assert!(
        said.contains(&format!("the proxy {dead}: Connection refused")),
        "{said}"
    );
    assert_eq!(tracker.heads(), Vec::<String>::new());
}

/// Loopback has many addresses, so a server can see which one a connection is bound to.
#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_leave_by_the_chosen_address_or_not_at_all() {
    let tracker = Http::start(|_| ok("", GOOD)).await;
    let from: Arc<Mutex<Vec<SocketAddr>>> = Arc::default();
    let seen = Arc::clone(&from);
    let udp = Udp::start(Ipv4Addr::LOCALHOST, move |request, source| {
        seen.lock().expect("no panic").push(source);
        vec![crate::common::scripted::proper(request, &[])]
    })
    .await;
    let sample = torrent(&[udp.url("/announce"), tracker.url("/announce")]);
    let folder = sample.folder.path().to_owned();
    let asked = |bind: &'static str| {
        let folder = folder.clone();
        tokio::task::spawn_blocking(move || {
            run(&folder, &["announce", "sample.torrent", "--bind", bind])
        })
    };
    let output = asked("127.0.0.9").await.expect("no panic");
    assert!(output.status.success(), "{}", stdout(&output));
    let sources = from.lock().expect("no panic").clone();
    assert!(!sources.is_empty());
    assert!(
        sources
            .iter()
            .all(|it| it.ip() == Ipv4Addr::new(127, 0, 0, 9)),
        "{sources:?}"
    );
    let (before, datagrams) = (tracker.heads().len(), udp.datagrams().len());
    for (bind, why) in [
        ("203.0.113.99", "Cannot assign requested address"),
        (
            "::1",
            "--bind ::1 does not lead to addresses of the other family",
        ),
        ("nosuchthing0", "No such device"),
    ] {
        let output = asked(bind).await.expect("no panic");
        let said = stdout(&output);
        assert_eq!(output.status.code(), Some(1), "{bind}: {said}");
        assert_eq!(said.matches(why).count(), 2, "{bind}: {said}");
    }
    assert_eq!(
        (tracker.heads().len(), udp.datagrams().len()),
        (before, datagrams)
    );
    // If we cannot listen on the address, the transfer does not start.
    let words = ["download", "sample.torrent", "--bind", "203.0.113.99"];
    let output = tokio::task::spawn_blocking(move || run(&folder, &words));
    let output = output.await.expect("no panic");
    assert_eq!(output.status.code(), Some(5), "{}", stderr(&output));
    assert!(
        stderr(&output).contains("give --bind an address"),
        "{}",
        stderr(&output)
    );
}
