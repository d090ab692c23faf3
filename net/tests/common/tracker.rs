//! A small HTTP tracker that records the announces.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// How the tracker answers.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Manner {
    /// As in BEP 3 and BEP 23.
    Proper,
    /// With a web page.
    Html,
    /// With more bytes than a client should accept.
    Endless,
    /// With a redirect to itself.
    Circular,
}

#[derive(Clone)]
pub(crate) struct Tracker {
    pub(crate) url: String,
    /// The arguments of each announce, in the order of arrival.
    pub(crate) announces: Arc<Mutex<Vec<BTreeMap<String, String>>>>,
}

impl Tracker {
    pub(crate) async fn start(manner: Manner) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
        let listener = listener.expect("a port");
        let address = listener.local_addr().expect("an address");
        let tracker = Self {
            url: format!("http://{address}/announce"),
            announces: Arc::default(),
        };
        let shared = tracker.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let tracker = shared.clone();
                // Ignore a client that hangs up.
                tokio::spawn(async move { drop(tracker.answer(stream, manner).await) });
            }
        });
        tracker
    }

    /// The announced events in order; a regular announce is the empty string.
    pub(crate) fn events(&self) -> Vec<String> {
        let announces = self.announces.lock().expect("no panic");
        let events = announces.iter().map(|it| it.get("event").cloned());
        events.map(Option::unwrap_or_default).collect()
    }

    async fn answer(&self, mut stream: TcpStream, manner: Manner) -> std::io::Result<()> {
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            if stream.read_buf(&mut request).await? == 0 {
                return Ok(());
            }
        }
        let request = String::from_utf8_lossy(&request).into_owned();
        let target = request.split(' ').nth(1).unwrap_or_default().to_owned();
        let query = target.split_once('?').map_or("", |it| it.1);
        let arguments = query.split('&').filter_map(|it| it.split_once('='));
        let arguments = arguments.map(|(key, value)| (key.to_owned(), value.to_owned()));
        self.announces
            .lock()
            .expect("no panic")
            .push(arguments.collect());
        let (status, kind, body) = match manner {
            Manner::Proper => ("200 OK", "text/plain", self.peers()),
            Manner::Html => (
                "200 OK",
                "text/html",
                b"<!DOCTYPE html><title>Welcome to the tracker</title>".to_vec(),
            ),
            Manner::Endless => ("200 OK", "text/plain", vec![b'd'; 4 << 20]),
            Manner::Circular => ("302 Found", "text/plain", Vec::new()),
        };
        let location = if manner == Manner::Circular {
            format!("Location: {target}\r\n")
        } else {
            String::new()
        };
        let head = format!(
            "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\n{location}Content-Length: {}\r\nConnection: close\r\n\r\n",
            body.len()
        );
        stream.write_all(head.as_bytes()).await?;
        stream.write_all(&body).await
    }

    /// All peers that announced a port and have not stopped.
    fn peers(&self) -> Vec<u8> {
        let announces = self.announces.lock().expect("no panic");
        let mut ports = BTreeMap::new();
        for announce in announces.iter() {
            let stopped = announce.get("event").is_some_and(|it| it == "stopped");
            ports.insert(announce["port"].clone(), !stopped);
        }
        let here = ports.iter().filter(|it| *it.1);
        let peers: Vec<u8> = here
            .flat_map(|(port, _)| {
                let port: u16 = port.parse().expect("a port");
                let mut entry = Ipv4Addr::LOCALHOST.octets().to_vec();
                entry.extend(port.to_be_bytes());
                entry
            })
            .collect();
        let mut body = b"d8:intervali1800e5:peers".to_vec();
        body.extend(format!("{}:", peers.len()).bytes());
        body.extend(peers);
        body.push(b'e');
        body
    }
}
