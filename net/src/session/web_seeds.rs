//! The web seeds of a session: which ones run, and their last errors. BEP 19.

use std::collections::BTreeMap;
use std::sync::Arc;

use unchoke_core::client::bans::Offence;
use unchoke_core::client::redial::Ended;
use unchoke_core::ids::PeerKey;
use unchoke_core::message::Message;
use unchoke_core::metainfo::Naming;
use unchoke_core::torrent::{Input, Unsent};

use super::{ClientInput, LastWord, Notice, Session, SessionError, Settings};
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
    /// The web seeds that lacked files in their last use.
    lacking: BTreeMap<u16, Lacking>,
}

/// The files that a web seed lacks.
#[derive(Debug)]
struct Lacking {
    /// The first one found, and why it cannot be used.
    first: String,
    count: usize,
    /// Whether its next use has begun. Then the files are requested again.
    past: bool,
}

impl Lacking {
    fn text(&self) -> String {
        let others = match self.count {
            1 => return self.first.clone(),
            2 => "1 other file is".to_owned(),
            count => format!("{} other files are", count - 1),
        };
        format!("{}; {others} missing there too", self.first)
    }
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
            lacking: BTreeMap::new(),
        }
    }

    /// The last message of each web seed.
    pub(super) fn last_words(&self) -> Vec<LastWord> {
        let all = (0..).zip(&self.urls);
        let word = |(seed, url): (u16, &String)| {
            let in_use = self.running.values().any(|it| it.seed == seed);
            let lacking = self.lacking.get(&seed).filter(|it| !it.past);
            let lacking = lacking.map(Lacking::text);
            let said = match lacking {
                Some(lacking) if in_use => Some(format!("in use, but {lacking}")),
                Some(lacking) => Some(lacking),
                None if in_use => Some("in use".into()),
                None => self.said.get(&seed).cloned(),
            };
            LastWord {
                url: shown_url(url),
                failed: said.is_some() && !in_use,
                said,
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
        if let Some(lacking) = self.web_seeds.lacking.get_mut(&seed) {
            lacking.past = true;
        }
    }

    /// A web seed lacks a file: its pieces are not requested there until its next use.
    pub(super) fn web_seed_lacks(
        &mut self,
        peer: PeerKey,
        file: usize,
        why: &str,
    ) -> Result<(), SessionError> {
        let seed = self.web_seeds.running.get(&peer).map(|it| it.seed);
        let Some(seed) = seed else { return Ok(()) };
        let path = self.settings.metainfo.layout.path(file, Naming::Exact);
        let first = format!("it cannot give the file {path}: {why}");
        let known = self.web_seeds.lacking.get_mut(&seed);
        let told = known.is_some();
        if let Some(lacking) = known.filter(|it| !it.past) {
            lacking.count += 1;
        } else {
            let lacking = Lacking {
                first: first.clone(),
                count: 1,
                past: false,
            };
            self.web_seeds.lacking.insert(seed, lacking);
        }
        if !told {
            // Told once: it may lack thousands of files. `--explain` counts them.
            let name = self.web_seeds.name(seed);
            let rest = if self.storage.files().len() > 1 {
                "; other files are still requested there"
            } else {
                ""
            };
            self.notify(Notice::WebSeed(format!("{name}: {first}{rest}")));
        }
        let pieces = self.settings.metainfo.pieces_of(file);
        self.feed(Input::Lacks { peer, pieces })
    }

    /// Handles the failure of a web seed.
    pub(super) fn web_seed_failed(
        &mut self,
        peer: PeerKey,
        reason: &CloseReason,
    ) -> Option<ClientInput> {
        let running = self.web_seeds.running.remove(&peer)?;
        let how = match reason {
            CloseReason::Server { how, .. } => *how,
            _ => Ended::ByPeer,
        };
        let name = self.web_seeds.name(running.seed);
        let said = reason.to_string();
        self.web_seeds.said.insert(running.seed, said);
        self.notify(Notice::WebSeed(format!("{name}: {reason}; will try again")));
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
