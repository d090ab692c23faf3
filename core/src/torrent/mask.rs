//! A set of connections in two words.

use crate::ids::PeerKey;

/// A set of the connections with a key below 128. Connections beyond are always outside: who skips
/// others must not skip them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Mask([u64; 2]);

/// Number of connections that have a bit.
const WIDTH: u32 = u128::BITS;

impl Mask {
    /// Whether there is a bit for `peer`.
    #[must_use]
    #[inline]
    pub fn covers(peer: PeerKey) -> bool {
        peer.0 < WIDTH
    }

    /// Whether `peer` is in the set.
    #[must_use]
    #[inline]
    pub fn has(self, peer: PeerKey) -> bool {
        let word = self.0.get(peer.0 as usize / 64);
        word.is_some_and(|it| it >> (peer.0 % 64) & 1 == 1)
    }

    /// Adds or removes `peer`, if it has a bit.
    #[inline]
    pub fn set(&mut self, peer: PeerKey, on: bool) {
        if let Some(word) = self.0.get_mut(peer.0 as usize / 64) {
            let bit = 1 << (peer.0 % 64);
            *word = *word & !bit | if on { bit } else { 0 };
        }
    }

    /// Of the keys below `count`: those in the set, and all that have no bit. Ascending.
    pub(super) fn within(self, count: usize) -> impl Iterator<Item = PeerKey> {
        let mut left = u128::from(self.0[0]) | u128::from(self.0[1]) << 64;
        let inside = core::iter::from_fn(move || {
            let key = left.trailing_zeros();
            left &= left.wrapping_sub(1);
            (key < WIDTH).then_some(key)
        });
        let count = u32::try_from(count).expect("keys are 32 bits");
        let inside = inside.take_while(move |it| *it < count);
        inside.chain(WIDTH..count).map(PeerKey)
    }
}

#[cfg(test)]
mod tests {
    use alloc::collections::BTreeSet;
    use alloc::vec::Vec;

    use proptest::prelude::*;

    use super::{Mask, WIDTH};
    use crate::ids::PeerKey;

    proptest! {
        #[test]
        fn it_is_a_set_of_the_first_keys(
            steps in prop::collection::vec((0..WIDTH + 9, any::<bool>()), 0..200),
            count in 0..WIDTH + 9,
        ) {
            let (mut mask, mut model) = (Mask::default(), BTreeSet::new());
            for (key, on) in steps {
                mask.set(PeerKey(key), on);
                if on && key < WIDTH {
                    model.insert(key);
                } else {
                    model.remove(&key);
                }
                prop_assert_eq!(mask.has(PeerKey(key)), model.contains(&key));
            }
            prop_assert!((0..WIDTH + 9).all(|it| Mask::covers(PeerKey(it)) == (it < WIDTH)));
            let found: Vec<u32> = mask.within(count as usize).map(|it| it.0).collect();
            let expected = (0..count).filter(|it| model.contains(it) || *it >= WIDTH);
            prop_assert_eq!(found, expected.collect::<Vec<u32>>());
        }
    }
}
