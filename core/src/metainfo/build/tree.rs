//! The additions of version 2 to a new torrent: the file tree, and padding between the files of a
//! hybrid.

use alloc::string::String;
use alloc::vec::Vec;

use super::{BuildError, Builder, Format, NewFile, element, encode_file, signed};
use crate::bencode::{DictBuilder, ListBuilder};
use crate::geometry::BLOCK_BYTES;
use crate::merkle::{self, Hash};

/// A part of the payload of a new torrent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// Index of the file; `None` for padding, which is zeros.
    pub file: Option<usize>,
    /// Bytes.
    pub length: u64,
}

impl Builder {
    /// Sorts the files in the order of a file tree: by the bytes of their names, folder by folder.
    pub fn sort(&mut self) {
        if let Some(files) = &mut self.files {
            files.sort_by(|a, b| a.path.cmp(&b.path));
        }
    }

    /// For version 2, checks that the files are in order and no two have the same path.
    pub(super) fn check_order(&self) -> Result<(), BuildError> {
        let files = self.files.as_deref().unwrap_or_default();
        for pair in files.windows(2).filter(|_| self.format.has_version_2()) {
            // If a path is both a file and a folder, it comes directly before the contents of the
            // folder.
            if pair[0].path >= pair[1].path || pair[1].path.starts_with(&pair[0].path) {
                return Err(BuildError::Order(pair[1].path.join("/")));
            }
        }
        Ok(())
    }

    /// Bytes of each file, in order.
    pub(super) fn lengths(&self) -> impl Iterator<Item = u64> + '_ {
        let single = self.files.is_none().then_some(self.length);
        let files = self.files.iter().flatten().map(|it| it.length);
        single.into_iter().chain(files)
    }

    /// Files and the padding between them: the bytes of all pieces in order. With version 2, each
    /// file begins with a new piece. A hybrid of two or more files also has padding after the last one,
    /// as libtorrent makes it: so both make the same torrent of the same files.
    #[must_use]
    pub fn parts(&self) -> Vec<Part> {
        let size = u64::from(self.piece_bytes.max(1));
        let mut parts: Vec<Part> = Vec::new();
        let mut at: u64 = 0;
        for (file, length) in self.lengths().enumerate() {
            if self.format.has_version_2() && length > 0 {
                at += pad(&mut parts, at, size);
            }
            parts.push(Part {
                file: Some(file),
                length,
            });
            at = at.saturating_add(length);
        }
        if self.format == Format::Hybrid && self.files.as_ref().is_some_and(|it| it.len() > 1) {
            pad(&mut parts, at, size);
        }
        parts
    }

    /// End of the last piece, including padding.
    pub(super) fn end(&self) -> u64 {
        let parts = self.parts();
        parts
            .iter()
            .fold(0, |sum, it| sum.saturating_add(it.length))
    }

    /// Heights of the trees over the blocks of each piece. A file of one piece has the smallest
    /// tree for its blocks. BEP 52.
    #[must_use]
    pub fn heights(&self) -> Vec<u32> {
        let size = u64::from(self.piece_bytes.max(1));
        let full = (self.piece_bytes / BLOCK_BYTES).max(1).trailing_zeros();
        let mut heights = Vec::new();
        for length in self.lengths().filter(|it| *it > 0) {
            match length.div_ceil(size) {
                1 => {
                    let blocks = length.div_ceil(u64::from(BLOCK_BYTES));
                    heights.push(merkle::height(u32::try_from(blocks).unwrap_or(u32::MAX)));
                }
                pieces => heights.extend((0..pieces).map(|_| full)),
            }
        }
        heights
    }

    /// Root and layer of the tree of each file that is not empty.
    pub(super) fn trees<'a>(&self, pieces: &'a [Hash]) -> Vec<(Hash, &'a [Hash])> {
        let size = u64::from(self.piece_bytes.max(1));
        let base = (self.piece_bytes / BLOCK_BYTES).max(1).trailing_zeros();
        let mut left = pieces;
        let mut trees = Vec::new();
        if !self.format.has_version_2() {
            return trees;
        }
        for length in self.lengths().filter(|it| *it > 0) {
            let count = usize::try_from(length.div_ceil(size)).unwrap_or(usize::MAX);
            let (layer, rest) = left.split_at(count.min(left.len()));
            left = rest;
            let root = match layer {
                [only] => *only,
                several => merkle::root(several, base),
            };
            trees.push((root, layer));
        }
        trees
    }

    /// The list of files of version 1. A hybrid has padding between its files, named as in BEP 47.
    pub(super) fn encode_files(&self, files: &[NewFile]) -> Result<Vec<u8>, BuildError> {
        let mut list = ListBuilder::new();
        for part in self.parts() {
            let Some(file) = part.file else {
                let mut path = ListBuilder::new();
                path.bytes(".pad").bytes(alloc::format!("{}", part.length));
                let mut pad = DictBuilder::new();
                pad.bytes("attr", "p")
                    .int("length", signed(part.length))
                    .raw("path", path.finish());
                list.raw(&pad.finish());
                continue;
            };
            list.raw(&encode_file(&self.name, &files[file])?);
        }
        Ok(list.finish())
    }

    /// The file tree. The files must be in its order.
    pub(super) fn encode_tree(&self, trees: &[(Hash, &[Hash])]) -> Result<Vec<u8>, BuildError> {
        let single = [NewFile {
            path: Vec::from([self.name.clone()]),
            length: self.length,
        }];
        let files = self.files.as_deref().unwrap_or(&single);
        let mut trees = trees.iter();
        // The open folders, the outermost first; the first has no name.
        let mut open = Vec::from([(String::new(), DictBuilder::new())]);
        for file in files {
            let Some((name, folders)) = file.path.split_last() else {
                return Err(BuildError::Name(String::new()));
            };
            let common = open[1..].iter().zip(folders);
            let common = common.take_while(|(a, b)| a.0 == **b).count();
            close(&mut open, common + 1);
            for folder in &folders[common..] {
                open.push((element(folder)?.into(), DictBuilder::new()));
            }
            let mut properties = DictBuilder::new();
            properties.int("length", signed(file.length));
            if file.length > 0
                && let Some((root, _)) = trees.next()
            {
                properties.bytes("pieces root", root);
            }
            let mut leaf = DictBuilder::new();
            leaf.raw("", properties.finish());
            let folder = open.last_mut().expect("the root stays open");
            folder.1.raw(element(name)?, leaf.finish());
        }
        close(&mut open, 1);
        Ok(open[0].1.finish())
    }
}

/// Adds padding up to the next piece, if `at`, the end of the last file, is within one. Returns the
/// number of its bytes.
fn pad(parts: &mut Vec<Part>, at: u64, size: u64) -> u64 {
    let over = at % size;
    if over == 0 {
        return 0;
    }
    // Empty files have no position of their own; they come after the padding.
    let last = parts.iter().rposition(|it| it.length > 0);
    let gap = Part {
        file: None,
        length: size - over,
    };
    parts.insert(last.map_or(0, |it| it + 1), gap);
    gap.length
}

/// Closes folders until `left` are open.
fn close(open: &mut Vec<(String, DictBuilder)>, left: usize) {
    while open.len() > left
        && let Some((name, folder)) = open.pop()
        && let Some(above) = open.last_mut()
    {
        above.1.raw(name, folder.finish());
    }
}
