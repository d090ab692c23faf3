//! `aria2`: what aria2 does.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::time::Duration;

use crate::choke::entry::{Entry, Parameter, SECOND};
use crate::choke::parts::rank::{best_first, draw, first, interested};
use crate::choke::parts::served::Served;
use crate::choke::policy::{ChokePolicy, Decision, PeerView, Scope, Snapshot, Trigger, Triggers};
use crate::ids::PeerKey;
use crate::meter::{Estimator, millis};
use crate::rng::Rng;

/// aria2 (`BtLeecherStateChoke`, `BtSeederStateChoke`, commit b4fd7cb).
///
/// A leecher leaves snubbing peers out. Interested peers that sent a block in the last 30 s come
/// first, by their rate over 10 s; the other peers follow in random order. The first three get the
/// places; a peer without interest that gets a place is not unchoked, and the place is wasted.
/// Every third round one choked and interested peer, drawn at random, becomes optimistic. If it
/// earns one of the three places, the flag goes to the first interested peer of the order, which is
/// mostly one of the three.
///
/// A seed puts interested peers first that have blocks on the way to them, then peers unchoked in
/// the last 20 s, the latest first, then the others by upload rate. It unchokes three, three and
/// four in successive rounds. In the first two rounds it also unchokes one of the other peers,
/// drawn at random. The one of the second round keeps its flag in the third round, where it is
/// mostly one of the four. This matches Legout's description of the new seed rule of mainline.
///
/// When an unchoked peer becomes or ceases to be interested, or an unchoked and interested one
/// leaves, the next round comes at once (`BtInterestedMessage`, `BtNotInterestedMessage`,
/// `DefaultPeerStorage::onReturningPeer`). The client then counts 10 s from that moment; here the
/// ticks keep their rhythm.
#[derive(Clone, Debug)]
pub struct Aria2 {
    slots: usize,
    tick: Duration,
    active: Duration,
    recent: Duration,
    window: Duration,
    optimistic: Option<PeerKey>,
    served: Served,
    /// Number of the round (modulo 3) at the last tick, without the extra rounds between ticks.
    round_of_tick: u64,
    /// Rounds between ticks so far, modulo 3.
    extra_rounds: u64,
}

/// Rounds of a cycle. aria2 `_round`.
const ROUNDS: u64 = 3;

pub(crate) const ENTRY: Entry = Entry {
    id: "aria2",
    summary: "aria2: best three that sent a block in 30 s and one optimistic; a seed 3, 3 and 4",
    uploads: true,
    parameters: &[
        Parameter::new("slots", 3, 0, "peers unchoked beside the optimistic one"),
        Parameter::tick(10),
        Parameter::new(
            "active_ns",
            30 * SECOND,
            0,
            "a peer whose last block is older has no place by rate",
        ),
        Parameter::new(
            "recent_ns",
            20 * SECOND,
            0,
            "a seed keeps peers unchoked for less than this; aria2 `TIME_FRAME`",
        ),
        Parameter::new(
            "window_ns",
            10 * SECOND,
            1_000_000,
            "span over which rates are measured",
        ),
    ],
    make: |values| {
        Box::new(Aria2 {
            slots: values.count("slots"),
            tick: values.span("tick_ns"),
            active: values.span("active_ns"),
            recent: values.span("recent_ns"),
            window: values.span("window_ns"),
            optimistic: None,
            served: Served::default(),
            round_of_tick: 0,
            extra_rounds: 0,
        })
    },
};

impl Aria2 {
    fn leech(&mut self, snapshot: &Snapshot<'_>, round: u64, rng: &mut Rng) -> Vec<PeerKey> {
        let peers = || snapshot.peers.iter().filter(|it| !it.snubbed);
        let takes_part = |it: &PeerKey| snapshot.peer(*it).is_some_and(|view| !view.snubbed);
        self.optimistic = self.optimistic.filter(takes_part);
        if round == 0 {
            let waits = |it: &&PeerView| it.am_choking && it.peer_interested;
            let mut waiting: Vec<PeerKey> = peers().filter(waits).map(|it| it.peer).collect();
            self.optimistic = draw(&mut waiting, rng);
        }
        let is_active = |it: &PeerView| {
            let last = it.last_block_at;
            it.peer_interested && last.is_some_and(|at| snapshot.now - at < self.active)
        };
        let active = best_first(peers().filter(|it| is_active(it)), |it| it.down_rate);
        let mut rest: Vec<&PeerView> = peers().filter(|it| !is_active(it)).collect();
        rng.shuffle(&mut rest);
        let mut list: Vec<&PeerView> = active.into_iter().chain(rest).collect();
        let head = list.iter().find(|it| it.peer_interested).map(|it| it.peer);
        list.truncate(self.slots);
        list.retain(|it| it.peer_interested);
        let mut unchoked = first(&list, self.slots);
        if self.optimistic.is_some_and(|it| unchoked.contains(&it)) {
            self.optimistic = head;
        }
        unchoked.extend(self.optimistic.filter(|it| !unchoked.contains(it)));
        unchoked
    }

    fn seed(&mut self, snapshot: &Snapshot<'_>, round: u64, rng: &mut Rng) -> Vec<PeerKey> {
        let ranked = best_first(interested(snapshot), |it| {
            let serving = it.queued_requests > 0 || it.unflushed_blocks > 0;
            let recent = |at: &_| snapshot.now - *at < self.recent;
            (serving, it.unchoked_at.filter(recent), it.up_rate)
        });
        let last = round == ROUNDS - 1;
        let regular = self.slots + usize::from(last);
        let mut unchoked = first(&ranked, regular);
        let mut others: Vec<PeerKey> = ranked.iter().skip(regular).map(|it| it.peer).collect();
        if last {
            self.optimistic = self.optimistic.filter(|it| others.contains(it));
        } else {
            self.optimistic = draw(&mut others, rng);
        }
        unchoked.extend(self.optimistic);
        unchoked
    }
}

impl ChokePolicy for Aria2 {
    fn triggers(&self) -> Triggers {
        Triggers {
            tick: Some(self.tick),
            interest: Scope::Unchoked,
            disconnected: Scope::All,
            ..Triggers::NEVER
        }
    }

    fn estimator(&self) -> Estimator {
        Estimator::Window {
            window_ms: millis(self.window),
        }
    }

    fn decide(&mut self, trigger: Trigger, snapshot: &Snapshot<'_>, rng: &mut Rng) -> Decision {
        match trigger {
            Trigger::Tick(tick) => self.round_of_tick = tick % ROUNDS,
            Trigger::Interest(_) => self.extra_rounds = (self.extra_rounds + 1) % ROUNDS,
            Trigger::Disconnected(peer) => {
                self.optimistic = self.optimistic.filter(|it| *it != peer);
                if !self.served.lose(peer) {
                    return Decision::default();
                }
                self.extra_rounds = (self.extra_rounds + 1) % ROUNDS;
            }
            Trigger::Connected(_) | Trigger::Block(_) => return Decision::default(),
        }
        let round = (self.round_of_tick + self.extra_rounds) % ROUNDS;
        let unchoked = if snapshot.am_seed {
            self.seed(snapshot, round, rng)
        } else {
            self.leech(snapshot, round, rng)
        };
        self.served.note(snapshot, &unchoked);
        Decision::exactly(unchoked)
    }
}
