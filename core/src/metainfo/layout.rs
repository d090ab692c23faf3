//! Which bytes of the torrent are which bytes of a file.

use alloc::string::String;
use alloc::vec::Vec;

/// What a file of the torrent is on disk. BEP 47.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    /// A file.
    Regular,
    /// Zeros between files: never written, read as zeros.
    Padding,
    /// A symbolic link: neither made nor followed. Has no bytes.
    Symlink,
}

/// One file of the torrent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileEntry {
    /// Where to put it below the download folder: elements joined by `/`, safe and unique.
    pub path: String,
    /// The path in the torrent, printable, if `path` had to be another one.
    pub original: Option<String>,
    /// First byte within the torrent.
    pub offset: u64,
    /// Bytes.
    pub length: u64,
    /// What it is.
    pub kind: FileKind,
    /// It asks to be made executable. BEP 47.
    pub executable: bool,
}

/// A part of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Position of the file in [`Layout::files`].
    pub file: usize,
    /// First byte within the file.
    pub offset: u64,
    /// Bytes, at least 1.
    pub length: u32,
}

/// The files of a torrent, one after the other without gaps. BEP 3, *info dictionary*.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Layout {
    files: Vec<FileEntry>,
    multi_file: bool,
}

impl Layout {
    pub(super) fn new(files: Vec<FileEntry>, multi_file: bool) -> Self {
        Self { files, multi_file }
    }

    /// The files in the order of the torrent, padding and empty files included.
    #[must_use]
    pub fn files(&self) -> &[FileEntry] {
        &self.files
    }

    /// The files lie in a folder that has the torrent's name, even if there is but one.
    #[must_use]
    pub fn multi_file(&self) -> bool {
        self.multi_file
    }

    /// The parts of files that hold `length` bytes of the torrent from `offset` on, in order.
    /// Bytes beyond the end are left out.
    pub fn segments(&self, offset: u64, length: u32) -> impl Iterator<Item = Segment> + '_ {
        let end = offset.saturating_add(u64::from(length));
        let first = self
            .files
            .partition_point(|it| it.offset + it.length <= offset);
        let files = self.files.iter().enumerate().skip(first);
        files
            .take_while(move |(_, it)| it.offset < end)
            .map(move |(file, it)| {
                let from = offset.max(it.offset);
                let to = end.min(it.offset + it.length);
                (file, it, from, to)
            })
            .filter(|(.., from, to)| from < to)
            .map(|(file, it, from, to)| Segment {
                file,
                offset: from - it.offset,
                length: u32::try_from(to - from).expect("part of `length` bytes"),
            })
    }
}
