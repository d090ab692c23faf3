//! Gives different files different paths, also on file systems that ignore case.
//!
//! Paths are sorted instead of put into a map. That takes four bytes per file, and puts equal
//! paths, and the contents of a folder, next to each other.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::MetainfoError;
use super::layout::{FileKind, Layout, Naming, SEPARATOR};
use super::name::split_extension;

/// Most folders of one torrent. A file at the size limit could ask for three million, which would
/// fill a disk without a byte of payload.
const MAX_FOLDERS: usize = 500_000;

/// Gives a number to every file whose path is also used by another file or a folder.
pub(super) fn tell_apart(layout: &mut Layout) -> Result<(), MetainfoError> {
    let exact = Sorted::new(layout, |path, out| out.push_str(path));
    if exact.folders() > MAX_FOLDERS {
        return Err(MetainfoError::TooManyFolders);
    }
    let exact = exact.suffixes();
    let folded = Sorted::new(layout, fold).suffixes();
    for (naming, suffixes) in [(Naming::Exact, exact), (Naming::Folded, folded)] {
        for (file, suffix) in suffixes {
            layout.files[file as usize].suffix[naming as usize] = suffix;
        }
    }
    Ok(())
}

/// Appends `path` with differences in case removed. It converts to upper case, because that unites
/// more characters: `ß` and `SS`, or the two small sigmas. Dots are neither added nor removed.
fn fold(path: &str, out: &mut String) {
    if path.is_ascii() {
        out.extend(path.chars().map(|c| c.to_ascii_lowercase()));
    } else {
        let upper = path.chars().flat_map(char::to_uppercase);
        out.extend(upper.flat_map(char::to_lowercase));
    }
}

/// Sorted paths. Padding is left out, because it is never written to disk.
struct Sorted {
    text: String,
    /// File and span of its path in `text`.
    paths: Vec<(u32, u32, u32)>,
}

impl Sorted {
    fn new(layout: &Layout, write: impl Fn(&str, &mut String)) -> Self {
        let mut text = String::with_capacity(layout.paths.len());
        let mut paths = Vec::with_capacity(layout.files.len());
        for (file, entry) in layout.files.iter().enumerate() {
            if entry.kind == FileKind::Padding {
                continue;
            }
            let from = text.len();
            write(layout.raw_path(file), &mut text);
            paths.push((narrow(file), narrow(from), narrow(text.len())));
        }
        let path = |from, to| &text[from as usize..to as usize];
        paths.sort_unstable_by(|a, b| path(a.1, a.2).cmp(path(b.1, b.2)).then(a.0.cmp(&b.0)));
        Self { text, paths }
    }

    fn path(&self, position: usize) -> &str {
        let (_, from, to) = self.paths[position];
        &self.text[from as usize..to as usize]
    }

    /// Number of different folders.
    fn folders(&self) -> usize {
        let mut last = "";
        let mut folders = 0;
        for path in (0..self.paths.len()).map(|it| self.path(it)) {
            let both = last.bytes().zip(path.bytes());
            let common = both.take_while(|(a, b)| a == b).count();
            let rest = path.as_bytes()[common..].iter();
            folders += rest.filter(|byte| char::from(**byte) == SEPARATOR).count();
            last = path;
        }
        folders
    }

    /// Whether `path` is the path of a folder, or of a file other than the one at `position`.
    fn is_folder(&self, path: &str, position: usize) -> bool {
        position < self.paths.len()
            && self
                .path(position)
                .strip_prefix(path)
                .is_some_and(|rest| rest.starts_with(SEPARATOR))
    }

    fn taken(&self, path: &str) -> bool {
        let from = self
            .paths
            .partition_point(|(_, from, to)| self.text[*from as usize..*to as usize] < *path);
        from < self.paths.len() && (self.path(from) == path || self.is_folder(path, from))
    }

    /// The files that need a number, and the number. The first of equal paths keeps its name,
    /// unless a folder has the name. Two different names never get the same new name. So only names
    /// in the torrent can be in the way, each at most once, and the work is that of sorting.
    fn suffixes(&self) -> Vec<(u32, u32)> {
        let mut suffixes = Vec::new();
        let mut start = 0;
        while start < self.paths.len() {
            let path = self.path(start);
            let equal = (start..self.paths.len()).take_while(|it| self.path(*it) == path);
            let end = start + equal.count();
            let kept = usize::from(!self.is_folder(path, end));
            let mut suffix = 0;
            for position in start + kept..end {
                suffix += 1;
                while self.taken(&numbered(path, suffix)) {
                    suffix += 1;
                }
                suffixes.push((self.paths[position].0, suffix));
            }
            start = end;
        }
        suffixes
    }
}

/// `foo.1.txt` for `foo.txt`; the folder stays the same.
fn numbered(path: &str, suffix: u32) -> String {
    let leaf = path.rfind(SEPARATOR).map_or(0, |at| at + 1);
    let (stem, extension) = split_extension(&path[leaf..]);
    format!("{}{stem}.{suffix}{extension}", &path[..leaf])
}

fn narrow(position: usize) -> u32 {
    u32::try_from(position).expect("a torrent file has less than 2^32 bytes")
}
