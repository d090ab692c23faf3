//! Trackers, tested through the command.

use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::GOOD;
use crate::common::clients::{installed, opentracker};
use crate::common::command::{Listening, run, signal, stderr, stdout, unchoke};
use crate::common::ports::free_port;
use crate::common::scripted::{Http, Udp, ok, proper};
use crate::common::tls::{acceptor, certificate};
use crate::common::{Sample, sample_with};

pub(super) fn torrent(trackers: &[String]) -> Sample {
    let sample = sample_with(trackers, 32 * 1024, 50_000);
    sample.write_torrent(sample.folder.path());
    sample
}

/// Runs `unchoke announce` with this environment variable. Returns the exit status and the output.
async fn announced(trackers: &[String], variable: (&str, &str)) -> (Option<i32>, String) {
    let sample = torrent(trackers);
    let words = ["announce", "sample.torrent"];
    let mut command = unchoke(sample.folder.path(), &words);
    command.env(variable.0, variable.1);
    let output = tokio::task::spawn_blocking(move || command.output().expect("it runs"));
    let output = output.await.expect("no panic");
    (output.status.code(), stdout(&output) + &stderr(&output))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn certificates_are_checked() {
    let tracker = Http::encrypted(acceptor(), |_| ok("", GOOD)).await;
    let port = tracker.address.port();
    let urls = [format!("https://localhost:{port}/announce")];
    let (status, said) = announced(&urls, ("SSL_CERT_FILE", "")).await;
    assert_eq!(status, Some(1), "{said}");
    for part in [
        "no secure connection to localhost: ",
        "UnknownIssuer",
        "in SSL_CERT_FILE",
    ] {
        assert!(said.contains(part), "`{part}` is not in: {said}");
    }
    assert_eq!(tracker.heads(), Vec::<String>::new());
    let authority = certificate("authority.pem");
    let authority = ("SSL_CERT_FILE", authority.to_str().expect("text"));
    let (status, said) = announced(&urls, authority).await;
    assert_eq!(status, Some(0), "{said}");
    assert!(said.contains("1 peer,"), "{said}");
    // The right authority, but another host name.
    let urls = [format!("https://127.0.0.2:{port}/announce")];
    let (status, said) = announced(&urls, authority).await;
    assert_eq!(status, Some(1), "{said}");
    let key = certificate("server.key");
    for (file, why) in [
        ("/no/such/file", "SSL_CERT_FILE names /no/such/file: "),
        (
            key.to_str().expect("text"),
            "it holds no certificate in PEM form",
        ),
    ] {
        let urls = [format!("https://localhost:{port}/announce")];
        let (status, said) = announced(&urls, ("SSL_CERT_FILE", file)).await;
        assert_eq!(status, Some(1), "{said}");
        assert!(said.contains(why), "{said}");
    }
    // A plain HTTP server where TLS is expected.
    let plain = Http::start(|_| ok("", GOOD)).await;
    let urls = [format!(
        "https://localhost:{}/announce",
        plain.address.port()
    )];
    let (_, said) = announced(&urls, authority).await;
    assert!(
        said.contains("no secure connection") || said.contains("no answer"),
        "{said}"
    );
}

/// Announces go straight to the tracker, even if the environment names a proxy.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_proxy_of_the_environment_is_used() {
    let proxy = Http::start(|_| ok("", GOOD)).await;
    let tracker = Http::start(|_| ok("", GOOD)).await;
    for name in [
        "http_proxy",
        "HTTP_PROXY",
        "all_proxy",
        "ALL_PROXY",
        "https_proxy",
    ] {
        let url = tracker.url("/announce");
        let (status, said) = announced(&[url], (name, &proxy.url(""))).await;
        assert_eq!(status, Some(0), "{said}");
    }
    assert_eq!(proxy.heads(), Vec::<String>::new());
    assert_eq!(
        tracker.heads().len(),
        10,
        "each sends a first and a last announce"
    );
}

/// Passwords appear in no output of `announce`, `show` or `download`, for valid and invalid URLs.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn passwords_are_never_printed() {
    let tracker = Http::start(|_| ok("", b"d14:failure reason2:noe")).await;
    let with_login = |scheme: &str, rest: &str| format!("{scheme}://joe:sec%40ret{rest}");
    let sample = torrent(&[
        with_login("http", &format!("@{}/announce", tracker.address)),
        with_login("http", &format!("@{}/admin", tracker.address)),
        with_login("udp", "@127.0.0.1:9/announce"),
        with_login("http", "/@t/announce"),
        with_login("http", "@t/announce?port=1"),
    ]);
    let folder = sample.folder.path();
    let mut said = String::new();
    for words in [
        &["announce", "sample.torrent"][..],
        &["show", "sample.torrent"],
        &["show", "sample.torrent", "--json"],
        &["download", "sample.torrent", "--timeout", "2 s"],
        &[
            "download",
            "sample.torrent",
            "--timeout",
            "2 s",
            "--json",
            "--record",
            "record",
        ],
    ] {
        let mut command = unchoke(folder, words);
        command.env("UNCHOKE_LOG", "trace");
        let output = tokio::task::spawn_blocking(move || command.output().expect("it runs"));
        let output = output.await.expect("no panic");
        said += &(stdout(&output) + &stderr(&output));
    }
    said += &std::fs::read_to_string(folder.join("record")).expect("a recording");
    for secret in ["joe", "sec%40ret", "sec@ret", "am9l"] {
        assert!(!said.contains(secret), "`{secret}` is in: {said}");
    }
    for part in [
        "...@127.0.0.1",
        "/announce: the tracker refused: no",
        "/admin: 127.0.0.1 is on this machine",
        "http://...@t/announce: the URL cannot be used",
        "must not set the argument `port` itself; left out",
    ] {
        assert!(said.contains(part), "`{part}` is not in: {said}");
    }
    assert!(tracker.heads().concat().contains("Basic am9lOnNlY0ByZXQ="));
}

/// A torrent with UDP trackers only works, and its tracker receives the last announce.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_torrent_with_a_udp_tracker_alone_is_fetched() {
    let seeds: Arc<Mutex<Vec<u8>>> = Arc::default();
    let known = Arc::clone(&seeds);
    let tracker = Udp::start(Ipv4Addr::LOCALHOST, move |request, _| {
        vec![proper(request, &known.lock().expect("no panic"))]
    })
    .await;
    let sample = torrent(&[tracker.url("/announce")]);
    let seed = sample.seed().await;
    let entry = [&[127, 0, 0, 1][..], &seed.port().to_be_bytes()].concat();
    *seeds.lock().expect("no panic") = entry;
    let folder = sample.folder.path().to_owned();
    let output = tokio::task::spawn_blocking(move || {
        run(&folder, &["download", "sample.torrent", "--out", "there"])
    });
    let output = output.await.expect("no panic");
    assert!(output.status.success(), "{}", stderr(&output));
    sample.assert_in(&sample.folder.path().join("there"));
    let announces = tracker.datagrams().into_iter().filter(|it| it[11] == 1);
    let events: Vec<u8> = announces.map(|it| it[83]).collect();
    assert_eq!(events, [2, 1, 3], "started, completed, stopped");
}

/// A tracker that does not answer must not delay the exit.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn silent_trackers_do_not_hold_the_exit() {
    let http = Http::start(|_| Vec::new()).await;
    let udp = Udp::start(Ipv4Addr::LOCALHOST, |_, _| Vec::new()).await;
    let sample = torrent(&[http.url("/announce"), udp.url("/announce")]);
    let folder = sample.folder.path();
    let running = Listening::start(unchoke(
        folder,
        &["download", "sample.torrent", "--out", "x"],
    ));
    while http.heads().is_empty() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    signal(&running.child, "INT");
    let start = Instant::now();
    let ended = tokio::task::spawn_blocking(move || {
        let mut running = running;
        running.child.wait().expect("it ends")
    });
    assert_eq!(ended.await.expect("no panic").code(), Some(130));
    assert!(
        start.elapsed() < Duration::from_secs(7),
        "{:?}",
        start.elapsed()
    );
}

/// With a real tracker: seed and download find each other through opentracker, by UDP only.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn opentracker_is_understood_over_udp() {
    if !installed("opentracker") {
        let required = std::env::var_os("UNCHOKE_REQUIRE_PEERS").is_some_and(|it| it == "1");
        assert!(
            !required,
            "UNCHOKE_REQUIRE_PEERS=1, but opentracker is not installed"
        );
        return eprintln!("SKIPPED: opentracker is not installed");
    }
    let port = free_port();
    let sample = torrent(&[format!("udp://127.0.0.1:{port}/announce")]);
    let folder = sample.folder.path();
    // Another user needs access, too: opentracker drops its root rights.
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(folder, open).expect("permissions");
    let hash = sample.metainfo.info_hash.to_string();
    let tracker = opentracker(folder, "127.0.0.1", port, &hash);
    let mut seed = unchoke(folder, &["seed", "sample.torrent", "--data", "."]);
    seed.args(["--policy", "unchoke_all"]);
    let seed = Listening::start(seed);
    let words = ["announce", "sample.torrent"];
    let asked = || stdout(&run(folder, &words));
    let start = Instant::now();
    let mut said = asked();
    while !said.contains(&format!("127.0.0.1:{}", seed.port)) {
        let words = tracker.last_words();
        assert!(start.elapsed() < Duration::from_secs(20), "{said}\n{words}");
        std::thread::sleep(Duration::from_millis(200));
        said = asked();
    }
    assert!(said.contains("1 seed,"), "{said}");
    let fetched = run(folder, &["download", "sample.torrent", "--out", "there"]);
    assert!(fetched.status.success(), "{}", stderr(&fetched));
    sample.assert_in(&folder.join("there"));
    // A torrent that the tracker does not list.
    let other = sample_with(&[format!("udp://127.0.0.1:{port}")], 32 * 1024, 70_000);
    other.write_torrent(other.folder.path());
    let refused = run(other.folder.path(), &words);
    println!("{}", stdout(&refused));
    assert_eq!(refused.status.code(), Some(1));
}

/// A tracker rejected by our rules is named once, and not asked again like a failed tracker.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tracker_that_is_refused_by_rule_is_named_once() {
    let service = Http::start(|_| ok("", GOOD)).await;
    let failing = Http::start(|_| ok("", b"d14:failure reason2:noe")).await;
    let sample = torrent(&[service.url("/admin"), failing.url("/announce")]);
    // A failed tracker would be asked again after 17.5 s.
    let mut command = unchoke(
        sample.folder.path(),
        &["download", "sample.torrent", "--out", "there"],
    );
    command.args(["--timeout", "20 s"]);
    let output = tokio::task::spawn_blocking(move || command.output().expect("it runs"));
    let output = output.await.expect("no panic");
    let said = stdout(&output) + &stderr(&output);
    println!("{said}");
    // The last line repeats why no data arrived.
    let named = || said.lines().filter(|it| it.starts_with("tracker "));
    let lines = |part: &str| named().filter(|it| it.contains(part)).count();
    assert_eq!(lines("/admin"), 1, "{said}");
    assert_eq!(lines("left out from now on"), 1, "{said}");
    assert_eq!(
        lines("the tracker refused: no; will try again"),
        2,
        "{said}"
    );
    assert_eq!(service.heads(), Vec::<String>::new());
}

#[test]
fn it_is_said_that_web_torrent_trackers_are_not_supported() {
    let sample = torrent(&["wss://tracker.example/announce".to_owned()]);
    let folder = sample.folder.path();
    let magnet = format!(
        "magnet:?xt=urn:btih:{}&tr=ws%3A%2F%2Ftracker.example",
        sample.metainfo.info_hash
    );
    for source in ["sample.torrent", &magnet] {
        let words = ["download", source, "--out", "new", "--timeout", "1 s"];
        let said = stderr(&run(folder, &words));
        let expected = "WebTorrent trackers are not supported, and there is no other tracker; no other \
                        way to find peers is on";
        assert_eq!(said.matches(expected).count(), 1, "{said}");
        let said = stderr(&run(folder, &[&words[..], &["--no-tracker"]].concat()));
        assert!(!said.contains("WebTorrent"), "{said}");
    }
    let said = stdout(&run(folder, &["announce", "sample.torrent"]));
    assert!(
        said.contains("WebTorrent trackers are not supported"),
        "{said}"
    );
}
