//! Symbolic links of a torrent. BEP 47, *symlink path*. Known are links to a regular file or a folder
//! of the same torrent; all others are as if they led nowhere.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use super::layout::{FileKind, Layout, Link, Naming, SEPARATOR};
use super::name::{elements, sanitise};
use crate::bencode::Value;

/// Where links lead to before all files are known: the index of the link, and a path.
pub(super) type Unresolved = Vec<(usize, String)>;

/// The path in `symlink path`, with [`SEPARATOR`]. `None` if it is not a plain path below the folder of
/// the torrent.
pub(super) fn path(found: Option<Value<'_>>) -> Option<String> {
    let mut path = String::new();
    for element in elements(found?) {
        // Special names are dropped elsewhere, but here that would lead to another place.
        let safe = sanitise(element)?;
        if !path.is_empty() {
            path.push(SEPARATOR);
        }
        path.push_str(&safe);
    }
    Some(path).filter(|it| !it.is_empty())
}

/// The links that lead to a file or folder of `layout`, and not to a folder that they are in.
pub(super) fn resolve(layout: &Layout, unresolved: &Unresolved) -> Vec<Link> {
    if unresolved.is_empty() {
        return Vec::new();
    }
    let regular = |it: &usize| layout.files[*it].kind == FileKind::Regular;
    let mut files: Vec<usize> = (0..layout.files.len()).filter(regular).collect();
    files.sort_by_key(|it| layout.raw_path(*it));
    let resolved = unresolved.iter().filter_map(|(file, path)| {
        // The contents of a folder follow it directly in this order.
        let at = files.partition_point(|it| layout.raw_path(*it) < path.as_str());
        let target = *files.get(at)?;
        let found = is_at_or_below(layout.raw_path(target), path);
        let loops = is_at_or_below(layout.raw_path(*file), path);
        (found && !loops).then_some(Link {
            file: *file,
            target,
            length: path.len(),
        })
    });
    resolved.collect()
}

fn is_at_or_below(path: &str, folder: &str) -> bool {
    let rest = path.strip_prefix(folder);
    rest.is_some_and(|it| it.is_empty() || it.starts_with(SEPARATOR))
}

impl Layout {
    /// The symbolic links that lead to a file or folder of the torrent.
    #[must_use]
    pub fn links(&self) -> &[Link] {
        &self.links
    }

    /// Where file number `file` leads to, if it is a symbolic link to a file or folder of the torrent.
    #[must_use]
    pub fn link(&self, file: usize) -> Option<Link> {
        let found = self.links.binary_search_by_key(&file, |it| it.file);
        found.ok().map(|at| self.links[at])
    }

    /// The symbolic links that lead to one of the `wanted` files, or to a folder with one of them.
    #[must_use]
    pub fn links_to(&self, wanted: impl Fn(usize) -> bool) -> Vec<Link> {
        let target = |it: &Link| &self.raw_path(it.target)[..it.length];
        let mut found: BTreeMap<&str, bool> =
            self.links.iter().map(|it| (target(it), false)).collect();
        if found.is_empty() {
            return Vec::new();
        }
        for file in (0..self.files.len()).filter(|it| wanted(*it)) {
            let path = self.raw_path(file);
            let folders = path.match_indices(SEPARATOR).map(|(at, _)| &path[..at]);
            for it in folders.chain([path]) {
                if let Some(found) = found.get_mut(it) {
                    *found = true;
                }
            }
        }
        let links = self.links.iter().copied();
        links.filter(|it| found[target(it)]).collect()
    }

    /// What a symbolic link must contain: a path that starts in the folder of the link.
    #[must_use]
    pub fn link_path(&self, link: Link, naming: Naming) -> String {
        let mut path = String::new();
        for _ in self.raw_path(link.file).matches(SEPARATOR) {
            path.push_str("../");
        }
        let target = self.raw_path(link.target);
        if target.len() == link.length {
            let below = self.folder.as_ref().map_or(0, |it| it.len() + 1);
            path.push_str(&self.path(link.target, naming)[below..]);
        } else {
            path.extend(target[..link.length].chars().map(|it| match it {
                SEPARATOR => '/',
                other => other,
            }));
        }
        path
    }
}
