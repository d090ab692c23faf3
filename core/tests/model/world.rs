//! Runs the clock, the torrent and its peers, one event after the other. The reference checks each
//! event.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use unchoke_core::allowed_fast::AllowedFast;
use unchoke_core::choke::{self, Parameters};
use unchoke_core::geometry::Geometry;
use unchoke_core::ids::{BlockRef, PeerKey, PieceIndex};
use unchoke_core::message::{ExtendedHandshake, Message};
use unchoke_core::pick;
use unchoke_core::rng::Streams;
use unchoke_core::time::Instant;
use unchoke_core::torrent::{
    BlockDigest, Config, Endgame, Input, Output, Reason, Torrent, Unsent, Verdict,
};
use unchoke_core::wire::{PEX_ID, PEX_NAME};

use super::actor::Actor;
use super::dice::Dice;
use super::reference::{Fault, Reference, ensure};
use super::setup::{BLOCK, Setup};

/// How long a run continues after its download is complete.
const AFTERWARDS: Duration = Duration::from_secs(15);
/// How long a run with nothing to download lasts.
const SEEDING: Duration = Duration::from_secs(90);
/// Time until we dial a peer again that the policy disconnected, as the client does.
const AFTER_POLICY: Duration = Duration::from_mins(1);
const AFTER_SILENCE: Duration = Duration::from_mins(1);

/// An event. The second number is the connection; an event of a closed connection is ignored.
#[derive(Debug)]
pub enum Event {
    Join(usize),
    Said(usize, u32, Message),
    /// A corrupt block arrives.
    Spoiled(usize, u32, BlockRef),
    Left(usize, u32),
    Gone(usize, u32),
    Serve(usize, u32),
    Choke(usize, u32),
    Unchoke(usize, u32),
    Claim(usize, u32),
    Flee(usize, u32),
    Alive(usize, u32),
    Verified(PieceIndex),
    Act(usize),
}

/// How a run ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Done {
    pub inputs: u64,
    /// When the download was complete, in milliseconds.
    pub complete_ms: u64,
    /// Largest size of the torrent's debug text, in bytes. It contains the whole state.
    pub state: usize,
}

pub struct World<'s> {
    pub setup: &'s Setup,
    pub torrent: Torrent,
    pub reference: Reference,
    pub actors: Vec<Actor>,
    pub dice: Dice,
    pub now: Instant,
    queue: BTreeMap<(Instant, u64), Event>,
    sequence: u64,
    /// The peer that corrupted each stored block, if any.
    stored: BTreeMap<BlockRef, Option<usize>>,
    /// The block in the current input is corrupt.
    pub spoiled: bool,
    pub lose_next: bool,
    done: Done,
    trace: bool,
}

fn config(setup: &Setup) -> Config {
    let geometry = Geometry::new(setup.bytes(), setup.blocks * BLOCK).expect("a torrent");
    let hello = setup.exchange.then(|| ExtendedHandshake {
        extensions: [(PEX_NAME.to_owned(), PEX_ID)].into(),
        ..ExtendedHandshake::default()
    });
    Config {
        endgame: if setup.endgame {
            Endgame::Capped
        } else {
            Endgame::Off
        },
        upload_cap: setup.upload_cap,
        download_cap: setup.download_cap,
        peer_ledgers: setup.peer_ledgers,
        super_seed: setup.super_seed,
        allowed_fast: AllowedFast {
            grants: setup.allows,
            takes: setup.allows > 0,
            ..AllowedFast::default()
        },
        hello,
        ..Config::new(geometry)
    }
}

/// Runs a setup to its end or to the first fault.
pub fn run(setup: &Setup) -> Result<Done, Fault> {
    let mut world = World::new(setup);
    world.run().map_err(|fault| {
        let ms = world.now.as_millis();
        format!("at {}.{:03} s: {fault}", ms / 1000, ms % 1000)
    })
}

impl<'s> World<'s> {
    fn new(setup: &'s Setup) -> Self {
        let config = config(setup);
        let geometry = config.geometry.clone();
        let mut have = if setup.complete {
            config.everything()
        } else {
            config.nothing()
        };
        let every = setup.has_every;
        let there = |it: &PieceIndex| every > 0 && it.0 % (every + 1) == 1;
        (0..geometry.piece_count())
            .map(PieceIndex)
            .filter(there)
            .for_each(|it| {
                have.insert(it);
            });
        let policy = choke::build(setup.policy, &Parameters::new()).expect("a policy");
        let picker = pick::build(setup.picker).expect("a picker");
        let (now, streams) = (Instant::START, Streams::new(setup.seed));
        let reference = Reference::new(geometry, have.iter().collect());
        let torrent = Torrent::new(Arc::new(config), have, policy, picker, streams, 0, now);
        let mut world = Self {
            setup,
            torrent,
            reference,
            actors: setup.peers.iter().map(Actor::new).collect(),
            dice: Dice::new(setup.seed ^ 1),
            now,
            queue: BTreeMap::new(),
            sequence: 0,
            stored: BTreeMap::new(),
            spoiled: false,
            lose_next: false,
            done: Done::default(),
            trace: std::env::var_os("UNCHOKE_MODEL_TRACE").is_some(),
        };
        for (at, peer) in setup.peers.iter().enumerate() {
            world.schedule(u64::from(peer.joins_ms), Event::Join(at));
        }
        for (at, act) in setup.acts.iter().enumerate() {
            world.schedule(u64::from(act.0), Event::Act(at));
        }
        world
    }

    /// Schedules an event `ms` milliseconds from now.
    pub fn schedule(&mut self, ms: u64, event: Event) {
        self.sequence += 1;
        let at = self.now.after(Duration::from_millis(ms));
        self.queue.insert((at, self.sequence), event);
    }

    fn run(&mut self) -> Result<Done, Fault> {
        let mut end = Instant::START.after(Duration::from_millis(self.setup.bound_ms()));
        let afterwards = if self.setup.complete {
            SEEDING
        } else {
            AFTERWARDS
        };
        let last = self.setup.acts.last().map_or(0, |it| u64::from(it.0));
        loop {
            let settled = self.now.as_millis() >= last;
            if self.done.complete_ms == 0 && settled && self.reference.is_complete() {
                self.done.complete_ms = self.now.as_millis().max(1);
                end = self.now.after(afterwards);
            }
            let event = self.queue.first_key_value().map(|it| it.0.0);
            let timer = self.torrent.poll_timeout().unwrap_or(Instant::NEVER);
            let next = event.unwrap_or(Instant::NEVER).min(timer);
            if next > end {
                break;
            }
            ensure!(next >= self.now, "a deadline in the past");
            self.now = next;
            if event == Some(next) {
                let (_, event) = self.queue.pop_first().expect("just seen");
                self.event(event)?;
            } else {
                self.feed(Input::Timeout)?;
                let next = self.torrent.poll_timeout();
                ensure!(
                    next.is_none_or(|it| it > self.now),
                    "the timer stands still"
                );
            }
        }
        ensure!(
            self.reference.is_complete(),
            "not complete: {}",
            self.missing()
        );
        self.everybody_goes()?;
        Ok(self.done)
    }

    /// Lists the missing pieces.
    fn missing(&self) -> String {
        let count = self.reference.geometry.piece_count();
        let pieces = (0..count).map(PieceIndex);
        let missing: Vec<u32> = pieces
            .filter(|it| !self.reference.have.contains(it))
            .map(|it| it.0)
            .collect();
        format!(
            "{} of {count} pieces are missing: {missing:?}",
            missing.len()
        )
    }

    /// Disconnects all peers. The torrent must keep no state about them.
    fn everybody_goes(&mut self) -> Result<(), Fault> {
        for at in 0..self.actors.len() {
            self.leave(at)?;
        }
        ensure!(
            self.torrent.availability().iter().all(|it| *it == 0),
            "availability counts copies although no peer is connected"
        );
        self.done.state = self.done.state.max(format!("{:?}", self.torrent).len());
        Ok(())
    }

    pub fn key(at: usize) -> PeerKey {
        PeerKey(u32::try_from(at).expect("few peers"))
    }

    /// Hands in an input and carries out the outputs.
    pub fn feed(&mut self, input: Input) -> Result<(), Fault> {
        self.done.inputs += 1;
        if self.trace {
            eprintln!("{:>9} ms in  {input:?}", self.now.as_millis());
        }
        self.reference.input(&input);
        self.torrent.handle_input(self.now, input);
        let mut outputs = Vec::new();
        while let Some(output) = self.torrent.poll_output() {
            if self.trace {
                eprintln!("{:>9} ms out {output:?}", self.now.as_millis());
            }
            self.reference.output(self.now, &output)?;
            outputs.push(output);
        }
        self.reference.check(self.now, &self.torrent)?;
        outputs.into_iter().try_for_each(|it| self.obey(it))
    }

    fn obey(&mut self, output: Output) -> Result<(), Fault> {
        match output {
            Output::Send { peer, message } => self.hear(peer.0 as usize, &message),
            Output::StoreBlock { peer, block } => {
                let spoiler = self.spoiled.then_some(peer.0 as usize);
                self.stored.insert(block, spoiler);
            }
            Output::VerifyPiece { piece, .. } => {
                let ms = 1 + self.dice.below(200);
                self.schedule(ms, Event::Verified(piece));
            }
            Output::Disconnect { peer, reason } => self.closed(peer.0 as usize, &reason)?,
            Output::Corrupt { peer, piece } => {
                let blamed = self.setup.peers[peer.0 as usize].is_blameless();
                ensure!(!blamed, "blames {peer}, which is honest, for {piece}");
            }
            Output::Broadcast { .. } | Output::PeersFound { .. } | Output::Completed => {}
        }
        Ok(())
    }

    /// The torrent wants the connection closed. Messages on their way from the peer still arrive.
    fn closed(&mut self, at: usize, reason: &Reason) -> Result<(), Fault> {
        let peer = &self.setup.peers[at];
        let blamed = peer.is_blameless() && Reference::is_blame(reason);
        ensure!(!blamed, "blames peer {at}, which is honest: {reason}");
        let returns = match reason {
            Reason::Policy => Some(AFTER_POLICY),
            Reason::Idle | Reason::BothSeeds => Some(AFTER_SILENCE),
            _ => None,
        };
        let actor = &mut self.actors[at];
        actor.returns = returns.map(|it| u64::try_from(it.as_millis()).expect("minutes"));
        let link = actor.link;
        let ms = self.dice.below(50);
        self.schedule(ms, Event::Gone(at, link));
        Ok(())
    }

    /// Ends the connection of a peer, if it has one.
    pub fn leave(&mut self, at: usize) -> Result<(), Fault> {
        if !self.actors[at].end() {
            return Ok(());
        }
        let peer = Self::key(at);
        let flushing = std::mem::take(&mut self.actors[at].flushing);
        let kept = self.dice.position(flushing.len() + 1);
        let unsent: Vec<u64> = flushing
            .into_iter()
            .skip(kept)
            .map(|it| u64::from(it.length))
            .collect();
        let blocks = u32::try_from(unsent.len()).expect("a few");
        let payload = unsent.iter().sum();
        self.torrent.take_back(peer, Unsent { blocks, payload });
        self.reference.take_back(peer, blocks, payload);
        self.feed(Input::PeerDisconnected { peer })
    }

    pub fn verified(&mut self, piece: PieceIndex) -> Result<(), Fault> {
        let geometry = self.reference.geometry.clone();
        let blocks = (0..geometry.blocks_in(piece)).map(|it| geometry.block(piece, it));
        let spoilers: Vec<Option<usize>> = blocks.map(|it| self.stored[&it]).collect();
        let digest = |it: &Option<usize>| BlockDigest(it.map_or(0, |it| 1 + it as u64));
        let digests = spoilers.iter().map(digest).collect();
        let verdict = if std::mem::take(&mut self.lose_next) {
            Verdict::Lost
        } else if spoilers.iter().any(Option::is_some) {
            Verdict::Bad { blocks: digests }
        } else {
            Verdict::Good { blocks: digests }
        };
        self.feed(Input::PieceVerified { piece, verdict })
    }
}
