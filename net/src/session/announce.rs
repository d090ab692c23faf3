//! Trackers: the core decides when to announce what; this module sends the announces and returns
//! the answers.

use std::collections::{BTreeMap, BTreeSet};
use unchoke_core::text::counted;

use tokio::task::{JoinError, JoinSet};
use unchoke_core::client::announcer::{AnnounceRequest, Schedule, Wishes};
use unchoke_core::client::{Heard, Internet};
use unchoke_core::ledger::Ledger;
use unchoke_core::tracker::{AnnounceQuery, AnnounceResponse, Event};

use super::status::Told;
use super::{ClientInput, LastWord, Notice, Session, SessionError, Settings};
use crate::connection::Identity;
use crate::text::shown_url;
use crate::tracker::{
    ANNOUNCE_TIMEOUT, Agent, AnnounceError, STOP_TIMEOUT, TrackerUrl, is_web_torrent,
};

/// Most unusable trackers that are reported with a reason.
const MAX_SKIPPED_TOLD: usize = 5;

/// The usable trackers of one torrent.
#[derive(Debug)]
pub(super) struct Trackers {
    agent: Agent,
    urls: Vec<TrackerUrl>,
    identity: Identity,
    port: u16,
    /// Identifies us to the tracker if our address changes. BEP 7.
    key: u32,
    /// Tracker ids to send back in later announces.
    ids: BTreeMap<usize, Vec<u8>>,
    /// Announces that are due.
    due: Vec<AnnounceRequest>,
    told: Told,
    /// Trackers that our rules forbid. The user was told.
    refused: BTreeSet<usize>,
    asked: JoinSet<Answer>,
    /// A message for each unusable tracker.
    skipped: Vec<String>,
    /// The last message of each tracker, and whether it was a failure.
    said: BTreeMap<usize, (String, bool)>,
}

/// The answer of a tracker.
#[derive(Debug)]
pub(super) struct Answer {
    tracker: usize,
    result: Result<AnnounceResponse, AnnounceError>,
}

impl Trackers {
    pub(super) fn new(settings: &Settings, identity: Identity, port: u16) -> Self {
        let wanted = settings.trackers;
        let agent = Agent::new(settings.route.clone());
        let all = settings.metainfo.trackers.iter().filter(|_| wanted);
        let (tiers, skipped) = tiers(all, &agent);
        Self {
            agent,
            skipped,
            urls: tiers.concat(),
            identity,
            port,
            key: u32::try_from(crate::chance::random_u64() >> 32).expect("32 bits"),
            ids: BTreeMap::new(),
            due: Vec::new(),
            told: Told::default(),
            refused: BTreeSet::new(),
            asked: JoinSet::new(),
            said: BTreeMap::new(),
        }
    }

    /// The last message of each tracker, including unused ones.
    pub(super) fn last_words(&self) -> Vec<LastWord> {
        let word = |(number, url): (usize, &TrackerUrl)| LastWord {
            url: url.to_string(),
            said: self.said.get(&number).map(|it| it.0.clone()),
            failed: self.said.get(&number).is_some_and(|it| it.1),
        };
        let left_out = self.skipped.iter().map(|sentence| {
            let (url, why) = sentence.split_once(": ").unwrap_or((sentence, "left out"));
            LastWord {
                url: url.to_owned(),
                said: Some(why.to_owned()),
                failed: true,
            }
        });
        self.urls
            .iter()
            .enumerate()
            .map(word)
            .chain(left_out)
            .collect()
    }

    /// Number of trackers in each tier.
    pub(super) fn tiers(settings: &Settings) -> Vec<usize> {
        let wanted = settings.trackers;
        let agent = Agent::new(settings.route.clone());
        let all = settings.metainfo.trackers.iter().filter(|_| wanted);
        let (tiers, _) = tiers(all, &agent);
        tiers.iter().map(Vec::len).collect()
    }

    /// Requests an announce, to be sent with the next figures.
    pub(super) fn due(&mut self, tracker: usize, event: Option<Event>) {
        self.due.push(AnnounceRequest { tracker, event });
    }

    /// Sets the port for later announces.
    pub(super) fn set_port(&mut self, port: u16) {
        self.port = port;
    }

    /// The next answer; `None` if no announce is running.
    pub(super) async fn next(&mut self) -> Option<Result<Answer, JoinError>> {
        self.asked.join_next().await
    }

    fn ask(&mut self, request: AnnounceRequest, ledger: &Ledger, left: u64, wanted: u32) {
        self.told.update(ledger);
        let stopping = request.event == Some(Event::Stopped);
        let query = AnnounceQuery {
            info_hash: self.identity.info_hash,
            peer_id: self.identity.peer_id,
            port: self.port,
            uploaded: self.told.uploaded,
            downloaded: self.told.downloaded,
            left,
            event: request.event,
            wanted: Some(if stopping { 0 } else { wanted }),
            key: self.key,
            tracker_id: self.ids.get(&request.tracker).cloned(),
        };
        let (agent, url) = (self.agent.clone(), self.urls[request.tracker].clone());
        let second = self.identity.second();
        let timeout = if stopping {
            STOP_TIMEOUT
        } else {
            ANNOUNCE_TIMEOUT
        };
        self.asked.spawn(async move {
            Answer {
                tracker: request.tracker,
                result: agent.announce_both(&url, &query, second, timeout).await,
            }
        });
    }
}

/// The usable URLs by tier, and the reasons why others are unusable.
fn tiers<'a>(
    all: impl Iterator<Item = &'a Vec<String>>,
    agent: &Agent,
) -> (Vec<Vec<TrackerUrl>>, Vec<String>) {
    let mut skipped = Vec::new();
    let usable = |text: &String| -> Result<TrackerUrl, AnnounceError> {
        let url = TrackerUrl::parse(text)?;
        agent.can_ask(&url).map(|()| url)
    };
    let tiers = all.map(|tier| {
        let urls = tier.iter().filter_map(|text| {
            usable(text)
                .map_err(|why| skipped.push(format!("{}: {why}; left out", shown_url(text))))
                .ok()
        });
        urls.collect()
    });
    (tiers.collect(), skipped)
}

/// What the user is told if all `trackers` are WebTorrent trackers, which cannot be asked. Says also
/// whether DHT and local discovery are tried instead.
pub(crate) fn only_web_torrent(
    trackers: &[Vec<String>],
    (dht, lsd): (bool, bool),
) -> Option<String> {
    let first = trackers.iter().flatten().next()?;
    if !trackers.iter().flatten().all(|it| is_web_torrent(it)) {
        return None;
    }
    let instead = match (dht, lsd) {
        (true, true) => "peers are looked for by DHT, local discovery and peer exchange",
        (true, false) => "peers are looked for by DHT and peer exchange",
        (false, true) => "peers are looked for by local discovery and peer exchange",
        (false, false) => "no other way to find peers is on; name some with --peer",
    };
    let url = shown_url(first);
    Some(format!(
        "{url}: WebTorrent trackers are not supported, and there is no other tracker; {instead}"
    ))
}

impl Session {
    /// At the start, reports which trackers will not be asked.
    pub(super) fn introduce_trackers(&self) {
        let settings = &self.settings;
        let wanted = settings.trackers.then_some(&settings.metainfo.trackers);
        let others = (settings.dht.is_some(), settings.lsd.is_some());
        if let Some(sentence) = wanted.and_then(|it| only_web_torrent(it, others)) {
            return self.notify(Notice::Tracker(sentence));
        }
        for sentence in self.trackers.skipped.iter().take(MAX_SKIPPED_TOLD) {
            self.notify(Notice::Tracker(sentence.clone()));
        }
        let more = self.trackers.skipped.len().saturating_sub(MAX_SKIPPED_TOLD);
        if more > 0 {
            self.notify(Notice::Tracker(format!("{more} more are left out")));
        }
    }

    /// Sends the announces that are due.
    pub(super) fn ask_trackers(&mut self) -> Result<(), SessionError> {
        let metainfo = std::sync::Arc::clone(&self.settings.metainfo);
        let geometry = &metainfo.geometry;
        while !self.trackers.due.is_empty() {
            let request = self.trackers.due.remove(0);
            if self.trackers.refused.contains(&request.tracker) {
                self.announced(request.tracker, None)?;
                continue;
            }
            let left = geometry.total_bytes() - geometry.bytes_in(self.torrent().have());
            let (ledger, wanted) = (*self.torrent().ledger(), self.client.peers_wanted());
            self.trackers.ask(request, &ledger, left, wanted);
        }
        Ok(())
    }

    pub(super) fn on_answer(
        &mut self,
        answer: Result<Answer, JoinError>,
    ) -> Result<(), SessionError> {
        // A task that panicked has printed its message. It counts as no answer.
        let Ok(answer) = answer else {
            let asked = self.client.asked();
            return asked.map_or(Ok(()), |it| self.announced(it, None));
        };
        match answer.result {
            Err(error) => {
                let said = (error.to_string(), true);
                self.trackers.said.insert(answer.tracker, said);
                let url = &self.trackers.urls[answer.tracker];
                let by_rule = error.is_by_rule();
                let then = if by_rule {
                    "left out from now on"
                } else {
                    "will try again"
                };
                self.notify(Notice::Tracker(format!("{url}: {error}; {then}")));
                if by_rule {
                    self.trackers.refused.insert(answer.tracker);
                }
                self.announced(answer.tracker, None)
            }
            Ok(response) => {
                let said = (summary(&response), false);
                self.trackers.said.insert(answer.tracker, said);
                let url = &self.trackers.urls[answer.tracker];
                self.notify(Notice::Tracker(format!("{url}: {}", summary(&response))));
                let heard = Heard {
                    wishes: Wishes {
                        interval: response.interval,
                        min_interval: response.min_interval,
                    },
                    peers: response.peers,
                };
                if let Some(id) = response.tracker_id {
                    self.trackers.ids.insert(answer.tracker, id);
                }
                self.announced(answer.tracker, Some(heard))
            }
        }
    }

    fn announced(
        &mut self,
        tracker: usize,
        outcome: Option<Heard<Internet>>,
    ) -> Result<(), SessionError> {
        self.tell(ClientInput::Announced { tracker, outcome })
    }

    /// Sends the last announces. This may take long: limit the time.
    pub(super) async fn farewell(&mut self) -> Result<(), SessionError> {
        if self.client.asked().is_none() {
            // Answers to earlier announces are no longer needed. None may go out after `stopped`.
            self.trackers.asked.shutdown().await;
        }
        self.ask_trackers()?;
        while let Some(answer) = self.trackers.next().await {
            self.on_answer(answer)?;
            self.ask_trackers()?;
        }
        Ok(())
    }
}

/// Summarises an answer in one line.
#[must_use]
pub(crate) fn summary(response: &AnnounceResponse) -> String {
    let counts = [
        response
            .complete
            .map(|it| counted(it.into(), "seed").to_string()),
        response
            .incomplete
            .map(|it| counted(it.into(), "leecher").to_string()),
        response.downloaded.map(|it| format!("{it} completed")),
    ];
    let mut parts = vec![counted(response.peers.len() as u64, "peer").to_string()];
    parts.extend(counts.into_iter().flatten());
    // The tracker may name any interval; show how long we really wait.
    let schedule = Schedule::default();
    let shortest = response.min_interval.unwrap_or(schedule.floor);
    let again = response
        .interval
        .map(|it| it.max(shortest).min(schedule.longest));
    parts.extend(again.map(|it| format!("again in {}", crate::text::clock(it))));
    parts.extend(response.damaged.map(|it| format!("left out: {it}")));
    parts.extend(
        response
            .warning
            .as_ref()
            .map(|it| format!("it warns: {it}")),
    );
    parts.join(", ")
}
