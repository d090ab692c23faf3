//! The contents of .torrent files. BEP 3, *metainfo files*; BEP 12, 27, 47 and 52.
//!
//! Reads versions 1 and 2, and hybrid files, whose two parts must agree. Bytes after the dictionary
//! are ignored, because a trailing newline is common. Duplicate keys are refused where the choice
//! would matter; harmless irregularities that other clients accept are accepted. A parsed torrent
//! takes a small multiple of the size of its file. All text that may become a path or appear on a
//! terminal has been made safe.
//!
//! ```
//! use unchoke_core::metainfo::{Builder, Metainfo};
//!
//! let builder = Builder {
//!     name: "a.txt".into(),
//!     length: 40_000,
//!     piece_bytes: 1 << 15,
//!     ..Builder::default()
//! };
//! let file = builder.encode(&[[1; 20], [2; 20]]).expect("two pieces, two hashes");
//! let metainfo = Metainfo::parse(&file)?;
//! assert_eq!(metainfo.hashes().len(), 2);
//! assert!(Metainfo::parse(b"<html>").is_err());
//! # Ok::<(), unchoke_core::metainfo::MetainfoError>(())
//! ```

mod build;
mod files;
mod kind;
mod layout;
mod links;
mod name;
mod parse;
mod refusal;
mod tree;
mod unique;
mod urls;
mod version2;

use crate::text::counted;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::ops::Range;

pub use build::{BuildError, Builder, Format, NewFile, Part, PieceDigests, choose_piece_bytes};
pub use layout::{FileEntry, FileKind, Layout, Link, Naming, Segment};
pub use refusal::Version2Error;
pub(crate) use urls::{TRACKERS, WEB_TORRENT, usable_url};
pub use version2::{Subtree, Tree, Version2};

use crate::bencode::{DecodeError, Limits, decode_prefix};
use crate::geometry::{Geometry, GeometryError};
use crate::ids::{BlockRef, InfoHash, PieceIndex};
use crate::text::escaped_to;

/// Longest piece accepted, in bytes. libtorrent: 32767 blocks of 16 KiB.
pub const MAX_PIECE_BYTES: u32 = 32_767 << 14;

/// Most pieces accepted. libtorrent `max_pieces`.
pub const MAX_PIECES: u32 = 1 << 21;

/// Most trackers, and most web seeds, that are kept from one file.
pub const MAX_URLS: usize = 256;

/// Most elements of a path: nested directories plus the file. libtorrent `max_directory_depth`.
pub const MAX_PATH_DEPTH: usize = 100;

/// Most bytes to keep or show of texts such as a comment or an original name.
const MAX_TEXT_BYTES: usize = 4096;

/// A torrent as its .torrent file describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Metainfo {
    /// SHA-1 of the info dictionary as found in the file. Without version 1: the truncated SHA-256,
    /// which identifies the torrent wherever there is room for 20 bytes.
    pub info_hash: InfoHash,
    /// The info dictionary as found in the file.
    pub info: Vec<u8>,
    /// Suggested name of the file or folder, safe as a path element.
    pub name: String,
    /// The name in the file, printable, if it is not safe as it is.
    pub original_name: Option<String>,
    /// Size, pieces and blocks.
    pub geometry: Geometry,
    /// The files and where their bytes are.
    pub layout: Layout,
    /// Tracker URLs by tier, in the order of the file. BEP 12. Schemes http, https and udp;
    /// ws and wss only if there are no others.
    pub trackers: Vec<Vec<String>>,
    /// URLs from which the files can be fetched by HTTP (`url-list`, BEP 19).
    pub web_seeds: Vec<String>,
    /// Nodes of the distributed hash table, by host and port. BEP 5, *torrent file extensions*.
    pub nodes: Vec<(String, u16)>,
    /// Peers may come only from the trackers. BEP 27.
    pub private: bool,
    /// A site or group that the torrent belongs to; makes its info-hash unique there.
    pub source: Option<String>,
    /// Free text.
    pub comment: Option<String>,
    /// The program that made the file.
    pub created_by: Option<String>,
    /// Seconds since 1970.
    pub creation_date: Option<i64>,
    /// The merkle trees, if the torrent is of version 2 or a hybrid. BEP 52.
    pub version_2: Option<Arc<Version2>>,
    /// Whether the keys of all dictionaries are in order and unique. Some clients refuse other
    /// files.
    pub canonical: bool,
    /// Where the original name is in `info`.
    raw_name: Range<usize>,
    /// Where the hashes of version 1 are in `info`: there may be 40 MB of them.
    raw_pieces: Option<Range<usize>>,
}

impl Metainfo {
    /// Reads a .torrent file.
    pub fn parse(bytes: &[u8]) -> Result<Self, MetainfoError> {
        parse::parse(bytes, parse::Layers::Required)
    }

    /// Reads the torrent that a magnet link led to. It may lack the piece layers of version 2. In
    /// that case they must be fetched before the download can start ([`Version2::is_complete`]).
    pub fn parse_without_layers(bytes: &[u8]) -> Result<Self, MetainfoError> {
        parse::parse(bytes, parse::Layers::MayLack)
    }

    /// Whether the torrent can be verified by version 1 and by version 2.
    #[must_use]
    pub fn is_hybrid(&self) -> bool {
        self.raw_pieces.is_some() && self.version_2.is_some()
    }

    /// Indices in [`Layout::files`] of the files that the torrent itself lists. A file tree lists
    /// no padding, though the layout contains some. BEP 52.
    pub fn own_files(&self) -> impl Iterator<Item = usize> + '_ {
        let tree = self.raw_pieces.is_none();
        let files = self.layout.files().iter().enumerate();
        let own = files.filter(move |(_, it)| !tree || it.kind != FileKind::Padding);
        own.map(|it| it.0)
    }

    /// The hashes that identify the torrent to peers, trackers and the DHT: two for a hybrid.
    pub fn info_hashes(&self) -> impl Iterator<Item = InfoHash> + use<> {
        let second = self.version_2.as_ref().map(|it| it.info_hash.truncated());
        let first = self.info_hash;
        core::iter::once(first).chain(second.filter(|it| *it != first))
    }

    /// SHA-1 of each piece; empty without version 1.
    #[must_use]
    pub fn hashes(&self) -> &[[u8; 20]] {
        let raw = self.raw_pieces.clone().unwrap_or_default();
        self.info[raw].as_chunks().0
    }

    /// SHA-1 of `piece`, if the torrent has version 1.
    #[must_use]
    pub fn hash(&self, piece: PieceIndex) -> Option<&[u8; 20]> {
        self.hashes().get(piece.0 as usize)
    }

    /// The path elements of file number `file` as the torrent has them, beginning with its folder.
    /// They are not safe. `None` if the torrent gives the file no path.
    #[must_use]
    pub fn raw_path(&self, file: usize) -> Option<Vec<Vec<u8>>> {
        let mut found = alloc::vec![Vec::from(&self.info[self.raw_name.clone()])];
        if self.raw_pieces.is_none() {
            if self.layout.files()[file].kind == FileKind::Padding {
                return None;
            }
            found.truncate(usize::from(self.layout.multi_file()));
            found.extend(self.layout.tree_path(file));
        } else if self.layout.multi_file() {
            let at = self.layout.files()[file].found_at?;
            let path = &self.info[at as usize..];
            let path = decode_prefix(path, Limits::TORRENT_FILE).ok()?;
            found.extend(name::elements(path.root()).map(Vec::from));
        }
        Some(found)
    }

    /// The path of file number `file` as the torrent has it, printable and cut if it is very long;
    /// `None` if it equals [`Layout::path`].
    #[must_use]
    pub fn original_path(&self, file: usize) -> Option<String> {
        let found = self.raw_path(file)?.join(&b'/');
        let path = self.layout.path(file, Naming::Exact);
        (path.as_bytes() != found).then(|| escaped_to(&found, MAX_TEXT_BYTES))
    }

    /// The pieces that hold bytes of file number `file`.
    #[must_use]
    pub fn pieces_of(&self, file: usize) -> Range<u32> {
        let file = self.layout.files()[file];
        self.geometry
            .pieces_in(file.offset..file.offset + file.length)
    }

    /// The parts of files that `block` consists of.
    pub fn segments(&self, block: BlockRef) -> impl Iterator<Item = Segment> + '_ {
        self.layout
            .segments(self.geometry.offset(block), block.length)
    }
}

/// Why a file is not a usable torrent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MetainfoError {
    /// Another kind of file; the text says which kind, and what to do.
    #[error("not a torrent file: {0}")]
    OtherKind(&'static str),
    /// Cut or damaged.
    #[error("not a valid torrent file: {0}")]
    Bencode(#[from] DecodeError),
    /// Not a dictionary.
    #[error("not a valid torrent file: its content is not a dictionary")]
    NotADictionary,
    /// A required key is missing.
    #[error("not a valid torrent file: `{0}` is missing")]
    Missing(&'static str),
    /// A key has a value of the wrong type or out of range.
    #[error("not a valid torrent file: `{key}` must be {expected}")]
    Invalid {
        /// The key.
        key: &'static str,
        /// What its value must be.
        expected: &'static str,
    },
    /// One of the files has a value of the wrong type or out of range.
    #[error("not a valid torrent file: `{key}` of file {file} must be {expected}")]
    InvalidFile {
        /// Number of the file in `files`, from 1.
        file: usize,
        /// The key.
        key: &'static str,
        /// What its value must be.
        expected: &'static str,
    },
    /// Piece length 0, negative or too large.
    #[error("piece length {0} is not possible, it must be 1 to {MAX_PIECE_BYTES} bytes")]
    PieceLength(i64),
    /// The number of hashes does not match the size.
    #[error("the torrent has {} of piece hashes, its size needs {pieces} times 20", counted(*bytes as u64, "byte"))]
    HashCount {
        /// Bytes of `pieces`.
        bytes: usize,
        /// Number of pieces by size and piece length.
        pieces: u32,
    },
    /// The sizes are not possible.
    #[error("the torrent cannot be used: {0}")]
    Geometry(#[from] GeometryError),
    /// Neither `length` nor `files`.
    #[error("not a valid torrent file: it must have `length` or `files`")]
    Layout,
    /// More than [`MAX_PIECES`].
    #[error("the torrent has {0} pieces, more than {MAX_PIECES} are not supported")]
    TooManyPieces(u32),
    /// A path with more than [`MAX_PATH_DEPTH`] elements.
    #[error("file {0} lies more than {MAX_PATH_DEPTH} folders deep")]
    TooDeep(usize),
    /// More folders than any real torrent has.
    #[error("the torrent has more than 500000 folders")]
    TooManyFolders,
    /// An error in the version 2 part. BEP 52.
    #[error(transparent)]
    Version2(#[from] Version2Error),
}
