//! Reads the files of a torrent of version 2 from its file tree. BEP 52, *file tree layout*.

use alloc::vec::Vec;

use super::FileKind;
use super::refusal::Version2Error;
use crate::bencode::{Dict, Value};
use crate::geometry::{GeometryError, MAX_BLOCKS};
use crate::merkle::Hash;

/// A file of the tree.
pub(super) struct Leaf<'a> {
    /// The elements of its path. They are not safe.
    pub(super) path: Vec<&'a [u8]>,
    pub(super) length: u64,
    pub(super) kind: FileKind,
    pub(super) executable: bool,
    /// The path that a link leads to. BEP 47.
    pub(super) leads_to: Option<Value<'a>>,
    /// The root of its merkle tree; `None` for an empty file.
    pub(super) root: Option<Hash>,
}

/// Most bytes of all paths together. In a tree the files of a folder share the folder's name, but
/// each path repeats it. Without a limit, paths could take thousands of times the size of the
/// torrent file.
const MAX_PATHS_BYTES: usize = 64 << 20;

/// Memory of a path element in addition to its bytes.
const ELEMENT_BYTES: usize = 16;

/// All files of the tree, in its order. The depth limit of the decoder also limits the length of
/// paths.
pub(super) fn leaves<'a>(info: &Dict<'a>) -> Result<Vec<Leaf<'a>>, Version2Error> {
    let tree = info
        .get(b"file tree")
        .ok_or(Version2Error::Missing("file tree"))?;
    let tree = tree.as_dict().ok_or(Version2Error::TreeNoDictionary)?;
    if tree.get(b"").is_some() {
        return Err(Version2Error::RootIsFile);
    }
    let mut leaves = Vec::new();
    let mut path: Vec<&[u8]> = Vec::new();
    let mut open = Vec::from([tree.iter()]);
    let mut paths_bytes = 0;
    while let Some(folder) = open.last_mut() {
        let Some((name, node)) = folder.next() else {
            open.pop();
            path.pop();
            continue;
        };
        let number = leaves.len() + 1;
        let node = node
            .as_dict()
            .ok_or(Version2Error::NodeNoDictionary(number))?;
        path.push(name);
        match node.get(b"") {
            None => open.push(node.iter()),
            Some(_) if node.iter().nth(1).is_some() => {
                return Err(Version2Error::FileAndFolder(number));
            }
            Some(properties) => {
                paths_bytes += path
                    .iter()
                    .map(|it| it.len() + ELEMENT_BYTES)
                    .sum::<usize>();
                if paths_bytes > MAX_PATHS_BYTES {
                    return Err(Version2Error::LongPaths);
                }
                leaves.push(leaf(properties, path.clone(), number)?);
                path.pop();
            }
        }
    }
    if leaves.is_empty() {
        return Err(Version2Error::NoFiles);
    }
    Ok(leaves)
}

fn leaf<'a>(
    properties: Value<'a>,
    path: Vec<&'a [u8]>,
    number: usize,
) -> Result<Leaf<'a>, Version2Error> {
    let properties = properties
        .as_dict()
        .ok_or(Version2Error::NodeNoDictionary(number))?;
    let attributes = properties.get(b"attr").and_then(|it| it.as_bytes());
    let attributes = attributes.unwrap_or_default();
    if attributes.contains(&b'p') {
        return Err(Version2Error::Padding(number));
    }
    let kind = if attributes.contains(&b'l') {
        FileKind::Symlink
    } else {
        FileKind::Regular
    };
    let length = match kind {
        // As in version 1, a link has no bytes, whatever its `length` says.
        FileKind::Symlink => 0,
        _ => properties
            .get(b"length")
            .and_then(|it| it.as_u64())
            .ok_or(Version2Error::Length(number))?,
    };
    if length.div_ceil(u64::from(crate::geometry::BLOCK_BYTES)) > MAX_BLOCKS {
        return Err(GeometryError::TooLarge(length).into());
    }
    let found = properties.get(b"pieces root");
    let root = match (found, kind) {
        (_, FileKind::Symlink) | (None, _) => None,
        (Some(_), _) if length == 0 => return Err(Version2Error::RootOfNothing(number)),
        (Some(root), _) => {
            let bytes = root.as_bytes().and_then(|it| Hash::try_from(it).ok());
            let real = bytes.filter(|it| *it != Hash::default());
            Some(real.ok_or(Version2Error::Root(number))?)
        }
    };
    if length > 0 && root.is_none() {
        return Err(Version2Error::NoRoot(number));
    }
    Ok(Leaf {
        path,
        length,
        kind,
        executable: attributes.contains(&b'x'),
        leads_to: properties.get(b"symlink path"),
        root,
    })
}
