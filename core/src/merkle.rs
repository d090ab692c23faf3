//! Merkle trees over the blocks of a file, with SHA-256. BEP 52.
//!
//! The leaves are the hashes of blocks of 16 KiB, padded with zeros to a power of two. A *layer* is
//! all hashes of one height: 0 for the leaves.

use alloc::vec::Vec;

use sha2::{Digest as _, Sha256};

/// A hash of a block, of two hashes, or of a whole tree.
pub type Hash = [u8; 32];

/// Stands for a block after the end of the file.
const ZERO: Hash = [0; 32];

/// The leaf of a block.
#[must_use]
pub fn leaf(block: &[u8]) -> Hash {
    Sha256::digest(block).into()
}

fn pair(left: &Hash, right: &Hash) -> Hash {
    let mut hash = Sha256::new();
    hash.update(left);
    hash.update(right);
    hash.finalize().into()
}

/// The root of a tree of `height` whose leaves are all after the end of the file.
#[must_use]
pub fn nothing(height: u32) -> Hash {
    (0..height).fold(ZERO, |it, _| pair(&it, &it))
}

/// The height of the smallest tree for this number of hashes.
#[must_use]
pub fn height(hashes: u32) -> u32 {
    hashes.max(1).next_power_of_two().trailing_zeros()
}

/// A layer that is built from left to right. Only the roots of the complete subtrees are kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Growing {
    /// Roots of subtrees, the largest first: one for each binary digit of `count` that is 1.
    roots: Vec<Hash>,
    count: u32,
}

impl Growing {
    /// Adds the next hash.
    pub fn push(&mut self, hash: Hash) {
        let mut hash = hash;
        for _ in 0..self.count.trailing_ones() {
            let left = self.roots.pop().expect("a root for each digit");
            hash = pair(&left, &hash);
        }
        self.roots.push(hash);
        self.count += 1;
    }

    /// The root of a tree of `height` above this layer, which is layer number `base` of the file.
    /// The tree must have room for all hashes that were pushed.
    #[must_use]
    pub fn root(mut self, base: u32, height: u32) -> Hash {
        assert!(
            u64::from(self.count) <= 1 << height,
            "{} hashes in a tree of height {height}",
            self.count
        );
        let mut filler = nothing(base);
        let mut right = None;
        for level in 0..height {
            let left = (self.count >> level & 1 == 1).then(|| self.roots.pop());
            right = match (left.flatten(), right) {
                (Some(left), right) => Some(pair(&left, &right.unwrap_or(filler))),
                (None, Some(left)) => Some(pair(&left, &filler)),
                (None, None) => None,
            };
            filler = pair(&filler, &filler);
        }
        right.or_else(|| self.roots.pop()).unwrap_or(filler)
    }
}

/// The root of the smallest tree above `layer`, which is layer number `base` of a file.
#[must_use]
pub fn root(layer: &[Hash], base: u32) -> Hash {
    let mut growing = Growing::default();
    for hash in layer {
        growing.push(*hash);
    }
    let count = u32::try_from(layer.len()).expect("a layer of a torrent");
    growing.root(base, height(count))
}

/// All layers of a file, from one layer up to the root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layers {
    base: u32,
    /// Real hashes of each layer; missing ones up to a power of two are [`nothing`].
    layers: Vec<Vec<Hash>>,
}

impl Layers {
    /// The layers above `layer`, which is layer number `base` of a file.
    #[must_use]
    pub fn above(layer: &[Hash], base: u32) -> Self {
        let mut layers = Vec::from([layer.to_vec()]);
        let mut filler = nothing(base);
        while let Some(last) = layers.last().filter(|it| it.len() > 1) {
            let above = last.chunks(2);
            let above = above.map(|it| pair(&it[0], it.get(1).unwrap_or(&filler)));
            let above = above.collect();
            layers.push(above);
            filler = pair(&filler, &filler);
        }
        Self { base, layers }
    }

    /// Bytes of all hashes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let hashes = self.layers.iter().map(Vec::len).sum::<usize>();
        hashes * size_of::<Hash>()
    }

    fn get(&self, level: u32, index: u32) -> Hash {
        let layer = self.layers.get(level as usize);
        let found = layer.and_then(|it| it.get(index as usize)).copied();
        found.unwrap_or_else(|| nothing(self.base + level))
    }

    /// `length` hashes of the lowest layer from `index` on, followed by their proof: from each of
    /// the next `proofs` layers the sibling hash, unless it can be computed. `None` if the tree has
    /// no such part. Both numbers must be as BEP 52 demands.
    #[must_use]
    pub fn part(&self, index: u32, length: u32, proofs: u32) -> Option<Vec<Hash>> {
        let height = u32::try_from(self.layers.len()).ok()? - 1;
        let end = u64::from(index) + u64::from(length);
        if end > 1 << height || proofs > height {
            return None;
        }
        let mut hashes: Vec<Hash> = (index..index + length).map(|it| self.get(0, it)).collect();
        let own = length.trailing_zeros();
        let uncles = own..proofs.saturating_add(1).min(height);
        hashes.extend(uncles.map(|level| self.get(level, index >> level ^ 1)));
        Some(hashes)
    }
}

/// The root computed from `hashes`: first `length` hashes of a layer from `index` on, then the
/// sibling hashes, from low to high. Both numbers must be as BEP 52 demands.
#[must_use]
pub fn proven_root(hashes: &[Hash], index: u32, length: u32) -> Option<Hash> {
    let (part, uncles) = hashes.split_at_checked(length as usize)?;
    let mut growing = Growing::default();
    for hash in part {
        growing.push(*hash);
    }
    let own = length.trailing_zeros();
    let mut hash = growing.root(0, own);
    for (level, uncle) in (own..).zip(uncles) {
        hash = match index.checked_shr(level)? & 1 {
            0 => pair(&hash, uncle),
            _ => pair(uncle, &hash),
        };
    }
    Some(hash)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(hash: Hash) -> alloc::string::String {
        alloc::format!("{:?}", crate::ids::InfoHash2(hash))
    }

    #[test]
    fn trees_of_nothing_are_as_published() {
        let third = "c78009fdf07fc56a11f122370658a353aaa542ed63e44c4bc15ff4cd105ab33c";
        assert_eq!(hex(nothing(3)), third);
        assert_eq!(Growing::default().root(1, 2), nothing(3));
    }

    #[test]
    fn forty_thousand_letters_have_the_root_that_others_computed() {
        let leaves: Vec<Hash> = alloc::vec![b'a'; 40_000]
            .chunks(1 << 14)
            .map(leaf)
            .collect();
        let expected = "225106564456ed33b02cc22e9d6f5014fd9f4c5383bee6605e07664a44d260ea";
        assert_eq!(hex(root(&leaves, 0)), expected);
        let layers = Layers::above(&leaves, 0);
        let piece = "d34bf3deb3aee9f99d711518221742dea98e541ba7c05855f822a16e820d938d";
        assert_eq!(hex(layers.get(1, 1)), piece);
        let pieces = [layers.get(1, 0), layers.get(1, 1)];
        assert_eq!(hex(root(&pieces, 1)), expected);
    }

    #[test]
    fn every_part_of_a_layer_is_proven_and_no_other_is() {
        for count in 2..=17_u8 {
            let layer: Vec<Hash> = (0..count).map(|it| leaf(&[it])).collect();
            let layers = Layers::above(&layer, 3);
            let height = height(u32::from(count));
            let expected = root(&layer, 3);
            for power in 1..=height {
                let length = 1 << power;
                for index in (0..1 << height).step_by(1 << power) {
                    let mut part = layers.part(index, length, height - 1).expect("a part");
                    let uncles = part.len() - length as usize;
                    assert_eq!(uncles, (height - power) as usize);
                    assert_eq!(proven_root(&part, index, length), Some(expected));
                    part[0][0] ^= 1;
                    assert_ne!(proven_root(&part, index, length), Some(expected));
                }
            }
            assert_eq!(layers.part(1 << height, 2, height - 1), None);
        }
    }
}
