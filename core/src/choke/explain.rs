//! Explains decisions of a policy, for displays: the ranking in the policy's own terms.

use alloc::string::String;
use alloc::vec::Vec;

use super::decision::{Decision, Slots};
use super::view::{PeerView, Snapshot};
use crate::ids::PeerKey;

/// Figures by which a peer was judged, with the names of [`PeerView`] or of parameters.
pub type Scores = Vec<(&'static str, u64)>;

/// What a decision means for one peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Unchoked because of its rank.
    Regular,
    /// Unchoked regardless of its rank.
    Optimistic,
    /// Unchoked although it is not interested yet.
    Ready,
    /// Interested and choked.
    Waiting,
    /// Not interested and choked.
    Indifferent,
}

impl Standing {
    /// Its name in output.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Regular => "regular",
            Self::Optimistic => "optimistic",
            Self::Ready => "ready",
            Self::Waiting => "waiting",
            Self::Indifferent => "not_interested",
        }
    }
}

/// The policy's judgement of one peer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judged {
    /// The connection.
    pub peer: PeerKey,
    /// Its rank, from 1; `None` if the policy did not rank it.
    pub rank: Option<u32>,
    /// What the decision means for it.
    pub standing: Standing,
    /// It was unchoked before.
    pub was_unchoked: bool,
    /// The figures by which it was judged.
    pub scores: Scores,
    /// The reason in a few words.
    pub why: &'static str,
    /// The policy wants its connection closed.
    pub dropped: bool,
}

/// Reasons of a decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reasons {
    /// The rule that was applied, with its figures: a sentence.
    pub rule: String,
    /// The peers that the policy saw, the ranked ones first.
    pub judged: Vec<Judged>,
}

/// The ranking behind a decision.
pub(crate) struct Ranking<'a> {
    /// The rule that was applied.
    pub(crate) rule: String,
    /// The best first. Other peers were not ranked.
    pub(crate) ranked: Vec<&'a PeerView>,
    /// Peers that are unchoked regardless of their rank.
    pub(crate) optimistic: &'a [PeerKey],
    /// Two reasons: for having a regular slot, and for being interested without one.
    pub(crate) words: [&'static str; 2],
}

impl Decision {
    /// Whether `peer` is unchoked after the decision.
    #[must_use]
    pub fn unchokes(&self, peer: &PeerView) -> bool {
        match &self.slots {
            Slots::Keep => !peer.am_choking,
            Slots::Exactly(unchoked) => unchoked.contains(&peer.peer),
            Slots::Unchoke(one) => *one == peer.peer || !peer.am_choking,
            Slots::Choke(one) => *one != peer.peer && !peer.am_choking,
        }
    }
}

impl Reasons {
    /// Reasons derived from a decision alone: the order in which it names peers, their weights and
    /// caps.
    #[must_use]
    pub fn plain(snapshot: &Snapshot<'_>, decision: &Decision) -> Self {
        let named: &[PeerKey] = match &decision.slots {
            Slots::Exactly(unchoked) => unchoked,
            _ => &[],
        };
        let ranking = Ranking {
            rule: "in the order in which the policy names those that it unchokes".into(),
            ranked: named.iter().filter_map(|it| snapshot.peer(*it)).collect(),
            optimistic: &[],
            words: ["the policy names it", "the policy does not name it"],
        };
        Self::ranked(snapshot, decision, ranking, |it| {
            alloc::vec![("down_rate", it.down_rate), ("up_rate", it.up_rate)]
        })
    }

    /// Reasons derived from a ranking and the decision.
    pub(crate) fn ranked(
        snapshot: &Snapshot<'_>,
        decision: &Decision,
        ranking: Ranking<'_>,
        scores: impl Fn(&PeerView) -> Scores,
    ) -> Self {
        let Ranking {
            rule,
            ranked,
            optimistic,
            words,
        } = ranking;
        let others = snapshot.peers.iter();
        let others = others.filter(|it| !ranked.iter().any(|other| other.peer == it.peer));
        let ranks = (1..).map(Some).zip(ranked.iter().copied());
        let all = ranks.chain(others.map(|it| (None, it)));
        let judge = |(rank, it): (Option<u32>, &PeerView)| {
            let standing = standing(it, decision.unchokes(it), optimistic);
            let mut scores = scores(it);
            scores.extend(given(decision, it.peer));
            Judged {
                peer: it.peer,
                rank,
                standing,
                was_unchoked: !it.am_choking,
                scores,
                why: match standing {
                    Standing::Regular => words[0],
                    Standing::Optimistic => "an optimistic slot, whatever its rank",
                    Standing::Ready => "its place is kept ready, it wants nothing yet",
                    Standing::Waiting => words[1],
                    Standing::Indifferent => "it wants nothing of ours",
                },
                dropped: decision.disconnect.contains(&it.peer),
            }
        };
        Self {
            rule,
            judged: all.map(judge).collect(),
        }
    }
}

fn standing(peer: &PeerView, unchoked: bool, optimistic: &[PeerKey]) -> Standing {
    match (unchoked, peer.peer_interested) {
        (true, _) if optimistic.contains(&peer.peer) => Standing::Optimistic,
        (true, true) => Standing::Regular,
        (true, false) => Standing::Ready,
        (false, true) => Standing::Waiting,
        (false, false) => Standing::Indifferent,
    }
}

/// The weight and the cap that the decision gives a peer.
fn given(decision: &Decision, peer: PeerKey) -> Scores {
    let weight = decision.weights.iter().find(|it| it.0 == peer);
    let weight = weight.map(|it| ("weight", u64::from(it.1)));
    let cap = decision.caps.iter().find(|it| it.0 == peer);
    let cap = cap.and_then(|it| Some(("cap", it.1?)));
    weight.into_iter().chain(cap).collect()
}
