//! Requests that the web page refuses, and loads that it must withstand.

use std::io::ErrorKind;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};
use unchoke_net::web::MOST_CONNECTIONS;

use super::{Stage, TOKEN, ask, get, page, post, read_answer};
use crate::common::PATIENCE;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn strangers_learn_nothing_and_change_nothing() {
    let stage = Stage::new(|_| ()).await;
    let paths = [
        stage.torrent(""),
        stage.torrent("/events"),
        "/metrics".into(),
        "/api/v1/none".into(),
    ];
    let head = |path: &str, lines: &str| format!("GET {path} HTTP/1.1\r\n{lines}\r\n");
    let right = format!("Authorization: Bearer {TOKEN}\r\n");
    let host = "Host: 127.0.0.1:80\r\n";
    for path in &paths {
        for (lines, status) in [
            (format!("{host}{right}Origin: http://evil.example\r\n"), 403),
            (format!("{host}{right}Origin: null\r\n"), 403),
            (format!("{host}{right}Sec-Fetch-Site: cross-site\r\n"), 403),
            (format!("Host: evil.example\r\n{right}"), 403),
            (right.clone(), 400),
            (host.to_owned(), 401),
            (format!("{host}Authorization: Bearer wrong\r\n"), 401),
        ] {
            let answer = ask(stage.page.address, &head(path, &lines)).await;
            assert_eq!(answer.status, status, "{path} {lines}");
            let secrets = [TOKEN, "sample", "127.0.0.1:"];
            assert!(
                !secrets.iter().any(|it| answer.body.contains(it)),
                "{}",
                answer.body
            );
            assert!(!answer.headers.contains_key("access-control-allow-origin"));
        }
    }
    // A form on another site: browsers send it without a preflight request, so the server must
    // refuse it.
    let body = r#"{"policy":"unchoke_all"}"#;
    let order = post(&stage.torrent("/policy"), "text/plain", body);
    let order = order.replace(
        "Host: localhost\r\n",
        "Host: localhost\r\nOrigin: http://evil.example\r\n",
    );
    assert_eq!(ask(stage.page.address, &order).await.status, 403);
    assert_eq!(stage.get(&stage.torrent("")).await["policy"], "tit_for_tat");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_page_asks_nothing_from_elsewhere() {
    let (page, _board) = page(PATIENCE).await;
    for path in ["/", "/page.css", "/page.js", "/charts.js"] {
        let request = get(path).replace(&format!("Authorization: Bearer {TOKEN}\r\n"), "");
        let answer = ask(page.address, &request).await;
        assert_eq!(answer.status, 200, "{path}");
        let text = answer.body.replace("http://www.w3.org/2000/svg", "");
        assert!(
            !text.contains("http:") && !text.contains("https:") && !text.contains("//cdn"),
            "{path}"
        );
        let policy = &answer.headers["content-security-policy"];
        assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"));
        assert_eq!(answer.headers["x-content-type-options"], "nosniff");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_requests_are_answered() {
    let (page, board) = page(PATIENCE).await;
    let _seat = board.join("a", "aa".into());
    let address = page.address;
    let clients = (0..8).map(|_| {
        tokio::spawn(async move {
            let mut stream = TcpStream::connect(address).await.expect("connects");
            for _ in 0..1250 {
                let request = get("/api/v1/torrents");
                stream
                    .write_all(request.as_bytes())
                    .await
                    .expect("it listens");
                assert_eq!(read_answer(&mut stream).await.status, 200);
            }
        })
    });
    for client in clients.collect::<Vec<_>>() {
        client.await.expect("all answered");
    }
    assert_eq!(ask(address, &get("/metrics")).await.status, 200);
}

/// A client that requests much more than it reads. Its connection is closed, and other clients are
/// not delayed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_reader_holds_no_memory_and_nobody_up() {
    let (page, _board) = page(Duration::from_millis(500)).await;
    let mut slow = TcpStream::connect(page.address).await.expect("connects");
    let request = get("/api/v1/policies");
    let asked = async {
        // About 25 KB per answer, and none is read: at some point the server stops accepting
        // requests.
        for _ in 0..20_000 {
            if slow.write_all(request.as_bytes()).await.is_err() {
                return;
            }
        }
    };
    drop(timeout(Duration::from_secs(2), asked).await);
    let closed = async {
        // Both directions are full now, or will be soon. Only a closed connection refuses more.
        while !matches!(slow.try_write(b"\r\n"), Err(it) if it.kind() != ErrorKind::WouldBlock) {
            sleep(Duration::from_millis(100)).await;
        }
    };
    timeout(PATIENCE, closed).await.expect("it is closed");
    assert_eq!(ask(page.address, &get("/metrics")).await.status, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_are_bounded_and_the_idle_make_room() {
    let (page, _board) = page(Duration::from_millis(1500)).await;
    let mut idle = Vec::new();
    for _ in 0..MOST_CONNECTIONS {
        idle.push(TcpStream::connect(page.address).await.expect("connects"));
    }
    sleep(Duration::from_millis(200)).await;
    let mut more = TcpStream::connect(page.address).await.expect("connects");
    let read = timeout(Duration::from_secs(1), more.read_u8()).await;
    assert!(read.expect("closed at once").is_err());
    sleep(Duration::from_secs(2)).await;
    assert_eq!(ask(page.address, &get("/metrics")).await.status, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn heads_that_are_too_long_or_never_end_are_refused() {
    let (page, _board) = page(Duration::from_millis(800)).await;
    let long = get("/").replace(
        "\r\n\r\n",
        &format!("\r\nX: {}\r\n\r\n", "a".repeat(200_000)),
    );
    let mut stream = TcpStream::connect(page.address).await.expect("connects");
    drop(stream.write_all(long.as_bytes()).await);
    let mut answer = Vec::new();
    drop(
        timeout(PATIENCE, stream.read_to_end(&mut answer))
            .await
            .expect("it is closed"),
    );
    assert!(
        answer.is_empty() || answer.starts_with(b"HTTP/1.1 431"),
        "{answer:?}"
    );
    let mut slow = TcpStream::connect(page.address).await.expect("connects");
    slow.write_all(b"GET / HTTP/1.1\r\nHost: ")
        .await
        .expect("it listens");
    let read = timeout(Duration::from_secs(5), slow.read_to_end(&mut Vec::new())).await;
    assert!(
        read.is_ok(),
        "the connection is closed if a head never ends"
    );
    let nonsense = ask(page.address, "NONSENSE\r\n\r\n").await;
    assert_eq!(nonsense.status, 400);
}
