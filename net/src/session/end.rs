//! Ends a session, and saves verified pieces, whatever the reason for the end.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::Instant as Clock;
use unchoke_core::client::redial::Ended;

use super::peers::Unwritten;
use super::{ClientInput, End, Outcome, Session, SessionError};
use crate::connection::{Event, Link};
use crate::disk::Workers;
use crate::storage::StorageError;

/// Time limit for the last announces: the user must not wait longer. libtorrent: 5 s.
const FAREWELL: Duration = Duration::from_secs(5);
/// Time between two saves while data arrives. The system writes dirty data to disk about as often.
const SAVE_PERIOD: Duration = Duration::from_secs(30);

/// State of the saves during the session.
#[derive(Debug)]
pub(super) struct Saving {
    /// The running save. Only one may run at a time.
    task: Option<JoinHandle<Result<(), Unsaved>>>,
    /// Start of the latest save.
    begun_at: Clock,
    /// Number of verified pieces at that time.
    pieces: u32,
}

impl Saving {
    pub(super) fn new(now: Clock, pieces: u32) -> Self {
        Self {
            task: None,
            begun_at: now,
            pieces,
        }
    }
}

/// Why a save failed.
#[derive(Debug)]
enum Unsaved {
    /// The payload may not be on disk.
    Payload(StorageError),
    /// The previous resume data is still in place.
    Resume(io::Error),
}

impl Session {
    /// Closes everything, handles the last results of the disk threads, and saves.
    pub(super) async fn finish(mut self, end: End) -> Result<Outcome, SessionError> {
        let elapsed = self.epoch.elapsed();
        if let Some(recorder) = &mut self.recorder {
            recorder.ends();
        }
        self.tell(ClientInput::Stop)?;
        let closed = self.peers.close();
        for closed in self.web_seeds.close() {
            self.tell(closed)?;
        }
        self.settle().await?;
        self.take_back(closed)?;
        let clock = Clock::now();
        let last = self.figures(clock, 0, 0);
        self.show(clock, &last);
        let mut warnings = self.look_at_all_files()?;
        warnings.extend(self.save().await);
        let end = self.damage_to_seed().map_or(end, End::Damaged);
        if let Some(recorder) = self.recorder.take()
            && let Err(error) = recorder.finish()
        {
            warnings.push(format!("the recording is incomplete: {error}"));
        }
        let mappings = self.gateway.take();
        let unmapped = async {
            if let Some(mappings) = mappings {
                mappings.close().await;
            }
        };
        let farewell = tokio::time::timeout(FAREWELL, self.farewell());
        let (told, ()) = tokio::join!(farewell, unmapped);
        if let Ok(told) = told {
            told?;
        } else {
            tracing::debug!("a tracker did not answer the last announce in time");
        }
        if let Some(error) = self.failure.take() {
            for warning in warnings {
                tracing::warn!("{warning}");
            }
            return Err(error.into());
        }
        Ok(Outcome {
            end,
            have: self.torrent().have().clone(),
            wanted: self.wanted(),
            done: self.torrent().is_done(),
            fetched_pieces: self
                .torrent()
                .have_count()
                .saturating_sub(self.progress.pieces_at_start),
            ledger: *self.torrent().ledger(),
            elapsed,
            warnings,
        })
    }

    /// Corrects the count of sent blocks: blocks that a connection did not write count as unsent.
    /// Connections may have written some while the session ended; these reports are still in the
    /// channel.
    fn take_back(&mut self, mut closed: Vec<(Link, Unwritten)>) -> Result<(), SessionError> {
        while let Ok((link, event)) = self.events.try_recv() {
            let of = closed.iter_mut().find(|it| it.0 == link);
            match (event, of) {
                (Event::Flushed(blocks), Some((_, unwritten))) => unwritten.written(blocks),
                (Event::Unread(_), Some((_, unwritten))) => unwritten.unread(),
                _ => (),
            }
        }
        for (link, unwritten) in closed {
            self.tell(ClientInput::Closed {
                peer: link.peer,
                how: Ended::ByDriver,
                unsent: unwritten.unsent(),
            })?;
        }
        Ok(())
    }

    /// Waits until received blocks are written and complete pieces are hashed.
    async fn settle(&mut self) -> Result<(), SessionError> {
        self.gathering.flush_all(&self.disk);
        self.disk.stop();
        while let Some(report) = self.reports.recv().await {
            self.on_report(report)?;
        }
        let workers = self.workers.take();
        let joining = tokio::task::spawn_blocking(move || workers.map(Workers::join));
        // A worker that panicked has printed its message.
        drop(joining.await);
        Ok(())
    }

    /// Syncs the payload, then saves the resume data. Returns what could not be saved, if anything.
    async fn save(&mut self) -> Option<String> {
        self.await_saving().await;
        self.start_saving();
        let unsaved = self.await_saving().await;
        let resume = self.resume.as_ref()?;
        if unsaved.is_some() || self.failure.is_some() {
            // Keep the slots: they still tell which writes are ours.
            return unsaved.map(|why| format!("{why}; the next run will check the files again"));
        }
        let removed = resume.unfollow();
        removed
            .err()
            .map(|error| format!("cannot remove a file of resume data: {error}"))
    }

    /// Waits for a running save. Returns what could not be saved. If the payload could not be
    /// synced, the session has failed.
    async fn await_saving(&mut self) -> Option<String> {
        let saved = match self.saving.task.take()?.await {
            Ok(saved) => saved,
            Err(error) => return Some(format!("cannot save resume data: {error}")),
        };
        match saved {
            Ok(()) => None,
            Err(Unsaved::Payload(error)) => {
                self.failure.get_or_insert(error);
                None
            }
            Err(Unsaved::Resume(error)) => Some(format!("cannot save resume data: {error}")),
        }
    }

    /// Saves from time to time while data arrives, so that little must be hashed again after a
    /// kill. Ends the session if the payload cannot be written to disk.
    pub(super) fn save_when_due(&mut self) {
        let mut context = Context::from_waker(Waker::noop());
        if let Some(task) = &mut self.saving.task
            && let Poll::Ready(saved) = Pin::new(task).poll(&mut context)
        {
            self.saving.task = None;
            match saved {
                Ok(Err(Unsaved::Payload(error))) => {
                    self.failure.get_or_insert(error);
                }
                Ok(Err(Unsaved::Resume(error))) => tracing::debug!(%error, "not saved"),
                Err(error) => tracing::debug!(%error, "not saved"),
                Ok(Ok(())) => (),
            }
        }
        let news = self.torrent().have_count() != self.saving.pieces;
        if news && self.saving.begun_at.elapsed() >= SAVE_PERIOD {
            self.save_in_background();
        }
    }

    /// Saves without stopping the session: a seed may run for months.
    pub(super) fn save_in_background(&mut self) {
        if self.saving.task.is_none() {
            self.start_saving();
        }
    }

    fn start_saving(&mut self) {
        let Some(resume) = self.resume.clone() else {
            return;
        };
        self.saving = Saving::new(Clock::now(), self.torrent().have_count());
        let (storage, have) = (Arc::clone(&self.storage), self.lasting());
        self.saving.task = Some(tokio::task::spawn_blocking(move || {
            storage.sync().map_err(Unsaved::Payload)?;
            resume.save(&storage, &have).map_err(Unsaved::Resume)
        }));
    }
}
