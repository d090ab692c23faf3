//! `bep3`: the algorithm in the text of BEP 3, *Choking and optimistic unchoking*.

use alloc::boxed::Box;
use alloc::format;
use alloc::vec;
use alloc::vec::Vec;
use core::time::Duration;

use crate::choke::entry::{Entry, Parameter, Parameters};
use crate::choke::parts::near::{NEAR, is_near};
use crate::choke::parts::rank;
use crate::choke::parts::served::Served;
use crate::choke::policy::{
    BoxedPolicy, ChokePolicy, Decision, PeerView, Ranking, Reasons, Scope, Snapshot, Trigger,
    Triggers,
};
use crate::ids::PeerKey;
use crate::meter::Estimator;
use crate::rng::Rng;

/// BEP 3, *Choking and optimistic unchoking*. Every 10 s the interested peers with the best rates
/// are unchoked, four in all, including the optimistic unchoke if it is interested. The optimistic
/// unchoke rotates every 30 s. A new connection is three times as likely to be the next one as to
/// be put at any other place of the rotation. Peers with better rates that are not interested are
/// unchoked too; when one becomes interested, the worst is choked. So a change of interest triggers
/// a decision. A seed ranks by its own upload rate.
///
/// The text does not say what happens when a peer loses interest or leaves. As in mainline, another
/// peer gets its slot at once if it was unchoked. If it was choked nothing changes, because
/// decisions should be rare.
///
/// The text names no estimator; this is mainline's over 20 s. The three-fold weight is that of
/// mainline 3.4.2: position `max(0, uniform{-2..n})` of the rotation, the head with probability
/// 3/(n+3).
///
/// `near_ns` departs from BEP 3, and is off by default. With it no peer is served once the download
/// is nearly complete.
#[derive(Clone, Debug)]
pub struct Bep3 {
    slots: usize,
    tick: Duration,
    rotate_ticks: u64,
    new_weight: u64,
    near: Duration,
    /// Peers in the order in which they get the optimistic unchoke; the present one is not in it.
    rotation: Vec<PeerKey>,
    optimistic: Option<PeerKey>,
    served: Served,
}

pub(crate) const ENTRY: Entry = Entry {
    id: "bep3",
    summary: "the text of BEP 3: four slots by rate, one of them optimistic, rotating every 30 s",
    uploads: true,
    parameters: &[
        Parameter::new("slots", 4, 1, "interested peers unchoked"),
        Parameter::tick(10),
        Parameter::new(
            "rotate_ticks",
            3,
            1,
            "rechokes for which an optimistic unchoke lasts",
        ),
        Parameter::new(
            "new_weight",
            3,
            1,
            "how much likelier a new connection is to be next than anywhere else",
        )
        .at_most(u32::MAX as u64),
        NEAR,
    ],
    make: |values| {
        Box::new(Bep3 {
            slots: values.count("slots"),
            tick: values.span("tick_ns"),
            rotate_ticks: values.get("rotate_ticks"),
            new_weight: values.get("new_weight"),
            near: values.span("near_ns"),
            rotation: Vec::new(),
            optimistic: None,
            served: Served::default(),
        })
    },
};

/// The policy with its defaults, for policies that use it as leechers.
pub(crate) fn with_defaults() -> BoxedPolicy {
    let policy = ENTRY.build(&Parameters::new());
    policy.expect("its defaults are in range")
}

impl Bep3 {
    fn insert(&mut self, peer: PeerKey, rng: &mut Rng) {
        let places = self.rotation.len() as u64 + self.new_weight;
        let drawn = rng.below(places).saturating_sub(self.new_weight - 1);
        self.rotation
            .insert(usize::try_from(drawn).expect("at most the length"), peer);
    }

    fn forget(&mut self, peer: PeerKey) {
        self.rotation.retain(|it| *it != peer);
        if self.optimistic == Some(peer) {
            self.optimistic = None;
        }
    }

    /// The first interested peer of the rotation gets the slot; the previous one goes to the end.
    fn rotate(&mut self, snapshot: &Snapshot<'_>, regular: &[PeerKey]) {
        let waits = |it: &PeerKey| {
            !regular.contains(it) && snapshot.peer(*it).is_some_and(|view| view.peer_interested)
        };
        let Some(at) = self.rotation.iter().position(waits) else {
            return;
        };
        let next = self.rotation.remove(at);
        self.rotation.extend(self.optimistic.replace(next));
    }

    fn rechoke(&mut self, snapshot: &Snapshot<'_>, rotate: bool) -> Decision {
        if is_near(snapshot, self.near) {
            self.served.note(snapshot, &[]);
            return Decision::exactly(Vec::new());
        }
        let rate = |it: &PeerView| rank::rate(snapshot, it);
        let ranked = rank::best_first(snapshot.peers, rate);
        let interested = ranked.iter().filter(|it| it.peer_interested);
        let best: Vec<PeerKey> = interested
            .clone()
            .map(|it| it.peer)
            .take(self.slots - 1)
            .collect();
        let optimistic_wants = self
            .optimistic
            .and_then(|it| snapshot.peer(it))
            .is_some_and(|it| it.peer_interested);
        if rotate || !optimistic_wants || self.optimistic.is_some_and(|it| best.contains(&it)) {
            self.rotate(snapshot, &best);
        }
        // The optimistic unchoke is one of the four only if it is interested.
        let counts = self.optimistic.and_then(|it| snapshot.peer(it));
        let regular = self.slots - usize::from(counts.is_some_and(|it| it.peer_interested));
        let others = interested.filter(|it| Some(it.peer) != self.optimistic);
        let chosen: Vec<&PeerView> = others.take(regular).copied().collect();
        let full = chosen.len() == regular;
        let worst = chosen
            .last()
            .map_or(0, |it| if full { rate(it) } else { 0 });
        let mut unchoked: Vec<PeerKey> = chosen.iter().map(|it| it.peer).collect();
        unchoked.extend(self.optimistic);
        let better_but_not_interested = |it: &&&PeerView| !it.peer_interested && rate(it) > worst;
        unchoked.extend(
            ranked
                .iter()
                .filter(better_but_not_interested)
                .map(|it| it.peer),
        );
        self.served.note(snapshot, &unchoked);
        Decision::exactly(unchoked)
    }
}

impl ChokePolicy for Bep3 {
    fn triggers(&self) -> Triggers {
        Triggers {
            tick: Some(self.tick),
            interest: Scope::Unchoked,
            connected: Scope::Peer,
            disconnected: Scope::All,
            ..Triggers::NEVER
        }
    }

    fn estimator(&self) -> Estimator {
        Estimator::MAINLINE_20_S
    }

    fn decide(&mut self, trigger: Trigger, snapshot: &Snapshot<'_>, rng: &mut Rng) -> Decision {
        match trigger {
            Trigger::Tick(tick) => self.rechoke(snapshot, tick.is_multiple_of(self.rotate_ticks)),
            Trigger::Interest(_) => self.rechoke(snapshot, false),
            Trigger::Connected(peer) => {
                self.insert(peer, rng);
                Decision::default()
            }
            Trigger::Disconnected(peer) => {
                self.forget(peer);
                if self.served.lose(peer) {
                    self.rechoke(snapshot, false)
                } else {
                    Decision::default()
                }
            }
            Trigger::Block(_) => Decision::default(),
        }
    }

    fn explain(&self, snapshot: &Snapshot<'_>, decision: &Decision) -> Reasons {
        let name = rank::rate_name(snapshot);
        let rule = format!(
            "{} slots by {name}, the optimistic one among them if it is interested; it moves on every {} \
             rounds; who is faster and wants nothing is unchoked too",
            self.slots, self.rotate_ticks
        );
        let rule = if self.near.is_zero() {
            rule
        } else {
            let seconds = self.near.as_secs();
            format!("{rule}; nobody is served once the rest will be here within {seconds} s")
        };
        let ranking = Ranking {
            rule,
            ranked: rank::best_first(snapshot.peers, |it| rank::rate(snapshot, it)),
            optimistic: self.optimistic.as_slice(),
            words: ["among the fastest that want something", "others are faster"],
        };
        Reasons::ranked(snapshot, decision, ranking, |it| {
            vec![(name, rank::rate(snapshot, it))]
        })
    }
}
