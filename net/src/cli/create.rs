//! `unchoke create`.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use sha1::{Digest as _, Sha1};
use unchoke_core::ids::PieceIndex;
use unchoke_core::metainfo::{Builder, Metainfo, NewFile, choose_piece_bytes};

use super::options::Create;
use super::{Failure, spare};
use crate::disk::hash_rest;
use crate::storage::{FileEntry, Storage};
use crate::text::bytes;

/// Folders inside each other that are looked into.
const MAX_DEPTH: usize = 90;

/// Makes a .torrent file.
pub(super) fn create(options: &Create) -> Result<(), Failure> {
    spare(&options.out, "--out")?;
    let path =
        fs::canonicalize(&options.path).map_err(|error| unreadable(&options.path, &error))?;
    let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(Failure::bad_input(
            "the root folder cannot be shared as it has no name",
        ));
    };
    let name = text_of(name, &path)?;
    let single = path.is_file();
    let mut found = Vec::new();
    if single {
        let length = length_of(&path)?;
        found.push((vec![name.clone()], length));
    } else {
        collect(&path, &mut Vec::new(), &mut found)?;
    }
    let total = found.iter().map(|it| it.1).sum();
    let builder = builder(options, name.clone(), single, &found, total)?;
    let files = found.into_iter().map(|(path, length)| {
        let below: PathBuf = path.iter().collect();
        FileEntry {
            path: if single {
                below
            } else {
                Path::new(&name).join(below)
            },
            length,
            pad: false,
        }
    });
    let torrent = hash_and_encode(&builder, parent, files.collect())?;
    let metainfo = Metainfo::parse(&torrent)
        .map_err(|error| Failure::failed(format!("the new torrent is not usable: {error}")))?;
    write_new(&options.out, &torrent)?;
    say!(
        "{}: {} in {} pieces of {}, info-hash {}",
        options.out.display(),
        bytes(metainfo.geometry.total_bytes()),
        metainfo.geometry.piece_count(),
        bytes(u64::from(metainfo.geometry.piece_bytes())),
        metainfo.info_hash
    );
    Ok(())
}

fn unreadable(path: &Path, error: &std::io::Error) -> Failure {
    Failure::bad_input(format!("cannot read {}: {error}", path.display()))
}

fn text_of(name: &std::ffi::OsStr, path: &Path) -> Result<String, Failure> {
    let text = name.to_str().map(str::to_owned);
    text.ok_or_else(|| {
        Failure::bad_input(format!(
            "the name of {} is not UTF-8; rename it",
            path.display()
        ))
    })
}

fn length_of(path: &Path) -> Result<u64, Failure> {
    let found = fs::metadata(path).map_err(|error| unreadable(path, &error))?;
    Ok(found.len())
}

type Found = Vec<(Vec<String>, u64)>;

/// Every regular file below `folder`, in the order of names. Links are left out, with a word.
fn collect(folder: &Path, below: &mut Vec<String>, found: &mut Found) -> Result<(), Failure> {
    if below.len() > MAX_DEPTH {
        return Err(Failure::bad_input(format!(
            "{} lies more than {MAX_DEPTH} folders deep",
            folder.display()
        )));
    }
    let listed = fs::read_dir(folder).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let mut entries = listed.map_err(|error| unreadable(folder, &error))?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let path = entry.path();
        let kind = entry
            .file_type()
            .map_err(|error| unreadable(&path, &error))?;
        below.push(text_of(&entry.file_name(), &path)?);
        if kind.is_dir() {
            collect(&path, below, found)?;
        } else if kind.is_file() {
            found.push((below.clone(), length_of(&path)?));
        } else {
            warn!(
                "unchoke: left out {}: it is not a regular file",
                path.display()
            );
        }
        below.pop();
    }
    Ok(())
}

fn builder(
    options: &Create,
    name: String,
    single: bool,
    found: &[(Vec<String>, u64)],
    total: u64,
) -> Result<Builder, Failure> {
    let piece_bytes = match options.piece_size {
        None => choose_piece_bytes(total),
        Some(size) => u32::try_from(size)
            .map_err(|_| Failure::bad_input(format!("a piece of {size} bytes is too large")))?,
    };
    let files = found.iter().map(|(path, length)| NewFile {
        path: path.clone(),
        length: *length,
    });
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH);
    let builder = Builder {
        name,
        files: (!single).then(|| files.collect()),
        length: total,
        piece_bytes,
        trackers: options.trackers.iter().map(|it| vec![it.clone()]).collect(),
        private: options.private,
        comment: options.comment.clone(),
        created_by: Some(concat!("Unchoke ", env!("CARGO_PKG_VERSION")).into()),
        creation_date: since_1970
            .ok()
            .and_then(|it| i64::try_from(it.as_secs()).ok()),
        ..Builder::default()
    };
    builder.geometry().map_err(Failure::bad_input)?;
    Ok(builder)
}

fn hash_and_encode(
    builder: &Builder,
    parent: &Path,
    files: Vec<FileEntry>,
) -> Result<Vec<u8>, Failure> {
    let geometry = builder.geometry().map_err(Failure::bad_input)?;
    let storage = Storage::open(parent, files).map_err(Failure::io)?;
    let mut scratch = vec![0; 1 << 18];
    let pieces = (0..geometry.piece_count()).map(PieceIndex);
    let hashes: Result<Vec<[u8; 20]>, Failure> = pieces
        .map(|piece| {
            let mut hash = Sha1::new();
            hash_rest(&storage, geometry, piece, 0, &mut hash, &mut scratch)
                .map_err(Failure::io)?;
            Ok(hash.finalize().into())
        })
        .collect();
    builder.encode(&hashes?).map_err(Failure::bad_input)
}

fn write_new(out: &Path, torrent: &[u8]) -> Result<(), Failure> {
    let written = File::create_new(out).and_then(|mut file| {
        file.write_all(torrent)?;
        file.sync_all()
    });
    written.map_err(|error| Failure::io(format!("cannot write {}: {error}", out.display())))
}
