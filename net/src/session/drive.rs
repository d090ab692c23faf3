//! The main loop: feeds inputs to the client core and carries out its outputs.

use std::collections::VecDeque;
use std::pin::pin;
use std::time::Duration;

use tokio::time::Instant as Clock;
use unchoke_core::bitfield::Bitfield;
use unchoke_core::client::redial::Ended;
use unchoke_core::client::source::Source;
use unchoke_core::client::{Output, Why};
use unchoke_core::ids::PeerKey;
use unchoke_core::message::Message;
use unchoke_core::torrent::{Input, Reason};

use super::peers::Arrival;
use super::unmet::unmet;
use super::{ClientInput, ClientOutput, End, Goal, Notice, Outcome, Session, SessionError, Status};
use crate::connection::{CloseReason, Event, Link, SEND_CREDIT};
use crate::disk::Report;

/// Most events handled before the timers are checked.
const BATCH: usize = 64;

impl Session {
    /// Runs until the goal is reached, `stop` completes, or an error occurs. In each case files are
    /// synced and resume data is saved.
    pub async fn run(
        mut self,
        stop: impl Future<Output = ()> + Send,
    ) -> Result<Outcome, SessionError> {
        match self.until_end(stop).await {
            Ok(end) => self.finish(end).await,
            Err(error) => {
                // Save the downloaded pieces after an error, too.
                let outcome = self.finish(End::Stopped).await;
                for warning in outcome.map_or(Vec::new(), |it| it.warnings) {
                    tracing::warn!("{warning}");
                }
                Err(error)
            }
        }
    }

    async fn until_end(
        &mut self,
        stop: impl Future<Output = ()> + Send,
    ) -> Result<End, SessionError> {
        let mut stop = pin!(stop);
        let mut events = Vec::with_capacity(BATCH);
        self.notify(Notice::Listening(self.port));
        self.introduce_trackers();
        self.introduce_peers()?;
        let end = loop {
            self.turn()?;
            if self.failure.is_some() {
                break End::Stopped;
            }
            if let Some(end) = self.reached() {
                break end;
            }
            let wake = self.wake();
            tokio::select! {
                biased;
                () = &mut stop => break End::Stopped,
                Some(report) = self.reports.recv() => self.on_report(report)?,
                Some(arrival) = self.arrivals.recv() => self.on_arrival(arrival)?,
                Some(answer) = self.trackers.next() => self.on_answer(answer)?,
                found = self.finders.next() => self.on_found(found)?,
                mapped = self.gateway.next() => self.on_mapped(mapped),
                order = self.showing.order() => self.on_order(order)?,
                _ = self.events.recv_many(&mut events, BATCH) => {
                    for (link, event) in events.drain(..) {
                        self.on_event(link, event)?;
                    }
                }
                () = tokio::time::sleep_until(wake) => (),
            }
        };
        Ok(end)
    }

    /// Does what is due at this time.
    fn turn(&mut self) -> Result<(), SessionError> {
        let now = self.now();
        if self.client.poll_timeout().is_some_and(|at| at <= now) {
            self.tell(ClientInput::Timeout)?;
        }
        self.give_pieces()?;
        let clock = Clock::now();
        if self.progress.due(self.epoch) <= clock {
            self.report_status(clock)?;
            self.save_when_due();
        }
        self.ask_trackers()
    }

    /// The time of the next deadline.
    fn wake(&self) -> Clock {
        let of_run = |at: unchoke_core::time::Instant| {
            // Practically "never", but a time that the clock can represent.
            let wait = Duration::from_nanos(at.as_nanos()).min(Duration::from_hours(10_000));
            self.epoch + wait
        };
        let deadlines = [
            self.client.poll_timeout().map(of_run),
            self.dictionary.poll_timeout().map(of_run),
            Some(self.progress.due(self.epoch)),
        ];
        let earliest = deadlines.into_iter().flatten().min();
        earliest.expect("the status is always due at some time")
    }

    /// Whether and how the session has ended.
    fn reached(&mut self) -> Option<End> {
        if let Some(sentence) = self.damage_to_seed() {
            return Some(End::Damaged(sentence));
        }
        let clock = Clock::now();
        if self.has_seeded_enough(clock) {
            return Some(End::Done);
        }
        let complete = self.torrent().is_done();
        let fetched = self
            .torrent()
            .have_count()
            .saturating_sub(self.progress.pieces_at_start);
        let waits_for_data = match self.settings.goal {
            Goal::Complete if complete => return Some(End::Done),
            Goal::Pieces(wanted) if complete || fetched >= wanted => return Some(End::Done),
            Goal::Complete | Goal::Pieces(_) => true,
            Goal::CompleteAndSeed => !complete,
            Goal::Seed => false,
        };
        let spent = match self.settings.goal {
            Goal::Seed => clock - self.epoch,
            _ => self.settings.spent + (clock - self.began),
        };
        if self.settings.timeout.is_some_and(|it| spent >= it) {
            let all = crate::text::clock(spent);
            // All the time may have gone into making the files.
            let why = if waits_for_data && self.progress.idle(clock) >= Duration::from_millis(100) {
                format!(": {}", self.explained(clock).sentence)
            } else {
                String::new()
            };
            return Some(End::GaveUp(format!("gave up after {all} (--timeout){why}")));
        }
        let idle = self.progress.idle(clock);
        if waits_for_data && self.settings.idle_timeout.is_some_and(|it| idle >= it) {
            let why = self.explained(clock).sentence;
            return Some(End::GaveUp(format!("{why} (--idle-timeout)")));
        }
        None
    }

    /// Feeds one input to the torrent, and then the inputs that result from its outputs.
    pub(super) fn feed(&mut self, input: Input) -> Result<(), SessionError> {
        self.tell(ClientInput::Torrent(input))
    }

    /// Feeds one input to the client, and then the inputs that result from its outputs.
    pub(super) fn tell(&mut self, input: ClientInput) -> Result<(), SessionError> {
        let mut inputs = VecDeque::from([input]);
        while let Some(input) = inputs.pop_front() {
            let now = self.now();
            if let Some(recorder) = &mut self.recorder {
                let recorded = recorder.input(now, &input);
                recorded.map_err(|source| SessionError::Io {
                    action: "write the recording",
                    source,
                })?;
            }
            self.client.handle_input(now, input);
            self.show_rounds();
            while let Some(output) = self.client.poll_output() {
                if let Some(recorder) = &mut self.recorder {
                    recorder.output(&output);
                }
                self.apply(output, &mut inputs);
            }
            self.pending = None;
        }
        Ok(())
    }

    /// Carries out one output without waiting. Resulting inputs are added to `inputs`.
    fn apply(&mut self, output: ClientOutput, inputs: &mut VecDeque<ClientInput>) {
        match output {
            Output::Send { peer, message } => inputs.extend(self.send(peer, message)),
            Output::Broadcast { have } => {
                let peers: Vec<PeerKey> = self.peers.iter().map(|slot| slot.link.peer).collect();
                for peer in peers {
                    inputs.extend(self.send(peer, Message::Have(have)));
                }
            }
            Output::StoreBlock { block, .. } => {
                let payload = self.pending.take();
                let payload = payload.expect("blocks are stored when they are handed in");
                self.gathering.store(&self.disk, block, payload);
            }
            Output::VerifyPiece { piece, want_blocks } => {
                self.gathering.flush(&self.disk, piece);
                self.disk.verify(piece, want_blocks);
            }
            Output::Completed => {
                if self.settings.goal == Goal::CompleteAndSeed {
                    self.save_in_background();
                }
                self.notify(Notice::Completed(self.epoch.elapsed()));
            }
            Output::Dial { door, address } => self.peers.dial(door, address),
            Output::Answer { door } => self.peers.answer(door),
            Output::Drop { door, why } => {
                if let Some(address) = self.peers.drop(door) {
                    tracing::debug!(%address, %why, "no connection");
                }
            }
            Output::Joined { door, peer } => {
                self.peers.join(door, peer);
                let credit = ClientInput::Torrent(Input::Writable { peer });
                inputs.extend(std::iter::repeat_n(credit, SEND_CREDIT));
            }
            Output::Close { peer, why } => inputs.extend(self.disconnect(peer, &why)),
            Output::Banned { address, offence } => {
                self.notify(Notice::Banned(address, offence.to_string()));
            }
            Output::UseWebSeed { seed, peer } => self.use_web_seed(seed, peer),
            Output::LeftWebSeed { seed, offence } => self.left_web_seed(seed, offence),
            Output::Announce { tracker, event } => self.trackers.due(tracker, event),
        }
    }

    /// Queues a message. If the peer has stopped reading, closes its connection instead.
    pub(super) fn send(&mut self, peer: PeerKey, message: Message) -> Option<ClientInput> {
        if self.web_seeds.send(peer, &message) {
            return None;
        }
        let slot = self.peers.slot_mut(peer)?;
        if let Message::Piece(block) = &message {
            slot.unwritten.hand_over(block.length);
            let geometry = &self.settings.metainfo.geometry;
            if self.damage.note_sent(slot.link, *block, geometry) {
                self.disk.inspect(block.piece);
            }
        }
        if slot.connection.send(message) {
            return None;
        }
        let address = slot.address;
        self.notify(Notice::Dropped(
            address,
            "it does not read our messages".into(),
        ));
        self.close(peer, Ended::Unread)
    }

    /// Closes a connection, unless it is already closed.
    fn close(&mut self, peer: PeerKey, how: Ended) -> Option<ClientInput> {
        let slot = self.peers.remove(peer)?;
        self.dictionary.leave(peer);
        let geometry = &self.settings.metainfo.geometry;
        for piece in self.damage.forget(slot.link, geometry) {
            self.disk.inspect(piece);
        }
        let unsent = slot.unwritten.unsent();
        Some(ClientInput::Closed { peer, how, unsent })
    }

    fn disconnect(&mut self, peer: PeerKey, why: &Why) -> Option<ClientInput> {
        if let Some(closed) = self.web_seeds.remove(peer) {
            return Some(closed);
        }
        let address = self.peers.slot(peer)?.address;
        if let Why::Torrent(Reason::Violation(_)) = why {
            self.notify(Notice::Dropped(address, why.to_string()));
        } else {
            tracing::debug!(%address, %why, "disconnected");
        }
        self.close(peer, why.ended())
    }

    /// Tells the client the addresses of the peers given by the user, and of those that were found
    /// while the torrent was unknown. The client uses each as its source allows. Peers of the user
    /// that sent the metadata come first.
    fn introduce_peers(&mut self) -> Result<(), SessionError> {
        let found = std::mem::take(&mut self.settings.found).into_iter();
        let (mut named, found): (Vec<_>, Vec<_>) = found.partition(|it| it.0 == Source::User);
        named.extend(self.settings.peers.iter().map(|it| (Source::User, *it)));
        for (source, address) in named.into_iter().chain(found) {
            let addresses = vec![address];
            self.tell(ClientInput::Found { source, addresses })?;
        }
        Ok(())
    }

    fn on_arrival(&mut self, arrival: Arrival) -> Result<(), SessionError> {
        match arrival {
            Arrival::Knock(stream, address) => {
                self.peers.hold(Some((stream, address)));
                let told = self.tell(ClientInput::Knock { address });
                self.peers.hold(None);
                told
            }
            Arrival::Failed(door, error) => {
                if let Some(address) = self.peers.drop(door) {
                    tracing::debug!(%address, %error, "no connection");
                    let how = unmet(&error, self.settings.encryption);
                    self.tell(ClientInput::Failed { door, how })?;
                }
                Ok(())
            }
            Arrival::Met(door, stream, introduced) => {
                if !self.peers.met(door, stream) {
                    return Ok(());
                }
                self.tell(ClientInput::Met {
                    door,
                    name: introduced.peer_id,
                    fast: introduced.reserved.fast(),
                    extended: introduced.reserved.extended(),
                })?;
                if introduced.reserved.dht() {
                    self.introduce_node(door)?;
                }
                Ok(())
            }
        }
    }

    fn on_event(&mut self, link: Link, event: Event) -> Result<(), SessionError> {
        if !self.peers.is_current(link) && !self.web_seeds.is_current(link) {
            return Ok(());
        }
        let peer = link.peer;
        match event {
            Event::Message(message) => {
                if let Message::Have(piece) = &message {
                    self.damage.note_have(link, *piece);
                }
                if let Message::Port(port) = message {
                    self.on_node(peer, port);
                }
                if let Message::HashRequest(request) = &message {
                    return self.on_hash_request(peer, request);
                }
                if let Message::Extended(extended) = &message
                    && self.on_extended(peer, extended)?
                {
                    return Ok(());
                }
                self.feed(Input::Message { peer, message })
            }
            Event::Block(block, payload) => {
                self.pending = Some(payload);
                let message = Message::Piece(block);
                self.feed(Input::Message { peer, message })
            }
            Event::Flushed(blocks) => {
                if let Some(slot) = self.peers.slot_mut(peer) {
                    slot.unwritten.written(blocks);
                }
                for _ in 0..blocks {
                    if self.peers.is_current(link) {
                        self.feed(Input::Writable { peer })?;
                    }
                }
                Ok(())
            }
            Event::Unread(block) => {
                if let Some(slot) = self.peers.slot_mut(peer) {
                    slot.unwritten.written(1);
                }
                self.feed(Input::BlockUnread { peer, block })
            }
            Event::Lacks { file, why } => self.web_seed_lacks(peer, file, &why),
            Event::Closed(reason) => {
                if let Some(closed) = self.web_seed_failed(peer, &reason) {
                    return self.tell(closed);
                }
                let how = self.on_closed(peer, &reason);
                self.close(peer, how).map_or(Ok(()), |it| self.tell(it))
            }
        }
    }

    fn on_closed(&mut self, peer: PeerKey, reason: &CloseReason) -> Ended {
        let Some(address) = self.peers.slot(peer).map(|slot| slot.address) else {
            return Ended::ByPeer;
        };
        match reason {
            CloseReason::Wire(_) | CloseReason::LongBlock(_) | CloseReason::LongExtension(_) => {
                self.notify(Notice::Dropped(address, reason.to_string()));
                Ended::Garbage
            }
            CloseReason::ByPeer | CloseReason::Io(_) => {
                tracing::debug!(%address, %reason, "closed");
                Ended::ByPeer
            }
            CloseReason::ByUs | CloseReason::Server { .. } => {
                tracing::debug!(%address, %reason, "closed");
                Ended::ByDriver
            }
        }
    }

    pub(super) fn on_report(&mut self, report: Report) -> Result<(), SessionError> {
        match report {
            Report::Verified { piece, verdict } => self.on_verified(piece, verdict),
            Report::Unnamed { file, error } => {
                let path = self.storage.path(file);
                self.notify(Notice::Files(format!(
                    "{} is complete and keeps this name: it cannot be renamed ({error})",
                    path.display()
                )));
                Ok(())
            }
            Report::OddPadding { piece } => {
                self.on_odd_padding(piece);
                Ok(())
            }
            Report::Lost { piece } => self.on_lost(piece),
            Report::Found { piece } => self.on_restored(piece),
            Report::Blocks { piece, hashes } => self.on_hashed_blocks(piece, hashes.as_deref()),
            Report::Unchecked { pieces } => {
                self.damage.note_unchecked(pieces);
                Ok(())
            }
            Report::Failed(error) => {
                // Keep the first error; later ones often follow from it.
                self.failure.get_or_insert(error);
                Ok(())
            }
        }
    }

    /// Reports the current figures.
    fn report_status(&mut self, clock: Clock) -> Result<(), SessionError> {
        let ledger = *self.torrent().ledger();
        let (down_rate, up_rate) = self.progress.sample(clock, &ledger);
        self.explain_when_due(clock);
        self.look_at_restored();
        let status = self.figures(clock, down_rate, up_rate);
        self.show(clock, &status);
        self.notify(Notice::Status(Box::new(status)));
        self.share_limits(clock, [up_rate, down_rate])
    }

    /// Number of wanted pieces that are complete, and of all wanted pieces.
    pub(super) fn wanted(&self) -> (u32, u32) {
        let (choice, have) = (&self.settings.choice, self.torrent().have());
        let all = Bitfield::full(have.piece_count());
        (choice.within(have).count(), choice.within(&all).count())
    }

    pub(super) fn status(&self, clock: Clock, down_rate: u64, up_rate: u64) -> Status {
        let geometry = &self.settings.metainfo.geometry;
        let choice = &self.settings.choice;
        let of = |set: &Bitfield| geometry.bytes_in(&choice.within(set));
        let have_bytes = of(self.torrent().have());
        let total_bytes = of(&Bitfield::full(geometry.piece_count()));
        let missing = total_bytes - have_bytes;
        let (have_pieces, pieces) = self.wanted();
        let waits = down_rate == 0 && missing > 0;
        Status {
            elapsed: clock - self.epoch,
            have_pieces,
            pieces,
            have_bytes,
            total_bytes,
            down_rate,
            up_rate,
            peers: self.peers.count(),
            web_seeds: self.web_seeds.count(),
            left: missing.checked_div(down_rate).map(Duration::from_secs),
            waits_for: waits.then(|| self.client.explain().hindrance()),
            ledger: *self.torrent().ledger(),
            ..Status::default()
        }
    }
}
