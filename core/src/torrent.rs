//! One torrent: inputs in, outputs out, one deadline.
//!
//! This file holds the state and the entry points. The parts:
//! - download: `download`, `endgame`, `whole` (pieces kept for one peer), `asked` (life of a
//!   request), `patience` (its time limits), `partial` (pieces under way), `exclusive` (failed
//!   pieces), `verify`, `lost` (lost pieces), `suspects` (senders of corrupt blocks), `web_seed`;
//! - upload: `upload`, `choking`, `super_seed`, `allowed` (allowed fast), `claims` (false claims);
//! - peers: `messages` (in and out, and closing), `conn` (one connection), `mask` (a set of
//!   connections), `traffic` (counters), `requests` (a queue), `run` (many requests at once),
//!   `interest`, `remotes` (pieces of each peer), `lone` (who alone has a piece), `exchange` (PEX);
//! - others: `rounds` and `explain` (for displays), `switch` (of policy), `needs` (wanted pieces),
//!   `ledgers`, `upkeep` (timers), `ahead` (for drivers of many torrents).

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::time::Duration;

use crate::bitfield::Bitfield;
use crate::choke::{BoxedPolicy, Disclosure, Scope, Triggers, UploadOrder};
use crate::ids::PeerKey;
use crate::ledger::Ledger;
use crate::message::Message;
use crate::meter::{Estimator, Meter};
use crate::pick::BoxedPicker;
use crate::rng::{Purpose, Rng, Streams};
use crate::time::Instant;

mod ahead;
mod allowed;
mod asked;
mod bucket;
mod choking;
mod claims;
mod conn;
mod download;
mod endgame;
mod exchange;
mod exclusive;
mod explain;
mod fill;
mod growth;
mod interest;
mod io;
mod ledgers;
mod lone;
mod lost;
mod mask;
mod messages;
mod needs;
mod partial;
mod patience;
mod pending;
mod remotes;
mod requests;
mod rounds;
mod run;
mod super_seed;
mod suspects;
mod switch;
mod traffic;
mod upkeep;
mod upload;
mod verify;
mod web_seed;
mod whole;

pub use ahead::{ManyTorrents, WAITING_HAVES};
use allowed::Allowances;
use bucket::Bucket;
use conn::Conn;
use exchange::Exchange;
pub use explain::{Connections, Lack, PeerState, Wait};
use growth::Growth;
pub use io::{
    BlockDigest, Claims, Config, Endgame, Input, Limits, Output, PeerLink, Pipeline,
    ProtocolViolation, Reason, Unsent, Verdict,
};
use ledgers::Ledgers;
pub use mask::Mask;
use needs::Needs;
use partial::Partials;
use remotes::Remotes;
pub use rounds::Round;
use rounds::Rounds;
use super_seed::SuperSeed;
use suspects::Suspects;
use traffic::{Traffic, TrafficId, TrafficTable};

/// The download and upload of one torrent with all its connections.
///
/// The fields are in the order of use. A block that leaves touches the first two cache lines and two of
/// the four with the ledgers; a `have` one of those and the line after them; a block that comes also the
/// lines with the pieces. A driver of many torrents lets each begin a line.
#[derive(Debug)]
#[repr(C)]
pub struct Torrent {
    /// Indexed by `PeerKey`; closed slots are reused by the driver.
    conns: Vec<Conn>,
    traffic: TrafficTable,
    config: Arc<Config>,

    outputs: VecDeque<Output>,
    upload_meter: Meter,
    estimator: Estimator,
    in_flight_blocks: u32,

    ledgers: Ledgers,
    /// The earliest of the three moments below.
    next: Instant,
    /// There is, or has been, a cap on uploads: of the torrent or of a connection.
    capped: bool,
    /// See [`Self::is_done`].
    done: bool,
    /// Uploads have an order other than [`UploadOrder::Independent`].
    ordered: bool,
    /// The policy is asked for [`Trigger::Block`](crate::choke::Trigger::Block).
    asked_on_blocks: bool,

    remotes: Remotes,
    /// Copies of each piece among connected peers.
    availability: Box<[u16]>,
    /// See [`ManyTorrents::indifferent`].
    indifferent: Mask,

    have: Bitfield,
    /// Pieces we lack and have not begun.
    unbegun: Bitfield,

    partials: Partials,
    /// Connections with [`Conn::live`] or [`Conn::overdue`] requests: who may owe us a block.
    owing: Mask,
    download: Option<Box<Bucket>>,
    /// Set while we hide our pieces.
    super_seed: Option<Box<SuperSeed>>,

    picker: BoxedPicker,
    suspects: Suspects,
    /// Set if not all pieces are wanted equally.
    needs: Option<Box<Needs>>,
    /// Set once a connection begins, if queues of requests grow. See `growth`.
    growth: Option<Box<Growth>>,
    /// See [`crate::pick::Habits::newest_second`].
    pace: u32,
    have_count: u32,

    /// Connections that are neither closed nor being closed.
    open: u32,
    /// See [`Self::interesting`].
    interesting: u16,
    /// Peers that would deliver, but all blocks they have are requested already.
    starving: Vec<PeerKey>,
    next_tick: Instant,
    next_upkeep: Instant,
    /// When a cap lets bytes through again.
    next_allowance: Instant,
    /// When the last [`Output::Broadcast`] went out.
    last_broadcast_at: Instant,
    upload: Option<Box<Bucket>>,
    order: UploadOrder,
    triggers: Triggers,
    policy: BoxedPolicy,
    tick: u64,
    /// The peer served last when a cap opened.
    turn: usize,
    /// Set if peers are exchanged.
    exchange: Option<Box<Exchange>>,
    /// Set once a piece may be granted or taken. See `allowed`.
    allowances: Option<Box<Allowances>>,
    /// Lost pieces that peers may still believe we have. See `lost`.
    lost: Option<Box<Bitfield>>,
    /// Set while decisions of the policy are recorded.
    rounds: Option<Box<Rounds>>,
    choke_rng: Rng,
    pick_rng: Rng,
}

/// A random part of `period` from now.
fn after_phase(now: Instant, period: Duration, phase: &mut Rng) -> Instant {
    let period = u64::try_from(period.as_nanos()).expect("a period below 584 years");
    now.after(Duration::from_nanos(phase.below(period.max(1))))
}

impl Torrent {
    /// A torrent that has the pieces of `have`. `entity` numbers its random streams. Timers start
    /// at a random phase of their period; otherwise all peers of a simulation would tick together
    /// (see [`Config::aligned_ticks`]).
    #[must_use]
    pub fn new(
        config: Arc<Config>,
        have: Bitfield,
        policy: BoxedPolicy,
        picker: BoxedPicker,
        streams: Streams,
        entity: u32,
        now: Instant,
    ) -> Self {
        let pieces = config.geometry.piece_count();
        assert_eq!(have.piece_count(), pieces, "the set is of another torrent");
        let wanted = config.wanted.as_deref();
        let unbegun = needs::lacked(wanted, &have);
        let seeds = unbegun.count() == 0;
        let triggers = policy.triggers();
        let mut phase = streams.stream(Purpose::Phase, entity);
        let next_tick = Self::first_tick(triggers, &config, now, &mut phase);
        let next_upkeep = after_phase(now, upkeep::PERIOD, &mut phase);
        let bucket = |cap: Option<u64>| cap.map(|rate| Box::new(Bucket::new(rate, now)));
        Self {
            next: next_tick.min(next_upkeep),
            next_tick,
            next_upkeep,
            next_allowance: Instant::NEVER,
            triggers,
            asked_on_blocks: triggers.block != Scope::Never,
            estimator: policy.estimator(),
            traffic: TrafficTable::new(policy.estimator()),
            super_seed: Self::hiding(&config, &policy, have.count() == pieces),
            pace: picker.habits().newest_second,
            order: Self::order_of(&policy, seeds),
            ordered: Self::order_of(&policy, seeds) != UploadOrder::Independent,
            policy,
            picker,
            choke_rng: streams.stream(Purpose::Choke, entity),
            pick_rng: streams.stream(Purpose::Pick, entity),
            have_count: have.count(),
            needs: Needs::new(wanted, &have),
            have,
            unbegun,
            availability: alloc::vec![0; pieces as usize].into_boxed_slice(),
            conns: Vec::new(),
            remotes: Remotes::new(pieces),
            open: 0,
            interesting: 0,
            last_broadcast_at: Instant::START,
            indifferent: Mask::default(),
            owing: Mask::default(),
            partials: Partials::new(&config.geometry),
            starving: Vec::new(),
            suspects: Suspects::default(),
            allowances: None,
            lost: None,
            growth: None,
            rounds: None,
            exchange: Exchange::offered(config.hello.as_ref()),
            capped: config.upload_cap.is_some(),
            done: seeds,
            upload: bucket(config.upload_cap),
            download: bucket(config.download_cap),
            upload_meter: Meter::new(Estimator::EMA_10_S, now),
            in_flight_blocks: 0,
            turn: 0,
            tick: 0,
            ledgers: Ledgers::default(),
            outputs: VecDeque::new(),
            config,
        }
    }

    fn order_of(policy: &BoxedPolicy, seeds: bool) -> UploadOrder {
        if seeds {
            policy.seed_order()
        } else {
            policy.upload_order()
        }
    }

    fn first_tick(triggers: Triggers, config: &Config, now: Instant, phase: &mut Rng) -> Instant {
        let Some(period) = triggers.tick else {
            return Instant::NEVER;
        };
        let phased = after_phase(now, period, phase);
        if config.aligned_ticks {
            now.next_multiple_of(period)
        } else {
            phased
        }
    }

    /// State for hiding pieces, if the torrent starts complete and the user or the policy wants it.
    fn hiding(config: &Config, policy: &BoxedPolicy, complete: bool) -> Option<Box<SuperSeed>> {
        let disclosure = match policy.disclosure() {
            Disclosure::All if config.super_seed => Disclosure::WhenPassedOn,
            other => other,
        };
        let hides = disclosure != Disclosure::All && complete;
        hides.then(|| Box::new(SuperSeed::new(disclosure)))
    }

    /// Takes in one event. Drain [`Self::poll_output`] afterwards.
    pub fn handle_input(&mut self, now: Instant, input: Input) {
        match input {
            Input::Timeout => self.on_timeout(now),
            Input::PeerConnected { peer, link } => {
                self.on_connected(now, peer, link);
                self.note_indifference(peer);
            }
            Input::PeerDisconnected { peer } => {
                self.on_disconnected(now, peer);
                self.note_indifference(peer);
            }
            Input::Message {
                peer,
                message: Message::Have(piece),
            } if self.is_counted(peer, piece, 0) => self.count_have(now, peer, piece),
            Input::Message { peer, message } => {
                // Blocks and requests update it where requests begin and end.
                let noted = matches!(message, Message::Piece(_) | Message::Request(_));
                self.on_message(now, peer, message);
                if !noted {
                    self.note_indifference(peer);
                }
            }
            Input::Writable { peer } => self.on_writable(now, peer),
            Input::PieceVerified { piece, verdict } => self.on_verified(now, piece, &verdict),
            Input::PieceLost { piece } => self.on_piece_lost(now, piece),
            Input::PieceFound { piece } => self.on_piece_found(now, piece),
            Input::Limit { upload, download } => self.on_limit(now, upload, download),
            Input::Policy(chosen) => self.on_policy(now, &chosen),
            Input::Lacks { peer, pieces } => self.on_lacks(now, peer, pieces),
            Input::BlockUnread { peer, block } => self.on_unread(now, peer, block),
        }
    }

    /// The next thing to do. Call until `None`.
    #[must_use]
    #[inline]
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When to hand in [`Input::Timeout`], if no other input comes before.
    #[must_use]
    #[inline]
    pub fn poll_timeout(&self) -> Option<Instant> {
        Some(self.next)
    }

    /// Updates the deadline after one of its three parts has changed.
    fn note_deadline(&mut self) {
        let timers = self.next_tick.min(self.next_upkeep);
        self.next = timers.min(self.next_allowance);
    }

    /// The pieces we have, all verified.
    #[must_use]
    pub fn have(&self) -> &Bitfield {
        &self.have
    }

    /// Number of pieces we have.
    #[must_use]
    pub fn have_count(&self) -> u32 {
        self.have_count
    }

    /// Whether we have every piece.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.have_count == self.config.geometry.piece_count()
    }

    /// Where the bytes went, over all connections including closed ones.
    #[must_use]
    pub fn ledger(&self) -> &Ledger {
        &self.ledgers.all
    }

    /// Where the bytes of one connection went, if [`Config::peer_ledgers`] is on.
    #[must_use]
    pub fn peer_ledger(&self, peer: PeerKey) -> Option<&Ledger> {
        let open = self.conns.get(peer.0 as usize)?.open;
        self.ledgers.of(peer).filter(|_| open)
    }

    /// Copies of each piece among connected peers.
    #[must_use]
    pub fn availability(&self) -> &[u16] {
        &self.availability
    }

    /// Whether we choke this peer; also true for unknown peers.
    #[must_use]
    pub fn am_choking(&self, peer: PeerKey) -> bool {
        self.conns
            .get(peer.0 as usize)
            .is_none_or(|conn| !conn.open || conn.am_choking)
    }

    /// Whether a block of this peer may still turn out to be corrupt. Until then its key should not
    /// be given to another peer, even after it disconnects.
    #[must_use]
    pub fn has_evidence(&self, peer: PeerKey) -> bool {
        self.partials.names(peer) || self.suspects.names(peer)
    }

    /// Whether this peer is connected and has every piece.
    #[must_use]
    pub fn has_everything(&self, peer: PeerKey) -> bool {
        let conn = self.conns.get(peer.0 as usize).filter(|it| it.open);
        conn.is_some() && self.remotes.count(peer) == self.have.piece_count()
    }

    /// Number of connected peers that have a piece we need.
    #[must_use]
    pub fn interesting(&self) -> usize {
        usize::from(self.interesting)
    }

    /// The connection, unless it is closed or being closed.
    fn conn(&mut self, peer: PeerKey) -> Option<&mut Conn> {
        self.conns
            .get_mut(peer.0 as usize)
            .filter(|conn| conn.open && !conn.closing)
    }

    /// The traffic row of a connection.
    fn traffic(&self, peer: PeerKey) -> &Traffic {
        &self.traffic[self.conns[peer.0 as usize].traffic]
    }

    /// The traffic row of a connection; makes one if there is none.
    #[inline]
    fn traffic_id(&mut self, peer: PeerKey) -> TrafficId {
        let conn = &mut self.conns[peer.0 as usize];
        if conn.traffic == TrafficId::NONE {
            conn.traffic = self.traffic.begin(self.estimator, conn.connected_at);
        }
        conn.traffic
    }

    /// The same, mutable.
    fn traffic_mut(&mut self, peer: PeerKey) -> &mut Traffic {
        let id = self.traffic_id(peer);
        self.traffic.get_mut(id).expect("it has a row now")
    }

    fn keys(&self) -> impl Iterator<Item = PeerKey> + use<> {
        (0..u32::try_from(self.conns.len()).expect("keys are 32 bits")).map(PeerKey)
    }
}
