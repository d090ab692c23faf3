//! From a bencoded dictionary to [`Metainfo`].

use alloc::format;
use core::ops::Range;

use sha1::{Digest as _, Sha1};

use super::name::sanitise;
use super::{
    Layout, MAX_PIECE_BYTES, MAX_PIECES, MAX_TEXT_BYTES, Metainfo, MetainfoError, files, kind, urls,
};
use crate::bencode::{Dict, Limits, Value, decode_prefix};
use crate::geometry::Geometry;
use crate::ids::InfoHash;
use crate::text;

pub(super) fn parse(bytes: &[u8]) -> Result<Metainfo, MetainfoError> {
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
    let hybrid = info.get(b"meta version").and_then(|it| it.as_int()) == Some(2);
    let Some(pieces) = info.unique(b"pieces")? else {
        return Err(if hybrid {
            MetainfoError::OnlyVersion2
        } else {
            MetainfoError::Missing("pieces")
        });
    };
    let info_hash = InfoHash(Sha1::digest(info_value.raw()).into());
    let info_at = info_value.position();
    let found_name = found_name(&info)?;
    let raw_name = found_name.as_bytes().unwrap_or_default();
    let name = sanitise(raw_name).unwrap_or_else(|| format!("{info_hash}"));
    let layout = files::layout(&info, info_at, &name)?;
    let geometry = geometry(&info, &layout)?;
    check_hashes(pieces, geometry)?;
    let words = |dict: &Dict<'_>, key: &str| {
        let value = preferred(dict, key)?.as_bytes()?;
        Some(text::printable(value, MAX_TEXT_BYTES))
    };
    Ok(Metainfo {
        info_hash,
        original_name: (name.as_bytes() != raw_name)
            .then(|| text::escaped_to(raw_name, MAX_TEXT_BYTES)),
        raw_name: content(found_name, info_at),
        raw_pieces: content(pieces, info_at),
        info: info_value.raw().to_vec(),
        name,
        geometry,
        layout,
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
        hybrid,
        canonical: document.canonical(),
    })
}

/// Where the bytes of a string are in the info dictionary.
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

fn check_hashes(pieces: Value<'_>, geometry: Geometry) -> Result<(), MetainfoError> {
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
