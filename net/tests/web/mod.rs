//! The web page: its data, its orders, and the requests that it refuses.

mod attacks;
mod shows;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout};
use unchoke_net::session::board::Board;
use unchoke_net::session::{Goal, Settings};
use unchoke_net::web::{self, Options, Server};

use crate::common::{PATIENCE, Sample, sample};

const TOKEN: &str = "0123456789abcdef";

/// A page, and a seed on it that serves slow leechers.
struct Stage {
    sample: Sample,
    page: Server,
    board: Board,
    _folders: Vec<tempfile::TempDir>,
}

async fn page(patience: Duration) -> (Server, Board) {
    let board = Board::default();
    let options = Options {
        token: TOKEN.into(),
        patience,
        ..Options::new((std::net::Ipv4Addr::LOCALHOST, 0).into())
    };
    let server = web::start(options, board.clone()).await;
    (server.expect("a port"), board)
}

impl Stage {
    async fn new(change: impl FnOnce(&mut Settings)) -> Self {
        let sample = sample();
        let (page, board) = page(PATIENCE).await;
        let mut settings = sample.settings(sample.folder.path());
        settings.goal = Goal::Seed;
        settings.board = Some(board.clone());
        settings.parameters.set("tick_ns", 200_000_000);
        settings.upload_cap = Some(60_000);
        change(&mut settings);
        let seed = sample.run_in_background(settings).await;
        let mut folders = Vec::new();
        for _ in 0..3 {
            let folder = tempfile::tempdir().expect("temporary folder");
            let mut settings = sample.settings(folder.path());
            settings.peers = vec![seed];
            sample.run_in_background(settings).await;
            folders.push(folder);
        }
        Self {
            sample,
            page,
            board,
            _folders: folders,
        }
    }

    async fn get(&self, path: &str) -> Value {
        let answer = ask(self.page.address, &get(path)).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        serde_json::from_str(&answer.body).expect("JSON")
    }

    fn torrent(&self, rest: &str) -> String {
        format!("/api/v1/torrents/{}{rest}", self.sample.metainfo.info_hash)
    }

    /// Repeats a request until `wanted` accepts the answer.
    async fn until(&self, path: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let value = self.get(path).await;
            if wanted(&value) {
                return value;
            }
            assert!(Instant::now() < deadline, "{path}: {value}");
            sleep(Duration::from_millis(100)).await;
        }
    }

    async fn order(&self, body: &str) -> (u16, Value) {
        let text = post(&self.torrent("/policy"), "application/json", body);
        let answer = ask(self.page.address, &text).await;
        (
            answer.status,
            serde_json::from_str(&answer.body).expect("JSON"),
        )
    }
}

#[derive(Debug)]
struct Answer {
    status: u16,
    headers: BTreeMap<String, String>,
    body: String,
}

fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {TOKEN}\r\n\r\n")
}

fn post(path: &str, kind: &str, body: &str) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {TOKEN}\r\n\
         Content-Type: {kind}\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

async fn ask(address: SocketAddr, request: &str) -> Answer {
    let mut stream = TcpStream::connect(address).await.expect("connects");
    stream
        .write_all(request.as_bytes())
        .await
        .expect("it listens");
    read_answer(&mut stream).await
}

async fn read_answer(stream: &mut TcpStream) -> Answer {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let byte = timeout(PATIENCE, stream.read_u8()).await.expect("in time");
        head.push(byte.expect("an answer"));
    }
    let head = String::from_utf8(head).expect("text");
    let mut lines = head.lines();
    let status = lines
        .next()
        .and_then(|it| it.split(' ').nth(1)?.parse().ok());
    let headers = lines.filter_map(|it| it.split_once(": "));
    let headers: BTreeMap<String, String> = headers
        .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
        .collect();
    let length = headers
        .get("content-length")
        .map_or(0, |it| it.parse().expect("a number"));
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.expect("all of it");
    Answer {
        status: status.expect("a status"),
        headers,
        body: String::from_utf8(body).expect("text"),
    }
}
