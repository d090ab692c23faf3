//! The end of a session: nothing verified is lost, whatever the reason.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;

use super::peers::Unwritten;
use super::{End, Outcome, Session, SessionError};
use crate::connection::{Event, Link};
use crate::disk::Workers;

/// For telling the trackers; they must not keep a user waiting. libtorrent: 5 s.
const FAREWELL: Duration = Duration::from_secs(5);

impl Session {
    /// Closes everything, takes in what the disk still has to say, saves.
    pub(super) async fn finish(mut self, end: End) -> Result<Outcome, SessionError> {
        let elapsed = self.epoch.elapsed();
        let closed = self.peers.close();
        self.settle().await?;
        self.take_back(closed);
        let mut warnings = Vec::new();
        warnings.extend(self.save().await);
        if let Some(recorder) = self.recorder.take()
            && let Err(error) = recorder.finish()
        {
            warnings.push(format!("the recording is incomplete: {error}"));
        }
        let farewell = self.farewell();
        if tokio::time::timeout(FAREWELL, farewell).await.is_err() {
            tracing::debug!("a tracker did not answer the farewell in time");
        }
        if let Some(error) = self.failure.take() {
            for warning in warnings {
                tracing::warn!("{warning}");
            }
            return Err(error.into());
        }
        Ok(Outcome {
            end,
            have: self.torrent.have().clone(),
            fetched_pieces: self.torrent.have_count() - self.progress.pieces_at_start,
            ledger: *self.torrent.ledger(),
            elapsed,
            warnings,
        })
    }

    /// What the connections were given and did not write counts as sent no longer. They may have
    /// written something while the session ended; that waits in the channel.
    fn take_back(&mut self, mut closed: Vec<(Link, Unwritten)>) {
        while let Ok((link, event)) = self.events.try_recv() {
            let of = closed.iter_mut().find(|it| it.0 == link);
            if let (Event::Flushed, Some((_, unwritten))) = (event, of) {
                unwritten.written();
            }
        }
        for (link, unwritten) in closed {
            self.torrent.take_back(link.peer, unwritten.unsent());
        }
    }

    /// Blocks that came are written, and pieces that are complete are hashed, before it is over.
    async fn settle(&mut self) -> Result<(), SessionError> {
        self.disk.stop();
        while let Some(report) = self.reports.recv().await {
            self.on_report(report)?;
        }
        let workers = self.workers.take();
        let joining = tokio::task::spawn_blocking(move || workers.map(Workers::join));
        // A worker that panicked has said so itself.
        drop(joining.await);
        Ok(())
    }

    /// Syncs the payload, then saves the resume data. What failed, if anything.
    async fn save(&mut self) -> Option<String> {
        // One at a time: they write to the same place.
        if let Some(earlier) = self.saving.take() {
            drop(earlier.await);
        }
        match self.start_saving()?.await {
            Ok(Ok(())) => None,
            Ok(Err(why)) => Some(format!("{why}; the next run will check the files again")),
            Err(error) => Some(format!("cannot save resume data: {error}")),
        }
    }

    /// Saves while the session goes on: a seed may run for months.
    pub(super) fn save_in_background(&mut self) {
        if self.saving.is_none() {
            self.saving = self.start_saving();
        }
    }

    fn start_saving(&self) -> Option<JoinHandle<Result<(), String>>> {
        let resume = self.resume.clone()?;
        let (storage, have) = (Arc::clone(&self.storage), self.torrent.have().clone());
        Some(tokio::task::spawn_blocking(move || {
            storage.sync().map_err(|error| error.to_string())?;
            let saved = resume.save(&storage, &have);
            saved.map_err(|error| format!("cannot save resume data: {error}"))
        }))
    }
}
