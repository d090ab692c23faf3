//! The output of `unchoke show --json`.

use std::io::Write;

use serde::{Serialize, Serializer};
use unchoke_core::metainfo::{FileKind, Metainfo, Naming};

use super::{folded, leads_to};
use crate::text::{date, shown_url};

#[derive(Serialize)]
struct Torrent<'a> {
    name: &'a str,
    unsafe_original_name: Option<&'a str>,
    info_hash: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    info_hash_version_2: Option<String>,
    total_bytes: u64,
    piece_bytes: u32,
    pieces: u32,
    hybrid: bool,
    private: bool,
    canonical: bool,
    source: Option<&'a str>,
    comment: Option<&'a str>,
    created_by: Option<&'a str>,
    creation_date: Option<i64>,
    creation_date_utc: Option<String>,
    trackers: Vec<Vec<String>>,
    web_seeds: Vec<String>,
    other_keys: &'a [String],
    files: Files<'a>,
    hashes: Option<Hashes<'a, 20>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hashes_version_2: Option<Hashes<'a, 32>>,
}

#[derive(Serialize)]
struct File {
    number: usize,
    path: String,
    path_where_case_does_not_count: Option<String>,
    unsafe_original: Option<String>,
    length: u64,
    kind: &'static str,
    executable: bool,
    leads_to: Option<String>,
}

pub(super) fn write(
    out: &mut impl Write,
    it: &Metainfo,
    other_keys: &[String],
    with_hashes: bool,
) -> std::io::Result<()> {
    let tier = |tier: &Vec<String>| tier.iter().map(|url| shown_url(url)).collect();
    let torrent = Torrent {
        name: &it.name,
        unsafe_original_name: it.original_name.as_deref(),
        info_hash: it.info_hash.to_string(),
        info_hash_version_2: it.version_2.as_ref().map(|it| it.info_hash.to_string()),
        total_bytes: it.geometry.total_bytes(),
        piece_bytes: it.geometry.piece_bytes(),
        pieces: it.geometry.piece_count(),
        hybrid: it.is_hybrid(),
        private: it.private,
        canonical: it.canonical,
        source: it.source.as_deref(),
        comment: it.comment.as_deref(),
        created_by: it.created_by.as_deref(),
        creation_date: it.creation_date,
        creation_date_utc: it.creation_date.and_then(date),
        trackers: it.trackers.iter().map(tier).collect(),
        web_seeds: it.web_seeds.iter().map(|url| shown_url(url)).collect(),
        other_keys,
        files: Files(it),
        hashes: with_hashes.then(|| Hashes(it.hashes())),
        hashes_version_2: it
            .version_2
            .as_ref()
            .filter(|_| with_hashes)
            .map(|it| Hashes(it.hashes())),
    };
    serde_json::to_writer_pretty(&mut *out, &torrent)?;
    writeln!(out)
}

/// The files. Each is made while printing, because there may be many.
struct Files<'a>(&'a Metainfo);

impl Serialize for Files<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let files = (1..).zip(self.0.own_files());
        let files = files.map(|(number, index)| (number, index, &self.0.layout.files()[index]));
        serializer.collect_seq(files.map(|(number, index, file)| File {
            number,
            path: self.0.layout.path(index, Naming::Exact),
            path_where_case_does_not_count: folded(self.0, index),
            unsafe_original: self.0.original_path(index),
            length: file.length,
            kind: match file.kind {
                FileKind::Regular => "regular",
                FileKind::Padding => "padding",
                FileKind::Symlink => "symlink",
            },
            executable: file.executable,
            leads_to: leads_to(self.0, index),
        }))
    }
}

/// The hashes in hex. Each is made while printing, because there may be two million.
struct Hashes<'a, const BYTES: usize>(&'a [[u8; BYTES]]);

impl<const BYTES: usize> Serialize for Hashes<'_, BYTES> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(hex::encode))
    }
}
