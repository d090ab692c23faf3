//! Connects the session to the board: shows its figures and carries out orders.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::time::Instant as Clock;
use unchoke_core::choke::{Chosen, Parameters};
use unchoke_core::ids::{PeerKey, PieceIndex};
use unchoke_core::ledger::Ledger;
use unchoke_core::torrent::Input;

use super::board::{Cell, Detail, Era, Order, PeerShown, RoundShown, Seat, Shown, State};
use super::{Session, SessionError, Settings, Status};

/// Number of cells in the map of pieces.
const MOST_CELLS: u32 = 512;
/// Most policies whose results are kept.
const MOST_ERAS: usize = 20;

/// The place on the board, if there is a board.
#[derive(Debug)]
pub(super) struct Showing {
    seat: Option<Seat>,
    /// One entry for each policy; the last one is running.
    eras: Vec<Era>,
}

impl Showing {
    /// Takes a place on the board. At this time the files on disk are still being checked.
    pub(super) fn new(settings: &Settings) -> Self {
        let metainfo = &settings.metainfo;
        let join = |board: &super::board::Board| {
            let seat = board.join(&metainfo.name, metainfo.info_hash.to_string());
            seat.show(Shown {
                policy: settings.policy.clone(),
                ..Shown::default()
            });
            seat
        };
        Self {
            seat: settings.board.as_ref().map(join),
            eras: vec![era(
                &settings.policy,
                &settings.parameters,
                Duration::ZERO,
                Ledger::default(),
            )],
        }
    }

    /// Whether there is a board that shows decisions.
    pub(super) fn is_on(&self) -> bool {
        self.seat.as_ref().is_some_and(Seat::shows_decisions)
    }

    /// The next order. Waits for ever without a board.
    pub(super) async fn order(&mut self) -> Order {
        match &mut self.seat {
            Some(seat) => seat.order().await,
            None => std::future::pending().await,
        }
    }

    fn policy(&self) -> &str {
        &self.eras.last().expect("one runs").policy
    }

    /// The running policy and its parameters.
    pub(super) fn running(&self) -> (String, Parameters) {
        let era = self.eras.last().expect("one runs");
        let mut parameters = Parameters::new();
        for (name, value) in &era.parameters {
            parameters.set(name, *value);
        }
        (era.policy.clone(), parameters)
    }

    /// The running policy has other parameters from now on.
    pub(super) fn set(&mut self, chosen: &Chosen) {
        let set = chosen.parameters().iter();
        let era = self.eras.last_mut().expect("one runs");
        era.parameters = set.map(|(name, value)| (name.to_owned(), value)).collect();
    }

    /// Updates the end of the running policy's entry.
    fn reach(&mut self, now: Duration, ledger: Ledger) {
        let era = self.eras.last_mut().expect("one runs");
        (era.to, era.ledgers[1]) = (now, ledger);
    }

    fn begin(&mut self, chosen: &Chosen, now: Duration, ledger: Ledger) {
        self.reach(now, ledger);
        if self.eras.len() == MOST_ERAS {
            self.eras.remove(0);
        }
        let new = era(chosen.id(), chosen.parameters(), now, ledger);
        self.eras.push(new);
    }
}

fn era(policy: &str, parameters: &Parameters, from: Duration, ledger: Ledger) -> Era {
    let set = parameters.iter();
    Era {
        policy: policy.to_owned(),
        parameters: set.map(|(name, value)| (name.to_owned(), value)).collect(),
        from,
        to: from,
        ledgers: [ledger; 2],
    }
}

impl Session {
    /// Shows the current figures on the board.
    pub(super) fn show(&mut self, clock: Clock, status: &Status) {
        self.showing.reach(status.elapsed, status.ledger);
        let Some(seat) = &self.showing.seat else {
            return;
        };
        let done = self.torrent().is_done();
        let detail = seat.is_watched().then(|| Detail {
            peers: self.peers_shown(),
            cells: self.cells(),
            explained: self.explained(clock),
            eras: self.showing.eras.clone(),
        });
        seat.show(Shown {
            state: if done {
                State::Seeding
            } else {
                State::Downloading
            },
            status: *status,
            policy: self.showing.policy().to_owned(),
            detail,
        });
    }

    /// Shows the latest decisions on the board. Call it before they are carried out, while the
    /// addresses of all peers are known.
    pub(super) fn show_rounds(&mut self) {
        let Some(seat) = &self.showing.seat else {
            return;
        };
        for round in self.client.take_rounds() {
            let address = |peer: PeerKey| Some((peer, self.peers.slot(peer)?.address));
            let judged = round.reasons.judged.iter();
            let addresses: BTreeMap<PeerKey, SocketAddr> =
                judged.filter_map(|it| address(it.peer)).collect();
            seat.show_round(RoundShown {
                round,
                policy: self.showing.policy().to_owned(),
                addresses,
            });
        }
    }

    /// Carries out an order.
    pub(super) fn on_order(&mut self, order: Order) -> Result<(), SessionError> {
        let Order { chosen, answer } = order;
        if !self.torrent().can_switch_to(&chosen) {
            let why = format!(
                "{} cannot replace {} while the torrent runs: a super-seeding policy, which hides pieces, \
                 must run from the start to the end",
                chosen.id(),
                self.showing.policy()
            );
            drop(answer.send(Err(why)));
            return Ok(());
        }
        let ledger = *self.torrent().ledger();
        self.showing.begin(&chosen, self.epoch.elapsed(), ledger);
        tracing::info!(policy = chosen.id(), "switched");
        let told = self.feed(Input::Policy(Box::new(chosen)));
        drop(answer.send(Ok(())));
        told
    }

    fn peers_shown(&self) -> Vec<PeerShown> {
        let now = self.now();
        let states = self.torrent().peer_states(now);
        let shown = |state: unchoke_core::torrent::PeerState| {
            let slot = self.peers.slot(state.view.peer)?;
            Some(PeerShown {
                address: slot.address,
                connected_s: (now - state.view.connected_at).as_secs(),
                state,
            })
        };
        states.into_iter().filter_map(shown).collect()
    }

    fn cells(&self) -> Vec<Cell> {
        let torrent = self.torrent();
        let (have, copies) = (torrent.have(), torrent.availability());
        let count = have.piece_count();
        let cells = count.min(MOST_CELLS);
        // Use 64 bits: this is a product of two counts of pieces.
        let edge = |cell: u32| {
            let at = u64::from(cell) * u64::from(count) / u64::from(cells);
            u32::try_from(at).expect("at most the pieces")
        };
        let cell = |number: u32| {
            let mut cell = Cell {
                least_copies: u16::MAX,
                ..Cell::default()
            };
            for piece in (edge(number)..edge(number + 1)).map(PieceIndex) {
                let here = copies[piece.0 as usize];
                cell.pieces += 1;
                cell.have += u32::from(have.has(piece));
                cell.begun += u32::from(torrent.is_begun(piece));
                cell.least_copies = cell.least_copies.min(here);
                cell.copies += u64::from(here);
            }
            cell
        };
        (0..cells).map(cell).collect()
    }
}
