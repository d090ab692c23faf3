//! `unchoke run`: one process for all torrents of a folder.
//!
//! The folder is the list of torrents: a torrent file put there is downloaded and seeded, and a
//! torrent whose file is removed is stopped. All other state is on disk, too: after a restart, also
//! after `kill -9`, the process finds the same list, the resume data of each torrent, and the
//! records of [`Store`].

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use clap::Args;
use tokio::task::{JoinError, JoinSet};
use tokio::time::Instant as Clock;
use unchoke_core::magnet::Magnet;
use unchoke_core::pick;

use super::choosing::Choosing;
use super::finding::Finders;
use super::keeping::Kept;
use super::manner::{DOWNLOAD_POLICY, Manner};
use super::options::{Download, Transfer};
use super::part::{Part, Taken, Turn};
use super::printer::Reporting;
use super::seeding::Enough;
use super::signals::{Signals, Stopper};
use super::store::Store;
use super::transfer::{Around, fetch, named_peers, open_entrance};
use super::web::Web;
use super::{Failure, about, block_on};
use crate::entrance::Entrance;
use crate::session::Earlier;
use crate::session::board::{Board, State};
use crate::shares::Shares;
use crate::text::clock;

/// Time between two checks of the folder.
const LOOK: Duration = Duration::from_secs(2);
/// Time until a torrent is tried again whose files another process has.
const WAIT: Duration = Duration::from_secs(20);
/// The same, after an error of a file, a folder or the system: the disk may be full, or another file
/// may have taken the place of one of the torrent. Trackers hear of each attempt.
const LONG_WAIT: Duration = Duration::from_mins(5);
/// Checks between two saves of the records.
const LOOKS_A_SAVE: u64 = 5;
/// Most connections of all torrents together, if the user does not say.
const CONNECTIONS: u16 = 500;
/// Most torrents at a time.
const MOST_TORRENTS: usize = 1000;
/// Largest file with a magnet link.
const MOST_LINK_BYTES: u64 = 16 * 1024;

/// Keep all torrents of a folder running.
#[derive(Clone, Debug, Args)]
pub(super) struct Run {
    /// Folder to watch. Each .torrent file in it, and each .magnet file with a magnet link, is
    /// downloaded and seeded while it is in the folder
    #[arg(value_name = "FOLDER")]
    watch: PathBuf,
    /// Folder to save into
    #[arg(long, default_value = "downloads", value_name = "DIR")]
    out: PathBuf,
    /// Folder for the records of torrents [default: `unchoke/run` in the XDG state folder]
    #[arg(long, value_name = "DIR")]
    state: Option<PathBuf>,
    #[command(flatten)]
    kept: Kept,
    #[command(flatten)]
    enough: Enough,
    #[command(flatten)]
    manner: Manner,
    /// Order of pieces, as for `download`
    #[arg(long, value_name = "ID")]
    picker: Option<String>,
    #[command(flatten)]
    transfer: Transfer,
    #[command(flatten)]
    reporting: Reporting,
    #[command(flatten)]
    web: Web,
}

/// Modification time and length of a file. They show whether a file of the same name is another
/// one.
type Stamp = (SystemTime, u64);

/// What all torrents share.
struct Common {
    named: Vec<SocketAddr>,
    finders: Finders,
    entrance: Entrance,
    board: Board,
    taken: Taken,
    shares: Shares,
    store: Store,
}

/// A file in the folder.
struct Entry {
    stamp: Stamp,
    /// `Some` while its torrent is running.
    stopper: Option<Stopper>,
    /// When to try it again, if it failed the last time for a reason that may pass.
    again: Option<Clock>,
    /// What the user was told about that.
    said: String,
    /// The file whose torrent has the name or the hash of this one. It is tried again after the end
    /// of that one.
    held_by: Option<String>,
}

type Ended = (PathBuf, Result<(), Failure>);

struct Runner<'a> {
    options: &'a Run,
    common: Arc<Common>,
    entries: BTreeMap<PathBuf, Entry>,
    tasks: JoinSet<Ended>,
    saved: BTreeMap<String, Earlier>,
    /// The user knows that there are too many torrents.
    is_full: bool,
}

/// Runs until a signal comes.
pub(super) fn run(options: &Run) -> Result<(), Failure> {
    let each = check(options)?;
    let state = options.state.clone().or_else(default_state);
    let state = state.ok_or_else(|| {
        Failure::bad_input("there is no home folder: say with --state where to keep state")
    })?;
    let store = Store::open(&state)?;
    block_on(async {
        let signals = Signals::listen()?;
        let transfer = &options.transfer;
        let named = signals.or_stop(named_peers(transfer, None)).await?;
        let entrance = open_entrance(transfer, CONNECTIONS)?;
        let page = options.web.start(options.reporting).await?;
        let common = Common {
            named,
            finders: Finders::new(&transfer.finding, &transfer.leaving, entrance.port()),
            entrance: entrance.clone(),
            board: page
                .as_ref()
                .map_or_else(Board::of_totals, |it| it.board.clone()),
            taken: Taken::default(),
            shares: transfer.limits.shares(Some(CONNECTIONS), Some(each)),
            store,
        };
        let runner = Runner {
            options,
            common: Arc::new(common),
            entries: BTreeMap::new(),
            tasks: JoinSet::new(),
            saved: BTreeMap::new(),
            is_full: false,
        };
        runner.run(&signals).await;
        entrance.close().await;
        Err(Failure::silent(signals.status().unwrap_or(1)))
    })
}

/// Reports problems that concern every torrent only once, before the start. Returns the most
/// connections of each torrent.
fn check(options: &Run) -> Result<u16, Failure> {
    if !options.watch.is_dir() {
        return Err(Failure::bad_input(format!(
            "{} is no folder; make it, and put .torrent files there",
            options.watch.display()
        )));
    }
    if let Some(picker) = options
        .picker
        .as_deref()
        .filter(|it| pick::build(it).is_none())
    {
        let known = pick::PICKERS.join(", ");
        return Err(Failure::bad_input(format!(
            "there is no picker '{picker}'; known are {known}"
        )));
    }
    let limits = &options.transfer.limits;
    let behaviour = options
        .manner
        .behaviour(None, limits.connections_each(), DOWNLOAD_POLICY)?;
    limits.refuse_slots(behaviour.policy())?;
    Ok(behaviour.max_connections())
}

fn default_state() -> Option<PathBuf> {
    Some(crate::dht::default_file()?.with_file_name("run"))
}

impl Runner<'_> {
    async fn run(mut self, signals: &Signals) {
        for look in 0_u64.. {
            self.look();
            if look.is_multiple_of(LOOKS_A_SAVE) {
                self.save();
            }
            let until = Clock::now() + LOOK;
            loop {
                tokio::select! {
                    () = signals.clone().stop() => return self.stop(signals).await,
                    Some(ended) = self.tasks.join_next() => self.on_ended(ended),
                    () = tokio::time::sleep_until(until) => break,
                }
            }
        }
    }

    /// Stops all torrents and saves everything.
    async fn stop(mut self, signals: &Signals) {
        let status = signals.status().unwrap_or(1);
        for stopper in self.entries.values().filter_map(|it| it.stopper.as_ref()) {
            stopper.stop(status);
        }
        while let Some(ended) = self.tasks.join_next().await {
            self.on_ended(ended);
        }
        self.save();
    }

    /// Compares the folder with the running torrents.
    fn look(&mut self) {
        let found = match found(&self.options.watch) {
            Ok(found) => found,
            Err(error) => {
                // The folder may be on a disk that comes back: do not stop running torrents.
                tracing::warn!(%error, "cannot look into {}", self.options.watch.display());
                return;
            }
        };
        let gone = |path: &PathBuf, entry: &Entry| found.get(path) != Some(&entry.stamp);
        self.entries.retain(|path, entry| match &entry.stopper {
            Some(stopper) if gone(path, entry) => {
                stopper.stop(0);
                true
            }
            Some(_) => true,
            // The torrent has ended, and its file was replaced or removed.
            None => !gone(path, entry),
        });
        for (path, stamp) in found {
            let due = match self.entries.get(&path) {
                Some(entry) => {
                    let other = entry.held_by.as_deref();
                    let free = other.is_some_and(|it| !self.common.taken.has(it));
                    let waits = entry.stopper.is_none();
                    waits && (free || entry.again.is_some_and(|it| it <= Clock::now()))
                }
                None if self.entries.len() < MOST_TORRENTS => true,
                None => {
                    self.say_full(&path);
                    false
                }
            };
            if due {
                self.begin(path, stamp);
            }
        }
    }

    /// Says once that there are more torrents than run at a time.
    fn say_full(&mut self, path: &Path) {
        if !std::mem::replace(&mut self.is_full, true) {
            let path = path.display();
            warn!(
                "{path}: {MOST_TORRENTS} torrents run already, and no more at a time; it and others wait \
                 until files are removed"
            );
        }
    }

    fn begin(&mut self, path: PathBuf, stamp: Stamp) {
        let (stopper, signals) = Signals::own();
        let (common, options) = (Arc::clone(&self.common), download(self.options));
        let earlier = self.entries.get(&path);
        let again = earlier.and_then(|it| it.again);
        let said = earlier.map_or(String::new(), |it| it.said.clone());
        let task_path = path.clone();
        self.tasks.spawn(async move {
            let waited = again.is_some();
            let done = fetch_one(&common, options, &task_path, waited, &signals).await;
            (task_path, done)
        });
        let entry = Entry {
            stamp,
            stopper: Some(stopper),
            again,
            said,
            held_by: None,
        };
        self.entries.insert(path, entry);
    }

    fn on_ended(&mut self, ended: Result<Ended, JoinError>) {
        let (path, done) = match ended {
            Ok(ended) => ended,
            Err(error) => return tracing::error!(%error, "a torrent failed"),
        };
        self.save();
        let failure = done.err();
        let wait = failure.as_ref().and_then(wait_after);
        let mut is_known = false;
        if let Some(entry) = self.entries.get_mut(&path) {
            entry.stopper = None;
            entry.again = wait.map(|it| Clock::now() + it);
            entry.held_by = failure.as_ref().and_then(|it| it.held_by.clone());
            let sentence = failure.as_ref().map(|it| it.sentence.clone());
            let sentence = sentence.unwrap_or_default();
            is_known = wait.is_some() && entry.said == sentence;
            entry.said = sentence;
        }
        let shown = path.display().to_string();
        for hash in self.common.taken.release(&shown) {
            if !path.exists() {
                self.common.board.remove(&hash);
            }
        }
        let failure = failure.filter(|it| !it.sentence.is_empty());
        let Some(failure) = failure else { return };
        let said = about(&shown, &failure.sentence);
        match (wait, failure.held_by) {
            (Some(_), _) if is_known => tracing::debug!(said, "not yet"),
            (Some(wait), _) => warn!("{said}; it is tried again every {}", clock(wait)),
            (None, Some(other)) => warn!("{said}; it is tried again when {other} has ended"),
            (None, None) => warn!("{said}; it is tried again when the file changes"),
        }
    }

    /// Saves the records of all torrents that have changed.
    fn save(&mut self) {
        for panel in self.common.board.panels() {
            let shown = panel.shown();
            let earlier = Earlier {
                uploaded: shown.status.uploaded,
                seeded: shown.status.seeded,
            };
            let known = self.saved.get(&panel.info_hash) == Some(&earlier);
            if shown.state == State::Checking || earlier == Earlier::default() || known {
                continue;
            }
            match self.common.store.save(&panel.info_hash, earlier) {
                Ok(()) => drop(self.saved.insert(panel.info_hash.clone(), earlier)),
                Err(error) => tracing::warn!(%error, "the upload totals are not saved"),
            }
        }
    }
}

/// The time until a torrent is tried again that failed in this way; `None` if that would not help.
fn wait_after(failure: &Failure) -> Option<Duration> {
    match failure.status {
        Failure::OF_SYSTEM if failure.locked => Some(WAIT),
        Failure::OF_SYSTEM => Some(LONG_WAIT),
        _ => None,
    }
}

/// Finds the torrents in the folder. Hidden files are ignored: programs may still be writing them.
fn found(folder: &Path) -> std::io::Result<BTreeMap<PathBuf, Stamp>> {
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let path = entry.path();
        let hidden = entry.file_name().as_encoded_bytes().starts_with(b".");
        if hidden || !["torrent", "magnet"].iter().any(|it| is_kind(&path, it)) {
            continue;
        }
        if let Ok(data) = std::fs::metadata(&path)
            && data.is_file()
            && let Ok(at) = data.modified()
        {
            found.insert(path, (at, data.len()));
        }
    }
    Ok(found)
}

/// Whether the file has this extension, in whatever case.
fn is_kind(path: &Path, kind: &str) -> bool {
    path.extension()
        .is_some_and(|it| it.eq_ignore_ascii_case(kind))
}

/// The options for one torrent.
fn download(options: &Run) -> Download {
    Download {
        torrents: Vec::new(),
        out: options.out.clone(),
        seed: true,
        recheck: false,
        overwrite: false,
        kept: options.kept.clone(),
        manner: options.manner.clone(),
        picker: options.picker.clone(),
        choosing: Choosing::default(),
        sequential: false,
        pieces: None,
        timeout: None,
        idle_timeout: None,
        explain: false,
        record: None,
        enough: options.enough,
        transfer: options.transfer.clone(),
        reporting: options.reporting,
        web: Web::default(),
    }
}

async fn fetch_one(
    common: &Common,
    mut options: Download,
    path: &Path,
    waited: bool,
    signals: &Signals,
) -> Result<(), Failure> {
    options.torrents = vec![named_in(path)?];
    let shown = path.display().to_string();
    let around = Around {
        named: &common.named,
        finders: &common.finders,
        entrance: Some(&common.entrance),
        signals,
        board: Some(&common.board),
        store: Some(&common.store),
    };
    let part = Part {
        taken: &common.taken,
        shown: &shown,
        turn: Turn::default(),
        waited,
        share: common.shares.join(),
    };
    fetch(&options, around, Some(part)).await
}

/// The source that a file of the folder names: the file itself, or the magnet link in it.
fn named_in(path: &Path) -> Result<PathBuf, Failure> {
    if !is_kind(path, "magnet") {
        return Ok(path.to_owned());
    }
    let long = std::fs::metadata(path).is_ok_and(|it| it.len() > MOST_LINK_BYTES);
    let text = std::fs::read_to_string(path).ok().filter(|_| !long);
    let link = text.as_deref().map(str::trim).unwrap_or_default();
    if !Magnet::is_meant(link) {
        return Err(Failure::bad_input("there is no magnet link in it"));
    }
    Ok(PathBuf::from(link))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_errors_that_may_pass_are_tried_again() {
        let locked = Failure {
            locked: true,
            ..Failure::io("another process has it")
        };
        assert_eq!(wait_after(&locked), Some(WAIT));
        assert_eq!(wait_after(&Failure::io("disk full")), Some(LONG_WAIT));
        for failure in [Failure::bad_input("nonsense"), Failure::failed("gave up")] {
            assert_eq!(wait_after(&failure), None, "{failure:?}");
        }
    }
}
