//! A set of connections in two words.

use crate::ids::PeerKey;

/// A set of the connections with a key below 128. Connections beyond are always outside: who skips
/// others must not skip them, see [`Self::within`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Mask(u128);

/// Number of connections that have a bit.
const WIDTH: u32 = u128::BITS;

impl Mask {
    /// One bit for each connection: bit k is `PeerKey(k)`.
    pub(super) fn bits(self) -> u128 {
        self.0
    }

    #[inline]
    pub(super) fn has(self, peer: PeerKey) -> bool {
        self.0.checked_shr(peer.0).unwrap_or(0) & 1 == 1
    }

    /// Adds or removes `peer`, if it has a bit.
    #[inline]
    pub(super) fn set(&mut self, peer: PeerKey, on: bool) {
        let bit = 1_u128.checked_shl(peer.0).unwrap_or(0);
        self.0 = self.0 & !bit | if on { bit } else { 0 };
    }

    /// Of the keys below `count`: those in the set, and all that have no bit. Ascending.
    pub(super) fn within(self, count: usize) -> impl Iterator<Item = PeerKey> {
        let mut left = self.0;
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
            let bits = model.iter().fold(0, |bits, key| bits | 1_u128 << key);
            prop_assert_eq!(mask.bits(), bits);
            let found: Vec<u32> = mask.within(count as usize).map(|it| it.0).collect();
            let expected = (0..count).filter(|it| model.contains(it) || *it >= WIDTH);
            prop_assert_eq!(found, expected.collect::<Vec<u32>>());
        }
    }
}
