//! Announces by HTTP.

use std::time::{Duration, Instant};

use super::{GOOD, announce, announce_within, failure};
use crate::common::scripted::{Http, ok, to};

/// A torrent cannot reach a non-tracker service on this machine, however it spells the address.
#[tokio::test]
async fn services_on_this_machine_are_left_alone() {
    let service = Http::start(|_| ok("", b"done")).await;
    let port = service.address.port();
    let hosts = [
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0x7f.0.0.1",
        "0177.1",
        "0",
        "0.0.0.0",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "localhost",
        "LOCALHOST",
        "user:pass@127.0.0.1",
    ];
    for host in hosts {
        for path in [
            "/admin?x=1",
            "/announce/../admin",
            "/announce/%2E%2e/admin",
            "/announce/x",
            "/reboot.cgi/announce",
            "/x/scrape",
            "",
        ] {
            let url = format!("http://{host}:{port}{path}");
            let why = failure(&url).await;
            assert!(
                why.contains("is on this machine, where a tracker must"),
                "{url}: {why}"
            );
            // The same through a redirect of an allowed tracker.
            let location = url.clone();
            let tracker = Http::start(move |_| to(&location)).await;
            let why = failure(&tracker.url("/announce")).await;
            assert!(
                why.contains("is on this machine, where a tracker must"),
                "{url}: {why}"
            );
        }
    }
    let url = format!("http://127.0.0.1:{port}/announce?info%5fhash=x");
    let why = failure(&url).await;
    assert_eq!(
        why,
        "the tracker URL must not set the argument `info_hash` itself"
    );
    assert_eq!(service.heads(), Vec::<String>::new());
}

/// A tracker that redirects according to the request.
fn redirecting(head: &str) -> Vec<u8> {
    let path = head.split(['?', ' ']).nth(1).unwrap_or_default();
    match path {
        "/a/announce" => to("b/announce"),
        "/a/b/announce" => to("/c/announce"),
        "/loop/announce" => to("announce"),
        "/file/announce" => to("file:///etc/passwd"),
        "/udp/announce" => to("udp://127.0.0.1:1/announce"),
        "/bad/announce" => to("http://127.0.0.1:99999/announce"),
        "/nowhere/announce" => to("admin"),
        "/letters/announce" => to("http://ex\u{e4}mple.org/announce"),
        "/encoded/announce" => to("http://xn--exmple-cua.org/announce"),
        "/left/announce" => to("/announce?left=0"),
        "/same/announce" => to(&format!(
            "/announce?{}",
            head.split(['?', ' ']).nth(2).unwrap_or_default()
        )),
        path if path.starts_with("/n/") => {
            let left: u32 = path
                .split('/')
                .nth(2)
                .expect("a number")
                .parse()
                .expect("a number");
            match left {
                0 => ok("", GOOD),
                left => to(&format!("/n/{}/announce", left - 1)),
            }
        }
        _ => ok("", GOOD),
    }
}

#[tokio::test]
async fn redirects_are_followed_if_they_lead_to_a_tracker() {
    let tracker = Http::start(redirecting).await;
    for path in ["/n/0/announce", "/n/5/announce", "/same/announce"] {
        let response = announce(&tracker.url(path)).await;
        assert_eq!(response.map(|it| it.peers.len()), Ok(1), "{path}");
    }
    for (path, why) in [
        ("/n/6/announce", "it redirects more than 5 times"),
        ("/loop/announce", "it redirects more than 5 times"),
        (
            "/file/announce",
            "it redirects to a URL with the scheme `file`, which is not HTTP",
        ),
        (
            "/udp/announce",
            "it redirects to a URL with the scheme `udp`, which is not HTTP",
        ),
        (
            "/bad/announce",
            "it redirects to a URL that cannot be used: invalid port number",
        ),
        (
            "/letters/announce",
            "it redirects to a URL that cannot be used: invalid international domain name",
        ),
        (
            "/encoded/announce",
            "the host name xn--exmple-cua.org stands for letters beyond ASCII, which can look \
             like others; such names are not used",
        ),
        (
            "/nowhere/announce",
            "127.0.0.1 is on this machine, where a tracker must have a path that ends in /announce, \
             with only folders before",
        ),
        (
            "/left/announce",
            "it redirects to a URL that changes the argument `left`",
        ),
    ] {
        assert_eq!(failure(&tracker.url(path)).await, why, "{path}");
    }
}

/// RFC 9110, section 10.2.2: relative to the requested URL.
#[tokio::test]
async fn redirects_may_be_relative() {
    let tracker = Http::start(redirecting).await;
    assert!(announce(&tracker.url("/a/announce")).await.is_ok());
    let heads = tracker.heads();
    let paths = heads.iter().map(|it| it.split(['?', ' ']).nth(1));
    let paths: Vec<&str> = paths.map(Option::unwrap_or_default).collect();
    assert_eq!(paths, ["/a/announce", "/a/b/announce", "/c/announce"]);
}

/// RFC 7617: the password is sent decoded, and only to the server in whose URL it was given.
#[tokio::test]
async fn a_password_is_sent_decoded_and_to_its_own_server_only() {
    let other = Http::start(|_| ok("", GOOD)).await;
    let elsewhere = other.url("/announce");
    let tracker = Http::start(move |head| match head.contains("/again/") {
        true => to("/announce"),
        false if head.contains("/away/") => to(&elsewhere),
        false => ok("", GOOD),
    })
    .await;
    let login = |heads: Vec<String>| -> Vec<Option<String>> {
        let line = |head: &String| {
            let lines = head.lines().map(str::to_ascii_lowercase);
            let at = lines
                .into_iter()
                .position(|it| it.starts_with("authorization: "))?;
            Some(head.lines().nth(at)?.split_once(": ")?.1.to_owned())
        };
        heads.iter().map(line).collect()
    };
    let host = tracker.address;
    for path in ["announce", "again/announce", "away/announce"] {
        let url = format!("http://us%3aer:p%40ss%2Fw@{host}/{path}");
        assert!(announce(&url).await.is_ok(), "{path}");
    }
    // base64 of `us:er:p@ss/w`
    let sent = Some("Basic dXM6ZXI6cEBzcy93".to_owned());
    assert_eq!(login(tracker.heads()), vec![sent; 4]);
    assert_eq!(login(other.heads()), [None]);
    assert!(!tracker.heads().concat().contains("p%40ss"));
}

#[tokio::test]
async fn requests_are_what_trackers_expect() {
    let tracker = Http::start(|_| ok("", GOOD)).await;
    let url = tracker.url("/x/../announce?passkey=a%2Fb#part");
    assert!(announce(&url).await.is_ok());
    let heads = tracker.heads();
    let expected = "GET /announce?passkey=a%2Fb\
        &info_hash=all%20bytes%20%00%FF%26%3D%25%2B%2F%3F%23.&peer_id=pppppppppppppppppppp\
        &port=6881&uploaded=1&downloaded=2&left=3&compact=1&key=00000007&numwant=80&event=started \
        HTTP/1.1\r\n";
    assert!(heads[0].starts_with(expected), "{}", heads[0]);
    let lines = heads[0].to_ascii_lowercase();
    for line in [
        format!("host: {}\r\n", tracker.address),
        "accept-encoding: gzip\r\n".into(),
        "user-agent: unchoke/".into(),
    ] {
        assert!(lines.contains(&line), "{lines}");
    }
}

#[tokio::test]
async fn answers_that_are_too_much_or_nonsense_get_a_sentence() {
    let bomb = include_bytes!("../data/bomb.gz");
    for (answer, why) in [
        (
            ok("", b"<html>Welcome"),
            "the tracker answered with a web page; is the tracker URL right?",
        ),
        (
            ok("", &vec![b'd'; 2 << 20]),
            "the answer is longer than 1048576 bytes",
        ),
        (
            ok("Content-Encoding: gzip\r\n", bomb),
            "the answer is longer than 1048576 bytes when it is decompressed",
        ),
        (
            ok("Content-Encoding: gzip\r\n", &bomb[..100]),
            "the answer cannot be decompressed: ",
        ),
        (
            ok("Content-Encoding: br\r\n", b"x"),
            "the answer has an encoding that we did not ask for: br",
        ),
        (
            b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n".to_vec(),
            "the tracker answered with HTTP status 404",
        ),
        (
            b"220 smtp.example ESMTP\r\n\r\n".to_vec(),
            "the answer is not valid HTTP: ",
        ),
        (
            b"HTTP/1.1 403 Forbidden\r\nContent-Length: 31\r\n\r\nd14:failure reason9:not todaye "
                .to_vec(),
            "the tracker refused: not today",
        ),
        (
            [
                b"HTTP/1.1 200 OK\r\nX: ",
                &vec![b'x'; 1 << 20][..],
                b"\r\n\r\n",
            ]
            .concat(),
            "the answer is not valid HTTP: ",
        ),
    ] {
        let tracker = Http::start(move |_| answer.clone()).await;
        let said = failure(&tracker.url("/announce")).await;
        assert!(said.starts_with(why), "{said}");
    }
}

#[tokio::test]
async fn a_good_list_survives_a_bad_one() {
    let body = b"d5:peers6:\x7f\0\0\x01\x1a\xe16:peers619:0123456789abcdefghie";
    let tracker = Http::start(|_| ok("Content-Encoding: gzip\r\n", body)).await;
    let response = announce(&tracker.url("/announce"))
        .await
        .expect("an answer");
    assert_eq!(response.peers.len(), 1);
    assert!(response.damaged.is_some());
}

#[tokio::test]
async fn slow_answers_end_in_time_and_say_what_was_slow() {
    for (answer, phase) in [
        (Vec::new(), "the answer"),
        (b"HTTP/1.1 200 OK\r\n".to_vec(), "the answer"),
        (
            b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nd".to_vec(),
            "the rest of the answer",
        ),
    ] {
        let tracker = Http::start(move |_| answer.clone()).await;
        let start = Instant::now();
        let patience = Duration::from_secs(1);
        let why = announce_within(&tracker.url("/announce"), patience).await;
        assert_eq!(why, Err(format!("no answer: {phase} took more than 1 s")));
        assert!(start.elapsed() < Duration::from_secs(3));
    }
}
