//! What the policy decided and why, kept for those who look. Nothing is kept while nobody does.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::vec::Vec;

use super::Torrent;
use crate::choke::{Decision, Reasons, Snapshot, Trigger};
use crate::ids::PeerKey;
use crate::time::Instant;

/// Rounds that wait to be taken at most; the oldest go first.
const MOST: usize = 64;

/// One decision of the policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Round {
    /// Counted from 0 since somebody looks; a gap is one that nobody took in time.
    pub number: u64,
    /// When.
    pub at: Instant,
    /// What the policy was asked for.
    pub trigger: Trigger,
    /// We had everything that we want.
    pub am_seed: bool,
    /// Why it decided so.
    pub reasons: Reasons,
    /// Those that the policy wanted to drop and that stay, as nobody else has their pieces.
    pub kept: Vec<PeerKey>,
}

/// The rounds that nobody has taken yet.
#[derive(Debug, Default)]
pub(super) struct Rounds {
    next: u64,
    waiting: VecDeque<Round>,
}

impl Torrent {
    /// Somebody looks at the decisions of the policy from now on, or nobody does. Changes nothing else.
    pub fn watch(&mut self, on: bool) {
        match (on, &self.rounds) {
            (true, None) => self.rounds = Some(Box::default()),
            (false, Some(_)) => self.rounds = None,
            _ => {}
        }
    }

    /// The decisions since the last call, the oldest first. None that changes nothing and is no tick,
    /// and none that is asked for by a block: there are too many of those.
    pub fn take_rounds(&mut self) -> Vec<Round> {
        let waiting = self
            .rounds
            .as_mut()
            .map(|it| core::mem::take(&mut it.waiting));
        waiting.unwrap_or_default().into()
    }

    /// The policy has just decided.
    pub(super) fn note_round(
        &mut self,
        trigger: Trigger,
        snapshot: &Snapshot<'_>,
        decision: &Decision,
    ) {
        let tick = matches!(trigger, Trigger::Tick(_));
        let boring = !tick && *decision == Decision::default();
        if boring || matches!(trigger, Trigger::Block(_)) {
            return;
        }
        let wanted = decision.disconnect.iter().copied();
        let kept = wanted.filter(|it| self.is_needed(*it)).collect();
        let reasons = self.policy.explain(snapshot, decision);
        let Some(rounds) = &mut self.rounds else {
            return;
        };
        if rounds.waiting.len() == MOST {
            rounds.waiting.pop_front();
        }
        rounds.waiting.push_back(Round {
            number: rounds.next,
            at: snapshot.now,
            trigger,
            am_seed: snapshot.am_seed,
            reasons,
            kept,
        });
        rounds.next += 1;
    }
}
