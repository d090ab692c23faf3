//! Trackers, as long as the size of the torrent is not known.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::sync::mpsc::{Sender, UnboundedSender};
use tokio::task::JoinSet;
use unchoke_core::tracker::{AnnounceQuery, Event};

use super::Notice;
use crate::connection::Identity;
use crate::route::Route;
use crate::text::shown_url;
use crate::tracker::{ANNOUNCE_TIMEOUT, Agent, TrackerUrl};

/// Peers asked for.
const WANTED: u32 = 80;
/// What is said to be missing, so that nobody takes us for a seed. As libtorrent.
const LEFT: u64 = 16_384;
/// Between two announces at least, whatever a tracker says, and at most.
const INTERVAL_MIN: Duration = Duration::from_mins(1);
const INTERVAL_MAX: Duration = Duration::from_mins(30);
/// After a failure, twice as long each time.
const RETRY: Duration = Duration::from_secs(15);
/// Trackers asked; a link may name 256.
const MOST: usize = 50;

/// Asks every tracker again and again, all at once: the sooner a peer is found the better.
pub(super) fn start(
    tasks: &mut JoinSet<()>,
    urls: &[String],
    route: &Route,
    identity: Identity,
    port: u16,
    found: &Sender<Vec<SocketAddr>>,
    notices: &UnboundedSender<Notice>,
) {
    let agent = Agent::new(route.clone());
    let key = u32::try_from(crate::chance::random_u64() >> 32).expect("32 bits");
    for text in urls.iter().take(MOST) {
        let url = match TrackerUrl::parse(text) {
            Ok(url) => url,
            Err(why) => {
                let sentence = format!("{}: {why}; left out", shown_url(text));
                drop(notices.send(Notice::Tracker(sentence)));
                continue;
            }
        };
        let query = AnnounceQuery {
            info_hash: identity.info_hash,
            peer_id: identity.peer_id,
            port,
            uploaded: 0,
            downloaded: 0,
            left: LEFT,
            event: Some(Event::Started),
            wanted: Some(WANTED),
            key,
            tracker_id: None,
        };
        let (agent, found, notices) = (agent.clone(), found.clone(), notices.clone());
        tasks.spawn(ask(agent, url, query, found, notices));
    }
}

async fn ask(
    agent: Agent,
    url: TrackerUrl,
    mut query: AnnounceQuery,
    found: Sender<Vec<SocketAddr>>,
    notices: UnboundedSender<Notice>,
) {
    let mut failures = 0;
    loop {
        let wait = match agent.announce(&url, &query, ANNOUNCE_TIMEOUT).await {
            Ok(answer) => {
                failures = 0;
                query.event = None;
                let interval = answer.interval.unwrap_or(INTERVAL_MAX);
                if found.send(answer.peers).await.is_err() {
                    return; // The search is over.
                }
                interval.clamp(INTERVAL_MIN, INTERVAL_MAX)
            }
            Err(error) => {
                if failures == 0 {
                    drop(notices.send(Notice::Tracker(format!("{url}: {error}"))));
                }
                failures += 1;
                RETRY.saturating_mul(1 << failures.min(8)).min(INTERVAL_MAX)
            }
        };
        tokio::time::sleep(wait).await;
    }
}
