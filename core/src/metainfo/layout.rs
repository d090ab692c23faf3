//! Which bytes of the torrent are which bytes of a file, and what the files are called.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write as _;

use super::name::split_extension;

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

/// How a file system tells names apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Naming {
    /// Byte by byte, as most file systems of Linux do.
    Exact,
    /// Regardless of case, as those of macOS, Windows and memory cards do.
    Folded,
}

/// Between the elements of a path in [`Layout`]: sorts before everything that may be in a name, and
/// so puts what is in a folder directly behind it.
pub(super) const SEPARATOR: char = '\0';

/// One file of the torrent. [`Layout::path`] tells what it is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileEntry {
    /// First byte within the torrent.
    pub offset: u64,
    /// Bytes.
    pub length: u64,
    /// What it is.
    pub kind: FileKind,
    /// It asks to be made executable. BEP 47.
    pub executable: bool,
    /// End of its path in the text of all paths.
    pub(super) path_end: u32,
    /// Where the info dictionary has its path, if it has one.
    pub(super) found_at: Option<u32>,
    /// Number that tells it apart from files of the same name, by [`Naming`]; 0 if none is needed.
    pub(super) suffix: [u32; 2],
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
///
/// A torrent of many files is mostly names, so all paths share one text, and nothing is kept of a
/// path that the info dictionary has, too.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Layout {
    pub(super) files: Vec<FileEntry>,
    /// Safe paths below the folder one after the other, elements divided by [`SEPARATOR`].
    pub(super) paths: String,
    /// The folder of a torrent of several files.
    pub(super) folder: Option<String>,
    /// Paths of a file tree as they were found, where they are not safe, by file. BEP 52.
    pub(super) odd: BTreeMap<usize, Vec<Vec<u8>>>,
}

impl Layout {
    /// The files in the order of the torrent, padding and empty files included.
    #[must_use]
    pub fn files(&self) -> &[FileEntry] {
        &self.files
    }

    /// The files lie in a folder that has the torrent's name, even if there is but one.
    #[must_use]
    pub fn multi_file(&self) -> bool {
        self.folder.is_some()
    }

    /// Where to put file number `file` below the download folder: elements joined by `/`, safe, and
    /// unlike every other path on a file system of this `naming`.
    #[must_use]
    pub fn path(&self, file: usize, naming: Naming) -> String {
        let path = self.raw_path(file);
        let leaf = path.rfind(SEPARATOR).map_or(0, |at| at + 1);
        let (folders, leaf) = path.split_at(leaf);
        let mut out =
            String::with_capacity(self.folder.as_ref().map_or(0, String::len) + 1 + path.len());
        for element in self
            .folder
            .as_deref()
            .into_iter()
            .chain(folders.split_terminator(SEPARATOR))
        {
            out.push_str(element);
            out.push('/');
        }
        match self.files[file].suffix[naming as usize] {
            0 => out.push_str(leaf),
            suffix => {
                let (stem, extension) = split_extension(leaf);
                write!(out, "{stem}.{suffix}{extension}").expect("writing to a string cannot fail");
            }
        }
        out
    }

    /// Whether any path depends on the [`Naming`]: only then it is worth asking the file system.
    #[must_use]
    pub fn naming_matters(&self) -> bool {
        self.files.iter().any(|it| it.suffix[0] != it.suffix[1])
    }

    /// The path of file number `file` of a file tree below the folder, as it was found there.
    pub(super) fn tree_path(&self, file: usize) -> Vec<Vec<u8>> {
        let safe = || {
            let elements = self.raw_path(file).split(SEPARATOR);
            elements.map(Vec::from).collect()
        };
        self.odd.get(&file).cloned().unwrap_or_else(safe)
    }

    /// The safe path of file number `file` below the folder, with [`SEPARATOR`].
    pub(super) fn raw_path(&self, file: usize) -> &str {
        let start = match file {
            0 => 0,
            file => self.files[file - 1].path_end,
        };
        &self.paths[start as usize..self.files[file].path_end as usize]
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
