//! Trackers: the core says when and what, this asks and hands back the answer.

use std::collections::BTreeMap;

use tokio::task::{JoinError, JoinSet};
use unchoke_core::rng::{Purpose, Streams};
use unchoke_core::time::Instant;
use unchoke_core::tracker::{
    AnnounceQuery, AnnounceRequest, AnnounceResponse, Announcer, Event, Schedule,
};

use super::{Notice, Session, Settings, bytes_of};
use crate::connection::Identity;
use crate::text::shown_url;
use crate::tracker::{ANNOUNCE_TIMEOUT, Agent, AnnounceError, STOP_TIMEOUT, TrackerUrl};

/// Peers asked for. Transmission: 80.
const WANTED: u32 = 80;
/// Trackers that cannot be asked, and of which we say why.
const MAX_SKIPPED_TOLD: usize = 5;

/// The trackers of one torrent that can be asked.
#[derive(Debug)]
pub(super) struct Trackers {
    announcer: Announcer,
    agent: Agent,
    urls: Vec<TrackerUrl>,
    identity: Identity,
    port: u16,
    /// Tells the tracker that we are the same when our address changes. BEP 7.
    key: u32,
    /// What trackers want to hear again.
    ids: BTreeMap<usize, Vec<u8>>,
    asked: JoinSet<Answer>,
    /// Trackers that cannot be asked: a sentence for each.
    skipped: Vec<String>,
}

/// What a tracker said.
#[derive(Debug)]
pub(super) struct Answer {
    tracker: usize,
    result: Result<AnnounceResponse, AnnounceError>,
}

/// The figures that trackers are told.
#[derive(Clone, Copy, Debug)]
struct Figures {
    uploaded: u64,
    downloaded: u64,
    left: u64,
}

impl Trackers {
    pub(super) fn new(settings: &Settings, identity: Identity, port: u16) -> Self {
        let wanted = settings.trackers;
        let (tiers, skipped) = tiers(settings.metainfo.trackers.iter().filter(|_| wanted));
        let mut rng = Streams::new(settings.run_seed).stream(Purpose::Tracker, 0);
        let counts = tiers.iter().map(Vec::len);
        Self {
            announcer: Announcer::new(counts, Schedule::default(), &mut rng),
            agent: Agent::default(),
            skipped,
            urls: tiers.concat(),
            identity,
            port,
            key: u32::try_from(crate::chance::random_u64() >> 32).expect("32 bits"),
            ids: BTreeMap::new(),
            asked: JoinSet::new(),
        }
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.announcer.poll_timeout()
    }

    /// The next answer; `None` while nobody is asked.
    pub(super) async fn next(&mut self) -> Option<Result<Answer, JoinError>> {
        self.asked.join_next().await
    }

    fn ask(&mut self, request: AnnounceRequest, figures: Figures) {
        let stopping = request.event == Some(Event::Stopped);
        let query = AnnounceQuery {
            info_hash: self.identity.info_hash,
            peer_id: self.identity.peer_id,
            port: self.port,
            uploaded: figures.uploaded,
            downloaded: figures.downloaded,
            left: figures.left,
            event: request.event,
            wanted: Some(if stopping { 0 } else { WANTED }),
            key: self.key,
            tracker_id: self.ids.get(&request.tracker).cloned(),
        };
        let (agent, url) = (self.agent.clone(), self.urls[request.tracker].clone());
        let timeout = if stopping {
            STOP_TIMEOUT
        } else {
            ANNOUNCE_TIMEOUT
        };
        self.asked.spawn(async move {
            Answer {
                tracker: request.tracker,
                result: agent.announce(&url, &query, timeout).await,
            }
        });
    }
}

/// The URLs that can be asked, by tier, and why others cannot.
fn tiers<'a>(all: impl Iterator<Item = &'a Vec<String>>) -> (Vec<Vec<TrackerUrl>>, Vec<String>) {
    let mut skipped = Vec::new();
    let tiers = all.map(|tier| {
        let urls = tier.iter().filter_map(|text| {
            let url = TrackerUrl::parse(text);
            url.map_err(|why| skipped.push(format!("{}: {why}; left out", shown_url(text))))
                .ok()
        });
        urls.collect()
    });
    (tiers.collect(), skipped)
}

impl Session {
    /// Says at the start what will not be asked.
    pub(super) fn introduce_trackers(&self) {
        for sentence in self.trackers.skipped.iter().take(MAX_SKIPPED_TOLD) {
            self.notify(Notice::Tracker(sentence.clone()));
        }
        let more = self.trackers.skipped.len().saturating_sub(MAX_SKIPPED_TOLD);
        if more > 0 {
            self.notify(Notice::Tracker(format!("{more} more are left out")));
        }
    }

    fn figures(&self) -> Figures {
        let geometry = self.settings.metainfo.geometry;
        let ledger = self.torrent.ledger();
        Figures {
            uploaded: ledger.payload_sent,
            downloaded: ledger.payload_received(),
            left: geometry.total_bytes() - bytes_of(geometry, self.torrent.have()),
        }
    }

    /// Announces what is due.
    pub(super) fn poll_trackers(&mut self) {
        let now = self.now();
        if !self.torrent.is_complete() && self.peers.is_short() {
            self.trackers.announcer.want_peers(now);
        }
        if let Some(request) = self.trackers.announcer.poll(now) {
            let figures = self.figures();
            self.trackers.ask(request, figures);
        }
    }

    pub(super) fn on_completed(&mut self) {
        let now = self.now();
        self.trackers.announcer.on_completed(now);
    }

    pub(super) fn on_answer(&mut self, answer: Result<Answer, JoinError>) {
        let now = self.now();
        let Ok(answer) = answer else {
            // The request panicked, which the thread has said; try again later.
            return self.trackers.announcer.on_failure(now);
        };
        let url = &self.trackers.urls[answer.tracker];
        match answer.result {
            Err(error) => {
                self.notify(Notice::Tracker(format!("{url}: {error}; will try again")));
                self.trackers.announcer.on_failure(now);
            }
            Ok(response) => {
                self.notify(Notice::Tracker(format!("{url}: {}", summary(&response))));
                response.peers.iter().for_each(|peer| self.peers.add(*peer));
                self.trackers.announcer.on_response(now, &response);
                if let Some(id) = response.tracker_id {
                    self.trackers.ids.insert(answer.tracker, id);
                }
            }
        }
    }

    /// Tells the trackers what they have not heard yet, and that we go. May take long: limit it.
    pub(super) async fn farewell(&mut self) {
        if self.torrent.is_complete() {
            // `completed` may be due, or wait for the answer to `started`.
            while let Some(answer) = self.trackers.next().await {
                self.on_answer(answer);
                self.poll_completed();
            }
            self.poll_completed();
            while self.trackers.next().await.is_some() {}
        }
        let (now, figures) = (self.now(), self.figures());
        self.trackers.announcer.stop();
        // Nobody waits for what was asked before.
        self.trackers.asked = JoinSet::new();
        while let Some(request) = self.trackers.announcer.poll(now) {
            self.trackers.ask(request, figures);
            // Nobody waits for the outcome before the next is told.
            self.trackers.announcer.on_failure(now);
        }
        while self.trackers.next().await.is_some() {}
    }

    fn poll_completed(&mut self) {
        let (now, figures) = (self.now(), self.figures());
        let mut probe = self.trackers.announcer.clone();
        if let Some(due) = probe.poll(now)
            && due.event == Some(Event::Completed)
        {
            self.trackers.announcer = probe;
            self.trackers.ask(due, figures);
        }
    }
}

/// What an answer says, in one line.
#[must_use]
pub(crate) fn summary(response: &AnnounceResponse) -> String {
    let counts = [
        (response.complete, "seeds"),
        (response.incomplete, "leechers"),
        (response.downloaded, "completed"),
    ];
    let mut parts = vec![format!("{} peers", response.peers.len())];
    let known = counts
        .iter()
        .filter_map(|(count, name)| Some(format!("{} {name}", (*count)?)));
    parts.extend(known);
    let shortest = response.min_interval.unwrap_or(Schedule::default().floor);
    let again = response.interval.map(|it| it.max(shortest));
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
