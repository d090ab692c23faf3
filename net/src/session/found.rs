//! The files on disk when a session starts: which pieces are good, and which files are ours.

use std::sync::Arc;
use std::time::Duration;
use unchoke_core::text::counted;

use tokio::sync::mpsc::UnboundedSender;
use unchoke_core::bitfield::Bitfield;

use super::check::{Check, check, file_entries, links};
use super::{Goal, Notice, SessionError, Settings, finished};
use crate::resume::{Loaded, Resume};
use crate::storage::{Storage, StorageError};

/// Time between two progress notices of a check.
const CHECK_NOTICE: Duration = Duration::from_millis(250);

/// Which pieces must be hashed, and which need not be.
struct Plan {
    good: Bitfield,
    doubtful: Bitfield,
    /// For each file, whether we wrote it.
    ours: Vec<bool>,
}

/// Opens the files and finds the verified pieces. For a download it also checks that writing can
/// start: no file of the user is in the way, and resume data is kept from now on.
pub(super) async fn open_files(
    settings: &Settings,
    notices: &UnboundedSender<Notice>,
) -> Result<(Arc<Storage>, Resume, Bitfield), SessionError> {
    let files = file_entries(&settings.metainfo, &settings.folder, &settings.choice);
    let seeding = settings.goal == Goal::Seed;
    let storage = if seeding {
        Storage::open(&settings.folder, files)?
    } else {
        Storage::create_with(&settings.folder, files, &settings.keeping)?
    };
    let storage = Arc::new(storage);
    let metainfo = &settings.metainfo;
    let resume = Resume::new(
        storage.root(),
        metainfo.info_hash,
        metainfo.geometry.clone(),
    );
    if !seeding {
        refuse_longer(settings, &storage)?;
        follow(settings, &resume, &storage)?;
        // Fail before the check: if the folder is not writable, hashing for an hour would be
        // useless.
        reserve(&resume, &storage).inspect_err(|_| resume.free())?;
    }
    // Sending fails if the user of the notices is gone.
    let notify = |notice| drop(notices.send(notice));
    let plan = plan(settings, &storage, &resume, &notify);
    let (ours, hashed) = (plan.ours.clone(), plan.doubtful.count() > 0);
    let have = hash_doubtful(settings, &storage, plan, &notify).await?;
    let choice = &settings.choice;
    let pieces = choice.within(&Bitfield::full(metainfo.geometry.piece_count()));
    let (there, pieces) = (choice.within(&have).count(), pieces.count());
    notify(Notice::Found(there, pieces, !hashed));
    if seeding && there < pieces {
        return Err(SessionError::Incomplete {
            missing: pieces - there,
            pieces,
            folder: settings.folder.clone(),
        });
    }
    if !seeding {
        refuse_foreign(settings, &storage, &ours, &have).inspect_err(|_| resume.free())?;
        let (storage, resume, have) = (Arc::clone(&storage), resume.clone(), have.clone());
        let news = hashed || !resume.exists();
        let size = metainfo.geometry.piece_bytes();
        let links = links(metainfo, &settings.folder, &settings.choice);
        let prepared = tokio::task::spawn_blocking(move || {
            let mut told = prepare(&storage, &resume, &have, size, news)?;
            told.extend(storage.link_all(&links));
            Ok::<_, StorageError>(told)
        });
        let told = prepared.await.map_err(|error| SessionError::Io {
            action: "prepare the files",
            source: error.into(),
        })??;
        for sentence in told {
            notify(Notice::Files(sentence));
        }
    }
    Ok((storage, resume, have))
}

/// From here on, no other download of this torrent can use the folder.
fn follow(settings: &Settings, resume: &Resume, storage: &Storage) -> Result<(), SessionError> {
    resume.follow(storage).map_err(|error| {
        if error.is_locked() {
            SessionError::InUse(settings.folder.clone())
        } else {
            error.into()
        }
    })
}

fn reserve(resume: &Resume, storage: &Storage) -> Result<(), StorageError> {
    let reserved = resume.reserve(storage.files().len());
    reserved.map_err(|source| StorageError::new("write to", storage.root(), source))
}

/// Makes the first writes. From here on, every file that exists is ours. Returns messages for the user.
fn prepare(
    storage: &Storage,
    resume: &Resume,
    have: &Bitfield,
    piece_bytes: u32,
    news: bool,
) -> Result<Vec<String>, StorageError> {
    for file in storage.longer() {
        storage.cut(file)?;
    }
    storage.create_empty()?;
    let incomplete = finished::files(storage, have, piece_bytes, false);
    storage.allocate(incomplete.into_iter())?;
    let mut told = Vec::new();
    // An earlier run may have been killed before it renamed them.
    for file in finished::files(storage, have, piece_bytes, true) {
        if let Err(error) = storage.complete(file)? {
            let path = storage.path(file);
            told.push(format!(
                "{} keeps this name: it cannot be renamed ({error})",
                path.display()
            ));
        }
    }
    if !news {
        return Ok(told);
    }
    storage.sync_all_present()?;
    let saved = resume.save(storage, have);
    saved.map_err(|source| StorageError::new("write to", storage.root(), source))?;
    reserve(resume, storage)?;
    Ok(told)
}

fn plan(settings: &Settings, storage: &Storage, resume: &Resume, notify: &impl Fn(Notice)) -> Plan {
    let count = settings.metainfo.geometry.piece_count();
    let (nothing, everything) = (Bitfield::empty(count), Bitfield::full(count));
    let all_doubtful = |ours| Plan {
        good: nothing.clone(),
        doubtful: everything,
        ours,
    };
    let plan = match resume.load(storage) {
        Loaded::Nothing(ours) => all_doubtful(ours),
        Loaded::Useless(why, ours) => {
            let sentence = format!("{why}: it is not used, every piece is checked");
            notify(Notice::Files(sentence));
            all_doubtful(ours)
        }
        Loaded::Known(known) if settings.recheck => all_doubtful(known.ours),
        Loaded::Known(known) => {
            if known.changed_files > 0 {
                notify(Notice::Files(format!(
                    "changed since the last run: {}; {} of {} checked",
                    counted(known.changed_files as u64, "file"),
                    known.doubtful.count(),
                    counted(count.into(), "piece").are()
                )));
            }
            Plan {
                good: known.good,
                doubtful: known.doubtful,
                ours: known.ours,
            }
        }
    };
    if storage.anything_there() {
        return plan;
    }
    Plan {
        doubtful: nothing,
        ..plan
    }
}

async fn hash_doubtful(
    settings: &Settings,
    storage: &Arc<Storage>,
    plan: Plan,
    notify: &impl Fn(Notice),
) -> Result<Bitfield, SessionError> {
    let pieces = plan.doubtful.count();
    if pieces == 0 {
        return Ok(plan.good);
    }
    let watch = StopOnDrop(Check::default());
    let (progress, storage) = (watch.0.clone(), Arc::clone(storage));
    let metainfo = Arc::clone(&settings.metainfo);
    let mut hashing = tokio::task::spawn_blocking(move || {
        check(&storage, &metainfo, plan.good, plan.doubtful, &progress)
    });
    loop {
        tokio::select! {
            hashed = &mut hashing => return hashed.map_err(|error| SessionError::Io {
                action: "check the files",
                source: error.into(),
            }),
            () = tokio::time::sleep(CHECK_NOTICE) => notify(Notice::Checking(watch.0.done(), pieces)),
        }
    }
}

/// Stops the check when its caller is dropped.
struct StopOnDrop(Check);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.stop();
    }
}

/// Fails before the check if a file is longer than in the torrent: the rest must be data of the
/// user.
fn refuse_longer(settings: &Settings, storage: &Storage) -> Result<(), SessionError> {
    let longer = storage.longer();
    let Some(first) = longer.first().filter(|_| !settings.overwrite) else {
        return Ok(());
    };
    let found = storage.stamp(*first).map_or(0, |it| it.length);
    let expected = storage.files()[*first].length;
    Err(SessionError::InTheWay(format!(
        "{} has {}, the torrent says {expected}",
        named(storage, &longer),
        counted(found, "byte")
    )))
}

/// Fails if a file has no good piece and was not written by us: it is another file of the user.
fn refuse_foreign(
    settings: &Settings,
    storage: &Storage,
    ours: &[bool],
    have: &Bitfield,
) -> Result<(), SessionError> {
    if settings.overwrite {
        return Ok(());
    }
    let foreign = storage.foreign(ours, have, &settings.metainfo.geometry)?;
    if foreign.is_empty() {
        return Ok(());
    }
    Err(SessionError::InTheWay(format!(
        "{} is there already and is not of this torrent: no piece of it is right, and no earlier run \
         wrote it",
        named(storage, &foreign)
    )))
}

/// The first file, and the number of further files.
fn named(storage: &Storage, files: &[usize]) -> String {
    let first = storage.path(files[0]);
    match files.len() as u64 - 1 {
        0 => first.display().to_string(),
        more => format!(
            "{} (as well as {})",
            first.display(),
            counted(more, "more file")
        ),
    }
}
