//! `unchoke create`.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use unchoke_core::text::counted;

use unchoke_core::geometry::Geometry;
use unchoke_core::ids::PieceIndex;
use unchoke_core::metainfo::{
    Builder, Format, Metainfo, Naming, NewFile, PieceDigests, choose_piece_bytes,
};

use super::options::Create;
use super::signals::Signals;
use super::{Failure, block_on, screen, spare, whole};
use crate::disk::{PieceHash, hash_rest};
use crate::storage::{FileEntry, Storage, Use};
use crate::text::bytes;

/// Most levels of nested folders that are read.
const MAX_DEPTH: usize = 90;
/// Time between two progress messages on a terminal.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(500);

/// Makes a .torrent file. Errors that can be known early are reported before hashing. The file
/// appears only when it is complete.
pub(super) fn create(options: &Create) -> Result<(), Failure> {
    spare(&options.out, "--out")?;
    whole::check_folder(&options.out).map_err(|error| cannot_write(options, &error))?;
    let source = Source::find(&options.path)?;
    let builder = builder(options, &source)?;
    let geometry = builder.check().map_err(Failure::bad_input)?;
    let work = Arc::new(Work::default());
    let hashes = block_on_hashing(&work, &geometry, &source, &builder)?;
    source.refuse_changes()?;
    let torrent = builder
        .encode_digests(&hashes)
        .map_err(Failure::bad_input)?;
    let metainfo = Metainfo::parse(&torrent)
        .map_err(|error| Failure::failed(format!("the new torrent is not usable: {error}")))?;
    whole::write_new(&options.out, &torrent).map_err(|error| cannot_write(options, &error))?;
    if !source.single && !metainfo.layout.multi_file() {
        warn!(
            "unchoke: version 2 has no folder around a single file: the torrent is the file {} alone; seed it \
             with --data {}",
            metainfo.layout.path(0, Naming::Exact),
            options.path.display()
        );
    }
    let second = metainfo.version_2.as_ref();
    let second = second.map(|it| format!("info-hash of version 2 {}, ", it.info_hash));
    say!(
        "{}: {} in {} of {}, {}info-hash {}",
        options.out.display(),
        bytes(geometry.total_bytes()),
        counted(geometry.piece_count().into(), "piece"),
        bytes(u64::from(geometry.piece_bytes())),
        second.unwrap_or_default(),
        metainfo.info_hash
    );
    Ok(())
}

/// A file, as found before hashing.
struct Found {
    path: Vec<String>,
    length: u64,
    modified: Option<SystemTime>,
}

/// The file or folder to share.
struct Source {
    /// The folder that contains it.
    parent: PathBuf,
    name: String,
    single: bool,
    files: Vec<Found>,
}

impl Source {
    fn find(path: &Path) -> Result<Self, Failure> {
        let real = fs::canonicalize(path).map_err(|error| unreadable(path, &error))?;
        let (Some(parent), Some(name)) = (real.parent(), real.file_name()) else {
            return Err(Failure::bad_input(
                "the root folder cannot be shared as it has no name",
            ));
        };
        let name = text_of(name, &real)?;
        let single = !real.is_dir();
        let mut files = Vec::new();
        if single {
            files.push(found(&real, vec![name.clone()])?);
        } else {
            collect(&real, &mut Vec::new(), &mut files)?;
        }
        Ok(Self {
            parent: parent.to_path_buf(),
            name,
            single,
            files,
        })
    }

    /// The path of a file, relative to the parent folder.
    fn below(&self, file: &Found) -> PathBuf {
        let folder = (!self.single).then_some(&self.name);
        folder.into_iter().chain(&file.path).collect()
    }

    /// The files in the order in which `builder` lays them out. `builder` was made from them.
    fn entries(&self, builder: &Builder) -> Vec<FileEntry> {
        let parts = builder.parts().into_iter();
        let entries = parts.map(|part| FileEntry {
            path: part
                .file
                .map(|it| self.below(&self.files[it]))
                .unwrap_or_default(),
            length: part.length,
            pad: part.file.is_none(),
            wanted: Use::Whole,
            executable: false,
        });
        entries.collect()
    }

    /// Fails if a file was changed during hashing: the torrent would match neither the old nor the
    /// new content.
    fn refuse_changes(&self) -> Result<(), Failure> {
        for file in &self.files {
            let path = self.parent.join(self.below(file));
            let now = found(&path, Vec::new())?;
            if (now.length, now.modified) != (file.length, file.modified) {
                return Err(Failure::failed(format!(
                    "{} changed while it was hashed; try again when it is complete",
                    path.display()
                )));
            }
        }
        Ok(())
    }
}

fn cannot_write(options: &Create, error: &std::io::Error) -> Failure {
    Failure::io(format!("cannot write {}: {error}", options.out.display()))
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

fn found(path: &Path, below: Vec<String>) -> Result<Found, Failure> {
    let found = fs::metadata(path).map_err(|error| unreadable(path, &error))?;
    if !found.is_file() {
        return Err(Failure::bad_input(format!(
            "{} is neither a file nor a folder",
            path.display()
        )));
    }
    Ok(Found {
        path: below,
        length: found.len(),
        modified: found.modified().ok(),
    })
}

/// Collects every regular file below `folder`, folder by folder, in the order of names, as in a
/// file tree. Links are left out with a warning.
fn collect(folder: &Path, below: &mut Vec<String>, files: &mut Vec<Found>) -> Result<(), Failure> {
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
            collect(&path, below, files)?;
        } else if kind.is_file() {
            files.push(found(&path, below.clone())?);
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

fn builder(options: &Create, source: &Source) -> Result<Builder, Failure> {
    let lengths = source.files.iter().map(|it| it.length);
    let total = lengths.fold(0, u64::saturating_add);
    let piece_bytes = match options.piece_size {
        None => choose_piece_bytes(total),
        Some(size) => u32::try_from(size)
            .map_err(|_| Failure::bad_input(format!("a piece of {size} bytes is too large")))?,
    };
    let files = source.files.iter().map(|file| NewFile {
        path: file.path.clone(),
        length: file.length,
    });
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH);
    Ok(Builder {
        format: options.format(),
        name: source.name.clone(),
        files: (!source.single).then(|| files.collect()),
        length: total,
        piece_bytes,
        trackers: options.trackers.iter().map(|it| vec![it.clone()]).collect(),
        web_seeds: options.web_seeds.clone(),
        private: options.private,
        comment: options.comment.clone(),
        created_by: Some(concat!("Unchoke ", env!("CARGO_PKG_VERSION")).into()),
        creation_date: since_1970
            .ok()
            .and_then(|it| i64::try_from(it.as_secs()).ok()),
        ..Builder::default()
    })
}

/// The running hashing.
#[derive(Default)]
struct Work {
    done: AtomicU32,
    stopped: AtomicBool,
}

/// Hashes on a separate thread, and stops early at a signal.
fn block_on_hashing(
    work: &Arc<Work>,
    geometry: &Geometry,
    source: &Source,
    builder: &Builder,
) -> Result<PieceDigests, Failure> {
    let entries = source.entries(builder);
    let storage = Storage::open(&source.parent, entries).map_err(Failure::io)?;
    let mut hashes = PieceDigests::default();
    let task = Hashing {
        storage,
        geometry: geometry.clone(),
        format: builder.format,
        heights: builder.heights(),
    };
    block_on(async {
        let signals = Signals::listen()?;
        let at_work = Arc::clone(work);
        let mut hashing = tokio::task::spawn_blocking(move || task.run(&at_work));
        let bar = screen::bar(&source.name);
        let all = u64::from(geometry.piece_count());
        bar.set_length(all);
        let end = loop {
            tokio::select! {
                end = &mut hashing => break end,
                () = signals.clone().stop() => {
                    work.stopped.store(true, Ordering::Relaxed);
                    break (&mut hashing).await;
                }
                () = tokio::time::sleep(PROGRESS_INTERVAL) => {
                    let done = work.done.load(Ordering::Relaxed);
                    bar.set_position(done.into());
                    bar.set_message(format!("hashing: {done} of {}", counted(all, "piece")));
                }
            }
        };
        drop(bar);
        if let Some(status) = signals.status() {
            return Err(Failure::silent(status));
        }
        let end = end.map_err(|error| Failure::io(format!("cannot hash: {error}")))?;
        hashes = end?;
        Ok(())
    })?;
    Ok(hashes)
}

/// What to hash, and how.
struct Hashing {
    storage: Storage,
    geometry: Geometry,
    format: Format,
    /// Height of the tree over each piece. Version 2.
    heights: Vec<u32>,
}

impl Hashing {
    fn run(&self, work: &Work) -> Result<PieceDigests, Failure> {
        let mut scratch = vec![0; 1 << 18];
        let mut digests = PieceDigests::default();
        for piece in (0..self.geometry.piece_count()).map(PieceIndex) {
            if work.stopped.load(Ordering::Relaxed) {
                break;
            }
            let (first, second) = match self.format {
                Format::Version1 => (true, false),
                Format::Version2 => (false, true),
                Format::Hybrid => (true, true),
            };
            let mut hash = PieceHash::new(first, second);
            let (storage, geometry) = (&self.storage, &self.geometry);
            hash_rest(storage, geometry, piece, 0, &mut hash, &mut scratch).map_err(Failure::io)?;
            let (first, tree) = hash.finish(geometry, piece);
            digests.version_1.extend(first);
            let root = tree.map(|it| it.root(0, self.heights[piece.0 as usize]));
            digests.version_2.extend(root);
            work.done.fetch_add(1, Ordering::Relaxed);
        }
        Ok(digests)
    }
}
