//! Announces by UDP: sockets around [`unchoke_core::tracker::udp::Exchange`].

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant as Clock;
use unchoke_core::ids::InfoHash;
use unchoke_core::rng::{Purpose, Streams};
use unchoke_core::time::Instant;
use unchoke_core::tracker::guard::judge;
use unchoke_core::tracker::udp::{Answer, Connection, Exchange, Input, Output, Question};
use unchoke_core::tracker::{AnnounceQuery, AnnounceResponse, ScrapeCounts};

use super::{AnnounceError, TrackerUrl};
use crate::chance::random_u64;
use crate::http::{HttpError, connect};
use crate::route::Route;

/// Size of the largest possible datagram.
const MAX_DATAGRAM_BYTES: usize = 1 << 16;
/// Most trackers whose connection ids are kept.
const MAX_CONNECTIONS: usize = 100;

/// The connection ids of UDP trackers, shared by all torrents. BEP 15: an id is valid for one
/// minute.
#[derive(Clone, Debug)]
pub(super) struct Connections {
    epoch: Clock,
    known: Arc<Mutex<BTreeMap<SocketAddr, Connection>>>,
}

impl Default for Connections {
    fn default() -> Self {
        Self {
            epoch: Clock::now(),
            known: Arc::default(),
        }
    }
}

impl Connections {
    fn now(&self) -> Instant {
        Instant::START.after(self.epoch.elapsed())
    }

    fn get(&self, tracker: SocketAddr) -> Option<Connection> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(&tracker).copied()
    }

    fn keep(&self, tracker: SocketAddr, connection: Option<Connection>) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.remove(&tracker);
        if known.len() >= MAX_CONNECTIONS {
            // Drop all ids: they are valid for one minute only, and a new one costs one round trip.
            known.clear();
        }
        known.extend(connection.map(|it| (tracker, it)));
    }
}

pub(super) async fn announce(
    connections: &Connections,
    route: &Route,
    url: &TrackerUrl,
    query: &AnnounceQuery,
    patience: Duration,
) -> Result<AnnounceResponse, AnnounceError> {
    let plain = url.plain();
    let question = Question::Announce {
        query: query.clone(),
        path: match (plain.path(), plain.query()) {
            ("/", None) => String::new(),
            (path, None) => path.to_owned(),
            (path, Some(query)) => format!("{path}?{query}"),
        },
    };
    match ask_all(connections, route, url, question, patience).await? {
        Answer::Announce(response) => Ok(response),
        Answer::Scrape(_) => unreachable!("an announce was asked for"),
    }
}

pub(super) async fn scrape(
    connections: &Connections,
    route: &Route,
    url: &TrackerUrl,
    info_hash: InfoHash,
    patience: Duration,
) -> Result<ScrapeCounts, AnnounceError> {
    let question = Question::Scrape(vec![info_hash]);
    match ask_all(connections, route, url, question, patience).await? {
        Answer::Scrape(counts) => Ok(counts.first().copied().unwrap_or_default()),
        Answer::Announce(_) => unreachable!("a scrape was asked for"),
    }
}

/// Asks the addresses of the tracker one by one, until one answers.
async fn ask_all(
    connections: &Connections,
    route: &Route,
    url: &TrackerUrl,
    question: Question,
    patience: Duration,
) -> Result<Answer, AnnounceError> {
    let end = Clock::now() + patience;
    let plain = url.plain();
    let host = plain.host().ok_or(HttpError::NoHost)?;
    // libtorrent: the default port of UDP trackers is 80.
    let port = plain.port().unwrap_or(80);
    let addresses = connect::resolve(route, &host, port, end).await?;
    let allowed = connect::allowed(&addresses, |ip, reach| {
        // Many URLs of UDP trackers have no path. The path is not sent before the address has
        // answered as a tracker.
        let path = match plain.path() {
            "/" => "/announce",
            path => path,
        };
        judge(ip, reach, path, None)
    });
    let allowed = allowed.map_err(HttpError::from)?;
    let mut failure = AnnounceError::Http(HttpError::NoHost);
    for (place, (address, _)) in allowed.iter().enumerate() {
        // Leave time for the other addresses if this one does not answer.
        let left = u32::try_from(allowed.len() - place).expect("a handful");
        let patience = (end - Clock::now()) / left;
        match ask(connections, route, *address, question.clone(), patience).await {
            Ok(answer) => return Ok(answer),
            Err(error) => failure = error,
        }
    }
    Err(failure)
}

/// Sends one question to one address.
async fn ask(
    connections: &Connections,
    route: &Route,
    tracker: SocketAddr,
    question: Question,
    patience: Duration,
) -> Result<Answer, AnnounceError> {
    let socket_error = |error| AnnounceError::Socket(tracker, error);
    let socket = route.datagrams(tracker).await.map_err(socket_error)?;
    // The system then drops datagrams from other addresses, and reports a closed port.
    socket.connect(tracker).await.map_err(socket_error)?;
    let rng = Streams::new(random_u64()).stream(Purpose::Tracker, 0);
    let known = connections.get(tracker);
    let mut exchange = Exchange::new(connections.now(), tracker, question, known, patience, rng);
    let mut datagram = vec![0; MAX_DATAGRAM_BYTES];
    loop {
        while let Some(output) = exchange.poll_output() {
            match output {
                Output::Send(bytes) => {
                    socket.send(&bytes).await.map_err(socket_error)?;
                }
                Output::Done(result) => {
                    connections.keep(tracker, exchange.connection());
                    return Ok(result?);
                }
            }
        }
        let due = exchange.poll_timeout().expect("it is not over");
        let due = connections.epoch + Duration::from_nanos(due.as_nanos());
        tokio::select! {
            // Check the deadline first: otherwise a flood of datagrams could delay it.
            biased;
            () = tokio::time::sleep_until(due) => {
                exchange.handle_input(connections.now(), Input::Timeout);
            }
            received = socket.recv_from(&mut datagram) => {
                let (length, from) = received.map_err(socket_error)?;
                let bytes = &datagram[..length];
                exchange.handle_input(connections.now(), Input::Datagram { from, bytes });
            }
        }
    }
}
