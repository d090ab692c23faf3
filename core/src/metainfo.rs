//! What a .torrent file says. BEP 3, *metainfo files*; BEP 12, 27 and 47.
//!
//! Version 1 is read, also from hybrid files (BEP 52), whose version 2 half is ignored. Bytes behind
//! the dictionary are ignored, as a trailing newline is common. Equal keys where a choice would
//! matter are refused. Everything that ends up as a path or on a terminal has been made safe.

mod build;
mod layout;
mod name;
mod parse;
mod unique;

use alloc::string::String;
use alloc::vec::Vec;

pub use build::{BuildError, Builder, NewFile, choose_piece_bytes};
pub use layout::{FileEntry, FileKind, Layout, Segment};

use crate::bencode::DecodeError;
use crate::geometry::{Geometry, GeometryError};
use crate::ids::{BlockRef, InfoHash, PieceIndex};

/// Longest piece accepted, in bytes. libtorrent: 32767 blocks of 16 KiB.
pub const MAX_PIECE_BYTES: u32 = 32_767 << 14;

/// Most trackers and most web seeds that are kept of one file.
pub const MAX_URLS: usize = 256;

/// Directories inside each other, and the file. libtorrent `max_directory_depth`.
pub const MAX_PATH_DEPTH: usize = 100;

/// A torrent as its .torrent file describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Metainfo {
    /// SHA-1 of the info dictionary as found in the file.
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
    /// SHA-1 of each piece.
    pub hashes: Vec<[u8; 20]>,
    /// Tracker URLs by tier, in the order of the file. BEP 12. Schemes http, https and udp.
    pub trackers: Vec<Vec<String>>,
    /// URLs from which the files can be fetched by HTTP (`url-list`, BEP 19).
    pub web_seeds: Vec<String>,
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
    /// There is a version 2 half, too (BEP 52), which is not used.
    pub hybrid: bool,
    /// All dictionaries have their keys in order and once. Otherwise some clients refuse the file.
    pub canonical: bool,
}

impl Metainfo {
    /// Reads a .torrent file.
    pub fn parse(bytes: &[u8]) -> Result<Self, MetainfoError> {
        parse::parse(bytes)
    }

    /// SHA-1 of `piece`.
    #[must_use]
    pub fn hash(&self, piece: PieceIndex) -> &[u8; 20] {
        &self.hashes[piece.0 as usize]
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
    /// Cut, damaged, or another kind of file.
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
    #[error("the torrent has {bytes} bytes of piece hashes, its size needs {pieces} times 20")]
    HashCount {
        /// Bytes of `pieces`.
        bytes: usize,
        /// Pieces by size and piece length.
        pieces: u32,
    },
    /// The sizes make no torrent.
    #[error("the torrent cannot be used: {0}")]
    Geometry(#[from] GeometryError),
    /// Both or neither of `length` and `files`.
    #[error("not a valid torrent file: it must have either `length` or `files`")]
    Layout,
    /// A path with more than [`MAX_PATH_DEPTH`] elements.
    #[error("file {0} lies more than {MAX_PATH_DEPTH} folders deep")]
    TooDeep(usize),
    /// More files of one name than can be told apart by renaming.
    #[error("too many files are called {0}")]
    TooManyEqualNames(String),
    /// More folders than any real torrent has.
    #[error("the torrent has more than 500000 folders")]
    TooManyFolders,
    /// Version 2 without version 1. BEP 52.
    #[error(
        "this torrent is of version 2 only, which is not supported; use a version 1 or hybrid torrent"
    )]
    OnlyVersion2,
}
