//! Loads memory ahead of use: for the nodes whose turn comes next. See [`crate::world::warm`].

use std::hint::black_box;

use unchoke_core::time::Instant;
use unchoke_core::torrent::ManyTorrents as _;

use super::mail::Notice;
use super::pile::Pile;
use super::shard::Shard;
use super::soon::Soon;
use crate::world::warm::Concern;
use crate::world::{Event, World};

impl World<'_, Shard> {
    /// Reads the memory that the nodes at these places will use before `end`.
    pub(super) fn warm_turns(&self, soon: &mut Soon, places: &[u32], pile: &Pile, end: Instant) {
        soon.concerns.clear();
        soon.ends.clear();
        let access = places
            .iter()
            .map(|it| self.access[*it as usize].waiting_count());
        black_box(access.fold(0, |seen, it| seen ^ it));
        for at in places {
            let flows = self.engine.held.done_before(end, *at);
            soon.ends.extend(flows.map(|it| self.flows.of(it).0));
            let letters = pile.letters(*at);
            soon.concerns
                .extend(letters.filter_map(|it| self.matter(*at, it)));
        }
        soon.concerns
            .extend(soon.ends.iter().map(|it| self.concern(*it, None)));
        let first = soon.ends.iter().map(|it| self.streams.look_at_first(*it));
        black_box(first.fold(0, |seen, it| seen ^ it));
        let second = soon.ends.iter().map(|it| self.streams.look_at_second(*it));
        black_box(second.fold(0, |seen, it| seen ^ it));
        self.warm_inputs(&soon.concerns);
        let mut seen = 0;
        for at in places {
            let Some(peer) = self.peers[*at as usize].as_ref() else {
                continue;
            };
            for letter in pile.letters(*at) {
                let Event::Own(Notice::Have { key, piece, .. }) = letter else {
                    continue;
                };
                if peer
                    .contacts
                    .get(key.0 as usize)
                    .is_some_and(Option::is_some)
                {
                    seen ^= peer.client.look_at_have(*key, *piece);
                }
            }
        }
        black_box(seen);
    }

    /// The memory that a letter will use, if it is for the client of the node at this place.
    fn matter(&self, at: u32, letter: &Event<Notice>) -> Option<Concern> {
        let (to, piece) = match letter {
            Event::Block { to, block } => (to, Some(block.piece)),
            Event::Requests { to, .. } | Event::Haves { to, .. } | Event::Message { to, .. } => {
                (to, None)
            }
            Event::Own(Notice::Have { to, key, .. })
                if !self.access[at as usize].may_wait(*key) =>
            {
                (to, None)
            }
            _ => return None,
        };
        Some(self.concern(*to, piece))
    }
}
