//! Makes .torrent files.

mod tree;

use crate::text::counted;
use alloc::string::String;
use alloc::vec::Vec;

pub use tree::Part;

use super::refusal::MAX_TREE_PIECE_BYTES;
use super::{MAX_PIECE_BYTES, MAX_PIECES};
use crate::bencode::{DictBuilder, Limits, ListBuilder};
use crate::geometry::{BLOCK_BYTES, Geometry, GeometryError};
use crate::merkle::Hash;

/// Versions of the format for a new torrent. BEP 3, BEP 52.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// Version 1, which every client knows.
    #[default]
    Version1,
    /// Version 2 alone.
    Version2,
    /// Both: each client uses the version it knows.
    Hybrid,
}

impl Format {
    fn has_version_1(self) -> bool {
        self != Self::Version2
    }

    fn has_version_2(self) -> bool {
        self != Self::Version1
    }
}

/// The hashes of the pieces of a new torrent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PieceDigests {
    /// SHA-1 of each piece, padding included; empty without version 1.
    pub version_1: Vec<[u8; 20]>,
    /// For each piece the root of the merkle tree over its blocks, with the height from
    /// [`Builder::heights`]; empty without version 2.
    pub version_2: Vec<Hash>,
}

/// A file for a new torrent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewFile {
    /// Elements of the path below the torrent's folder; the last one is the file name.
    pub path: Vec<String>,
    /// Bytes.
    pub length: u64,
}

/// The contents of a new .torrent file, except the hashes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Builder {
    /// The versions. With version 2, files are stored in the order of a file tree, whatever the
    /// order of [`Builder::files`]: see [`Builder::sort`].
    pub format: Format,
    /// Name of the file, or of the folder of the files.
    pub name: String,
    /// `None`: a single file of [`Builder::length`] bytes.
    pub files: Option<Vec<NewFile>>,
    /// Bytes of the single file; not used if there are `files`.
    pub length: u64,
    /// Bytes of a piece; [`choose_piece_bytes`] suggests a value.
    pub piece_bytes: u32,
    /// Tracker URLs by tier. BEP 12. May be empty.
    pub trackers: Vec<Vec<String>>,
    /// URLs from which the files can be fetched by HTTP. BEP 19.
    pub web_seeds: Vec<String>,
    /// Peers may come only from the trackers. BEP 27.
    pub private: bool,
    /// Makes the info-hash unique to a site.
    pub source: Option<String>,
    /// Free text.
    pub comment: Option<String>,
    /// The program that makes the file.
    pub created_by: Option<String>,
    /// Seconds since 1970.
    pub creation_date: Option<i64>,
}

/// Why a torrent cannot be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// The sizes are not possible.
    #[error("cannot make a torrent: {0}")]
    Geometry(#[from] GeometryError),
    /// Longer pieces than other clients accept.
    #[error("cannot make a torrent: piece length {0} is above {MAX_PIECE_BYTES} bytes")]
    PieceLength(u32),
    /// More pieces than clients accept.
    #[error(
        "cannot make a torrent: {pieces} pieces are more than {MAX_PIECES}; use pieces of at least \
         {better} bytes"
    )]
    TooManyPieces {
        /// Number of pieces by size and piece length.
        pieces: u32,
        /// The smallest possible power of two.
        better: u64,
    },
    /// The .torrent file would be too large.
    #[error(
        "cannot make a torrent: its file would have {bytes} bytes and {tokens} values; clients \
         accept at most {} and {}; share fewer files or use larger pieces",
        Limits::TORRENT_FILE.bytes,
        Limits::TORRENT_FILE.tokens
    )]
    TooLarge {
        /// Bytes of the .torrent file.
        bytes: u64,
        /// Values and keys in it.
        tokens: u64,
    },
    /// A path element that is not a valid file name.
    #[error(
        "cannot make a torrent: {0:?} cannot be a path in it; rename it: names of at most 240 bytes, no \
         control or invisible characters, no backslash"
    )]
    Name(String),
    /// A piece length that version 2 does not allow.
    #[error(
        "cannot make a torrent: piece length {0} is not possible in version 2, it must be a power of \
         two from {BLOCK_BYTES} to {MAX_TREE_PIECE_BYTES}"
    )]
    PowerOfTwo(u32),
    /// Files are not in the order of a file tree, or a file and a folder have the same name.
    #[error("cannot make a torrent: {0:?} is there twice, or its files are out of order")]
    Order(String),
    /// The number of hashes is not the number of pieces.
    #[error("cannot make a torrent: {} for {}", counted(*hashes as u64, "hash"), counted(u64::from(*pieces), "piece"))]
    HashCount {
        /// Number of given hashes.
        hashes: usize,
        /// Number of needed hashes.
        pieces: u32,
    },
}

/// Piece length for a torrent of `total_bytes`: the smallest power of two, from 16 KiB to 16 MiB,
/// that gives at most 2048 pieces. The .torrent file then stays below 40 KiB up to 32 GiB of
/// payload, and pieces are small enough to be shared soon.
#[must_use]
pub fn choose_piece_bytes(total_bytes: u64) -> u32 {
    const MAX_PIECES: u64 = 2048;
    let wanted = total_bytes.div_ceil(MAX_PIECES).max(1);
    let power = wanted.checked_next_power_of_two().unwrap_or(u64::MAX);
    let bounded = power.clamp(u64::from(BLOCK_BYTES), 1 << 24);
    u32::try_from(bounded).expect("at most 2^24")
}

impl Builder {
    /// Size and pieces of the torrent: which hashes it needs.
    pub fn geometry(&self) -> Result<Geometry, BuildError> {
        if self.piece_bytes > MAX_PIECE_BYTES {
            return Err(BuildError::PieceLength(self.piece_bytes));
        }
        let total = match &self.files {
            None => Some(self.length),
            Some(files) => files
                .iter()
                .try_fold(0, |sum: u64, it| sum.checked_add(it.length)),
        };
        let total = total.ok_or(GeometryError::TooLarge(u64::MAX))?;
        let geometry = if self.format.has_version_2() {
            let possible = BLOCK_BYTES..=MAX_TREE_PIECE_BYTES;
            if !self.piece_bytes.is_power_of_two() || !possible.contains(&self.piece_bytes) {
                return Err(BuildError::PowerOfTwo(self.piece_bytes));
            }
            let end = self.format.has_version_1().then(|| self.end());
            Geometry::aligned(self.lengths(), self.piece_bytes, end)?
        } else {
            Geometry::new(total, self.piece_bytes)?
        };
        if geometry.piece_count() > MAX_PIECES {
            return Err(BuildError::TooManyPieces {
                pieces: geometry.piece_count(),
                better: total.div_ceil(u64::from(MAX_PIECES)).next_power_of_two(),
            });
        }
        Ok(geometry)
    }

    /// Whether a torrent can be made. Call it before hashing.
    pub fn check(&self) -> Result<Geometry, BuildError> {
        let geometry = self.geometry()?;
        self.check_order()?;
        let pieces = geometry.piece_count() as usize;
        let v2 = self.format.has_version_2();
        let frame = self.encode_with(&PieceDigests {
            version_1: Vec::new(),
            version_2: alloc::vec![Hash::default(); if v2 { pieces } else { 0 }],
        })?;
        let hashes = u64::from(geometry.piece_count()) * 20;
        // The number of bytes of the hashes takes at most nine more digits.
        let bytes = frame.len() as u64 + hashes + 9;
        let elements = self
            .files
            .iter()
            .flatten()
            // A hybrid lists each file twice: in the list of version 1, with padding, and in the
            // tree.
            .map(|it| {
                let elements = it.path.len() as u64;
                if v2 { elements * 2 + 24 } else { elements + 6 }
            });
        let urls = (self.trackers.iter().flatten().count() + self.web_seeds.len()) as u64;
        // At most thirty values in addition to files and URLs; each URL may be in a list of its
        // own.
        let tokens = elements.sum::<u64>() + urls * 2 + 30;
        let limits = Limits::TORRENT_FILE;
        if bytes > u64::from(limits.bytes) || tokens > u64::from(limits.tokens) {
            return Err(BuildError::TooLarge { bytes, tokens });
        }
        Ok(geometry)
    }

    /// Makes the .torrent file of version 1. `hashes`: SHA-1 of each piece.
    pub fn encode(&self, hashes: &[[u8; 20]]) -> Result<Vec<u8>, BuildError> {
        self.encode_digests(&PieceDigests {
            version_1: hashes.to_vec(),
            version_2: Vec::new(),
        })
    }

    /// Makes the .torrent file.
    pub fn encode_digests(&self, digests: &PieceDigests) -> Result<Vec<u8>, BuildError> {
        let pieces = self.check()?.piece_count();
        let both = [
            (self.format.has_version_1(), digests.version_1.len()),
            (self.format.has_version_2(), digests.version_2.len()),
        ];
        for (used, hashes) in both {
            if hashes != if used { pieces as usize } else { 0 } {
                return Err(BuildError::HashCount { hashes, pieces });
            }
        }
        self.encode_with(digests)
    }

    fn encode_with(&self, digests: &PieceDigests) -> Result<Vec<u8>, BuildError> {
        let mut root = DictBuilder::new();
        let trees = self.trees(&digests.version_2);
        root.raw("info", self.encode_info(&digests.version_1, &trees)?);
        if self.format.has_version_2() {
            let mut layers = DictBuilder::new();
            for (tree, hashes) in trees.iter().filter(|it| it.1.len() > 1) {
                layers.bytes(tree, hashes.as_flattened());
            }
            root.raw("piece layers", layers.finish());
        }
        if let Some(first) = self.trackers.iter().flatten().next() {
            root.bytes("announce", first);
        }
        if self.trackers.iter().map(Vec::len).sum::<usize>() > 1 {
            let mut tiers = ListBuilder::new();
            for tier in self.trackers.iter().filter(|it| !it.is_empty()) {
                tiers.raw(&strings(tier));
            }
            root.raw("announce-list", tiers.finish());
        }
        if !self.web_seeds.is_empty() {
            root.raw("url-list", strings(&self.web_seeds));
        }
        if let Some(comment) = &self.comment {
            root.bytes("comment", comment);
        }
        if let Some(program) = &self.created_by {
            root.bytes("created by", program);
        }
        if let Some(date) = self.creation_date {
            root.int("creation date", date);
        }
        Ok(root.finish())
    }

    fn encode_info(
        &self,
        hashes: &[[u8; 20]],
        trees: &[(Hash, &[Hash])],
    ) -> Result<Vec<u8>, BuildError> {
        let mut info = DictBuilder::new();
        info.bytes("name", element(&self.name)?)
            .int("piece length", i64::from(self.piece_bytes));
        if self.format.has_version_1() {
            info.bytes("pieces", hashes.as_flattened());
            match &self.files {
                None => info.int("length", signed(self.length)),
                Some(files) => info.raw("files", self.encode_files(files)?),
            };
        }
        if self.format.has_version_2() {
            info.int("meta version", 2)
                .raw("file tree", self.encode_tree(trees)?);
        }
        if self.private {
            info.int("private", 1);
        }
        if let Some(source) = &self.source {
            info.bytes("source", source);
        }
        Ok(info.finish())
    }
}

pub(super) fn encode_file(folder: &str, file: &NewFile) -> Result<Vec<u8>, BuildError> {
    // Report the whole path: the name alone would not tell the user where the file is.
    let whole = || BuildError::Name([folder, "/", &file.path.join("/")].concat());
    if file.path.is_empty() {
        return Err(whole());
    }
    let mut path = ListBuilder::new();
    for name in &file.path {
        path.bytes(element(name).map_err(|_| whole())?);
    }
    let mut dict = DictBuilder::new();
    dict.int("length", signed(file.length));
    dict.raw("path", path.finish());
    Ok(dict.finish())
}

fn strings(texts: &[String]) -> Vec<u8> {
    let mut list = ListBuilder::new();
    for text in texts {
        list.bytes(text);
    }
    list.finish()
}

/// Returns `name` if our own reader would accept it unchanged, so that all clients can use the
/// torrent.
pub(super) fn element(name: &str) -> Result<&str, BuildError> {
    let safe = super::name::sanitise(name.as_bytes());
    match safe.as_deref() {
        Some(safe) if safe == name => Ok(name),
        _ => Err(BuildError::Name(name.into())),
    }
}

pub(super) fn signed(length: u64) -> i64 {
    i64::try_from(length).expect("the geometry allows no more than 2^44 bytes")
}
