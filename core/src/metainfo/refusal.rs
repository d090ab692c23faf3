//! Errors in torrents of version 2, as sentences.

use crate::geometry::{BLOCK_BYTES, GeometryError};

/// Longest piece of version 2, in bytes: the largest power of two that version 1 allows as well.
pub(super) const MAX_TREE_PIECE_BYTES: u32 = 1 << 28;

/// Why the version 2 part of a torrent cannot be used. BEP 52.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Version2Error {
    /// `meta version` is not a number.
    #[error("not a valid torrent file: `meta version` must be an integer")]
    NoVersion,
    /// An unknown version.
    #[error(
        "the torrent is of version {0} (`meta version`), and only versions 1 and 2 are known; get one of those"
    )]
    Version(i64),
    /// A required key is missing.
    #[error("not a valid torrent file of version 2: `{0}` is missing")]
    Missing(&'static str),
    /// Keys out of order or duplicate: two clients could read different torrents.
    #[error(
        "not a valid torrent file of version 2: the keys of its info dictionary are out of order or there twice"
    )]
    NotCanonical,
    /// The piece length is not a power of two, or too small or large.
    #[error(
        "piece length {0} is not possible in version 2, it must be a power of two from {BLOCK_BYTES} to {MAX_TREE_PIECE_BYTES}"
    )]
    PieceLength(i64),
    /// The tree is not a dictionary.
    #[error("not a valid torrent file of version 2: `file tree` must be a dictionary")]
    TreeNoDictionary,
    /// The tree itself is a file.
    #[error("not a valid torrent file of version 2: `file tree` has a file without a name")]
    RootIsFile,
    /// An entry of the tree is not a dictionary.
    #[error(
        "not a valid torrent file of version 2: in `file tree`, file {0} or a folder of it must be a dictionary"
    )]
    NodeNoDictionary(usize),
    /// An entry is both a file and a folder.
    #[error(
        "not a valid torrent file of version 2: in `file tree`, file {0} has other entries beside it, as only a folder has"
    )]
    FileAndFolder(usize),
    /// The paths are too long for a real torrent.
    #[error("the paths of the files of the torrent take more than 64 MiB")]
    LongPaths,
    /// The tree has no files.
    #[error("not a valid torrent file of version 2: `file tree` has no file")]
    NoFiles,
    /// BEP 47 padding is not allowed in a tree.
    #[error(
        "not a valid torrent file of version 2: file {0} is padding, which belongs into version 1 only"
    )]
    Padding(usize),
    /// The size is missing or invalid.
    #[error(
        "not a valid torrent file of version 2: `length` of file {0} must be a number of bytes"
    )]
    Length(usize),
    /// An empty file must not have a tree.
    #[error("not a valid torrent file of version 2: file {0} is empty and has a `pieces root`")]
    RootOfNothing(usize),
    /// The root is not 32 bytes, or zeros.
    #[error(
        "not a valid torrent file of version 2: `pieces root` of file {0} must be 32 bytes, not all zero"
    )]
    Root(usize),
    /// The root is missing, so the file cannot be verified.
    #[error("not a valid torrent file of version 2: file {0} has no `pieces root`")]
    NoRoot(usize),
    /// `piece layers` is not a dictionary.
    #[error("not a valid torrent file of version 2: `piece layers` must be a dictionary")]
    LayersNoDictionary,
    /// The hashes of the pieces of a file are missing.
    #[error(
        "the torrent file is incomplete: `piece layers` has nothing of file {0}; get the whole torrent file, \
         or use its magnet link"
    )]
    NoLayer(usize),
    /// Too few or too many hashes of the pieces of a file.
    #[error("`piece layers` has {bytes} bytes of file {file}, its size needs {pieces} times 32")]
    LayerLength {
        /// Number of the file, from 1.
        file: usize,
        /// Bytes of the layer.
        bytes: usize,
        /// Number of pieces of the file.
        pieces: u32,
    },
    /// The hashes do not match the root of the file.
    #[error(
        "the torrent file is damaged: the hashes of file {0} in `piece layers` do not lead to its `pieces root`"
    )]
    Layer(usize),
    /// The hashes belong to no file.
    #[error("the torrent file is damaged: `piece layers` has hashes of no file of the torrent")]
    StrayLayer,
    /// The hashes belong to a file that does not need them.
    #[error(
        "not a valid torrent file of version 2: `piece layers` has an entry for file {0}, which has only one piece"
    )]
    NeedlessLayer(usize),
    /// The two parts of a hybrid have different numbers of files.
    #[error("{DISAGREE}: the one has {0} files and the other {1}")]
    OtherCount(usize, usize),
    /// The two parts of a hybrid have different file names.
    #[error("{DISAGREE} in the name of file {0}")]
    OtherName(usize),
    /// The two parts of a hybrid have different file sizes.
    #[error("{DISAGREE} in the size or kind of file {0}")]
    OtherLength(usize),
    /// The padding of version 1 is missing or wrong.
    #[error(
        "{DISAGREE}: padding before file {0} is missing or wrong, so that it does not begin with a piece"
    )]
    NotAligned(usize),
    /// The padding of version 1 is too long.
    #[error("{DISAGREE}: there is padding or a piece too much at the end")]
    OtherEnd,
    /// The sizes are not possible.
    #[error("the torrent cannot be used: {0}")]
    Geometry(#[from] GeometryError),
}

const DISAGREE: &str =
    "the version 1 and version 2 parts of the torrent disagree, so it is not used";
