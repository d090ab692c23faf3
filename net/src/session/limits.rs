//! Limits: rates shared by the torrents of a process, and the end of seeding.

use std::time::Duration;

use tokio::time::Instant as Clock;
use unchoke_core::torrent::Input;

use super::{Goal, Notice, Session, SessionError, Status};
use crate::text::clock as shown;

/// When seeding ends, and what earlier runs have done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seeding {
    /// End after this upload, in thousandths of the size of the wanted files.
    pub ratio_permille: Option<u64>,
    /// End after this time with all wanted pieces.
    pub time: Option<Duration>,
    /// Totals of earlier runs.
    pub earlier: Earlier,
}

/// Totals of earlier runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Earlier {
    /// Payload uploaded.
    pub uploaded: u64,
    /// Time with all wanted pieces.
    pub seeded: Duration,
}

/// The state of this run.
#[derive(Debug, Default)]
pub(super) struct Reached {
    /// Time with all wanted pieces in this run, up to `since`.
    seeded: Duration,
    since: Option<Clock>,
    told: bool,
}

impl Session {
    /// Reports the rates of this torrent to the others, and the new caps to the core.
    pub(super) fn share_limits(&mut self, rates: [u64; 2]) -> Result<(), SessionError> {
        let share = self.settings.share.as_ref();
        let Some([upload, download]) = share.map(|it| it.report(rates)) else {
            return Ok(());
        };
        self.feed(Input::Limit { upload, download })
    }

    /// Updates the seeding time. Returns the totals of all runs.
    fn note_seeding(&mut self, clock: Clock) -> Earlier {
        let done = self.torrent().is_done();
        let reached = &mut self.reached;
        match (done, reached.since) {
            (true, None) => reached.since = Some(clock),
            (false, Some(since)) => {
                reached.seeded += clock - since;
                reached.since = None;
            }
            _ => {}
        }
        self.so_far(clock)
    }

    fn so_far(&self, clock: Clock) -> Earlier {
        let Earlier { uploaded, seeded } = self.settings.seeding.earlier;
        let since = self.reached.since.map_or(Duration::ZERO, |it| clock - it);
        Earlier {
            uploaded: uploaded + self.torrent().ledger().payload_sent,
            seeded: seeded + self.reached.seeded + since,
        }
    }

    /// Whether a limit of seeding is reached; returns the reason.
    fn enough(&self, clock: Clock) -> Option<String> {
        let seeds = matches!(self.settings.goal, Goal::Seed | Goal::CompleteAndSeed);
        if !seeds || !self.torrent().is_done() {
            return None;
        }
        let Earlier { uploaded, seeded } = self.so_far(clock);
        let limits = &self.settings.seeding;
        let bytes = u128::from(self.wanted_bytes());
        let by_ratio = limits.ratio_permille.filter(|ratio| {
            // A torrent without bytes never reaches a ratio.
            bytes > 0 && u128::from(uploaded) * 1000 >= bytes * u128::from(*ratio)
        });
        if let Some(ratio) = by_ratio {
            let (whole, part) = (ratio / 1000, ratio % 1000);
            return Some(format!("seeded to a ratio of {whole}.{part:03}"));
        }
        let by_time = limits.time.filter(|it| seeded >= *it);
        by_time.map(|it| format!("seeded for {}", shown(it)))
    }

    /// Whether a limit of seeding is reached. Tells the user once.
    pub(super) fn has_seeded_enough(&mut self, clock: Clock) -> bool {
        let Some(why) = self.enough(clock) else {
            return false;
        };
        if !std::mem::replace(&mut self.reached.told, true) {
            self.notify(Notice::Enough(why));
        }
        true
    }

    /// The current figures.
    pub(super) fn figures(&mut self, clock: Clock, down_rate: u64, up_rate: u64) -> Status {
        let mut status = self.status(clock, down_rate, up_rate);
        self.add_seeding(clock, &mut status);
        status
    }

    fn wanted_bytes(&self) -> u64 {
        let have = self.torrent().have();
        let all = unchoke_core::bitfield::Bitfield::full(have.piece_count());
        let wanted = self.settings.choice.within(&all);
        self.settings.metainfo.geometry.bytes_in(&wanted)
    }

    /// Adds the totals of earlier runs to a status.
    fn add_seeding(&mut self, clock: Clock, status: &mut Status) {
        let Earlier { uploaded, seeded } = self.note_seeding(clock);
        (status.uploaded, status.seeded) = (uploaded, seeded);
    }
}
