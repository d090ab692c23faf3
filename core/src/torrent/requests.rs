//! Blocks a peer asked for.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::vec::Vec;

use crate::geometry::Geometry;
use crate::ids::{BlockRef, PieceIndex};

/// Marks the place of the next odd request.
const ODD: u32 = u32::MAX;

/// Least number of queue places to allocate at a time. Doubling instead would waste a third of the
/// memory that a large swarm needs for its queues.
const QUEUE_STEP: usize = 16;

/// Makes room for one more element.
pub(super) fn grow<T>(queue: &mut VecDeque<T>) {
    if queue.len() == queue.capacity() {
        queue.reserve_exact(QUEUE_STEP.max(queue.len() / 4));
    }
}

/// Requests of a peer, oldest first. Nearly all are for the usual 16 KiB blocks. They are kept as
/// block numbers, which takes a third of the memory. BEP 3 also allows other ranges ("odd" here).
#[derive(Debug, Default)]
pub(super) struct Requests {
    numbers: VecDeque<u32>,
    /// Requests for other ranges, oldest first.
    #[expect(
        clippy::box_collection,
        reason = "hardly any peer sends one: a word will do"
    )]
    odd: Option<Box<VecDeque<BlockRef>>>,
}

impl Requests {
    pub(super) fn len(&self) -> usize {
        self.numbers.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.numbers.is_empty()
    }

    fn number(geometry: &Geometry, block: BlockRef) -> u32 {
        let index = geometry.block_index(block);
        index.map_or(ODD, |index| geometry.number(block.piece, index))
    }

    pub(super) fn push_back(&mut self, geometry: &Geometry, block: BlockRef) {
        let number = Self::number(geometry, block);
        if number == ODD {
            self.odd.get_or_insert_default().push_back(block);
        }
        self.push_block(number);
    }

    /// Appends a request for the block with this number.
    pub(super) fn push_block(&mut self, number: u32) {
        grow(&mut self.numbers);
        self.numbers.push_back(number);
    }

    pub(super) fn front(&self, geometry: &Geometry) -> Option<BlockRef> {
        match *self.numbers.front()? {
            ODD => self.odd.as_ref()?.front().copied(),
            number => Some(geometry.numbered(number)),
        }
    }

    pub(super) fn pop_front(&mut self, geometry: &Geometry) -> Option<BlockRef> {
        match self.numbers.pop_front()? {
            ODD => self.odd.as_mut()?.pop_front(),
            number => Some(geometry.numbered(number)),
        }
    }

    /// Removes the oldest request for `block`; false if there is none.
    pub(super) fn remove(&mut self, geometry: &Geometry, block: BlockRef) -> bool {
        let number = Self::number(geometry, block);
        let at = if number == ODD {
            self.remove_odd(block)
        } else {
            self.numbers.iter().position(|it| *it == number)
        };
        at.and_then(|at| self.numbers.remove(at)).is_some()
    }

    /// Removes all requests for blocks of `piece` and returns them, oldest first.
    pub(super) fn remove_piece(&mut self, geometry: &Geometry, piece: PieceIndex) -> Vec<BlockRef> {
        let all = core::mem::take(self);
        let (mut numbers, mut odd) = (all.numbers, all.odd);
        let mut removed = Vec::new();
        while let Some(number) = numbers.pop_front() {
            let block = match number {
                ODD => odd.as_mut().and_then(|it| it.pop_front()),
                number => Some(geometry.numbered(number)),
            };
            match block {
                Some(block) if block.piece == piece => removed.push(block),
                Some(block) => self.push_back(geometry, block),
                None => {}
            }
        }
        removed
    }

    /// Removes the oldest odd request for `block` and returns its place in the whole queue.
    fn remove_odd(&mut self, block: BlockRef) -> Option<usize> {
        let odd = self.odd.as_mut()?;
        let rank = odd.iter().position(|it| *it == block)?;
        odd.remove(rank);
        let mut places = (0..).zip(&self.numbers).filter(|(_, it)| **it == ODD);
        places.nth(rank).map(|(place, _)| place)
    }

    /// Reads from the memory it points to, so that the processor fetches it early.
    pub(super) fn look_at(&self) -> u32 {
        self.numbers.front().copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use proptest::prelude::*;

    use super::Requests;
    use crate::geometry::{BLOCK_BYTES, Geometry};
    use crate::ids::{BlockRef, PieceIndex};

    fn block() -> impl Strategy<Value = BlockRef> {
        let begin = (0..4_u32, prop::sample::select(alloc::vec![0, 1, 5000]));
        let begin = begin.prop_map(|(block, off)| block * BLOCK_BYTES + off);
        let length = prop::sample::select(alloc::vec![1, 5000, BLOCK_BYTES]);
        (0..3_u32, begin, length).prop_map(|(piece, begin, length)| BlockRef {
            piece: PieceIndex(piece),
            begin,
            length,
        })
    }

    #[derive(Clone, Debug)]
    enum Step {
        Push(BlockRef),
        Pop,
        Remove(BlockRef),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            6 => block().prop_map(Step::Push),
            3 => Just(Step::Pop),
            3 => block().prop_map(Step::Remove),
        ]
    }

    proptest! {
        #[test]
        fn it_is_a_queue_of_blocks(steps in prop::collection::vec(step(), 1..80)) {
            let geometry = Geometry::new(10 * u64::from(BLOCK_BYTES) - 7, 4 * BLOCK_BYTES);
            let geometry = geometry.expect("ten blocks in three pieces");
            let (mut queue, mut model) = (Requests::default(), Vec::<BlockRef>::new());
            for step in steps {
                match step {
                    Step::Push(block) => {
                        queue.push_back(&geometry, block);
                        model.push(block);
                    }
                    Step::Pop => {
                        let oldest = (!model.is_empty()).then(|| model.remove(0));
                        prop_assert_eq!(queue.pop_front(&geometry), oldest);
                    }
                    Step::Remove(block) => {
                        let at = model.iter().position(|it| *it == block);
                        prop_assert_eq!(queue.remove(&geometry, block), at.is_some());
                        at.map(|at| model.remove(at));
                    }
                }
                prop_assert_eq!(queue.len(), model.len());
                prop_assert_eq!(queue.front(&geometry), model.first().copied());
            }
        }
    }
}
