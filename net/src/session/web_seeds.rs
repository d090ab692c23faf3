//! The web seeds of a session: which ones run, and their last errors. BEP 19.

use std::collections::BTreeMap;
use std::sync::Arc;

use unchoke_core::client::bans::Offence;
use unchoke_core::client::redial::Ended;
use unchoke_core::ids::PeerKey;
use unchoke_core::message::Message;
use unchoke_core::torrent::Unsent;

use super::{ClientInput, LastWord, Notice, Session, Settings};
use crate::connection::{CloseReason, Link, Shared};
use crate::http::Client;
use crate::text::shown_url;
use crate::web_seed::WebSeed;

/// The web seeds of one torrent.
#[derive(Debug)]
pub(super) struct WebSeeds {
    urls: Vec<String>,
    client: Client,
    running: BTreeMap<PeerKey, Running>,
    /// The last error of each web seed that failed.
    said: BTreeMap<u16, String>,
}

#[derive(Debug)]
struct Running {
    seed: u16,
    link: Link,
    server: WebSeed,
}

/// The URLs of the web seeds that are used.
pub(super) fn urls(settings: &Settings) -> Vec<String> {
    let all = settings.metainfo.web_seeds.iter();
    all.filter(|_| settings.web_seeds).cloned().collect()
}

impl WebSeeds {
    pub(super) fn new(settings: &Settings) -> Self {
        Self {
            urls: urls(settings),
            client: Client::new(settings.route.clone()),
            running: BTreeMap::new(),
            said: BTreeMap::new(),
        }
    }

    /// The last message of each web seed.
    pub(super) fn last_words(&self) -> Vec<LastWord> {
        let all = (0..).zip(&self.urls);
        let word = |(seed, url): (u16, &String)| {
            let in_use = self.running.values().any(|it| it.seed == seed);
            let said = self.said.get(&seed).cloned();
            LastWord {
                url: shown_url(url),
                failed: said.is_some() && !in_use,
                said: if in_use { Some("in use".into()) } else { said },
            }
        };
        all.map(word).collect()
    }

    /// Number of running web seeds.
    pub(super) fn count(&self) -> usize {
        self.running.len()
    }

    /// Whether an event is about a running web seed.
    pub(super) fn is_current(&self, link: Link) -> bool {
        self.running
            .get(&link.peer)
            .is_some_and(|it| it.link == link)
    }

    /// Passes a message to a web seed; false if the peer is not a web seed.
    pub(super) fn send(&self, peer: PeerKey, message: &Message) -> bool {
        let running = self.running.get(&peer);
        running.map(|it| it.server.send(message.clone())).is_some()
    }

    /// Stops a web seed, if it runs.
    pub(super) fn remove(&mut self, peer: PeerKey) -> Option<ClientInput> {
        self.running.remove(&peer)?;
        Some(closed(peer, Ended::ByDriver))
    }

    /// Stops all web seeds.
    pub(super) fn close(&mut self) -> Vec<ClientInput> {
        let all = std::mem::take(&mut self.running).into_keys();
        all.map(|peer| closed(peer, Ended::ByDriver)).collect()
    }

    fn name(&self, seed: u16) -> String {
        let url = self.urls.get(usize::from(seed));
        url.map_or_else(String::new, |it| shown_url(it))
    }
}

fn closed(peer: PeerKey, how: Ended) -> ClientInput {
    let unsent = Unsent::default();
    ClientInput::Closed { peer, how, unsent }
}

impl Session {
    pub(super) fn use_web_seed(&mut self, seed: u16, peer: PeerKey) {
        let link = self.peers.link(peer);
        let shared: Shared = self.peers.shared();
        let base = self.web_seeds.urls[usize::from(seed)].clone();
        let metainfo = Arc::clone(&self.settings.metainfo);
        let client = self.web_seeds.client.clone();
        let server = WebSeed::spawn(base, metainfo, client, link, shared);
        let running = Running { seed, link, server };
        self.web_seeds.running.insert(peer, running);
    }

    /// Handles the failure of a web seed.
    pub(super) fn web_seed_failed(
        &mut self,
        peer: PeerKey,
        reason: &CloseReason,
    ) -> Option<ClientInput> {
        let running = self.web_seeds.running.remove(&peer)?;
        let passing = match reason {
            CloseReason::Server { passing, .. } => *passing,
            _ => true,
        };
        let name = self.web_seeds.name(running.seed);
        let said = reason.to_string();
        self.web_seeds.said.insert(running.seed, said);
        self.notify(Notice::WebSeed(format!("{name}: {reason}; will try again")));
        let how = if passing {
            Ended::ByPeer
        } else {
            Ended::Garbage
        };
        Some(closed(peer, how))
    }

    pub(super) fn left_web_seed(&mut self, seed: u16, offence: Option<Offence>) {
        let name = self.web_seeds.name(seed);
        let why = offence.map_or_else(|| "gives wrong answers".to_owned(), |it| it.to_string());
        self.web_seeds.said.insert(seed, why.clone());
        self.notify(Notice::WebSeed(format!(
            "{name}: {why}; it is not used any more"
        )));
    }
}
