//! `unchoke show`: everything that a .torrent file says.

use serde_json::json;
use unchoke_core::bencode::{Limits, Value, decode_prefix};
use unchoke_core::ids::PieceIndex;
use unchoke_core::metainfo::{FileEntry, FileKind, Metainfo};
use unchoke_core::text::escaped;

use super::options::Show;
use super::{Failure, read_bytes};
use crate::text::{bytes, to_hex};

/// Keys of the file that are shown by name, or by what they mean.
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

pub(super) fn show(options: &Show) -> Result<(), Failure> {
    let path = options.torrent.display();
    let raw = read_bytes(&options.torrent)?;
    let metainfo =
        Metainfo::parse(&raw).map_err(|error| Failure::bad_input(format!("{path}: {error}")))?;
    let others = other_keys(&raw);
    let text = if options.json {
        format!("{:#}\n", as_json(&metainfo, &others, options.brief))
    } else {
        as_text(&metainfo, &others, options.brief)
    };
    // A reader that has seen enough, such as `head`, is no failure.
    drop(std::io::Write::write_all(
        &mut std::io::stdout().lock(),
        text.as_bytes(),
    ));
    Ok(())
}

/// Keys that are not shown otherwise, with what they hold.
fn other_keys(raw: &[u8]) -> Vec<String> {
    let Ok(document) = decode_prefix(raw, Limits::TORRENT_FILE) else {
        return Vec::new();
    };
    let mut others = Vec::new();
    let mut gather = |value: Option<Value<'_>>, known: &[&str], place: &str| {
        let Some(dict) = value.and_then(|it| it.as_dict()) else {
            return;
        };
        for (key, value) in dict.iter() {
            if !known.iter().any(|it| it.as_bytes() == key) {
                others.push(format!("{place}{}: {}", escaped(key), describe(&value)));
            }
        }
    };
    let root = document.root();
    gather(Some(root), &ROOT_KEYS, "");
    let info = root.as_dict().and_then(|it| it.get(b"info"));
    gather(info, &INFO_KEYS, "info/");
    others
}

fn describe(value: &Value<'_>) -> String {
    const SHOWN: usize = 80;
    if let Some(number) = value.as_int() {
        number.to_string()
    } else if let Some(text) = value.as_bytes() {
        if text.len() <= SHOWN {
            format!("\"{}\"", escaped(text))
        } else {
            format!("{} bytes", text.len())
        }
    } else if let Some(list) = value.as_list() {
        format!("list of {}", list.count())
    } else {
        format!("dictionary, {} bytes", value.raw().len())
    }
}

fn notes(file: &FileEntry) -> String {
    let mut notes = Vec::new();
    match file.kind {
        FileKind::Regular => (),
        FileKind::Padding => notes.push("padding, not saved".to_owned()),
        FileKind::Symlink => notes.push("symbolic link, not made".to_owned()),
    }
    if file.executable {
        notes.push("executable".to_owned());
    }
    if let Some(original) = &file.original {
        notes.push(format!("unsafe in the file: {original}"));
    }
    if notes.is_empty() {
        String::new()
    } else {
        format!("  [{}]", notes.join("; "))
    }
}

fn as_text(it: &Metainfo, others: &[String], brief: bool) -> String {
    let mut lines = Vec::new();
    let fields = [what(it), origin(it), sources(it)];
    for (name, text) in fields.into_iter().flatten() {
        lines.push(format!("{name:<14}{text}"));
    }
    lines.extend(
        others
            .iter()
            .map(|other| format!("{:<14}{other}", "also has")),
    );
    lines.push(format!("files ({})", it.layout.files().len()));
    for file in it.layout.files() {
        lines.push(format!("{:>14}  {}{}", file.length, file.path, notes(file)));
    }
    if !brief {
        lines.push("hashes".to_owned());
        for (index, hash) in it.hashes.iter().enumerate() {
            lines.push(format!("{index:>14}  {}", to_hex(hash)));
        }
    }
    lines.join("\n") + "\n"
}

type Fields = Vec<(&'static str, String)>;

/// What the torrent is.
fn what(it: &Metainfo) -> Fields {
    let geometry = it.geometry;
    let (total, piece) = (geometry.total_bytes(), geometry.piece_bytes());
    let last = PieceIndex(geometry.piece_count() - 1);
    let original = it.original_name.as_ref();
    let mut fields = vec![("name", it.name.clone())];
    fields.extend(original.map(|name| ("", format!("[unsafe in the file: {name}]"))));
    fields.extend([
        ("info-hash", it.info_hash.to_string()),
        ("size", format!("{total} bytes ({})", bytes(total))),
        (
            "pieces",
            format!(
                "{} of {piece} bytes ({}), the last of {} bytes",
                geometry.piece_count(),
                bytes(u64::from(piece)),
                geometry.piece_len(last)
            ),
        ),
        (
            "version",
            if it.hybrid {
                "1 and 2 (hybrid); version 1 is used".to_owned()
            } else {
                "1".to_owned()
            },
        ),
    ]);
    fields
}

/// Where it comes from.
fn origin(it: &Metainfo) -> Fields {
    let private = if it.private {
        "yes: peers from trackers only"
    } else {
        "no"
    };
    let created = it.creation_date.map(|s| format!("{s} s after 1970"));
    let disorder = "keys are out of order or double: some clients refuse this file";
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

/// Where its data and its peers are found.
fn sources(it: &Metainfo) -> Fields {
    let mut fields = Fields::new();
    for (tier, urls) in (1..).zip(&it.trackers) {
        for url in urls {
            let shown = escaped(url.as_bytes());
            fields.push(("tracker", format!("tier {tier}: {shown}")));
        }
    }
    let seeds = it.web_seeds.iter();
    fields.extend(seeds.map(|url| ("web seed", escaped(url.as_bytes()))));
    fields
}

fn as_json(it: &Metainfo, others: &[String], brief: bool) -> serde_json::Value {
    let files = it.layout.files().iter().map(|file| {
        json!({
            "path": file.path,
            "unsafe_original": file.original,
            "length": file.length,
            "kind": match file.kind {
                FileKind::Regular => "regular",
                FileKind::Padding => "padding",
                FileKind::Symlink => "symlink",
            },
            "executable": file.executable,
        })
    });
    let hashes: Option<Vec<String>> =
        (!brief).then(|| it.hashes.iter().map(|h| to_hex(h)).collect());
    json!({
        "name": it.name,
        "unsafe_original_name": it.original_name,
        "info_hash": it.info_hash.to_string(),
        "total_bytes": it.geometry.total_bytes(),
        "piece_bytes": it.geometry.piece_bytes(),
        "pieces": it.geometry.piece_count(),
        "hybrid": it.hybrid,
        "private": it.private,
        "canonical": it.canonical,
        "source": it.source,
        "comment": it.comment,
        "created_by": it.created_by,
        "creation_date": it.creation_date,
        "trackers": it.trackers,
        "web_seeds": it.web_seeds,
        "other_keys": others,
        "files": files.collect::<Vec<_>>(),
        "hashes": hashes,
    })
}
