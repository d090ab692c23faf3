//! Records the decisions of the policy with their reasons, for displays. Nothing is recorded unless
//! [`Torrent::watch`] turned it on.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::vec::Vec;

use super::Torrent;
use crate::choke::{Decision, Reasons, Snapshot, Trigger};
use crate::ids::PeerKey;
use crate::time::Instant;

/// Most decisions to keep until they are taken; the oldest are dropped first.
const MOST: usize = 64;

/// One decision of the policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Round {
    /// Counted from 0 since recording was turned on. A gap means that decisions were dropped
    /// because they were not taken in time.
    pub number: u64,
    /// When the policy decided.
    pub at: Instant,
    /// What triggered the decision.
    pub trigger: Trigger,
    /// Whether we had all wanted pieces.
    pub am_seed: bool,
    /// Reasons of the decision.
    pub reasons: Reasons,
    /// Peers that the policy wanted to drop and that stay: no other peer has some piece of theirs,
    /// or they are idle because we ask them for nothing.
    pub kept: Vec<PeerKey>,
}

/// Decisions that were not taken yet.
#[derive(Debug, Default)]
pub(super) struct Rounds {
    next: u64,
    waiting: VecDeque<Round>,
}

impl Torrent {
    /// Turns the recording of decisions on or off. This changes nothing else.
    pub fn watch(&mut self, on: bool) {
        match (on, &self.rounds) {
            (true, None) => self.rounds = Some(Box::default()),
            (false, Some(_)) => self.rounds = None,
            _ => {}
        }
    }

    /// Takes the decisions since the last call, oldest first. Not recorded: decisions that change
    /// nothing, except at ticks, and decisions triggered by a block, of which there are too many.
    pub fn take_rounds(&mut self) -> Vec<Round> {
        let waiting = self
            .rounds
            .as_mut()
            .map(|it| core::mem::take(&mut it.waiting));
        waiting.unwrap_or_default().into()
    }

    /// Records a decision.
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
