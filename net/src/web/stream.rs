//! Server-sent events. A slow reader gets the latest figures and misses those in between, because
//! at most one message waits.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::channel::{Channel, Sender};
use hyper::body::Bytes;
use serde_json::Value;

use super::{Lease, json};
use crate::session::board::{Board, Panel, State};

/// Time between two messages.
const PERIOD: Duration = Duration::from_secs(1);
/// Most waiting messages.
const WAITING: usize = 1;

/// The body of a stream of events.
pub(super) type Events = Channel<Bytes, Infallible>;

/// Sends the figures of all torrents.
pub(super) fn all(board: Board, lease: Lease) -> Events {
    let (sender, events) = Channel::new(WAITING);
    tokio::spawn(async move {
        let mut reader = Reader { sender, lease };
        while reader.tell("torrents", json::torrents(&board)).await {
            tokio::time::sleep(PERIOD).await;
        }
    });
    events
}

/// Sends the figures of one torrent, and the decisions of its policy.
pub(super) fn one(panel: Arc<Panel>, lease: Lease) -> Events {
    let (sender, events) = Channel::new(WAITING);
    tokio::spawn(async move {
        let mut reader = Reader { sender, lease };
        let mut changes = panel.changes();
        let mut next = 0;
        loop {
            panel.look();
            let shown = Arc::clone(&changes.borrow_and_update());
            if !reader.tell("torrent", json::torrent(&panel, &shown)).await {
                return;
            }
            for round in panel.rounds(next) {
                next = round.round.number + 1;
                if !reader.tell("round", json::round(&round)).await {
                    return;
                }
            }
            if shown.state == State::Ended {
                reader.tell("ended", serde_json::json!({})).await;
                return;
            }
            tokio::time::sleep(PERIOD).await;
        }
    });
    events
}

struct Reader {
    sender: Sender<Bytes, Infallible>,
    lease: Lease,
}

impl Reader {
    /// Sends one message when there is room for it. Returns false if the reader is gone.
    async fn tell(&mut self, event: &str, value: Value) -> bool {
        let text = json::versioned(value);
        let message = format!("event: {event}\ndata: {text}\n\n");
        let sent = self.sender.send_data(message.into()).await.is_ok();
        if sent {
            self.lease.renew();
        }
        sent
    }
}
