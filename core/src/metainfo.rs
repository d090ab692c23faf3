//! What a .torrent file says. BEP 3, *metainfo files*; BEP 12, 27, 47 and 52.
//!
//! Versions 1 and 2 are read, and hybrid files, whose two parts must agree. Bytes behind the
//! dictionary are ignored, as a trailing newline is common. Equal keys where a choice would
//! matter are refused; what other clients accept and harms nobody is accepted. A parsed torrent takes
//! a small multiple of the size of its file. Everything that ends up as a path or on a terminal has been made safe.
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
pub use layout::{FileEntry, FileKind, Layout, Naming, Segment};
pub use refusal::Version2Error;
pub(crate) use urls::usable_url;
pub use version2::{Subtree, Tree, Version2};

use crate::bencode::{DecodeError, Limits, decode_prefix};
use crate::geometry::{Geometry, GeometryError};
use crate::ids::{BlockRef, InfoHash, PieceIndex};
use crate::text::escaped_to;

/// Longest piece accepted, in bytes. libtorrent: 32767 blocks of 16 KiB.
pub const MAX_PIECE_BYTES: u32 = 32_767 << 14;

/// Most pieces accepted. libtorrent `max_pieces`.
pub const MAX_PIECES: u32 = 1 << 21;

/// Most trackers and most web seeds that are kept of one file.
pub const MAX_URLS: usize = 256;

/// Directories inside each other, and the file. libtorrent `max_directory_depth`.
pub const MAX_PATH_DEPTH: usize = 100;

/// Most bytes of a comment, of a name as it was found and the like that are kept or shown.
const MAX_TEXT_BYTES: usize = 4096;

/// A torrent as its .torrent file describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Metainfo {
    /// SHA-1 of the info dictionary as found in the file. Without version 1: its SHA-256, truncated,
    /// which stands for the torrent wherever there is room for 20 bytes.
    pub info_hash: InfoHash,
    /// The info dictionary as found in the file.
    pub info: Vec<u8>,
    /// Suggested name of the file or folder, safe as a path element.
    pub name: String,
    /// The name in the file, printable, if it is not safe as it is.
    pub original_name: Option<String>,
    /// Size and division.
    pub geometry: Geometry,
    /// The files and where their bytes are.
    pub layout: Layout,
    /// Tracker URLs by tier, in the order of the file. BEP 12. Schemes http, https and udp.
    pub trackers: Vec<Vec<String>>,
    /// URLs from which the files can be fetched by HTTP (`url-list`, BEP 19).
    pub web_seeds: Vec<String>,
    /// Nodes of the distributed hash table, by host and port. BEP 5, *torrent file extensions*.
    pub nodes: Vec<(String, u16)>,
    /// Peers come from the trackers only. BEP 27.
    pub private: bool,
    /// Where the torrent belongs to; makes its info-hash unique there.
    pub source: Option<String>,
    /// Free text.
    pub comment: Option<String>,
    /// The program that made the file.
    pub created_by: Option<String>,
    /// Seconds since 1970.
    pub creation_date: Option<i64>,
    /// Its merkle trees, if it is of version 2 or a hybrid. BEP 52.
    pub version_2: Option<Arc<Version2>>,
    /// All dictionaries have their keys in order and once. Otherwise some clients refuse the file.
    pub canonical: bool,
    /// Where the name is in `info`, as it was found.
    raw_name: Range<usize>,
    /// Where the hashes of version 1 are in `info`: there may be 40 MB of them.
    raw_pieces: Option<Range<usize>>,
}

impl Metainfo {
    /// Reads a .torrent file.
    pub fn parse(bytes: &[u8]) -> Result<Self, MetainfoError> {
        parse::parse(bytes, parse::Layers::Required)
    }

    /// Reads what a magnet link led to: it may lack the piece layers of version 2, which have to come
    /// before anything else ([`Version2::is_complete`]).
    pub fn parse_without_layers(bytes: &[u8]) -> Result<Self, MetainfoError> {
        parse::parse(bytes, parse::Layers::MayLack)
    }

    /// It can be verified by version 1 and by version 2.
    #[must_use]
    pub fn is_hybrid(&self) -> bool {
        self.raw_pieces.is_some() && self.version_2.is_some()
    }

    /// Positions in [`Layout::files`] of the files that the torrent itself has: in a file tree there is
    /// no padding, though the layout has some. BEP 52.
    pub fn own_files(&self) -> impl Iterator<Item = usize> + '_ {
        let tree = self.raw_pieces.is_none();
        let files = self.layout.files().iter().enumerate();
        let own = files.filter(move |(_, it)| !tree || it.kind != FileKind::Padding);
        own.map(|it| it.0)
    }

    /// What names the torrent to peers, trackers and the DHT: two hashes for a hybrid.
    pub fn info_hashes(&self) -> impl Iterator<Item = InfoHash> + use<> {
        let second = self.version_2.as_ref().map(|it| it.info_hash.truncated());
        let first = self.info_hash;
        core::iter::once(first).chain(second.filter(|it| *it != first))
    }

    /// SHA-1 of each piece; none without version 1.
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

    /// The elements of the path of file number `file` as the torrent has them, its folder first: they
    /// may be anything. `None` if the torrent gives it none.
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
            found.extend(files::elements(path.root()).map(Vec::from));
        }
        Some(found)
    }

    /// The path of file number `file` as the torrent has it, printable and cut if it is very long;
    /// `None` if [`Layout::path`] is the same.
    #[must_use]
    pub fn original_path(&self, file: usize) -> Option<String> {
        let found = self.raw_path(file)?.join(&b'/');
        let path = self.layout.path(file, Naming::Exact);
        (path.as_bytes() != found).then(|| escaped_to(&found, MAX_TEXT_BYTES))
    }

    /// The parts of files that `block` consists of.
    pub fn segments(&self, block: BlockRef) -> impl Iterator<Item = Segment> + '_ {
        self.layout
            .segments(self.geometry.offset(block), block.length)
    }
}

/// Why a file is not a torrent that can be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MetainfoError {
    /// Another kind of file; the text says which, and what to do.
    #[error("not a torrent file: {0}")]
    OtherKind(&'static str),
    /// Cut or damaged.
    #[error("not a valid torrent file: {0}")]
    Bencode(#[from] DecodeError),
    /// Something else than a dictionary.
    #[error("not a valid torrent file: its content is not a dictionary")]
    NotADictionary,
    /// A key that must be there is not.
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
        /// Position in `files`, from 1.
        file: usize,
        /// The key.
        key: &'static str,
        /// What its value must be.
        expected: &'static str,
    },
    /// Piece length 0, negative or too large.
    #[error("piece length {0} is not possible, it must be 1 to {MAX_PIECE_BYTES} bytes")]
    PieceLength(i64),
    /// The number of hashes does not fit the size.
    #[error("the torrent has {} of piece hashes, its size needs {pieces} times 20", counted(*bytes as u64, "byte"))]
    HashCount {
        /// Bytes of `pieces`.
        bytes: usize,
        /// Pieces by size and piece length.
        pieces: u32,
    },
    /// The sizes make no torrent.
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
    /// Something of version 2. BEP 52.
    #[error(transparent)]
    Version2(#[from] Version2Error),
}
