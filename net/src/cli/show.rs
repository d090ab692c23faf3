//! `unchoke show`: prints the content of a .torrent file.

mod json;

use std::io::{BufWriter, Write};
use unchoke_core::text::counted;

use unchoke_core::bencode::{Dict, Limits, Value, decode_prefix};
use unchoke_core::ids::PieceIndex;
use unchoke_core::metainfo::{FileEntry, FileKind, Metainfo, Naming};
use unchoke_core::text::{escaped, escaped_to};

use super::options::Show;
use super::{Failure, read_bytes};
use crate::text::{bytes, date, shown_url};

/// Keys of the file that are shown in a field of their own.
const ROOT_KEYS: [&str; 11] = [
    "announce",
    "announce-list",
    "comment",
    "comment.utf-8",
    "created by",
    "created by.utf-8",
    "creation date",
    "encoding",
    "info",
    "piece layers",
    "url-list",
];
/// The same for the info dictionary.
const INFO_KEYS: [&str; 14] = [
    "attr",
    "file tree",
    "files",
    "length",
    "meta version",
    "name",
    "name.utf-8",
    "piece length",
    "pieces",
    "private",
    "source",
    "source.utf-8",
    "symlink path",
    "sha1",
];

/// Most unknown keys that are listed.
const MAX_OTHER_KEYS: usize = 100;
/// Most bytes shown of a key or value.
const MAX_SHOWN_BYTES: usize = 80;

pub(super) fn show(options: &Show) -> Result<(), Failure> {
    let path = options.torrent.display();
    let raw = read_bytes(&options.torrent)?;
    let metainfo =
        Metainfo::parse(&raw).map_err(|error| Failure::bad_input(format!("{path}: {error}")))?;
    let others = other_keys(&raw);
    drop(raw);
    // Print while formatting: there may be two million hashes.
    let mut out = BufWriter::new(std::io::stdout().lock());
    let written = if options.json {
        json::write(&mut out, &metainfo, &others, options.hashes)
    } else {
        write_text(&mut out, &metainfo, &others, options.hashes)
    };
    match written.and_then(|()| out.flush()) {
        // A reader that closes early, such as `head`, is not an error.
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Failure::io(format!("cannot print: {error}")))
        }
        _ => Ok(()),
    }
}

/// Keys without a field of their own, with the kind of their value.
fn other_keys(raw: &[u8]) -> Vec<String> {
    let Ok(document) = decode_prefix(raw, Limits::TORRENT_FILE) else {
        return Vec::new();
    };
    let mut others = Vec::new();
    let mut more = 0_u64;
    let mut gather = |value: Option<Value<'_>>, known: &[&str], place: &str| {
        for (key, value) in value
            .and_then(|it| it.as_dict())
            .iter()
            .flat_map(Dict::iter)
        {
            if known.iter().any(|it| it.as_bytes() == key) {
                continue;
            }
            if others.len() == MAX_OTHER_KEYS {
                more += 1;
                continue;
            }
            let key = escaped_to(key, MAX_SHOWN_BYTES);
            others.push(format!("{place}{key}: {}", describe(&value)));
        }
    };
    let root = document.root();
    gather(Some(root), &ROOT_KEYS, "");
    let info = root.as_dict().and_then(|it| it.get(b"info"));
    gather(info, &INFO_KEYS, "info/");
    if more > 0 {
        others.push(counted(more, "more key").to_string());
    }
    others
}

fn describe(value: &Value<'_>) -> String {
    if let Some(number) = value.as_int() {
        number.to_string()
    } else if let Some(text) = value.as_bytes() {
        if text.len() <= MAX_SHOWN_BYTES {
            format!("\"{}\"", escaped(text))
        } else {
            counted(text.len() as u64, "byte").to_string()
        }
    } else if let Some(list) = value.as_list() {
        format!("list of {}", list.count())
    } else {
        format!("dictionary, {}", counted(value.raw().len() as u64, "byte"))
    }
}

fn notes(it: &Metainfo, index: usize, file: &FileEntry) -> String {
    let mut notes = Vec::new();
    match file.kind {
        FileKind::Regular => (),
        FileKind::Padding => notes.push("padding, not saved".to_owned()),
        FileKind::Symlink => notes.push(match leads_to(it, index) {
            Some(path) => format!("symbolic link to {path}"),
            None => "symbolic link to nothing in the torrent, not made".to_owned(),
        }),
    }
    if file.executable {
        notes.push("executable".to_owned());
    }
    if let Some(original) = it.original_path(index) {
        notes.push(format!("unsafe in the file: {original}"));
    }
    if let Some(folded) = folded(it, index) {
        notes.push(format!("{folded} where case does not count"));
    }
    if notes.is_empty() {
        String::new()
    } else {
        format!("  [{}]", notes.join("; "))
    }
}

/// What a symbolic link contains, if it is made.
fn leads_to(it: &Metainfo, index: usize) -> Option<String> {
    let link = it.layout.link(index)?;
    Some(it.layout.link_path(link, Naming::Exact))
}

/// The path on file systems that ignore case, if it differs there.
fn folded(it: &Metainfo, index: usize) -> Option<String> {
    let folded = it.layout.path(index, Naming::Folded);
    (folded != it.layout.path(index, Naming::Exact)).then_some(folded)
}

fn write_text(
    out: &mut impl Write,
    it: &Metainfo,
    others: &[String],
    with_hashes: bool,
) -> std::io::Result<()> {
    let fields = [what(it), origin(it), sources(it)];
    for (name, text) in fields.into_iter().flatten() {
        writeln!(out, "{name:<14}{text}")?;
    }
    for other in others {
        writeln!(out, "{:<14}{other}", "also has")?;
    }
    writeln!(out, "files ({})", it.own_files().count())?;
    for (number, index) in (1..).zip(it.own_files()) {
        let file = &it.layout.files()[index];
        let path = it.layout.path(index, Naming::Exact);
        let notes = notes(it, index, file);
        writeln!(out, "{:>6}{:>14}  {path}{notes}", number, file.length)?;
    }
    if with_hashes {
        writeln!(out, "hashes")?;
        for (index, hash) in it.hashes().iter().enumerate() {
            writeln!(out, "{index:>14}  {}", hex::encode(hash))?;
        }
        for (index, hash) in it.version_2.iter().flat_map(|it| it.hashes()).enumerate() {
            writeln!(out, "{index:>14}  {}  (version 2)", hex::encode(hash))?;
        }
    }
    Ok(())
}

type Fields = Vec<(&'static str, String)>;

/// The fields that describe the torrent.
fn what(it: &Metainfo) -> Fields {
    let geometry = &it.geometry;
    let (total, piece) = (geometry.total_bytes(), geometry.piece_bytes());
    let last = PieceIndex(geometry.piece_count() - 1);
    let original = it.original_name.as_ref();
    let mut fields = vec![("name", it.name.clone())];
    fields.extend(original.map(|name| ("", format!("[unsafe in the file: {name}]"))));
    fields.extend([("info-hash", it.info_hash.to_string())]);
    if let Some(trees) = &it.version_2 {
        fields.push(("", format!("version 2: {}", trees.info_hash)));
    }
    fields.extend([
        (
            "size",
            format!("{} ({})", counted(total, "byte"), bytes(total)),
        ),
        (
            "pieces",
            format!(
                "{} of {} ({}), the last of {}",
                geometry.piece_count(),
                counted(piece.into(), "byte"),
                bytes(u64::from(piece)),
                counted(geometry.piece_len(last).into(), "byte")
            ),
        ),
        (
            "version",
            match &it.version_2 {
                None => "1".to_owned(),
                Some(_) if it.is_hybrid() => "1 and 2 (hybrid)".to_owned(),
                Some(_) => "2".to_owned(),
            },
        ),
    ]);
    fields
}

/// The fields about its creation.
fn origin(it: &Metainfo) -> Fields {
    let private = if it.private {
        "yes: peers from trackers only"
    } else {
        "no"
    };
    let created = it.creation_date.map(|s| {
        date(s).unwrap_or_else(|| format!("{s} s after 1970, which is not a plausible date"))
    });
    let disorder = "keys are unsorted or occur twice: some clients refuse this file";
    let optional = [
        ("source", it.source.clone()),
        ("comment", it.comment.clone()),
        ("created by", it.created_by.clone()),
        ("created", created),
        ("note", (!it.canonical).then(|| disorder.to_owned())),
    ];
    let known = optional
        .into_iter()
        .filter_map(|(name, text)| Some((name, text?)));
    std::iter::once(("private", private.to_owned()))
        .chain(known)
        .collect()
}

/// The fields with its sources of data and peers.
fn sources(it: &Metainfo) -> Fields {
    let mut fields = Fields::new();
    for (tier, urls) in (1..).zip(&it.trackers) {
        for url in urls {
            fields.push(("tracker", format!("tier {tier}: {}", shown_url(url))));
        }
    }
    let seeds = it.web_seeds.iter();
    fields.extend(seeds.map(|url| ("web seed", shown_url(url))));
    fields
}
