//! Making a .torrent file.

use crate::text::counted;
use alloc::string::String;
use alloc::vec::Vec;

use super::{MAX_PIECE_BYTES, MAX_PIECES};
use crate::bencode::{DictBuilder, Limits, ListBuilder};
use crate::geometry::{BLOCK_BYTES, Geometry, GeometryError};

/// A file for a new torrent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewFile {
    /// Elements of the path below the torrent's folder; the last one is the file name.
    pub path: Vec<String>,
    /// Bytes.
    pub length: u64,
}

/// What goes into a new .torrent file, all but the hashes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Builder {
    /// Name of the file, or of the folder of the files.
    pub name: String,
    /// `None`: a single file of [`Builder::length`] bytes.
    pub files: Option<Vec<NewFile>>,
    /// Bytes of the single file; not used when there are `files`.
    pub length: u64,
    /// Bytes of a piece; [`choose_piece_bytes`] knows a good one.
    pub piece_bytes: u32,
    /// Tracker URLs by tier. BEP 12. May be empty.
    pub trackers: Vec<Vec<String>>,
    /// URLs from which the files can be fetched by HTTP. BEP 19.
    pub web_seeds: Vec<String>,
    /// Peers come from the trackers only. BEP 27.
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

/// Why no torrent can be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// The sizes make no torrent.
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
        /// By size and piece length.
        pieces: u32,
        /// The smallest power of two that would do.
        better: u64,
    },
    /// Nothing is wrong but the size of the file.
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
    /// A path with a name in it that is no name of a file.
    #[error(
        "cannot make a torrent: {0:?} cannot be a path in it; rename it: names of at most 240 bytes, no \
         control or invisible characters, no backslash"
    )]
    Name(String),
    /// Another number of hashes than of pieces.
    #[error("cannot make a torrent: {} for {}", counted(*hashes as u64, "hash"), counted(u64::from(*pieces), "piece"))]
    HashCount {
        /// Given.
        hashes: usize,
        /// Needed.
        pieces: u32,
    },
}

/// Bytes of a piece for a torrent of `total_bytes`: the smallest power of two, from 16 KiB to
/// 16 MiB, that makes at most 2048 pieces. So the file stays below 40 KiB up to 32 GiB, while
/// pieces are small enough to be shared soon.
#[must_use]
pub fn choose_piece_bytes(total_bytes: u64) -> u32 {
    const MAX_PIECES: u64 = 2048;
    let wanted = total_bytes.div_ceil(MAX_PIECES).max(1);
    let power = wanted.checked_next_power_of_two().unwrap_or(u64::MAX);
    let bounded = power.clamp(u64::from(BLOCK_BYTES), 1 << 24);
    u32::try_from(bounded).expect("at most 2^24")
}

impl Builder {
    /// Size and division of the torrent: how many hashes it needs, and of what.
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
        let geometry = Geometry::new(total, self.piece_bytes)?;
        if geometry.piece_count() > MAX_PIECES {
            return Err(BuildError::TooManyPieces {
                pieces: geometry.piece_count(),
                better: total.div_ceil(u64::from(MAX_PIECES)).next_power_of_two(),
            });
        }
        Ok(geometry)
    }

    /// Whether a torrent can be made, as far as that is known before anything is hashed.
    pub fn check(&self) -> Result<Geometry, BuildError> {
        let geometry = self.geometry()?;
        let frame = self.encode_with(&[])?;
        let hashes = u64::from(geometry.piece_count()) * 20;
        // The length of the hashes is written in at most nine more digits.
        let bytes = frame.len() as u64 + hashes + 9;
        let elements = self
            .files
            .iter()
            .flatten()
            .map(|it| it.path.len() as u64 + 6);
        let urls = (self.trackers.iter().flatten().count() + self.web_seeds.len()) as u64;
        // At most thirty values beside files and addresses, which may each be in a list of its own.
        let tokens = elements.sum::<u64>() + urls * 2 + 30;
        let limits = Limits::TORRENT_FILE;
        if bytes > u64::from(limits.bytes) || tokens > u64::from(limits.tokens) {
            return Err(BuildError::TooLarge { bytes, tokens });
        }
        Ok(geometry)
    }

    /// The .torrent file. `hashes`: SHA-1 of each piece.
    pub fn encode(&self, hashes: &[[u8; 20]]) -> Result<Vec<u8>, BuildError> {
        let pieces = self.check()?.piece_count();
        if hashes.len() != pieces as usize {
            return Err(BuildError::HashCount {
                hashes: hashes.len(),
                pieces,
            });
        }
        self.encode_with(hashes)
    }

    fn encode_with(&self, hashes: &[[u8; 20]]) -> Result<Vec<u8>, BuildError> {
        let mut root = DictBuilder::new();
        root.raw("info", self.encode_info(hashes)?);
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

    fn encode_info(&self, hashes: &[[u8; 20]]) -> Result<Vec<u8>, BuildError> {
        let mut info = DictBuilder::new();
        info.bytes("name", element(&self.name)?)
            .int("piece length", i64::from(self.piece_bytes))
            .bytes("pieces", hashes.as_flattened());
        match &self.files {
            None => info.int("length", signed(self.length)),
            Some(files) => {
                let mut list = ListBuilder::new();
                for file in files {
                    list.raw(&encode_file(&self.name, file)?);
                }
                info.raw("files", list.finish())
            }
        };
        if self.private {
            info.int("private", 1);
        }
        if let Some(source) = &self.source {
            info.bytes("source", source);
        }
        Ok(info.finish())
    }
}

fn encode_file(folder: &str, file: &NewFile) -> Result<Vec<u8>, BuildError> {
    // The name alone would not tell where to look for it.
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

/// `name`, if our own reader would take it as it is: what we make, everybody can use.
fn element(name: &str) -> Result<&str, BuildError> {
    let safe = super::name::sanitise(name.as_bytes());
    match safe.as_deref() {
        Some(safe) if safe == name => Ok(name),
        _ => Err(BuildError::Name(name.into())),
    }
}

fn signed(length: u64) -> i64 {
    i64::try_from(length).expect("the geometry allows no more than 2^44 bytes")
}
