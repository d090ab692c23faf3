//! The additions of version 2: a merkle tree for each file. BEP 52.

use alloc::vec::Vec;

use sha2::{Digest as _, Sha256};

use super::refusal::{MAX_TREE_PIECE_BYTES, Version2Error};
use super::tree::Leaf;
use super::{FileKind, Layout};
use crate::bencode::{Dict, DictBuilder, Value};
use crate::geometry::{BLOCK_BYTES, Geometry};
use crate::ids::{InfoHash2, PieceIndex};
use crate::merkle::{self, Hash};

/// The merkle trees of a torrent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version2 {
    /// SHA-256 of the info dictionary as found in the file.
    pub info_hash: InfoHash2,
    /// The layer of the trees that has one hash for each piece.
    piece_layer: u32,
    trees: Vec<Tree>,
    /// Indices into `trees`, sorted by root.
    by_root: Vec<u32>,
    /// The hash of each piece. Zeros for files of several pieces whose layer is not known.
    hashes: Vec<Hash>,
    complete: bool,
}

/// The tree of a file that is not empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tree {
    /// Number of the file in the file tree, from 0; padding is not counted.
    pub file: u32,
    /// Its root.
    pub root: Hash,
    /// Index of the first piece of the file.
    pub first_piece: u32,
    /// Number of pieces.
    pub piece_count: u32,
    /// Number of blocks of 16 KiB.
    pub block_count: u32,
}

/// The expected hash of the blocks of a piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subtree {
    /// The expected root.
    pub root: Hash,
    /// The height. The blocks are padded with zeros to 2^height leaves.
    pub height: u32,
}

impl Version2 {
    /// Makes the trees without their layers. `leaves` must fit into a geometry.
    pub(super) fn new(info: Value<'_>, leaves: &[Leaf<'_>], piece_bytes: u32) -> Self {
        let mut trees = Vec::new();
        let mut piece = 0;
        for (file, leaf) in (0..).zip(leaves) {
            let Some(root) = leaf.root else { continue };
            let narrow = |count: u64| u32::try_from(count).expect("checked by the geometry");
            let tree = Tree {
                file,
                root,
                first_piece: piece,
                piece_count: narrow(leaf.length.div_ceil(u64::from(piece_bytes))),
                block_count: narrow(leaf.length.div_ceil(u64::from(BLOCK_BYTES))),
            };
            piece += tree.piece_count;
            trees.push(tree);
        }
        let mut by_root: Vec<u32> = (0..).take(trees.len()).collect();
        by_root.sort_by_key(|it| trees[*it as usize].root);
        let hashes = trees.iter().flat_map(|it| match it.piece_count {
            1 => alloc::vec![it.root],
            count => alloc::vec![Hash::default(); count as usize],
        });
        Self {
            info_hash: InfoHash2(Sha256::digest(info.raw()).into()),
            piece_layer: (piece_bytes / BLOCK_BYTES).trailing_zeros(),
            hashes: hashes.collect(),
            complete: trees.iter().all(|it| it.piece_count == 1),
            trees,
            by_root,
        }
    }

    /// The trees of the files that are not empty, in the order of the pieces.
    #[must_use]
    pub fn trees(&self) -> &[Tree] {
        &self.trees
    }

    /// A tree with this root. Files with equal contents have equal trees.
    #[must_use]
    pub fn by_root(&self, root: &Hash) -> Option<&Tree> {
        let at = |it: &u32| &self.trees[*it as usize];
        let from = self.by_root.partition_point(|it| at(it).root < *root);
        self.by_root.get(from).map(at).filter(|it| it.root == *root)
    }

    /// The layer of the trees that has one hash for each piece.
    #[must_use]
    pub fn piece_layer(&self) -> u32 {
        self.piece_layer
    }

    /// Whether the hashes of all pieces are known. A .torrent file contains them; the info
    /// dictionary from a magnet link does not.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.complete
    }

    /// The hashes of the pieces of a file.
    #[must_use]
    pub fn layer(&self, tree: &Tree) -> &[Hash] {
        let first = tree.first_piece as usize;
        &self.hashes[first..first + tree.piece_count as usize]
    }

    /// The hash of each piece.
    #[must_use]
    pub fn hashes(&self) -> &[Hash] {
        &self.hashes
    }

    /// The expected hash of the blocks of `piece`.
    #[must_use]
    pub fn expected(&self, piece: PieceIndex) -> Subtree {
        let at = self.trees.partition_point(|it| it.first_piece <= piece.0) - 1;
        let tree = &self.trees[at];
        Subtree {
            root: self.hashes[piece.0 as usize],
            height: match tree.piece_count {
                1 => merkle::height(tree.block_count),
                _ => self.piece_layer,
            },
        }
    }

    /// Stores the hashes of the pieces from `first` on, which must have been proven. `complete`:
    /// they are the last missing ones.
    pub(crate) fn learn(&mut self, first: u32, hashes: &[Hash], complete: bool) {
        let first = first as usize;
        self.hashes[first..first + hashes.len()].copy_from_slice(hashes);
        self.complete = complete;
    }

    /// The `piece layers` of a .torrent file, bencoded, if all are known.
    #[must_use]
    pub fn piece_layers(&self) -> Option<Vec<u8>> {
        let mut layers = DictBuilder::new();
        for tree in self.trees.iter().filter(|it| it.piece_count > 1) {
            layers.bytes(tree.root, self.layer(tree).as_flattened());
        }
        self.complete.then(|| layers.finish())
    }

    /// Stores the `piece layers` of the file. There must be one for each tree that has a layer, and
    /// no others.
    pub(super) fn take_layers(&mut self, layers: Option<Value<'_>>) -> Result<(), Version2Error> {
        let Some(layers) = layers else {
            return match self.trees.iter().find(|it| it.piece_count > 1) {
                None => Ok(()),
                Some(tree) => Err(Version2Error::NoLayer(number(tree))),
            };
        };
        let layers = layers.as_dict().ok_or(Version2Error::LayersNoDictionary)?;
        let mut found: Vec<(&[u8], Value<'_>)> = layers.iter().collect();
        found.sort_by_key(|it| it.0);
        for tree in &self.trees {
            if tree.piece_count == 1 {
                continue;
            }
            let at = found.binary_search_by(|it| it.0.cmp(&tree.root));
            let layer = at.ok().map(|at| found[at].1);
            let layer = layer.ok_or(Version2Error::NoLayer(number(tree)))?;
            let layer = layer.as_bytes().unwrap_or_default();
            let (hashes, rest) = layer.as_chunks::<32>();
            if !rest.is_empty() || hashes.len() != tree.piece_count as usize {
                return Err(Version2Error::LayerLength {
                    file: number(tree),
                    bytes: layer.len(),
                    pieces: tree.piece_count,
                });
            }
            if merkle::root(hashes, self.piece_layer) != tree.root {
                return Err(Version2Error::Layer(number(tree)));
            }
            let first = tree.first_piece as usize;
            self.hashes[first..first + hashes.len()].copy_from_slice(hashes);
        }
        for (root, _) in found {
            let tree = Hash::try_from(root).ok();
            let tree = tree.and_then(|it| self.by_root(&it));
            match tree {
                None => return Err(Version2Error::StrayLayer),
                Some(tree) if tree.piece_count == 1 => {
                    return Err(Version2Error::NeedlessLayer(number(tree)));
                }
                Some(_) => (),
            }
        }
        self.complete = true;
        Ok(())
    }
}

/// Number of the file of a tree, from 1, for messages to users.
fn number(tree: &Tree) -> usize {
    tree.file as usize + 1
}

/// Whether `info` is of version 2. BEP 52: check this before anything else.
pub(super) fn is_version_2(info: &Dict<'_>) -> Result<bool, Version2Error> {
    let Some(version) = info.get(b"meta version") else {
        let alone = info.get(b"file tree").is_some() && info.get(b"pieces").is_none();
        return if alone {
            Err(Version2Error::Missing("meta version"))
        } else {
            Ok(false)
        };
    };
    match version.as_int() {
        Some(2) => Ok(true),
        Some(other) => Err(Version2Error::Version(other)),
        None => Err(Version2Error::NoVersion),
    }
}

/// Reads the piece length of version 2.
pub(super) fn piece_bytes(info: &Dict<'_>) -> Result<u32, Version2Error> {
    let value = info
        .get(b"piece length")
        .ok_or(Version2Error::Missing("piece length"))?;
    let bytes = value.as_int().unwrap_or_default();
    let fitting = u32::try_from(bytes).ok();
    let fitting = fitting.filter(|it| it.is_power_of_two());
    let fitting = fitting.filter(|it| (BLOCK_BYTES..=MAX_TREE_PIECE_BYTES).contains(it));
    fitting.ok_or(Version2Error::PieceLength(bytes))
}

/// Checks that the files of version 1 are those of the tree, in the same order and with the same
/// bytes in the same pieces. BEP 52, *upgrade path*. Returns the geometry of both.
pub(super) fn agree(
    layout: &Layout,
    tree: &Layout,
    piece_bytes: u32,
) -> Result<Geometry, Version2Error> {
    let real = |layout: &Layout| {
        let files = 0..layout.files().len();
        let files = files.filter(|it| layout.files()[*it].kind != FileKind::Padding);
        files.collect::<Vec<_>>()
    };
    let (ours, theirs) = (real(layout), real(tree));
    if ours.len() != theirs.len() {
        return Err(Version2Error::OtherCount(ours.len(), theirs.len()));
    }
    for (number, (one, two)) in (1..).zip(ours.iter().zip(&theirs)) {
        if layout.raw_path(*one) != tree.raw_path(*two) {
            return Err(Version2Error::OtherName(number));
        }
        let (one, two) = (&layout.files()[*one], &tree.files()[*two]);
        if one.length != two.length || one.kind != two.kind {
            return Err(Version2Error::OtherLength(number));
        }
        if one.length > 0 && one.offset != two.offset {
            return Err(Version2Error::NotAligned(number));
        }
    }
    let end = |layout: &Layout| layout.files().last().map_or(0, |it| it.offset + it.length);
    let lengths = theirs.iter().map(|it| tree.files()[*it].length);
    let geometry = Geometry::aligned(lengths, piece_bytes, Some(end(layout)))?;
    if geometry.end() != end(layout) {
        return Err(Version2Error::OtherEnd);
    }
    Ok(geometry)
}
