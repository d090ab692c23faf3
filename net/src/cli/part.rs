//! The differences between the torrents of one command.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use tokio::sync::oneshot;
use unchoke_core::metainfo::Metainfo;

use super::Failure;
use crate::shares::Share;

/// Names and hashes in use. Torrents of one command must have different names in the output folder
/// and different hashes. Each maps to the text by which the user named its torrent.
#[derive(Debug, Default)]
pub(super) struct Taken(Mutex<BTreeMap<String, String>>);

impl Taken {
    /// Reserves the hash and the name of the torrent that the user named `shown`.
    pub(super) fn take(&self, metainfo: &Metainfo, shown: &str) -> Result<(), Failure> {
        let mut taken = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let hash = metainfo.info_hash.to_string();
        if let Some(other) = taken.get(&hash) {
            let why = format!("it is the same torrent as {other}");
            return Err(held(other, why));
        }
        // Some file systems ignore case.
        let name = metainfo.name.to_lowercase();
        if let Some(other) = taken.get(&name) {
            let why = format!(
                "it would be saved as `{}`, and so would {other}; fetch them into different folders with \
                 --out",
                metainfo.name
            );
            return Err(held(other, why));
        }
        taken.insert(hash, shown.to_owned());
        taken.insert(name, shown.to_owned());
        Ok(())
    }

    /// Whether the torrent that the user named `shown` has a name or a hash.
    pub(super) fn has(&self, shown: &str) -> bool {
        let taken = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        taken.values().any(|it| it == shown)
    }

    /// Frees the hash and the name of the torrent that the user named `shown`.
    pub(super) fn release(&self, shown: &str) -> Vec<String> {
        let mut taken = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let given = taken.extract_if(.., |_, it| it == shown);
        given.map(|it| it.0).collect()
    }
}

/// The failure of a torrent whose name or hash `other` has.
fn held(other: &str, why: String) -> Failure {
    Failure {
        held_by: Some(other.to_owned()),
        ..Failure::bad_input(why)
    }
}

/// The turn of a torrent to reserve its name and its hash. Those in files have it in the order of the
/// command line, so that the first of two is kept. Links and pipes may come late, and delay nobody.
#[derive(Debug, Default)]
pub(super) struct Turn {
    before: Option<oneshot::Receiver<()>>,
    after: Option<oneshot::Sender<()>>,
}

impl Turn {
    /// The turns of all torrents of a command line.
    pub(super) fn each(torrents: &[PathBuf]) -> Vec<Self> {
        let mut turns: Vec<Self> = torrents.iter().map(|_| Self::default()).collect();
        let in_files = (0..turns.len()).filter(|it| torrents[*it].is_file());
        let in_files: Vec<usize> = in_files.collect();
        for pair in in_files.windows(2) {
            let (sender, receiver) = oneshot::channel();
            turns[pair[0]].after = Some(sender);
            turns[pair[1]].before = Some(receiver);
        }
        turns
    }

    /// Waits until the turn before is over. This one is over when the result is dropped.
    pub(super) async fn come(self) -> Option<oneshot::Sender<()>> {
        if let Some(before) = self.before {
            // It ends with an error: the sender is dropped.
            drop(before.await);
        }
        self.after
    }
}

/// What belongs to one of several torrents.
#[derive(Debug)]
pub(super) struct Part<'a> {
    pub(super) taken: &'a Taken,
    /// The text by which the user named it.
    pub(super) shown: &'a str,
    pub(super) turn: Turn,
    /// Whether the user knows that another process has its files.
    pub(super) waited: bool,
    pub(super) share: Share,
}

#[cfg(test)]
mod tests {
    use std::task::{Context, Poll, Waker};

    use super::*;

    #[test]
    fn files_have_their_turn_in_order_and_links_at_once() {
        let home = tempfile::tempdir().expect("folder");
        let file = |name: &str| {
            let path = home.path().join(name);
            std::fs::write(&path, "").expect("write");
            path
        };
        let torrents = [
            file("one"),
            "magnet:?xt=".into(),
            file("two"),
            file("three"),
        ];
        let turns = Turn::each(&torrents).into_iter();
        let mut each: Vec<_> = turns.map(|it| Box::pin(it.come())).collect();
        let mut context = Context::from_waker(Waker::noop());
        let mut come = |place: usize| each[place].as_mut().poll(&mut context);
        assert!(come(3).is_pending() && come(2).is_pending());
        assert!(matches!(come(1), Poll::Ready(None)), "nobody waits for it");
        let Poll::Ready(first) = come(0) else {
            panic!("it waits for nobody");
        };
        assert!(come(2).is_pending());
        drop(first);
        let Poll::Ready(second) = come(2) else {
            panic!("the first turn is over");
        };
        assert!(come(3).is_pending());
        drop(second);
        assert!(come(3).is_ready());
    }
}
