//! Trackers of a magnet link. The size of the torrent is unknown here.

use std::net::SocketAddr;

use tokio::sync::mpsc::{Sender, UnboundedSender};
use tokio::task::JoinSet;
use tokio::time::Instant as Clock;
use unchoke_core::client::announcer::{Announcer, Schedule, Wishes};
use unchoke_core::ids::InfoHash;
use unchoke_core::metadata::search::{LEFT, TRACKERS};
use unchoke_core::rng::{Purpose, Streams};
use unchoke_core::time::Instant;
use unchoke_core::tracker::{AnnounceQuery, Event};

use super::Notice;
use crate::connection::Identity;
use crate::route::Route;
use crate::text::shown_url;
use crate::tracker::{ANNOUNCE_TIMEOUT, Agent, TrackerUrl};

/// Asks all trackers in parallel and repeatedly, to find a peer as soon as possible.
pub(super) fn start(
    tasks: &mut JoinSet<()>,
    urls: &[String],
    route: &Route,
    identity: Identity,
    (port, wanted): (u16, u32),
    found: &Sender<Vec<SocketAddr>>,
    notices: &UnboundedSender<Notice>,
) {
    let agent = Agent::new(route.clone());
    let key = u32::try_from(crate::chance::random_u64() >> 32).expect("32 bits");
    for text in urls.iter().take(TRACKERS) {
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
            wanted: Some(wanted),
            key,
            tracker_id: None,
        };
        let (agent, found, notices) = (agent.clone(), found.clone(), notices.clone());
        let second = identity.second();
        tasks.spawn(ask(agent, url, (query, second), found, notices));
    }
}

async fn ask(
    agent: Agent,
    url: TrackerUrl,
    (mut query, second): (AnnounceQuery, Option<InfoHash>),
    found: Sender<Vec<SocketAddr>>,
    notices: UnboundedSender<Notice>,
) {
    let rng = &mut Streams::new(u64::from(query.key)).stream(Purpose::Client, 0);
    let mut announcer = Announcer::new([1], Schedule::default(), rng);
    // Peers are wanted until the search is over.
    announcer.want_peers(true);
    let epoch = Clock::now();
    let now = || Instant::START.after(epoch.elapsed());
    let mut complained = false;
    loop {
        let Some(due) = announcer.poll(now()) else {
            let next = announcer.poll_timeout().unwrap_or(Instant::NEVER);
            tokio::time::sleep(next - now()).await;
            continue;
        };
        query.event = due.event;
        match agent
            .announce_both(&url, &query, second, ANNOUNCE_TIMEOUT)
            .await
        {
            Ok(answer) => {
                complained = false;
                let wishes = Wishes {
                    interval: answer.interval,
                    min_interval: answer.min_interval,
                };
                announcer.on_response(now(), wishes);
                if found.send(answer.peers).await.is_err() {
                    return; // The search has ended.
                }
            }
            Err(error) => {
                if !std::mem::replace(&mut complained, true) {
                    drop(notices.send(Notice::Tracker(format!("{url}: {error}"))));
                }
                announcer.on_failure(now());
            }
        }
    }
}
