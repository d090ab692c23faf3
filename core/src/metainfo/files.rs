//! Reads the files of a torrent from the info dictionary.

use alloc::string::String;
use alloc::vec::Vec;

use super::layout::SEPARATOR;
use super::links::{self, Unresolved};
use super::name::{elements, sanitise};
use super::tree::Leaf;
use super::unique::tell_apart;
use super::{FileEntry, FileKind, Layout, MAX_PATH_DEPTH, MetainfoError};
use crate::bencode::{Dict, Value};
use crate::geometry::GeometryError;

/// Reads `files`, or `length` if there is no list of files. `info_at`: position of the info
/// dictionary in the file; `name`: the safe name of the torrent.
pub(super) fn layout(info: &Dict<'_>, info_at: usize, name: &str) -> Result<Layout, MetainfoError> {
    let files = info.unique(b"files")?;
    let length = info.unique(b"length")?;
    match (files, length) {
        (Some(files), _) if files.as_list().is_some() => many(files, info_at, name),
        (_, Some(length)) => {
            let length = length.as_u64().ok_or(MetainfoError::Invalid {
                key: "length",
                expected: "a number of bytes",
            })?;
            let mut draft = Draft::new(info_at, None);
            draft.layout.paths.push_str(name);
            draft.end_file(FileKind::Regular, length, attributes(info), None)?;
            Ok(draft.layout)
        }
        (Some(_), None) => Err(MetainfoError::Invalid {
            key: "files",
            expected: "a list",
        }),
        (None, None) => Err(MetainfoError::Layout),
    }
}

fn many(files: Value<'_>, info_at: usize, name: &str) -> Result<Layout, MetainfoError> {
    let mut draft = Draft::new(info_at, Some(name.into()));
    for (number, file) in (1..).zip(files.as_list().into_iter().flatten()) {
        draft.file(file, number)?;
    }
    if draft.layout.files.is_empty() {
        return Err(MetainfoError::Invalid {
            key: "files",
            expected: "at least one file",
        });
    }
    draft.finish()
}

/// The layout of a file tree, in which each file begins with a new piece. As in version 1, the gaps
/// between files and after the last one are padding, so that every byte of every piece belongs to
/// some file. A single file is in no folder and has the name from the tree, as in libtorrent.
pub(super) fn of_tree(
    leaves: &[Leaf<'_>],
    name: &str,
    piece_bytes: u32,
) -> Result<Layout, MetainfoError> {
    let single = matches!(leaves, [leaf] if leaf.path.len() == 1);
    let mut draft = Draft::new(0, (!single).then(|| name.into()));
    for leaf in leaves {
        let elements = leaf.path.iter().copied();
        let file = draft.layout.files.len();
        let start = draft.layout.paths.len();
        draft.push_path(elements.clone());
        let safe = draft.layout.paths[start..].split(SEPARATOR);
        if !safe.map(str::as_bytes).eq(elements) {
            let raw = leaf.path.iter().map(|it| Vec::from(*it)).collect();
            draft.layout.odd.insert(file, raw);
        }
        if leaf.kind == FileKind::Symlink {
            draft.note_link(leaf.leads_to);
        }
        let attributes = if leaf.executable { b"x" } else { &b""[..] };
        draft.end_file(leaf.kind, leaf.length, attributes, None)?;
        let over = draft.end % u64::from(piece_bytes);
        if over > 0 {
            draft.push_path([&b".pad"[..]].into_iter());
            let gap = u64::from(piece_bytes) - over;
            draft.end_file(FileKind::Padding, gap, &[], None)?;
        }
    }
    draft.finish()
}

fn attributes<'a>(dict: &Dict<'a>) -> &'a [u8] {
    dict.get(b"attr")
        .and_then(|it| it.as_bytes())
        .unwrap_or_default()
}

/// A layout under construction.
struct Draft {
    layout: Layout,
    end: u64,
    info_at: usize,
    links: Unresolved,
}

impl Draft {
    fn new(info_at: usize, folder: Option<String>) -> Self {
        let layout = Layout {
            folder,
            ..Layout::default()
        };
        Self {
            layout,
            end: 0,
            info_at,
            links: Unresolved::new(),
        }
    }

    fn finish(self) -> Result<Layout, MetainfoError> {
        let mut layout = self.layout;
        layout.files.shrink_to_fit();
        layout.paths.shrink_to_fit();
        tell_apart(&mut layout)?;
        layout.links = links::resolve(&layout, &self.links);
        Ok(layout)
    }

    /// Notes where the next file leads to, which is a link.
    fn note_link(&mut self, found: Option<Value<'_>>) {
        let path = links::path(found);
        self.links
            .extend(path.map(|it| (self.layout.files.len(), it)));
    }

    /// Adds a file whose safe path has been appended to the text of all paths.
    fn end_file(
        &mut self,
        kind: FileKind,
        length: u64,
        attributes: &[u8],
        found: Option<Value<'_>>,
    ) -> Result<(), MetainfoError> {
        let narrow = |at| u32::try_from(at).expect("a torrent file has less than 2^32 bytes");
        self.layout.files.push(FileEntry {
            offset: self.end,
            length,
            kind,
            executable: attributes.contains(&b'x'),
            path_end: narrow(self.layout.paths.len()),
            found_at: found.map(|it| narrow(it.position() - self.info_at)),
            suffix: [0; 2],
        });
        self.end = self
            .end
            .checked_add(length)
            .ok_or(GeometryError::TooLarge(u64::MAX))?;
        Ok(())
    }

    fn file(&mut self, file: Value<'_>, number: usize) -> Result<(), MetainfoError> {
        let invalid = |key, expected| MetainfoError::InvalidFile {
            file: number,
            key,
            expected,
        };
        let dict = file.as_dict().ok_or(invalid("files", "a dictionary"))?;
        let attributes = attributes(&dict);
        let kind = match attributes {
            it if it.contains(&b'l') => FileKind::Symlink,
            it if it.contains(&b'p') => FileKind::Padding,
            _ => FileKind::Regular,
        };
        let length = match kind {
            // A link has no bytes, whatever its `length` says. libtorrent ignores that value as
            // well; its early versions wrote the length of the target.
            FileKind::Symlink => 0,
            FileKind::Regular | FileKind::Padding => dict
                .unique(b"length")?
                .and_then(|it| it.as_u64())
                .ok_or(invalid("length", "a number of bytes"))?,
        };
        let found = path_value(&dict)?;
        match found {
            Some(path)
                if path
                    .as_list()
                    .is_some_and(|it| it.count() >= MAX_PATH_DEPTH) =>
            {
                return Err(MetainfoError::TooDeep(number));
            }
            Some(path) => self.push_path(elements(path)),
            None if kind == FileKind::Padding => self.push_path([&b".pad"[..]].into_iter()),
            None => return Err(invalid("path", "a list of names")),
        }
        if kind == FileKind::Symlink {
            self.note_link(dict.get(b"symlink path"));
        }
        self.end_file(kind, length, attributes, found)
    }

    /// Appends the safe elements of a path.
    fn push_path<'a>(&mut self, elements: impl Iterator<Item = &'a [u8]>) {
        let text = &mut self.layout.paths;
        let start = text.len();
        for element in elements.filter_map(sanitise) {
            if text.len() > start {
                text.push(SEPARATOR);
            }
            text.push_str(&element);
        }
        // The path has no usable element, but the file still needs a name inside the folder.
        if text.len() == start {
            text.push('_');
        }
    }
}

/// `path.utf-8` if it is usable, else `path` if that is usable.
fn path_value<'a>(dict: &Dict<'a>) -> Result<Option<Value<'a>>, MetainfoError> {
    let usable = |it: &Value<'a>| elements(*it).next().is_some();
    let plain = dict.unique(b"path")?;
    let utf8 = dict.get(b"path.utf-8");
    Ok(utf8.filter(usable).or(plain.filter(usable)))
}
