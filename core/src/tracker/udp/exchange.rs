//! One question to one tracker address: connect, ask, repeat lost datagrams, give up.

use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::net::SocketAddr;
use core::time::Duration;

use super::packet::{self, Action, Head, MAX_SCRAPE};
use super::{Answer, Question, UdpError};
use crate::rng::Rng;
use crate::text;
use crate::time::Instant;
use crate::tracker::response::MAX_TEXT_BYTES;

/// How long a connection id is used. BEP 15: "A client can use a connection ID until one minute
/// after it has received it."
const CONNECTION_LIFE: Duration = Duration::from_mins(1);
/// Wait before the first repetition; each further wait is longer by this time. BEP 15 waits 15, 30,
/// 60 s and so on up to more than an hour. Clients give up much sooner, to try the next tracker:
/// libtorrent after 10 s without an answer or 30 s in all (`tracker_receive_timeout`,
/// `tracker_completion_timeout`), Transmission after 30 to 45 s, aria2 after one repetition. With
/// 30 s in all, our waits allow for three datagrams.
const REPEAT: Duration = Duration::from_secs(5);

/// A connection id and its expiry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Connection {
    id: u64,
    until: Instant,
}

/// What can happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Input<'a> {
    /// A datagram came.
    Datagram {
        /// The sender.
        from: SocketAddr,
        /// All of it.
        bytes: &'a [u8],
    },
    /// The deadline has come; an early one is harmless.
    Timeout,
}

/// What the driver must do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Send this to the tracker.
    Send(Vec<u8>),
    /// The exchange is over.
    Done(Result<Answer, UdpError>),
}

/// The request that we wait for.
#[derive(Clone, Copy, Debug)]
struct Asked {
    action: Action,
    transaction: u32,
    repeat: u32,
    due: Instant,
}

/// One question to one tracker address. Only datagrams from exactly this address, with the id of
/// our transaction and the right action, are accepted; others are counted and ignored.
#[derive(Clone, Debug)]
pub struct Exchange {
    tracker: SocketAddr,
    question: Question,
    rng: Rng,
    connection: Option<Connection>,
    /// The connection id comes from an earlier exchange, so the tracker may have forgotten it.
    reused: bool,
    asked: Option<Asked>,
    start: Instant,
    end: Instant,
    strange: u32,
    outputs: VecDeque<Output>,
}

impl Exchange {
    /// Starts to ask `tracker`, and gives up after `patience`. `known` is the connection from an
    /// earlier exchange with this tracker. `rng` draws the transaction ids, which must not be
    /// predictable.
    #[must_use]
    pub fn new(
        now: Instant,
        tracker: SocketAddr,
        question: Question,
        known: Option<Connection>,
        patience: Duration,
        rng: Rng,
    ) -> Self {
        if let Question::Scrape(torrents) = &question {
            assert!(torrents.len() <= MAX_SCRAPE, "one datagram holds no more");
        }
        let mut exchange = Self {
            tracker: SocketAddr::new(tracker.ip().to_canonical(), tracker.port()),
            question,
            rng,
            connection: known,
            reused: known.is_some(),
            asked: None,
            start: now,
            end: now.after(patience),
            strange: 0,
            outputs: VecDeque::new(),
        };
        exchange.ask(now);
        exchange
    }

    /// Takes in one event.
    pub fn handle_input(&mut self, now: Instant, input: Input<'_>) {
        let Some(asked) = self.asked else {
            return;
        };
        if let Input::Datagram { from, bytes } = input {
            self.on_datagram(now, asked, from, bytes);
        }
        let Some(asked) = self.asked else {
            return;
        };
        if now >= self.end {
            let seconds = self.end.as_secs() - self.start.as_secs();
            let strange = self.strange;
            self.finish(Err(UdpError::Silent { seconds, strange }));
        } else if now >= asked.due {
            self.repeat(now, asked);
        }
    }

    /// The next output; drain until `None`.
    #[must_use]
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When [`Input::Timeout`] is due; `None` once the exchange is over.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        Some(self.asked?.due.min(self.end))
    }

    /// The connection id for the next exchange with this tracker.
    #[must_use]
    pub fn connection(&self) -> Option<Connection> {
        self.connection
    }

    fn on_datagram(&mut self, now: Instant, asked: Asked, from: SocketAddr, bytes: &[u8]) {
        let from = SocketAddr::new(from.ip().to_canonical(), from.port());
        let ours = |it: &Head<'_>| {
            let fits = it.action == asked.action || it.action == Action::Error;
            fits && it.transaction == asked.transaction && from == self.tracker
        };
        let Some(head) = packet::head(bytes).filter(ours) else {
            self.strange = self.strange.saturating_add(1);
            return;
        };
        match head.action {
            Action::Error if self.reused => {
                // Usually the tracker was restarted and no longer knows the connection id.
                self.connection = None;
                self.ask(now);
            }
            Action::Error => {
                let words = text::printable(head.body, MAX_TEXT_BYTES);
                self.finish(Err(UdpError::Refused(match words.trim() {
                    "" => "without saying why".into(),
                    words => words.into(),
                })));
            }
            Action::Connect => match packet::connection_id(head.body) {
                None => self.finish(Err(UdpError::Damaged("it is too short for a connect"))),
                Some(id) => {
                    let until = now.after(CONNECTION_LIFE);
                    self.connection = Some(Connection { id, until });
                    self.ask(now);
                }
            },
            Action::Announce | Action::Scrape => {
                let answer = self.question.decode(head.body, self.tracker.is_ipv4());
                self.finish(answer);
            }
        }
    }

    /// Sends the request that is next, as a new transaction.
    fn ask(&mut self, now: Instant) {
        self.connection = self.connection.filter(|it| it.until > now);
        self.reused &= self.connection.is_some();
        let action = match self.connection {
            None => Action::Connect,
            Some(_) => self.question.action(),
        };
        let transaction = self.draw();
        self.send(action, transaction);
        self.asked = Some(Asked {
            action,
            transaction,
            repeat: 0,
            due: now.after(REPEAT),
        });
    }

    /// Repeats a request that may be lost. The transaction id stays the same, so that an answer to
    /// an earlier datagram counts. If the connection id has expired, it starts again.
    fn repeat(&mut self, now: Instant, asked: Asked) {
        let old = self.connection.is_some_and(|it| it.until <= now);
        if old {
            return self.ask(now);
        }
        self.send(asked.action, asked.transaction);
        let repeat = asked.repeat + 1;
        self.asked = Some(Asked {
            repeat,
            due: now.after(REPEAT * (repeat + 1)),
            ..asked
        });
    }

    fn send(&mut self, action: Action, transaction: u32) {
        let datagram = match (action, self.connection) {
            (Action::Connect, _) | (_, None) => packet::connect(transaction),
            (_, Some(connection)) => self.question.encode(connection.id, transaction),
        };
        self.outputs.push_back(Output::Send(datagram));
    }

    fn finish(&mut self, result: Result<Answer, UdpError>) {
        self.asked = None;
        self.outputs.push_back(Output::Done(result));
    }

    /// A random number other than 0, because faulty trackers send 0.
    fn draw(&mut self) -> u32 {
        let drawn = self.rng.below(u64::from(u32::MAX)) + 1;
        u32::try_from(drawn).expect("from 1 to 2^32 - 1")
    }
}
