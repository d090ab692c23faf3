//! The behaviour of peers, according to their [`Nature`].

use std::collections::VecDeque;
use std::time::Duration;

use unchoke_core::bitfield::Bitfield;
use unchoke_core::ids::{BlockRef, PeerId, PieceIndex};
use unchoke_core::message::{Extended, ExtendedHandshake, Message};
use unchoke_core::time::Instant;
use unchoke_core::torrent::{Input, PeerLink};

use super::acts::{Act, Honesty};
use super::dice::Dice;
use super::reference::Fault;
use super::setup::{Has, Honest, Nature, Peer};
use super::world::{Event, World};

/// Number of blocks that a new link accepts.
const CREDITS: usize = 4;
/// Number of requests that a downloading peer keeps outstanding.
const WISHES: usize = 4;
const KEEP_ALIVE_MS: u64 = 100_000;
const HONEST_CHOKE_MS: u64 = 5000;

/// A peer's own view of itself and its connection.
#[derive(Debug)]
pub struct Actor {
    open: bool,
    /// Number of the current connection, counted from 1.
    pub link: u32,
    choking: bool,
    /// Requests by the torrent that the peer intends to answer.
    inbox: VecDeque<BlockRef>,
    /// Whether it is sending a block.
    busy: bool,
    spoils: u32,
    asked: u32,
    first_asked: Option<Instant>,
    fled: u32,
    withdrawn: bool,
    /// Blocks on their way from the torrent to this peer.
    pub flushing: VecDeque<BlockRef>,
    wishes: Vec<BlockRef>,
    /// Pieces that the torrent may ask for while this peer chokes it.
    grants: Vec<PieceIndex>,
    /// Milliseconds until the peer reconnects after its connection is closed.
    pub returns: Option<u64>,
}

impl Actor {
    pub fn new(peer: &Peer) -> Self {
        Self {
            open: false,
            link: 0,
            choking: true,
            inbox: VecDeque::new(),
            busy: false,
            spoils: peer.spoils,
            asked: 0,
            first_asked: None,
            fled: 0,
            withdrawn: false,
            flushing: VecDeque::new(),
            wishes: Vec::new(),
            grants: Vec::new(),
            returns: None,
        }
    }

    /// Ends the connection. Returns whether there was one.
    pub fn end(&mut self) -> bool {
        self.inbox.clear();
        self.wishes.clear();
        self.grants.clear();
        (self.busy, self.choking, self.withdrawn) = (false, true, false);
        std::mem::replace(&mut self.open, false)
    }
}

fn pieces(has: Has, count: u32) -> Bitfield {
    let mut set = Bitfield::empty(count);
    let mut dice = Dice::new(match has {
        Has::Some(seed) => seed,
        _ => 0,
    });
    for piece in (0..count).map(PieceIndex) {
        let there = match has {
            Has::Nothing => false,
            Has::All => true,
            Has::One(one) => one.0 % count == piece.0,
            Has::Some(_) => dice.one_in(2),
        };
        if there {
            set.insert(piece);
        }
    }
    set
}

impl World<'_> {
    pub fn event(&mut self, event: Event) -> Result<(), Fault> {
        let stands = |at: usize, link: u32| self.actors[at].open && self.actors[at].link == link;
        match event {
            Event::Join(at) => self.join(at),
            Event::Verified(piece) => self.verified(piece),
            Event::Act(number) => self.act(number),
            Event::Said(at, link, message) if stands(at, link) => self.say_now(at, message, false),
            Event::Spoiled(at, link, block) if stands(at, link) => {
                self.say_now(at, Message::Piece(block), true)
            }
            Event::Left(at, link) if stands(at, link) => {
                self.actors[at].flushing.pop_front();
                let peer = Self::key(at);
                self.feed(Input::Writable { peer })
            }
            Event::Gone(at, link) if stands(at, link) => {
                let returns = self.actors[at].returns.take();
                self.leave(at)?;
                if let Some(ms) = returns {
                    self.schedule(ms, Event::Join(at));
                }
                Ok(())
            }
            Event::Flee(at, link) if stands(at, link) => {
                self.leave(at)?;
                let ms = self.dice.below(3000);
                self.schedule(ms, Event::Join(at));
                Ok(())
            }
            Event::Serve(at, link) if stands(at, link) => {
                self.serve(at);
                Ok(())
            }
            Event::Choke(at, link) if stands(at, link) => {
                self.choke(at);
                Ok(())
            }
            Event::Unchoke(at, link) if stands(at, link) => {
                self.unchoke(at);
                Ok(())
            }
            Event::Claim(at, link) if stands(at, link) => {
                self.actors[at].withdrawn = false;
                self.claim(at);
                Ok(())
            }
            Event::Alive(at, link) if stands(at, link) => {
                self.say(at, Message::KeepAlive);
                self.schedule(KEEP_ALIVE_MS, Event::Alive(at, link));
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn say_now(&mut self, at: usize, message: Message, spoiled: bool) -> Result<(), Fault> {
        self.spoiled = spoiled;
        let peer = Self::key(at);
        self.feed(Input::Message { peer, message })
    }

    /// The message arrives after the delay of the peer, in order.
    fn say(&mut self, at: usize, message: Message) {
        let (link, ms) = (
            self.actors[at].link,
            u64::from(self.setup.peers[at].delay_ms),
        );
        self.schedule(ms, Event::Said(at, link, message));
    }

    fn join(&mut self, at: usize) -> Result<(), Fault> {
        let plan = &self.setup.peers[at];
        let actor = &mut self.actors[at];
        if std::mem::replace(&mut actor.open, true) {
            return Ok(());
        }
        actor.link += 1;
        let link = actor.link;
        let number = u8::try_from(at).expect("few peers");
        let peer = Self::key(at);
        let connected = Input::PeerConnected {
            peer,
            link: PeerLink {
                peer_id: PeerId([number; 20]),
                fast: plan.fast,
                extended: plan.extended,
                outgoing: at.is_multiple_of(2),
                returning: link > 1,
                address: Some(([10, 0, 0, number], 6881).into()),
                web: false,
            },
        };
        self.feed(connected)?;
        for _ in 0..CREDITS {
            self.feed(Input::Writable { peer })?;
        }
        if let (true, Some(queue)) = (plan.extended, plan.request_queue) {
            let request_queue = Some(queue);
            let hello = ExtendedHandshake {
                request_queue,
                ..ExtendedHandshake::default()
            };
            self.say(at, Message::Extended(Box::new(Extended::Handshake(hello))));
        }
        self.claim(at);
        self.allow(at);
        let plan = &self.setup.peers[at];
        if plan.asks {
            self.say(at, Message::Interested);
        }
        self.schedule(u64::from(plan.unchokes_ms), Event::Unchoke(at, link));
        self.schedule(KEEP_ALIVE_MS, Event::Alive(at, link));
        Ok(())
    }

    /// The peer may allow the torrent to request some pieces while it chokes.
    fn allow(&mut self, at: usize) {
        if self.setup.allows == 0 || !self.setup.peers[at].fast || self.dice.one_in(2) {
            return;
        }
        for _ in 0..3 {
            let piece = PieceIndex(self.dice.within(0, self.setup.pieces));
            self.actors[at].grants.push(piece);
            self.say(at, Message::AllowedFast(piece));
        }
    }

    /// Announces the pieces that the peer has.
    fn claim(&mut self, at: usize) {
        let plan = &self.setup.peers[at];
        let count = self.reference.geometry.piece_count();
        let set = pieces(plan.has, count);
        let message = match (plan.fast, set.count()) {
            (true, 0) => Message::HaveNone,
            (true, all) if all == count => Message::HaveAll,
            _ => Message::Bitfield(Box::new(set)),
        };
        self.say(at, message);
    }

    fn unchoke(&mut self, at: usize) {
        self.actors[at].choking = false;
        self.say(at, Message::Unchoke);
        if let Nature::Honest(weakness) = self.setup.peers[at].nature
            && weakness.chokes_after > 0
        {
            let link = self.actors[at].link;
            self.schedule(
                u64::from(weakness.chokes_after) * 1000,
                Event::Choke(at, link),
            );
        }
    }

    /// With BEP 6, the peer rejects each request that it drops; without BEP 6, it drops them
    /// silently.
    fn choke(&mut self, at: usize) {
        self.actors[at].choking = true;
        self.say(at, Message::Choke);
        let actor = &mut self.actors[at];
        let inbox = std::mem::take(&mut actor.inbox);
        let (kept, dropped): (VecDeque<_>, VecDeque<_>) = inbox
            .into_iter()
            .partition(|it| actor.grants.contains(&it.piece));
        actor.inbox = kept;
        for block in dropped {
            self.refuse(at, block);
        }
        let link = self.actors[at].link;
        self.schedule(HONEST_CHOKE_MS, Event::Unchoke(at, link));
    }

    fn refuse(&mut self, at: usize, block: BlockRef) {
        if self.setup.peers[at].fast {
            self.say(at, Message::Reject(block));
        }
    }

    /// Handles a message from the torrent.
    pub fn hear(&mut self, at: usize, message: &Message) {
        match *message {
            Message::Request(block) => self.asked(at, block),
            Message::Cancel(block) => {
                let inbox = &mut self.actors[at].inbox;
                if let Some(place) = inbox.iter().position(|it| *it == block) {
                    inbox.remove(place);
                    self.refuse(at, block);
                }
            }
            Message::Unchoke => self.wish(at),
            Message::AllowedFast(piece) if self.setup.peers[at].asks => {
                let block = self.reference.geometry.block(piece, 0);
                self.actors[at].wishes.push(block);
                self.say(at, Message::Request(block));
            }
            Message::Choke if !self.setup.peers[at].fast => self.actors[at].wishes.clear(),
            Message::Reject(block) => self.actors[at].wishes.retain(|it| *it != block),
            Message::Piece(block) => {
                let actor = &mut self.actors[at];
                actor.wishes.retain(|it| *it != block);
                actor.flushing.push_back(block);
                let link = actor.link;
                let rate = u64::from(self.setup.peers[at].rate);
                let ms = u64::from(block.length) * 1000 * actor.flushing.len() as u64 / rate;
                self.schedule(ms, Event::Left(at, link));
                self.wish(at);
            }
            _ => {}
        }
    }

    /// Requests blocks of the pieces that the torrent has announced.
    fn wish(&mut self, at: usize) {
        let told: Vec<PieceIndex> = match self.reference.conns.get(&Self::key(at)) {
            Some(seen) if !seen.am_choking => seen.told.iter().copied().collect(),
            _ => return,
        };
        let room = WISHES.saturating_sub(self.actors[at].wishes.len());
        if !self.setup.peers[at].asks || told.is_empty() {
            return;
        }
        for _ in 0..room {
            let piece = self.dice.pick(&told);
            let blocks = self.reference.geometry.blocks_in(piece);
            let block = self
                .reference
                .geometry
                .block(piece, self.dice.within(0, blocks));
            self.actors[at].wishes.push(block);
            self.say(at, Message::Request(block));
        }
    }

    /// Handles a request by the torrent.
    fn asked(&mut self, at: usize, block: BlockRef) {
        let (plan, actor) = (&self.setup.peers[at], &mut self.actors[at]);
        actor.asked += 1;
        let since = self.now - *actor.first_asked.get_or_insert(self.now);
        let link = actor.link;
        let lost = match plan.nature {
            Nature::Loses(every) => actor.asked.is_multiple_of(every),
            Nature::Honest(weakness) => {
                actor.asked <= weakness.loses && since < Duration::from_secs(1)
            }
            _ => false,
        };
        if lost {
            return;
        }
        let allowed = actor.grants.contains(&block.piece);
        if actor.choking && !allowed || actor.withdrawn {
            return self.refuse(at, block);
        }
        match plan.nature {
            Nature::Honest(Honest {
                queues: Some(most), ..
            }) if actor.inbox.len() >= most as usize => {
                self.refuse(at, block);
            }
            _ if actor.spoils > 0 => self.queue(at, block, 0),
            Nature::Honest(_) | Nature::Serves | Nature::Loses(_) | Nature::Flees(_) => {
                self.queue(at, block, 0);
            }
            Nature::Silent => {}
            Nature::Rejects => self.refuse(at, block),
            Nature::Withdraws(ms) => {
                actor.withdrawn = true;
                self.refuse(at, block);
                let set = Bitfield::empty(self.reference.geometry.piece_count());
                self.say(at, Message::Bitfield(Box::new(set)));
                self.schedule(u64::from(ms), Event::Claim(at, link));
            }
            Nature::Drips(seconds) => self.queue(at, block, u64::from(seconds) * 1000),
            Nature::Chokes(seconds) => {
                actor.choking = true;
                self.say(at, Message::Choke);
                if self.dice.one_in(2) {
                    self.refuse(at, block);
                }
                self.schedule(u64::from(seconds) * 1000, Event::Unchoke(at, link));
            }
        }
    }

    fn queue(&mut self, at: usize, block: BlockRef, wait_ms: u64) {
        let actor = &mut self.actors[at];
        actor.inbox.push_back(block);
        if !std::mem::replace(&mut actor.busy, true) {
            let (link, rate) = (actor.link, u64::from(self.setup.peers[at].rate));
            let ms = wait_ms + u64::from(block.length) * 1000 / rate;
            self.schedule(ms, Event::Serve(at, link));
        }
    }

    /// A block has left the peer.
    fn serve(&mut self, at: usize) {
        let (plan, actor) = (&self.setup.peers[at], &mut self.actors[at]);
        actor.busy = false;
        let Some(block) = actor.inbox.pop_front() else {
            return;
        };
        let link = actor.link;
        if actor.spoils > 0 {
            actor.spoils -= 1;
            self.schedule(u64::from(plan.delay_ms), Event::Spoiled(at, link, block));
        } else {
            self.say(at, Message::Piece(block));
        }
        if let Nature::Flees(times) = plan.nature
            && self.actors[at].fled < times
            && self.dice.one_in(3)
        {
            self.actors[at].fled += 1;
            self.schedule(u64::from(plan.delay_ms) + 1, Event::Flee(at, link));
        }
        // A peer that has no more corrupt blocks to send treats the waiting requests by its nature.
        let waiting = std::mem::take(&mut self.actors[at].inbox);
        let drips = match plan.nature {
            Nature::Drips(seconds) if self.actors[at].spoils == 0 => u64::from(seconds) * 1000,
            _ => 0,
        };
        let serves = !matches!(
            plan.nature,
            Nature::Silent | Nature::Rejects | Nature::Withdraws(_) | Nature::Chokes(_)
        );
        for block in waiting {
            if self.actors[at].spoils > 0 || serves {
                self.queue(at, block, drips);
            } else {
                self.asked(at, block);
            }
        }
    }

    fn act(&mut self, number: usize) -> Result<(), Fault> {
        let act = self.setup.acts[number].1.clone();
        let at = match act {
            Act::LoseNext => {
                self.lose_next = true;
                return Ok(());
            }
            Act::LosePiece(piece) => return self.lose(piece),
            Act::Send(at, _)
            | Act::Answer(at, ..)
            | Act::Reject(at, _)
            | Act::Leave(at, _)
            | Act::Unread(at)
            | Act::Writable(at) => at,
        };
        if !self.actors[at].open {
            return Ok(());
        }
        let peer = Self::key(at);
        let asked = |back: usize| {
            let seen = self.reference.conns.get(&peer);
            seen.and_then(|it| it.asked.nth_last(back))
        };
        match act {
            Act::Send(_, message) => self.say_now(at, message, true),
            Act::Answer(_, back, honesty) => asked(back).map_or(Ok(()), |block| {
                self.say_now(at, Message::Piece(block), honesty == Honesty::Corrupt)
            }),
            Act::Reject(_, back) if self.setup.peers[at].fast => asked(back)
                .map_or(Ok(()), |block| {
                    self.say_now(at, Message::Reject(block), false)
                }),
            Act::Leave(_, ms) => {
                self.leave(at)?;
                self.schedule(u64::from(ms), Event::Join(at));
                Ok(())
            }
            Act::Writable(_) => self.feed(Input::Writable { peer }),
            // After a random `Writable`, we do not know exactly which blocks are on their way.
            Act::Unread(_) if self.reference.conns[&peer].unflushed == 0 => Ok(()),
            Act::Unread(_) => match self.actors[at].flushing.pop_back() {
                Some(block) => {
                    self.actors[at].wishes.retain(|it| *it != block);
                    self.feed(Input::BlockUnread { peer, block })
                }
                None => Ok(()),
            },
            _ => Ok(()),
        }
    }

    /// Loses a piece. Has no effect while a block of the piece is on its way.
    fn lose(&mut self, piece: PieceIndex) -> Result<(), Fault> {
        let reading = self.actors.iter().flat_map(|it| &it.flushing);
        if reading.into_iter().any(|it| it.piece == piece) {
            return Ok(());
        }
        self.feed(Input::PieceLost { piece })
    }
}
