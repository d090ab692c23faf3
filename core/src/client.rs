//! A client of one torrent: it decides which peers are connected, around the [`Torrent`] that
//! decides what is exchanged with them. It is the same for every driver: `net` and `sim` add
//! clocks, sockets and links.
//!
//! # The parts
//!
//! * [`book`]: known addresses, and which to dial next. [`source`]: how much each source is trusted.
//! * [`doors`]: connections whose handshake is not done. [`admission`]: whether one may stay.
//! * `seats`: the established connections. [`turnover`]: which one is closed to make room.
//! * `twins`: connections with the same peer id at different places.
//! * `visits`: hosts that used a connection for nothing. [`bans`]: hosts that misbehaved.
//! * [`redial`]: when to try an address again. [`announcer`]: when to announce to which tracker.
//! * `web_seeds`: which web seeds to use. [`explain`]: why a torrent makes no progress.
//! * [`config`]: all figures. [`places`]: types of addresses.
//!
//! Parts return what is to be done and never call each other. Only this file, `connecting`,
//! `drain` and `servers`, which hold the state, call them.
//!
//! # What a driver does
//!
//! It hands in what happens, drains the outputs after each input, carries them out without waiting,
//! and hands in [`Input::Timeout`] when [`Client::poll_timeout`] has come. In addition:
//!
//! * **Credit.** After [`Output::Joined`] the driver hands in [`torrent::Input::Writable`] once for
//!   each block that the link accepts ahead, and then once for each block that was sent. The client
//!   never hands out more blocks than that, so a choke takes effect at once.
//! * **Unsent.** When a connection is closed, [`Input::Closed`] says which blocks were handed to
//!   the link and not sent: they do not count as sent.
//! * **Payload.** [`Output::StoreBlock`] follows directly after the `Piece` message just handed in,
//!   or not at all. The same holds for [`Output::Answer`] and the connection just announced by
//!   [`Input::Knock`].
//! * **Closing.** [`Output::Close`] is answered by [`Input::Closed`], [`Output::Drop`] is not.
//! * **Draining** means polling until `None`. Otherwise the outputs of one input would mix with
//!   those of the next.
//!
//! `core/examples/two_clients.rs` is a whole driver: two clients, a clock, and a link in memory. A
//! minimal example: the client knows an address, asks to dial it, and says when it wants to be
//! woken.
//!
//! ```
//! use std::net::SocketAddr;
//! use std::sync::Arc;
//! use unchoke_core::client::source::Source;
//! use unchoke_core::client::{Client, Config, Input, Internet, Output};
//! use unchoke_core::geometry::Geometry;
//! use unchoke_core::ids::PeerId;
//! use unchoke_core::rng::Streams;
//! use unchoke_core::time::Instant;
//! use unchoke_core::torrent::{self, Torrent};
//! use unchoke_core::{choke, pick};
//!
//! let config = torrent::Config::new(Geometry::new(1 << 20, 1 << 18)?);
//! let have = config.nothing();
//! let policy = choke::build("tit_for_tat", &choke::Parameters::new()).expect("registered");
//! let picker = pick::build("rarest_first").expect("registered");
//! let (streams, start) = (Streams::new(1), Instant::START);
//! let torrent = Torrent::new(Arc::new(config), have, policy, picker, streams, 0, start);
//! let name = PeerId([7; 20]);
//! let mut client: Client<Internet> =
//!     Client::new(Config::new(50), torrent, name, [], streams, 0, start);
//!
//! let peer: SocketAddr = "10.0.0.2:6881".parse().expect("an address");
//! let found = Input::Found { source: Source::User, addresses: vec![peer] };
//! client.handle_input(start, found);
//! let mut dialled = Vec::new();
//! while let Some(output) = client.poll_output() {
//!     if let Output::Dial { address, .. } = output {
//!         dialled.push(address);
//!     }
//! }
//! assert_eq!(dialled, [peer]);
//! assert!(client.poll_timeout().is_some());
//! # Ok::<(), unchoke_core::geometry::GeometryError>(())
//! ```

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::time::Duration;

use crate::ids::PeerKey;
use crate::message::{Extended, Message};
use crate::rng::{Purpose, Rng, Streams};
use crate::time::Instant;
use crate::torrent::{self, Torrent};
use crate::tracker::Event;

pub mod admission;
pub mod announcer;
pub mod bans;
pub mod book;
pub mod config;
mod connecting;
pub mod doors;
mod drain;
pub mod explain;
mod io;
mod many;
mod parting;
pub mod places;
pub mod redial;
mod seats;
mod servers;
pub mod source;
pub mod turnover;
mod twins;
mod visits;
mod web_seeds;

use announcer::Announcer;
use bans::Bans;
use book::Book;
pub use config::Config;
use doors::{Door, Doors};
pub use io::{Heard, Input, Next, Output, Room, Why};
pub use places::{Internet, Places};
use seats::Seats;
use source::Source;
use visits::Visits;
use web_seeds::WebSeeds;

/// Time between two checks of the connections: while one has to make room, and otherwise.
const LOOK_SOON: Duration = Duration::from_secs(1);
const LOOK: Duration = Duration::from_secs(10);

/// A client of one torrent. The fields that most inputs need come first: half a cache line, then those
/// of the torrent.
#[derive(Debug)]
#[repr(C)]
pub struct Client<P: Places> {
    /// When something other than the torrent is due.
    next: Instant,
    /// When the last input came.
    now: Instant,
    /// `None` if there are none, which is so for most inputs.
    #[expect(
        clippy::box_collection,
        reason = "seldom used, looked at for each input: a word will do"
    )]
    outputs: Option<Box<VecDeque<Output<P>>>>,
    config: Arc<Config>,
    torrent: Torrent,
    name: P::Name,
    book: Book<P::Address>,
    doors: Doors<P>,
    seats: Seats<P>,
    bans: Bans<P>,
    visits: Visits<P>,
    announcer: Announcer,
    /// `None` if the torrent has no web seeds.
    web_seeds: Option<Box<WebSeeds>>,
    next_look: Instant,
    next_turnover: Instant,
    /// When the book has an address to dial.
    next_dial: Instant,
    /// When an attempt beyond [`Config::initiate`] may begin; `NEVER` while connected peers are
    /// useful.
    next_beyond: Instant,
    /// Amount of useful payload at the last check, and when it last grew.
    fed: (u64, Instant),
    /// End of the period in which attempts are counted, and the number begun in it.
    pace: (Instant, u16),
    stopping: bool,
    /// Two connections may have the same peer id.
    has_twins: bool,
}

impl<P: Places> Client<P> {
    /// A client with peer id `name` around `torrent`; `tiers` are the numbers of trackers in each
    /// tier. `entity` numbers its random streams.
    #[must_use]
    pub fn new(
        config: impl Into<Arc<Config>>,
        torrent: Torrent,
        name: P::Name,
        tiers: impl IntoIterator<Item = usize>,
        streams: Streams,
        entity: u32,
        now: Instant,
    ) -> Self {
        let config = config.into();
        let mut rng = streams.stream(Purpose::Client, entity);
        let announcer = Announcer::new(tiers, config.schedule, &mut rng);
        Self {
            torrent,
            next: now,
            now,
            outputs: None,
            name,
            book: Book::new(config.private),
            doors: Doors::default(),
            seats: Seats::default(),
            bans: Bans::default(),
            visits: Visits::default(),
            announcer,
            web_seeds: None,
            next_look: now.after(LOOK),
            // Each client has a random phase. Otherwise all clients that started together would do
            // turnovers at the same time.
            next_turnover: now
                .after(config.turnover)
                .after(phase(config.turnover, &mut rng)),
            next_dial: Instant::NEVER,
            next_beyond: Instant::NEVER,
            fed: (0, now),
            pace: (Instant::START, 0),
            config,
            stopping: false,
            has_twins: false,
        }
    }

    /// The torrent inside.
    #[must_use]
    pub fn torrent(&self) -> &Torrent {
        &self.torrent
    }

    /// See [`Torrent::watch`].
    pub fn watch(&mut self, on: bool) {
        self.torrent.watch(on);
    }

    /// See [`Torrent::take_rounds`].
    pub fn take_rounds(&mut self) -> Vec<torrent::Round> {
        self.torrent.take_rounds()
    }

    /// The settings of the client.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Number of connections that are not being closed.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.seats.count()
    }

    /// The tracker whose answer we wait for.
    #[must_use]
    pub fn asked(&self) -> Option<usize> {
        self.announcer.asked()
    }

    /// Number of known addresses.
    #[must_use]
    pub fn candidates(&self) -> usize {
        self.book.len()
    }

    /// Takes in one event. Drain [`Self::poll_output`] afterwards.
    pub fn handle_input(&mut self, now: Instant, input: Input<P>) {
        match input {
            Input::Torrent(input) => self.pass_on(now, input),
            input => self.handle_own(now, input),
        }
    }

    fn handle_own(&mut self, now: Instant, input: Input<P>) {
        self.now = now;
        match input {
            Input::Timeout if !self.on_timeout(now) => return,
            Input::Timeout => {}
            Input::Torrent(_) => unreachable!("passed on"),
            Input::Stop => self.on_stop(),
            Input::Found { source, addresses } => self.on_found(source, None, addresses),
            // An incoming connection changes only deadlines, so nothing else needs an update.
            Input::Knock { address } => return self.on_knock(now, address),
            Input::Failed { door, how } => self.on_failed(now, door, how),
            Input::Met {
                door,
                name,
                fast,
                extended,
            } => self.on_met(now, door, name, [fast, extended]),
            Input::Closed { peer, how, unsent } => self.on_closed(now, peer, how, unsent),
            Input::Announced { tracker, outcome } => self.on_announced(now, tracker, outcome),
            Input::Connections(room) => self.on_room(now, room),
        }
        self.settle(now);
    }

    /// The same as [`Self::handle_input`] with [`Input::Torrent`], on the shortest way: blocks take
    /// it.
    #[expect(clippy::inline_always, reason = "an input is moved once")]
    #[inline(always)]
    pub fn pass_on(&mut self, now: Instant, input: torrent::Input) {
        self.now = now;
        match &input {
            torrent::Input::Message {
                peer,
                message: Message::Extended(extended),
            } => self.on_extended(*peer, extended),
            // The web seed may have nothing else that we need.
            torrent::Input::Lacks { .. } => self.next = now,
            torrent::Input::Timeout
            | torrent::Input::PeerConnected { .. }
            | torrent::Input::PeerDisconnected { .. } => not_theirs(&input),
            _ => {}
        }
        self.torrent.handle_input(now, input);
    }

    fn on_extended(&mut self, peer: PeerKey, extended: &Extended) {
        if let Extended::Handshake(hello) = extended
            && let Some(port) = hello.listen_port
        {
            self.on_listens(peer, port);
        }
    }

    /// When to hand in [`Input::Timeout`], if no other input comes before.
    #[must_use]
    #[inline]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let torrent = self.torrent.poll_timeout().unwrap_or(Instant::NEVER);
        Some(self.next.min(torrent)).filter(|it| *it < Instant::NEVER)
    }

    /// Handles a timeout. Returns whether anything other than the torrent was due.
    fn on_timeout(&mut self, now: Instant) -> bool {
        if self.torrent.poll_timeout().is_some_and(|it| it <= now) {
            self.torrent.handle_input(now, torrent::Input::Timeout);
        }
        if now < self.next {
            return false;
        }
        while let Some(late) = self.doors.take_late(now) {
            self.give_up(now, late);
        }
        if self.next_look <= now {
            self.trim(now);
            self.part_twins(now);
        }
        if self.next_turnover <= now {
            self.next_turnover = now.after(self.config.turnover);
            self.turn_over(now);
        }
        true
    }

    /// After each input except those for the torrent: dials, announces, and computes the next
    /// deadline.
    fn settle(&mut self, now: Instant) {
        if !self.stopping {
            self.note_hunger(now);
            self.dial(now);
            self.use_web_seeds(now);
            let wants = self.wants_peers();
            self.announcer.want_peers(wants);
        }
        while let Some(due) = self.announcer.poll(now) {
            // BEP 21: a partial seed says so in every announce.
            let partial = self.torrent.is_done() && !self.torrent.is_complete();
            self.put(Output::Announce {
                tracker: due.tracker,
                event: due.event.or(partial.then_some(Event::Paused)),
            });
        }
        let announce = self.announcer.poll_timeout().unwrap_or(Instant::NEVER);
        self.next = announce.min(self.doors.poll_timeout());
        if !self.stopping {
            let look = if self.seats.count() > usize::from(self.config.connections) {
                self.now.after(LOOK_SOON)
            } else {
                self.now.after(LOOK)
            };
            if self.next_look <= now || look < self.next_look {
                self.next_look = look;
            }
            let own = self.next_dial.min(self.next_look).min(self.next_turnover);
            self.next = self.next.min(own).min(self.next_web_seed());
        }
    }

    fn on_room(&mut self, now: Instant, room: Room) {
        let usual = Config::new(room.connections);
        self.config = Arc::new(Config {
            connections: room.connections,
            on_trial: usual.on_trial,
            initiate: room.initiate,
            enough: room.enough,
            ..*self.config
        });
        self.trim(now);
    }

    fn on_stop(&mut self) {
        self.stopping = true;
        self.announcer.stop();
        let why = admission::Refusal::Stopping;
        let doors: Vec<Door> = self.doors.clear().map(|it| it.door).collect();
        for door in doors {
            self.put(Output::Drop { door, why });
        }
    }

    fn on_found(&mut self, source: Source, teller: Option<PeerKey>, found: Vec<P::Address>) {
        for address in found.into_iter().filter_map(P::usable) {
            self.book.add(source, teller, address);
        }
    }

    fn on_announced(&mut self, now: Instant, tracker: usize, outcome: Option<Heard<P>>) {
        if let Some(heard) = &outcome {
            self.on_found(Source::Tracker, None, heard.peers.clone());
        }
        if self.announcer.asked() == Some(tracker) {
            match outcome {
                Some(heard) => self.announcer.on_response(now, heard.wishes),
                None => self.announcer.on_failure(now),
            }
        }
    }
}

#[cold]
fn not_theirs(input: &torrent::Input) -> ! {
    panic!("{input:?} is the client's to say")
}

/// A random part of `period`.
fn phase(period: Duration, rng: &mut Rng) -> Duration {
    let period = u64::try_from(period.as_nanos()).expect("a period below 584 years");
    Duration::from_nanos(rng.below(period.max(1)))
}
