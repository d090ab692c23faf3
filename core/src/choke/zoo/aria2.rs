//! `aria2`: what aria2 does.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::time::Duration;

use crate::choke::entry::{Entry, Parameter, SECOND};
use crate::choke::parts::rank::{best_first, draw, first, interested};
use crate::choke::policy::{ChokePolicy, Decision, PeerView, Snapshot, Trigger, Triggers};
use crate::ids::PeerKey;
use crate::meter::Estimator;
use crate::rng::Rng;

/// aria2 (`BtLeecherStateChoke`, `BtSeederStateChoke`, commit b4fd7cb).
///
/// A leecher leaves snubbing peers out. The interested ones that sent a block in the last 30 s come
/// first, by the rate of 10 s, the rest behind them in random order; the first three are unchoked,
/// where one without interest from the random part uses up its place. Every third round one choked
/// and interested peer, drawn at random, becomes optimistic; when it earns one of the three places,
/// an interested one of the rest takes its part.
///
/// A seed puts interested peers with blocks on the way to them first, then those unchoked in the
/// last 20 s, the latest first, then by upload rate; it unchokes three, three and four in
/// successive rounds, and one of the others, drawn at random, in the first two: Legout's
/// description of the new seed rule of mainline, to the letter.
#[derive(Clone, Debug)]
pub struct Aria2 {
    slots: usize,
    tick: Duration,
    active: Duration,
    recent: Duration,
    window: Duration,
    optimistic: Option<PeerKey>,
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
        })
    },
};

impl Aria2 {
    fn leech(&mut self, snapshot: &Snapshot<'_>, round: u64, rng: &mut Rng) -> Vec<PeerKey> {
        let peers = || snapshot.peers.iter().filter(|it| !it.snubbed);
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
        let list: Vec<&PeerView> = active.into_iter().chain(rest).collect();
        let (regular, others) = list.split_at(self.slots.min(list.len()));
        let mut unchoked = first(regular, regular.len());
        if self.optimistic.is_some_and(|it| unchoked.contains(&it)) {
            let heir = others.iter().find(|it| it.peer_interested);
            self.optimistic = heir.map(|it| it.peer);
        }
        unchoked.extend(self.optimistic);
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
        self.optimistic = if last { None } else { draw(&mut others, rng) };
        unchoked.extend(self.optimistic);
        unchoked
    }
}

impl ChokePolicy for Aria2 {
    fn triggers(&self) -> Triggers {
        Triggers::on_tick(self.tick)
    }

    fn estimator(&self) -> Estimator {
        Estimator::Window {
            window: self.window,
        }
    }

    fn decide(&mut self, trigger: Trigger, snapshot: &Snapshot<'_>, rng: &mut Rng) -> Decision {
        let round = match trigger {
            Trigger::Tick(tick) => tick % ROUNDS,
            Trigger::Disconnected(peer) => {
                self.optimistic = self.optimistic.filter(|it| *it != peer);
                return Decision::default();
            }
            _ => return Decision::default(),
        };
        Decision::exactly(if snapshot.am_seed {
            self.seed(snapshot, round, rng)
        } else {
            self.leech(snapshot, round, rng)
        })
    }
}
