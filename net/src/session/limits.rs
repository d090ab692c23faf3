//! Limits: rates shared by the torrents of a process, and the end of seeding.

use std::time::Duration;

use tokio::time::Instant as Clock;
use unchoke_core::choke::Parameters;
use unchoke_core::client::{self, Room};
use unchoke_core::torrent::Input;

use super::{Goal, Notice, Session, SessionError, Settings, Status};
use crate::policies;
use crate::shares::Caps;
use crate::text::clock as shown;

/// Time between two reports of connections and interested peers.
const COUNT: Duration = Duration::from_secs(5);
/// Least time between two changes of the slots: three rounds of most policies.
const RESLOT: Duration = Duration::from_secs(30);
/// The parameter that shared slots set.
const SLOTS: &str = "slots";

/// Whether a policy has the parameter that shared slots set.
#[must_use]
pub fn has_slots(policy: &str) -> bool {
    let entry = policies::all().each().find(|it| it.id == policy);
    entry.is_some_and(|it| it.parameters.iter().any(|it| it.name == SLOTS))
}

/// Sets the slots of a policy, within the limits of its parameter.
pub fn give_slots(policy: &str, parameters: &mut Parameters, slots: u64) {
    let entry = policies::all().each().find(|it| it.id == policy);
    let parameter = entry.and_then(|it| it.parameters.iter().find(|it| it.name == SLOTS));
    if let Some(it) = parameter {
        parameters.set(SLOTS, slots.clamp(it.min, it.max));
    }
}

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

/// The limits in force, as the core knows them.
#[derive(Debug)]
pub(super) struct InForce {
    caps: Caps,
    connections: u16,
    slots: Option<u64>,
    counted_at: Option<Clock>,
    policy_at: Clock,
}

impl InForce {
    pub(super) fn new(settings: &Settings, now: Clock) -> Self {
        Self {
            caps: [settings.upload_cap, settings.download_cap],
            connections: settings.max_connections,
            slots: None,
            counted_at: None,
            policy_at: now,
        }
    }
}

impl Session {
    /// Reports what this torrent uses to the others, and its new limits to the core.
    pub(super) fn share_limits(
        &mut self,
        clock: Clock,
        rates: [u64; 2],
    ) -> Result<(), SessionError> {
        let Some(share) = self.settings.share.clone() else {
            return Ok(());
        };
        let caps = share.report(rates);
        if caps != self.in_force.caps {
            self.in_force.caps = caps;
            let [upload, download] = caps;
            self.feed(Input::Limit { upload, download })?;
        }
        let due = self
            .in_force
            .counted_at
            .is_none_or(|it| clock - it >= COUNT);
        if !due {
            return Ok(());
        }
        self.in_force.counted_at = Some(clock);
        let peers = self.torrent().peer_states(self.now());
        let interested = peers.iter().filter(|it| it.view.peer_interested).count();
        let [connections, slots] = share.report_counts([peers.len() as u64, interested as u64]);
        if let Some(most) = connections {
            self.limit_connections(most)?;
        }
        match slots {
            Some(slots) => self.limit_slots(clock, slots),
            None => Ok(()),
        }
    }

    fn limit_connections(&mut self, most: u64) -> Result<(), SessionError> {
        let most = u16::try_from(most).unwrap_or(u16::MAX);
        if most == self.in_force.connections {
            return Ok(());
        }
        self.in_force.connections = most;
        let config = self.settings.tuning.around(client::Config::new(most));
        self.tell(client::Input::Connections(Room {
            connections: most,
            initiate: config.initiate,
            enough: config.enough,
        }))
    }

    /// Gives the policy its part of the slots. It starts anew with its parameter, so this must not
    /// happen often.
    fn limit_slots(&mut self, clock: Clock, slots: u64) -> Result<(), SessionError> {
        if self.in_force.slots == Some(slots) || clock - self.in_force.policy_at < RESLOT {
            return Ok(());
        }
        (self.in_force.slots, self.in_force.policy_at) = (Some(slots), clock);
        let (policy, mut parameters) = self.showing.running();
        let before = parameters.clone();
        give_slots(&policy, &mut parameters, slots);
        if parameters == before {
            return Ok(());
        }
        let Ok(chosen) = policies::all().choose(&policy, parameters) else {
            return Ok(());
        };
        if !self.torrent().can_switch_to(&chosen) {
            return Ok(());
        }
        self.showing.set(&chosen);
        self.feed(Input::Policy(Box::new(chosen)))
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
