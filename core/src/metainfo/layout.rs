//! Maps bytes of the torrent to bytes of files, and gives files their paths.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write as _;

use super::name::split_extension;

/// Kind of a file on disk. BEP 47.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    /// A regular file.
    Regular,
    /// Zeros between files: never written, read as zeros.
    Padding,
    /// A symbolic link. It has no bytes; [`Layout::links`] tells where it leads.
    Symlink,
}

/// How a file system compares names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Naming {
    /// Byte by byte, as most file systems of Linux.
    Exact,
    /// Ignoring case, as file systems of macOS, Windows and memory cards.
    Folded,
}

/// Separates path elements in [`Layout`]. It sorts before all characters of names, so the contents
/// of a folder sort directly after the folder.
pub(super) const SEPARATOR: char = '\0';

/// One file of the torrent. [`Layout::path`] gives its path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileEntry {
    /// First byte within the torrent.
    pub offset: u64,
    /// Bytes.
    pub length: u64,
    /// Kind of the file.
    pub kind: FileKind,
    /// The file should be made executable. BEP 47.
    pub executable: bool,
    /// End of its path in [`Layout::paths`].
    pub(super) path_end: u32,
    /// Position of its path in the info dictionary, if it is there.
    pub(super) found_at: Option<u32>,
    /// Number that is added to its name to make the path unique, by [`Naming`]; 0 if none is
    /// needed.
    pub(super) suffix: [u32; 2],
}

/// A symbolic link of the torrent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link {
    /// Index of the link in [`Layout::files`].
    pub file: usize,
    /// Index of the file that it leads to, or of a file in the folder that it leads to.
    pub target: usize,
    /// Bytes of the path that it leads to, from the start of the path of `target`.
    pub(super) length: usize,
}

/// A part of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Index of the file in [`Layout::files`].
    pub file: usize,
    /// First byte within the file.
    pub offset: u64,
    /// Bytes, at least 1.
    pub length: u32,
}

/// The files of a torrent, one after the other without gaps. BEP 3, *info dictionary*.
///
/// Torrents of many files consist mostly of names. So all paths share one string, and paths that
/// are also in the info dictionary are not stored twice.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Layout {
    pub(super) files: Vec<FileEntry>,
    /// Safe paths below the folder, one after the other; elements are separated by [`SEPARATOR`].
    pub(super) paths: String,
    /// The folder of a torrent with several files.
    pub(super) folder: Option<String>,
    /// Original paths of a file tree, for files whose path is not safe. BEP 52.
    pub(super) odd: BTreeMap<usize, Vec<Vec<u8>>>,
    pub(super) links: Vec<Link>,
}

impl Layout {
    /// The files in the order of the torrent, padding and empty files included.
    #[must_use]
    pub fn files(&self) -> &[FileEntry] {
        &self.files
    }

    /// Whether the files are in a folder with the torrent's name. That may be so even for a single
    /// file.
    #[must_use]
    pub fn multi_file(&self) -> bool {
        self.folder.is_some()
    }

    /// Path of file number `file` below the download folder: elements joined by `/`, safe, and
    /// different from every other path on a file system with this `naming`.
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

    /// Whether any path depends on the [`Naming`]. If not, there is no need to test the file
    /// system.
    #[must_use]
    pub fn naming_matters(&self) -> bool {
        self.files.iter().any(|it| it.suffix[0] != it.suffix[1])
    }

    /// The original path of file number `file` of a file tree, below the folder.
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

    /// The parts of files that hold `length` bytes of the torrent from `offset` on, in order. Bytes
    /// beyond the end are left out.
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
