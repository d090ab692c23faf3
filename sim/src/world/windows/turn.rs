//! One window of one shard. Until the window is over, nothing that a node does reaches another one. So
//! each node in turn does all that it has to do, while its memory is in the processor's cache.

use std::ops::ControlFlow;

use unchoke_core::time::Instant;

use super::pile::Pile;
use super::shard::Shard;
use crate::world::World;
use crate::world::engine::Engine as _;

/// Number of nodes whose memory is loaded together.
const NODES_AHEAD: usize = 4;

impl World<'_, Shard> {
    /// Lets every node do what it has to do in the window of this number, which ends at `end`.
    pub(super) fn turn(&mut self, window: u64, each_ns: u64, end: Instant) {
        self.engine.end = end;
        let mut pile = std::mem::take(&mut self.engine.pile);
        self.engine.take_mail(&mut pile, window, each_ns, end);
        let last = Instant::from_nanos(end.as_nanos() - 1);
        let mut busy: Vec<u32> = pile.receivers().collect();
        self.engine.held.due_until(last, &mut busy);
        self.timers.ringing(last, &mut |at| {
            busy.push(at);
            ControlFlow::Continue(())
        });
        busy.sort_unstable();
        busy.dedup();
        let mut soon = std::mem::take(&mut self.engine.warmed);
        for (number, at) in busy.iter().copied().enumerate() {
            if number % NODES_AHEAD == 0 {
                let next = &busy[number..busy.len().min(number + NODES_AHEAD)];
                self.warm_turns(&mut soon, next, &pile, end);
            }
            self.engine.present = self.engine.node(at as usize);
            self.node_turn(at, &mut pile, end);
            self.engine.end_flows();
        }
        self.engine.warmed = soon;
        pile.clear();
        self.engine.pile = pile;
        self.now = end;
    }

    /// Lets the node at this place do what it has to do before `end`.
    fn node_turn(&mut self, at: u32, pile: &mut Pile, end: Instant) {
        let node = self.engine.present;
        loop {
            let letter = pile.next_at(at);
            let soon = self.engine.soon.peek().map_or(Instant::NEVER, |it| it.at);
            let flow = self.engine.held.due(at);
            let timer = self.timers.get(at).unwrap_or(Instant::NEVER);
            let next = letter.min(soon).min(flow).min(timer);
            if next >= end {
                return;
            }
            self.now = next;
            if flow == next {
                while let Some(flow) = self.engine.held.pop_due(next, at) {
                    self.on_block_left(flow);
                }
            } else if letter == next {
                let event = pile.take(at);
                self.on_event(event);
            } else if soon == next {
                let (_, event) = self.engine.soon.pop().expect("just seen");
                self.on_event(event);
            } else {
                self.on_timer(node);
            }
        }
    }

    /// The window in which the next thing happens here, or an earlier one; `None` if nothing will.
    pub(super) fn next_window(&mut self, each_ns: u64) -> Option<u64> {
        let engine = &mut self.engine;
        let next = engine.outbox.take_earliest();
        let next = next.min(engine.held.next_due()).min(self.timers.next_at());
        let window = (next != Instant::NEVER).then(|| next.as_nanos() / each_ns);
        window.into_iter().chain(engine.later.first()).min()
    }
}

impl Shard {
    /// Puts the mail of a window on the pile. Mail for later windows is kept.
    fn take_mail(&mut self, pile: &mut Pile, window: u64, each_ns: u64, end: Instant) {
        let first = self.first;
        for mail in self.later.take(window) {
            pile.add(mail.to - first, mail);
        }
        for bag in &mut self.inbox {
            for mail in bag.drain(..) {
                if mail.at < end {
                    pile.add(mail.to - first, mail);
                } else {
                    self.later.keep(mail.at.as_nanos() / each_ns, mail);
                }
            }
        }
        pile.sort();
    }
}
