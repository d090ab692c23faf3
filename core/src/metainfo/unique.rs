//! Different paths for different files, also where case does not count.
//!
//! The paths are sorted instead of put into a map: that takes four bytes a file, and equal paths
//! and the contents of a folder come to lie side by side.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::MetainfoError;
use super::layout::{FileKind, Layout, Naming, SEPARATOR};
use super::name::split_extension;

/// Folders of one torrent. A file at the size limit could ask for three million, which would fill
/// a disk without a byte of payload.
const MAX_FOLDERS: usize = 500_000;

/// Gives a number to every file whose path another file or a folder has as well.
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

/// Appends `path` without what differs by case only. By way of upper case, as that unites more:
/// `ß` and `SS`, or the two small sigmas. Nothing in it becomes or loses a dot.
fn fold(path: &str, out: &mut String) {
    if path.is_ascii() {
        out.extend(path.chars().map(|c| c.to_ascii_lowercase()));
    } else {
        let upper = path.chars().flat_map(char::to_uppercase);
        out.extend(upper.flat_map(char::to_lowercase));
    }
}

/// Paths in order, those of padding left out, as nobody ever sees them.
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

    /// Different folders.
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

    /// Whether something else than the file at `position` needs `path`, or a folder does.
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

    /// The files that need a number, and the number. The first of equal paths keeps its name unless
    /// a folder has it. Different names never come to the same new name, so that only names in the
    /// torrent are passed over, each at most once: the work is that of sorting.
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

/// `foo.1.txt` for `foo.txt`, in whatever folder.
fn numbered(path: &str, suffix: u32) -> String {
    let leaf = path.rfind(SEPARATOR).map_or(0, |at| at + 1);
    let (stem, extension) = split_extension(&path[leaf..]);
    format!("{}{stem}.{suffix}{extension}", &path[..leaf])
}

fn narrow(position: usize) -> u32 {
    u32::try_from(position).expect("a torrent file has less than 2^32 bytes")
}
