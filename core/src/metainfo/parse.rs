//! From a bencoded dictionary to [`Metainfo`].

use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use sha1::{Digest as _, Sha1};

use super::name::sanitise;
use super::unique::Names;
use super::{
    FileEntry, FileKind, Layout, MAX_PATH_DEPTH, MAX_PIECE_BYTES, MAX_URLS, Metainfo, MetainfoError,
};
use crate::bencode::{Dict, Limits, Value, decode_prefix};
use crate::geometry::{Geometry, GeometryError};
use crate::ids::InfoHash;
use crate::text;

/// Most bytes of a comment and the like that are kept.
const MAX_TEXT_BYTES: usize = 4096;

/// Most bytes of a URL.
const MAX_URL_BYTES: usize = 4096;

pub(super) fn parse(bytes: &[u8]) -> Result<Metainfo, MetainfoError> {
    let document = decode_prefix(bytes, Limits::TORRENT_FILE)?;
    let root = document
        .root()
        .as_dict()
        .ok_or(MetainfoError::NotADictionary)?;
    let info_value = root
        .unique(b"info")?
        .ok_or(MetainfoError::Missing("info"))?;
    let info = info_value.as_dict().ok_or(MetainfoError::Invalid {
        key: "info",
        expected: "a dictionary",
    })?;
    let hybrid = info.get(b"meta version").and_then(|it| it.as_int()) == Some(2);
    let Some(pieces) = info.unique(b"pieces")? else {
        return Err(if hybrid {
            MetainfoError::OnlyVersion2
        } else {
            MetainfoError::Missing("pieces")
        });
    };
    let raw_name = raw_name(&info)?;
    let name = sanitise(raw_name).unwrap_or_else(|| "_".into());
    let layout = layout(&info, raw_name, &name)?;
    let geometry = geometry(&info, &layout)?;
    let words = |dict: &Dict<'_>, key: &str| {
        let value = preferred(dict, key, |it| it.as_bytes())?;
        Some(text::printable(value, MAX_TEXT_BYTES))
    };
    Ok(Metainfo {
        info_hash: InfoHash(Sha1::digest(info_value.raw()).into()),
        info: info_value.raw().to_vec(),
        original_name: (name.as_bytes() != raw_name).then(|| text::escaped(raw_name)),
        name,
        geometry,
        layout,
        hashes: hashes(pieces, geometry)?,
        trackers: trackers(&root),
        web_seeds: urls(root.get(b"url-list"), &["http://", "https://"]),
        private: info
            .unique(b"private")?
            .and_then(|it| it.as_int())
            .is_some_and(|it| it != 0),
        source: words(&info, "source"),
        comment: words(&root, "comment"),
        created_by: words(&root, "created by"),
        creation_date: root.get(b"creation date").and_then(|it| it.as_int()),
        hybrid,
        canonical: document.canonical(),
    })
}

/// The value of `key.utf-8` if it is there and right, else that of `key`.
fn preferred<'a, T>(
    dict: &Dict<'a>,
    key: &str,
    read: impl Fn(Value<'a>) -> Option<T>,
) -> Option<T> {
    let utf8 = [key.as_bytes(), b".utf-8"].concat();
    dict.get(&utf8)
        .and_then(&read)
        .or_else(|| dict.get(key.as_bytes()).and_then(&read))
}

fn raw_name<'a>(info: &Dict<'a>) -> Result<&'a [u8], MetainfoError> {
    let plain = info.unique(b"name")?;
    match (preferred(info, "name", |it| it.as_bytes()), plain) {
        (Some(name), _) => Ok(name),
        (None, None) => Err(MetainfoError::Missing("name")),
        (None, Some(_)) => Err(MetainfoError::Invalid {
            key: "name",
            expected: "a string",
        }),
    }
}

fn geometry(info: &Dict<'_>, layout: &Layout) -> Result<Geometry, MetainfoError> {
    let value = info
        .unique(b"piece length")?
        .ok_or(MetainfoError::Missing("piece length"))?;
    let bytes = value.as_int().ok_or(MetainfoError::Invalid {
        key: "piece length",
        expected: "an integer",
    })?;
    let Ok(piece_bytes @ 1..=MAX_PIECE_BYTES) = u32::try_from(bytes) else {
        return Err(MetainfoError::PieceLength(bytes));
    };
    let end = layout.files().last().map_or(0, |it| it.offset + it.length);
    Ok(Geometry::new(end, piece_bytes)?)
}

fn hashes(pieces: Value<'_>, geometry: Geometry) -> Result<Vec<[u8; 20]>, MetainfoError> {
    let bytes = pieces.as_bytes().ok_or(MetainfoError::Invalid {
        key: "pieces",
        expected: "a string",
    })?;
    let (hashes, rest) = bytes.as_chunks();
    if !rest.is_empty() || hashes.len() != geometry.piece_count() as usize {
        return Err(MetainfoError::HashCount {
            bytes: bytes.len(),
            pieces: geometry.piece_count(),
        });
    }
    Ok(hashes.to_vec())
}

fn layout(info: &Dict<'_>, raw_name: &[u8], name: &str) -> Result<Layout, MetainfoError> {
    match (info.unique(b"length")?, info.unique(b"files")?) {
        (Some(length), None) => {
            let length = length.as_u64().ok_or(MetainfoError::Invalid {
                key: "length",
                expected: "a number of bytes",
            })?;
            let file = FileEntry {
                path: name.into(),
                original: (name.as_bytes() != raw_name).then(|| text::escaped(raw_name)),
                offset: 0,
                length,
                kind: FileKind::Regular,
                executable: attributes(info).contains(&b'x'),
            };
            Ok(Layout::new(vec![file], false))
        }
        (None, Some(files)) => {
            let root = Root {
                raw: raw_name,
                safe: name,
            };
            let mut names = Names::default();
            let drafts = drafts(files, root, &mut names)?;
            Ok(Layout::new(place(drafts, names)?, true))
        }
        _ => Err(MetainfoError::Layout),
    }
}

/// A file whose path is not yet known to be unlike all others.
struct Draft {
    /// Safe path of its folder, and its number among the folders.
    folder: String,
    directory: u32,
    /// Safe name in the folder.
    leaf: String,
    /// The path as found, printable, if it is another one.
    original: Option<String>,
    length: u64,
    kind: FileKind,
    executable: bool,
}

fn attributes<'a>(dict: &Dict<'a>) -> &'a [u8] {
    dict.get(b"attr")
        .and_then(|it| it.as_bytes())
        .unwrap_or_default()
}

/// What the path of a file starts with.
#[derive(Clone, Copy)]
struct Root<'a> {
    raw: &'a [u8],
    safe: &'a str,
}

fn drafts(
    files: Value<'_>,
    root: Root<'_>,
    names: &mut Names,
) -> Result<Vec<Draft>, MetainfoError> {
    let files = files.as_list().ok_or(MetainfoError::Invalid {
        key: "files",
        expected: "a list",
    })?;
    let drafts: Result<Vec<Draft>, _> = files
        .zip(1..)
        .map(|(file, number)| draft(file, number, root, names))
        .collect();
    match drafts {
        Ok(none) if none.is_empty() => Err(MetainfoError::Invalid {
            key: "files",
            expected: "at least one file",
        }),
        drafts => drafts,
    }
}

fn draft(
    file: Value<'_>,
    number: usize,
    root: Root<'_>,
    names: &mut Names,
) -> Result<Draft, MetainfoError> {
    let invalid = |key, expected| MetainfoError::InvalidFile {
        file: number,
        key,
        expected,
    };
    let dict = file.as_dict().ok_or(invalid("files", "a dictionary"))?;
    let attributes = attributes(&dict);
    let kind = match attributes {
        it if it.contains(&b'p') => FileKind::Padding,
        it if it.contains(&b'l') => FileKind::Symlink,
        _ => FileKind::Regular,
    };
    let length = match (dict.unique(b"length")?, kind) {
        (None, FileKind::Symlink) => 0,
        (length, _) => length
            .and_then(|it| it.as_u64())
            .ok_or(invalid("length", "a number of bytes"))?,
    };
    if kind == FileKind::Symlink && length > 0 {
        return Err(invalid("length", "0, as it is a symbolic link"));
    }
    dict.unique(b"path")?;
    let path = match preferred(&dict, "path", path) {
        Some(path) if path.len() >= MAX_PATH_DEPTH => return Err(MetainfoError::TooDeep(number)),
        Some(path) => path,
        None if kind == FileKind::Padding => vec![&b".pad"[..]],
        None => return Err(invalid("path", "a list of names")),
    };
    let (folder, leaf) = safe_path(&path, root);
    let joined = [folder.join("/").as_str(), &leaf].join("/");
    let found = [root.raw, &path.join(&b'/')].join(&b'/');
    Ok(Draft {
        directory: match kind {
            FileKind::Padding => 0,
            _ => names.directory(&folder)?,
        },
        folder: folder.join("/"),
        leaf,
        original: (joined.as_bytes() != found).then(|| text::escaped(&found)),
        length,
        kind,
        executable: attributes.contains(&b'x'),
    })
}

/// The safe elements of the folder of a file, and its safe name.
fn safe_path(path: &[&[u8]], root: Root<'_>) -> (Vec<String>, String) {
    let mut elements: Vec<String> = path.iter().filter_map(|it| sanitise(it)).collect();
    // Nothing but places: the file still needs a name of its own inside the folder.
    let leaf = elements.pop().unwrap_or_else(|| "_".into());
    elements.insert(0, root.safe.into());
    (elements, leaf)
}

/// The elements of a path. BEP 3: "a zero length list is an error case".
fn path(value: Value<'_>) -> Option<Vec<&[u8]>> {
    let elements: Option<Vec<&[u8]>> = value.as_list()?.map(|it| it.as_bytes()).collect();
    elements.filter(|it| !it.is_empty())
}

/// Lays the files out one after the other and renames those whose path is taken.
fn place(drafts: Vec<Draft>, mut names: Names) -> Result<Vec<FileEntry>, MetainfoError> {
    let mut offset: u64 = 0;
    let mut files = Vec::with_capacity(drafts.len());
    for draft in drafts {
        let name = match draft.kind {
            FileKind::Padding => draft.leaf.clone(),
            _ => names.file(draft.directory, &draft.leaf)?,
        };
        let path = [draft.folder.as_str(), &name].join("/");
        let renamed = name != draft.leaf;
        files.push(FileEntry {
            original: draft
                .original
                .or_else(|| renamed.then(|| [draft.folder, draft.leaf].join("/"))),
            path,
            offset,
            length: draft.length,
            kind: draft.kind,
            executable: draft.executable,
        });
        offset = offset
            .checked_add(draft.length)
            .ok_or(GeometryError::TooLarge(u64::MAX))?;
    }
    Ok(files)
}

/// BEP 12: `announce-list` replaces `announce` when it holds anything that can be used.
fn trackers(root: &Dict<'_>) -> Vec<Vec<String>> {
    const SCHEMES: &[&str] = &["http://", "https://", "udp://"];
    let mut tiers: Vec<Vec<String>> = Vec::new();
    let mut left = MAX_URLS;
    let list = root.get(b"announce-list").and_then(|it| it.as_list());
    for tier in list.into_iter().flatten() {
        let mut tier = urls(Some(tier), SCHEMES);
        tier.retain(|url| !tiers.iter().flatten().any(|it| it == url));
        tier.truncate(left);
        left -= tier.len();
        if !tier.is_empty() {
            tiers.push(tier);
        }
        if left == 0 {
            return tiers;
        }
    }
    if tiers.is_empty() {
        tiers.push(urls(root.get(b"announce"), SCHEMES));
        tiers.retain(|it| !it.is_empty());
    }
    tiers
}

/// The usable URLs of a string or a list of strings, each once.
fn urls(value: Option<Value<'_>>, schemes: &[&str]) -> Vec<String> {
    let Some(value) = value else {
        return Vec::new();
    };
    let single = value.as_bytes();
    let list = value.as_list().into_iter().flatten();
    let mut urls: Vec<String> = Vec::new();
    for bytes in single
        .into_iter()
        .chain(list.filter_map(|it| it.as_bytes()))
    {
        if urls.len() == MAX_URLS {
            break;
        }
        urls.extend(url(bytes, schemes).filter(|it| !urls.contains(it)));
    }
    urls
}

/// A URL goes into a request line and onto a terminal: nothing but visible ASCII may be in it.
fn url(bytes: &[u8], schemes: &[&str]) -> Option<String> {
    let text = core::str::from_utf8(bytes.trim_ascii()).ok()?;
    let scheme = schemes.iter().any(|scheme| {
        let start = text.get(..scheme.len());
        start.is_some_and(|it| it.eq_ignore_ascii_case(scheme)) && text.len() > scheme.len()
    });
    let clean = text.len() <= MAX_URL_BYTES && text.bytes().all(|it| it.is_ascii_graphic());
    (scheme && clean).then(|| text.into())
}
