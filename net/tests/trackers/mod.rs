//! Trackers over real sockets: which addresses announces may reach, the answers, and datagrams from
//! other senders.

mod command;
mod http;
mod leaving;
mod scrape;
mod udp;

use std::time::Duration;

use unchoke_core::ids::{InfoHash, PeerId};
use unchoke_core::tracker::{AnnounceQuery, AnnounceResponse, Event};
use unchoke_net::tracker::{Agent, TrackerUrl};

/// An answer with one peer.
const GOOD: &[u8] = b"d8:intervali1800e5:peers6:\x7f\0\0\x01\x1a\xe1e";

fn query() -> AnnounceQuery {
    AnnounceQuery {
        info_hash: InfoHash(*b"all bytes \0\xff&=%+/?#."),
        peer_id: PeerId([b'p'; 20]),
        port: 6881,
        uploaded: 1,
        downloaded: 2,
        left: 3,
        event: Some(Event::Started),
        wanted: Some(80),
        key: 7,
        tracker_id: None,
    }
}

/// Announces. Returns an error as the text that a user sees.
async fn announce_within(url: &str, patience: Duration) -> Result<AnnounceResponse, String> {
    let url = TrackerUrl::parse(url).map_err(|it| it.to_string())?;
    let announced = Agent::default().announce(&url, &query(), patience).await;
    announced.map_err(|it| it.to_string())
}

async fn announce(url: &str) -> Result<AnnounceResponse, String> {
    announce_within(url, Duration::from_secs(10)).await
}

async fn failure(url: &str) -> String {
    announce(url).await.expect_err("to fail")
}
