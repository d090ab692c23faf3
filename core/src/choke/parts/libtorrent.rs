//! The choker of libtorrent-rasterbar. Several registered policies use it with different settings.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::vec;
use alloc::vec::Vec;
use core::cmp::Reverse;
use core::time::Duration;

use super::rank::{best_first, interested};
use super::served::Served;
use crate::choke::entry::{Parameter, SECOND, Values};
use crate::choke::policy::{
    ChokePolicy, Decision, PeerView, Ranking, Reasons, Scope, Scores, Snapshot, Trigger, Triggers,
};
use crate::ids::PeerKey;
use crate::rng::Rng;
use crate::time::Instant;

/// Number of unchoked peers.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Uploads {
    /// A fixed number.
    Fixed(usize),
    /// The rate-based choker. Peers are sorted by bytes sent to them in the last round, and each is
    /// compared with a threshold that rises from peer to peer. The number of slots is the number of
    /// peers that reach their threshold, plus one.
    Ladder {
        /// Threshold of the first peer, bytes/s.
        start: u64,
        /// How much it rises per peer, bytes/s.
        step: u64,
    },
}

/// Which peers a seed prefers.
#[derive(Clone, Copy, Debug)]
pub(crate) enum SeedRule {
    /// Peers that have had their quota go last; then by bytes sent in the last round; then the peer
    /// that has waited longest.
    RoundRobin { pieces: u64, time: Duration },
    /// By bytes sent in the last round; then the peer that has waited longest.
    Fastest,
    /// Peers that have just begun or are nearly done; then the peer that has waited longest.
    AntiLeech,
}

/// libtorrent-rasterbar (`choker.cpp`, `session_impl.cpp`, `torrent.cpp`, `peer_connection.cpp`).
/// Every 15 s the interested peers are ordered by bytes received in the round and then by the seed
/// rule. A seed receives nothing, so for a seed only the seed rule counts. The first peers get the
/// regular slots. Every 30 s a fifth of the slots, at least one, goes to choked peers as optimistic
/// slots, to those whose last optimistic unchoke is longest ago. If an optimistic peer earns a
/// regular slot, another one is chosen.
///
/// Between rounds: if an unchoked peer loses interest, it is choked and the choker runs again. The
/// choker also runs again when an unchoked peer leaves. If that peer was an optimistic one, another
/// is chosen. With a fixed number of slots, a free slot goes to the next peer that becomes
/// interested; the rate-based choker waits for the next round. Snubs do not count.
///
/// Differences and open points: the client runs the choker again a moment later and starts a new
/// round with it; here it runs at once and the rounds keep their rhythm. The client drops an
/// arbitrary one of the best peers to make room for an optimistic one; here it is the last. Equal
/// times are ordered at random. Ours is the only torrent of its session, and all peers have the
/// same priority class.
#[derive(Clone, Debug)]
pub struct Libtorrent {
    uploads: Uploads,
    /// Further limit of the torrent. Above it no choked peer is unchoked, but unchoked peers stay
    /// unchoked.
    torrent_limit: usize,
    optimistic_slots: usize,
    seed_rule: SeedRule,
    tick: Duration,
    optimistic_ticks: u64,
    /// Number of slots since the last rechoke.
    allowed: usize,
    last_tick: Option<Instant>,
    served: Served,
    optimistic: Vec<PeerKey>,
    last_optimistic: BTreeMap<PeerKey, Instant>,
}

/// libtorrent `unchoke_interval`.
pub(crate) const TICK: Parameter = Parameter::tick(15);

/// libtorrent `optimistic_unchoke_interval`: 30 s.
pub(crate) const OPTIMISTIC_TICKS: Parameter = Parameter::new(
    "optimistic_ticks",
    2,
    1,
    "rechokes for which an optimistic unchoke lasts",
);

/// libtorrent `num_optimistic_unchoke_slots`.
pub(crate) const OPTIMISTIC_SLOTS: Parameter = Parameter::new(
    "optimistic_slots",
    0,
    0,
    "optimistic peers among the slots; 0 is a fifth of the slots, at least one",
);

/// libtorrent `seed_choking_algorithm`.
pub(crate) const SEED_RULE: Parameter = Parameter::new(
    "seed_rule",
    0,
    0,
    "whom a seed prefers: 0 round robin, 1 the fastest, 2 beginners and finishers (anti-leech)",
)
.at_most(2);

/// libtorrent `seeding_piece_quota`.
pub(crate) const QUOTA_PIECES: Parameter = Parameter::new(
    "quota_pieces",
    20,
    1,
    "round robin: pieces after which a peer goes last",
);

/// libtorrent `choker.cpp`: unchoked for longer than a minute.
pub(crate) const QUOTA_NS: Parameter = Parameter::new(
    "quota_ns",
    60 * SECOND,
    0,
    "round robin: time unchoked after which a peer goes last, if it had its pieces too",
);

impl Libtorrent {
    /// Reads the parameters of this file, which the entry must list.
    pub(crate) fn new(uploads: Uploads, torrent_limit: usize, values: &Values<'_>) -> Self {
        let seed_rule = match values.get("seed_rule") {
            0 => SeedRule::RoundRobin {
                pieces: values.get("quota_pieces"),
                time: values.span("quota_ns"),
            },
            1 => SeedRule::Fastest,
            _ => SeedRule::AntiLeech,
        };
        Self {
            uploads,
            torrent_limit,
            optimistic_slots: values.count("optimistic_slots"),
            seed_rule,
            tick: values.span("tick_ns"),
            optimistic_ticks: values.get("optimistic_ticks"),
            allowed: match uploads {
                Uploads::Fixed(slots) => slots,
                Uploads::Ladder { .. } => 1,
            },
            last_tick: None,
            served: Served::default(),
            optimistic: Vec::new(),
            last_optimistic: BTreeMap::new(),
        }
    }

    /// Number of slots, from the bytes sent since the last tick.
    fn count_slots(&self, snapshot: &Snapshot<'_>, round: Duration) -> usize {
        let (start, step) = match self.uploads {
            Uploads::Fixed(slots) => return slots,
            Uploads::Ladder { start, step } => (start, step),
        };
        if round.is_zero() {
            return self.allowed;
        }
        let mut sent: Vec<u64> = interested(snapshot).map(|it| it.up_bytes_round).collect();
        sent.sort_unstable();
        let thresholds = (0_u64..).map(|at| start.saturating_add(step.saturating_mul(at)));
        let reaches = |(bytes, threshold): &(u64, u64)| {
            u128::from(*bytes) * u128::from(SECOND) >= u128::from(*threshold) * round.as_nanos()
        };
        let ladder = sent.into_iter().rev().zip(thresholds);
        ladder.take_while(reaches).count() + 1
    }

    fn seed_score(&self, snapshot: &Snapshot<'_>, peer: &PeerView) -> (u64, u64, Reverse<u64>) {
        let waiting = Reverse(peer.unchoked_at.map_or(0, Instant::as_nanos));
        match self.seed_rule {
            SeedRule::RoundRobin { pieces, time } => {
                let quota = u64::from(snapshot.piece_bytes).saturating_mul(pieces);
                let long = peer.unchoked_at.is_some_and(|at| snapshot.now - at > time);
                let had = !peer.am_choking && long && peer.up_bytes_since_unchoke > quota;
                let sent = if peer.am_choking {
                    0
                } else {
                    peer.up_bytes_round
                };
                (u64::from(!had), sent, waiting)
            }
            SeedRule::Fastest => (peer.up_bytes_round, 0, waiting),
            SeedRule::AntiLeech => {
                let piece = u64::from(snapshot.piece_bytes);
                let size = snapshot.total_bytes;
                let have = peer.up_bytes.max(u64::from(peer.have_count) * piece);
                let far = u128::from(have.abs_diff(size / 2)) * 2000 / u128::from(size.max(1));
                (u64::try_from(far).unwrap_or(u64::MAX), 0, waiting)
            }
        }
    }

    /// The interested peers: by bytes received in the round, then by the seed rule.
    fn ranked<'a>(&self, snapshot: &Snapshot<'a>) -> Vec<&'a PeerView> {
        best_first(interested(snapshot), |it| {
            (it.down_bytes_round, self.seed_score(snapshot, it))
        })
    }

    /// The figures that order two peers, the most important first.
    fn scores(&self, snapshot: &Snapshot<'_>, peer: &PeerView) -> Scores {
        let (first, second, Reverse(unchoked)) = self.seed_score(snapshot, peer);
        let waited = snapshot.now.as_nanos().saturating_sub(unchoked) / SECOND;
        let mut scores = vec![("down_bytes_round", peer.down_bytes_round)];
        match self.seed_rule {
            SeedRule::RoundRobin { .. } => {
                scores.extend([("has_quota_left", first), ("up_bytes_round", second)]);
            }
            SeedRule::Fastest => scores.push(("up_bytes_round", first)),
            SeedRule::AntiLeech => scores.push(("permille_from_half", first)),
        }
        scores.push(("seconds_since_unchoked", waited));
        scores
    }

    /// The regular slots. Returns the peers that get one, and whether an optimistic peer is among
    /// them.
    fn regular(&mut self, snapshot: &Snapshot<'_>, mut quota: usize) -> (Vec<PeerKey>, bool) {
        let ranked = self.ranked(snapshot);
        let mut uploads = ranked.iter().filter(|it| !it.am_choking).count();
        let (mut regular, mut promoted) = (Vec::new(), false);
        for peer in ranked {
            if quota == 0 || peer.am_choking && uploads >= self.torrent_limit {
                continue;
            }
            quota -= 1;
            uploads += usize::from(peer.am_choking);
            regular.push(peer.peer);
            promoted |= self.optimistic.contains(&peer.peer);
        }
        self.optimistic.retain(|it| !regular.contains(it));
        (regular, promoted)
    }

    /// Gives the optimistic slots to the peers whose last one is longest ago. If the torrent is at
    /// its limit there are no candidates, and peers with an optimistic slot lose it.
    fn rotate(
        &mut self,
        snapshot: &Snapshot<'_>,
        regular: &[PeerKey],
        count: usize,
        rng: &mut Rng,
    ) {
        let full = regular.len() + self.optimistic.len() >= self.torrent_limit;
        let may = |it: &&PeerView| !full && !regular.contains(&it.peer);
        let mut waiting: Vec<PeerKey> =
            interested(snapshot).filter(may).map(|it| it.peer).collect();
        rng.shuffle(&mut waiting);
        waiting.sort_by_key(|it| self.last_optimistic.get(it).copied());
        waiting.truncate(count);
        for peer in waiting.iter().filter(|it| !self.optimistic.contains(it)) {
            self.last_optimistic.insert(*peer, snapshot.now);
        }
        self.optimistic = waiting;
    }

    /// Assigns all slots again. The optimistic ones change if `draw`, or if one of their peers
    /// earned a regular slot.
    fn rechoke(&mut self, snapshot: &Snapshot<'_>, draw: bool, rng: &mut Rng) -> Decision {
        let wants = |it: &PeerView| it.peer_interested;
        self.optimistic
            .retain(|it| snapshot.peer(*it).is_some_and(wants));
        let count = match self.optimistic_slots {
            0 => (self.allowed / 5).max(1),
            slots => slots,
        };
        let reserved = match self.optimistic.len() {
            0 => count,
            some => some,
        };
        let (mut unchoked, promoted) =
            self.regular(snapshot, self.allowed.saturating_sub(reserved));
        if promoted || draw {
            self.rotate(snapshot, &unchoked, count, rng);
        }
        unchoked.extend(&self.optimistic);
        self.served.note(snapshot, &unchoked);
        Decision::exactly(unchoked)
    }

    /// Runs the choker again because this peer, which was unchoked, left or lost interest.
    fn fill_gap(&mut self, peer: PeerKey, snapshot: &Snapshot<'_>, rng: &mut Rng) -> Decision {
        let round = self
            .last_tick
            .map_or(Duration::ZERO, |at| snapshot.now - at);
        self.allowed = self.count_slots(snapshot, round);
        let draw = self.optimistic.contains(&peer);
        self.optimistic.retain(|it| *it != peer);
        self.rechoke(snapshot, draw, rng)
    }

    /// A peer became or ceased to be interested.
    fn on_interest(&mut self, peer: &PeerView, snapshot: &Snapshot<'_>, rng: &mut Rng) -> Decision {
        match (peer.peer_interested, peer.am_choking) {
            (false, false) => self.fill_gap(peer.peer, snapshot, rng),
            (true, true) => {
                let used = interested(snapshot).filter(|it| !it.am_choking).count();
                let fixed = matches!(self.uploads, Uploads::Fixed(_));
                if !fixed || used >= self.allowed.min(self.torrent_limit) {
                    return Decision::default();
                }
                self.served.add(peer.peer);
                Decision::unchoke(peer.peer)
            }
            _ => Decision::default(),
        }
    }
}

impl ChokePolicy for Libtorrent {
    fn triggers(&self) -> Triggers {
        Triggers {
            tick: Some(self.tick),
            interest: Scope::All,
            disconnected: Scope::All,
            ..Triggers::NEVER
        }
    }

    fn decide(&mut self, trigger: Trigger, snapshot: &Snapshot<'_>, rng: &mut Rng) -> Decision {
        match trigger {
            Trigger::Tick(tick) => {
                self.allowed = self.count_slots(snapshot, self.tick);
                self.last_tick = Some(snapshot.now);
                self.rechoke(snapshot, tick.is_multiple_of(self.optimistic_ticks), rng)
            }
            Trigger::Interest(peer) => {
                let view = snapshot.peer(peer);
                view.map_or_else(Decision::default, |it| self.on_interest(it, snapshot, rng))
            }
            Trigger::Disconnected(peer) => {
                self.last_optimistic.remove(&peer);
                if self.served.lose(peer) {
                    self.fill_gap(peer, snapshot, rng)
                } else {
                    Decision::default()
                }
            }
            Trigger::Connected(_) | Trigger::Block(_) => Decision::default(),
        }
    }

    fn explain(&self, snapshot: &Snapshot<'_>, decision: &Decision) -> Reasons {
        let then = match self.seed_rule {
            SeedRule::RoundRobin { .. } => "who has had its quota last",
            SeedRule::Fastest => "who took most in the round",
            SeedRule::AntiLeech => "who has just begun or is nearly done",
        };
        let rule = format!(
            "{} slots by bytes received in the round, then {then}, then who waited longest; {} of them \
             optimistic, to those who had such a slot longest ago",
            self.allowed,
            self.optimistic.len()
        );
        let ranking = Ranking {
            rule,
            ranked: self.ranked(snapshot),
            optimistic: &self.optimistic,
            words: [
                "among the first of the ranking",
                "no slot is left for its rank",
            ],
        };
        Reasons::ranked(snapshot, decision, ranking, |it| self.scores(snapshot, it))
    }
}
