//! Converts a bencoded dictionary to [`Metainfo`].

use alloc::format;
use alloc::sync::Arc;
use core::ops::Range;

use sha1::{Digest as _, Sha1};

use super::name::sanitise;
use super::refusal::Version2Error;
use super::version2::{self, Version2};
use super::{
    Layout, MAX_PIECE_BYTES, MAX_PIECES, MAX_TEXT_BYTES, Metainfo, MetainfoError, files, kind,
    tree, urls,
};
use crate::bencode::{Dict, Limits, Value, decode, decode_prefix};
use crate::geometry::Geometry;
use crate::ids::InfoHash;
use crate::text;

/// Whether a torrent of version 2 must have its piece layers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Layers {
    Required,
    MayLack,
}

/// The files of a torrent, and how they are verified.
struct Body {
    layout: Layout,
    geometry: Geometry,
    /// SHA-1 of the pieces in the info dictionary. Version 1.
    pieces: Option<Range<usize>>,
    version_2: Option<Arc<Version2>>,
}

impl Body {
    /// The hash that identifies a torrent without version 1 where there is room for 20 bytes.
    fn name(&self) -> Option<InfoHash> {
        let trees = self.version_2.as_ref().filter(|_| self.pieces.is_none());
        trees.map(|it| it.info_hash.truncated())
    }
}

pub(super) fn parse(bytes: &[u8], layers: Layers) -> Result<Metainfo, MetainfoError> {
    if let Some(kind) = kind::other_than_bencode(bytes) {
        return Err(MetainfoError::OtherKind(kind));
    }
    let document = decode_prefix(bytes, Limits::TORRENT_FILE).map_err(|error| {
        kind::other_than_decodable(error)
            .map_or(MetainfoError::Bencode(error), MetainfoError::OtherKind)
    })?;
    let root = document
        .root()
        .as_dict()
        .ok_or(MetainfoError::NotADictionary)?;
    let Some(info_value) = root.unique(b"info")? else {
        return Err(kind::other_than_torrent(&root)
            .map_or(MetainfoError::Missing("info"), MetainfoError::OtherKind));
    };
    let info = info_value.as_dict().ok_or(MetainfoError::Invalid {
        key: "info",
        expected: "a dictionary",
    })?;
    let is_version_2 = version2::is_version_2(&info)?;
    let pieces = info.unique(b"pieces")?;
    if pieces.is_none() && !is_version_2 {
        return Err(MetainfoError::Missing("pieces"));
    }
    let info_hash = InfoHash(Sha1::digest(info_value.raw()).into());
    let info_at = info_value.position();
    let found_name = found_name(&info)?;
    let raw_name = found_name.as_bytes().unwrap_or_default();
    let name = sanitise(raw_name).unwrap_or_else(|| format!("{info_hash}"));
    let body = if is_version_2 {
        if !document.canonical() && !decode(info_value.raw(), Limits::TORRENT_FILE)?.canonical() {
            return Err(Version2Error::NotCanonical.into());
        }
        let found = root.unique(b"piece layers")?;
        second(info_value, &info, info_at, &name, (found, layers))?
    } else {
        first(&info, info_at, &name)?
    };
    let words = |dict: &Dict<'_>, key: &str| {
        let value = preferred(dict, key)?.as_bytes()?;
        Some(text::printable(value, MAX_TEXT_BYTES))
    };
    Ok(Metainfo {
        info_hash: body.name().unwrap_or(info_hash),
        original_name: (name.as_bytes() != raw_name)
            .then(|| text::escaped_to(raw_name, MAX_TEXT_BYTES)),
        raw_name: content(found_name, info_at),
        raw_pieces: body.pieces,
        info: info_value.raw().to_vec(),
        name,
        geometry: body.geometry,
        layout: body.layout,
        version_2: body.version_2,
        trackers: urls::trackers(&root),
        web_seeds: urls::web_seeds(&root),
        nodes: urls::nodes(&root),
        private: info
            .unique(b"private")?
            .and_then(|it| it.as_int())
            .is_some_and(|it| it != 0),
        source: words(&info, "source"),
        comment: words(&root, "comment"),
        created_by: words(&root, "created by"),
        creation_date: root.get(b"creation date").and_then(|it| it.as_int()),
        canonical: document.canonical(),
    })
}

/// Reads a torrent of version 1. BEP 3.
fn first(info: &Dict<'_>, info_at: usize, name: &str) -> Result<Body, MetainfoError> {
    let layout = files::layout(info, info_at, name)?;
    let geometry = geometry(info, &layout)?;
    let pieces = info
        .unique(b"pieces")?
        .ok_or(MetainfoError::Missing("pieces"))?;
    check_hashes(pieces, &geometry)?;
    Ok(Body {
        layout,
        geometry,
        pieces: Some(content(pieces, info_at)),
        version_2: None,
    })
}

/// Reads a torrent of version 2, with or without version 1. BEP 52.
fn second(
    raw: Value<'_>,
    info: &Dict<'_>,
    info_at: usize,
    name: &str,
    (found, layers): (Option<Value<'_>>, Layers),
) -> Result<Body, MetainfoError> {
    let piece_bytes = version2::piece_bytes(info)?;
    let leaves = tree::leaves(info)?;
    let lengths = leaves.iter().map(|it| it.length);
    let geometry = Geometry::aligned(lengths, piece_bytes, None)?;
    if geometry.piece_count() > MAX_PIECES {
        return Err(MetainfoError::TooManyPieces(geometry.piece_count()));
    }
    let layout = files::of_tree(&leaves, name, piece_bytes)?;
    let keys: [&[u8]; 3] = [b"pieces", b"files", b"length"];
    let body = if keys.iter().any(|it| info.get(it).is_some()) {
        let body = first(info, info_at, name)?;
        let geometry = version2::agree(&body.layout, &layout, piece_bytes)?;
        Body { geometry, ..body }
    } else {
        Body {
            layout,
            geometry,
            pieces: None,
            version_2: None,
        }
    };
    let mut version_2 = Version2::new(raw, &leaves, piece_bytes);
    if found.is_some() || layers == Layers::Required {
        version_2.take_layers(found)?;
    }
    Ok(Body {
        version_2: Some(Arc::new(version_2)),
        ..body
    })
}

/// Position of the bytes of a string in the info dictionary.
fn content(string: Value<'_>, info_at: usize) -> Range<usize> {
    let end = string.position() + string.raw().len() - info_at;
    end - string.as_bytes().map_or(0, <[u8]>::len)..end
}

/// The string `key.utf-8` if there is one, else the string `key`.
fn preferred<'a>(dict: &Dict<'a>, key: &str) -> Option<Value<'a>> {
    let string = |key: &[u8]| dict.get(key).filter(|it| it.as_bytes().is_some());
    string(&[key.as_bytes(), b".utf-8"].concat()).or_else(|| string(key.as_bytes()))
}

fn found_name<'a>(info: &Dict<'a>) -> Result<Value<'a>, MetainfoError> {
    let plain = info.unique(b"name")?;
    match (preferred(info, "name"), plain) {
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
    let geometry = Geometry::new(end, piece_bytes)?;
    if geometry.piece_count() > MAX_PIECES {
        return Err(MetainfoError::TooManyPieces(geometry.piece_count()));
    }
    Ok(geometry)
}

fn check_hashes(pieces: Value<'_>, geometry: &Geometry) -> Result<(), MetainfoError> {
    let bytes = pieces.as_bytes().ok_or(MetainfoError::Invalid {
        key: "pieces",
        expected: "a string",
    })?;
    if bytes.len() as u64 != u64::from(geometry.piece_count()) * 20 {
        return Err(MetainfoError::HashCount {
            bytes: bytes.len(),
            pieces: geometry.piece_count(),
        });
    }
    Ok(())
}
