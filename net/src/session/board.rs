//! The board: what sessions show to the web page and other readers, and the orders that they get
//! from them.
//!
//! A session takes a [`Seat`] and updates its figures there twice a second. A reader finds the
//! [`Panel`] of the session on the [`Board`]. Expensive figures, for example a row for each peer,
//! are made only while a reader is active. Memory does not grow with time.

mod history;

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::Instant as Clock;
use unchoke_core::choke::Chosen;
use unchoke_core::ids::PeerKey;
use unchoke_core::ledger::Ledger;
use unchoke_core::torrent::{PeerState, Round};

use super::{Explained, Status};
pub use history::{COLUMNS, Era, History, Row};

/// A reader counts as active for this time after its last look.
const LOOKS: Duration = Duration::from_secs(10);
/// Most rounds kept for each torrent.
const MOST_ROUNDS: usize = 40;
/// Most orders waiting for a session.
const MOST_ORDERS: usize = 4;

/// All torrents of this process. Clones share one board.
#[derive(Clone, Debug, Default)]
pub struct Board(Arc<Mutex<Panels>>);

#[derive(Debug, Default)]
struct Panels {
    /// By info-hash.
    all: BTreeMap<String, Arc<Panel>>,
    /// Sum of the ledgers of removed torrents.
    gone: Ledger,
    /// See [`Board::of_totals`].
    totals_only: bool,
}

/// The state of a torrent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum State {
    /// The files on disk are being checked.
    #[default]
    Checking,
    /// Wanted pieces are missing.
    Downloading,
    /// All wanted pieces are complete.
    Seeding,
    /// The session is over.
    Ended,
}

impl State {
    /// The state as a word.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Checking => "checking",
            Self::Downloading => "downloading",
            Self::Seeding => "seeding",
            Self::Ended => "ended",
        }
    }
}

/// The figures of a torrent.
#[derive(Clone, Debug, Default)]
pub struct Shown {
    /// Its state.
    pub state: State,
    /// Its status.
    pub status: Status,
    /// The id of its choking policy.
    pub policy: String,
    /// Details; `None` while no reader is active.
    pub detail: Option<Detail>,
}

/// Figures that are made only while a reader is active.
#[derive(Clone, Debug)]
pub struct Detail {
    /// The peers.
    pub peers: Vec<PeerShown>,
    /// The map of pieces; each cell stands for several pieces.
    pub cells: Vec<Cell>,
    /// Why the download is stuck, with the last messages of trackers and web seeds.
    pub explained: Explained,
    /// The result of each policy so far; the last one is running.
    pub eras: Vec<Era>,
}

/// A peer and its state.
#[derive(Clone, Debug)]
pub struct PeerShown {
    /// Its address.
    pub address: SocketAddr,
    /// Time since it connected, in seconds.
    pub connected_s: u64,
    /// Its state in the torrent.
    pub state: PeerState,
}

/// A cell of the map: a range of pieces.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cell {
    /// Number of pieces.
    pub pieces: u32,
    /// Number of verified pieces.
    pub have: u32,
    /// Number of pieces in progress.
    pub begun: u32,
    /// Copies of the rarest of these pieces among the peers.
    pub least_copies: u16,
    /// Sum of the copies of these pieces among the peers.
    pub copies: u64,
}

/// A decision of the choking policy.
#[derive(Clone, Debug)]
pub struct RoundShown {
    /// The decision.
    pub round: Round,
    /// The id of the policy that made it.
    pub policy: String,
    /// Addresses of the peers in the decision.
    pub addresses: BTreeMap<PeerKey, SocketAddr>,
}

/// An order to a session.
#[derive(Debug)]
pub struct Order {
    /// The policy to change to.
    pub chosen: Chosen,
    /// Receives the result, or an error message.
    pub answer: oneshot::Sender<Result<(), String>>,
}

/// The panel of one torrent.
#[derive(Debug)]
pub struct Panel {
    /// Name of the torrent.
    pub name: String,
    /// Info-hash in hex.
    pub info_hash: String,
    shown: watch::Sender<Arc<Shown>>,
    kept: Mutex<Kept>,
    orders: mpsc::Sender<Order>,
}

#[derive(Debug, Default)]
struct Kept {
    looked_at: Option<Clock>,
    /// The oldest first.
    rounds: VecDeque<Arc<RoundShown>>,
    history: History,
}

/// The place of a session on the board.
#[derive(Debug)]
pub struct Seat {
    panel: Arc<Panel>,
    /// See [`Board::of_totals`].
    totals_only: bool,
    orders: mpsc::Receiver<Order>,
}

/// A panic in another thread leaves the figures usable.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Board {
    /// A board without a page: it has the latest figures, but neither history nor decisions, which
    /// take tens of kilobytes a torrent.
    #[must_use]
    pub fn of_totals() -> Self {
        let board = Self::default();
        lock(&board.0).totals_only = true;
        board
    }

    /// Adds a torrent. It replaces an earlier torrent with the same hash, which must have ended.
    #[must_use]
    pub fn join(&self, name: &str, info_hash: String) -> Seat {
        let (orders, receiver) = mpsc::channel(MOST_ORDERS);
        let panel = Arc::new(Panel {
            name: name.to_owned(),
            info_hash: info_hash.clone(),
            shown: watch::Sender::new(Arc::default()),
            kept: Mutex::default(),
            orders,
        });
        self.remove(&info_hash);
        let mut panels = lock(&self.0);
        panels.all.insert(info_hash, Arc::clone(&panel));
        Seat {
            panel,
            totals_only: panels.totals_only,
            orders: receiver,
        }
    }

    /// Removes a torrent from the board. Its bytes still count in [`Self::total`].
    pub fn remove(&self, info_hash: &str) {
        let mut panels = lock(&self.0);
        if let Some(before) = panels.all.remove(info_hash) {
            panels.gone += before.shown().status.ledger;
        }
    }

    /// The panels of all torrents, ordered by info-hash.
    #[must_use]
    pub fn panels(&self) -> Vec<Arc<Panel>> {
        lock(&self.0).all.values().cloned().collect()
    }

    /// The panel of the torrent with this info-hash.
    #[must_use]
    pub fn panel(&self, info_hash: &str) -> Option<Arc<Panel>> {
        lock(&self.0).all.get(info_hash).cloned()
    }

    /// Sum of the ledgers of all torrents, including removed ones.
    #[must_use]
    pub fn total(&self) -> Ledger {
        let panels = lock(&self.0);
        let mut total = panels.gone;
        for panel in panels.all.values() {
            total += panel.shown().status.ledger;
        }
        total
    }
}

impl Panel {
    /// Marks a reader as active now.
    pub fn look(&self) {
        lock(&self.kept).looked_at = Some(Clock::now());
    }

    /// The latest figures.
    #[must_use]
    pub fn shown(&self) -> Arc<Shown> {
        Arc::clone(&self.shown.borrow())
    }

    /// Notifies of each change; it closes when the session ends.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<Arc<Shown>> {
        self.shown.subscribe()
    }

    /// The kept decisions with number `from` or higher.
    #[must_use]
    pub fn rounds(&self, from: u64) -> Vec<Arc<RoundShown>> {
        let kept = lock(&self.kept);
        let later = kept.rounds.iter().filter(|it| it.round.number >= from);
        later.cloned().collect()
    }

    /// The ledger over time, with columns as in [`COLUMNS`].
    #[must_use]
    pub fn history(&self) -> Vec<Row> {
        lock(&self.kept).history.rows().to_vec()
    }

    /// The channel for orders to the session.
    #[must_use]
    pub fn orders(&self) -> &mpsc::Sender<Order> {
        &self.orders
    }
}

impl Seat {
    /// Whether somebody may want to see the decisions.
    #[must_use]
    pub fn shows_decisions(&self) -> bool {
        !self.totals_only
    }

    /// Whether a reader is active.
    #[must_use]
    pub fn is_watched(&self) -> bool {
        let looked = lock(&self.panel.kept).looked_at;
        looked.is_some_and(|at| at.elapsed() < LOOKS)
    }

    /// Updates the figures.
    pub fn show(&self, shown: Shown) {
        if !self.totals_only {
            let status = &shown.status;
            let row = history::row(status.elapsed, &status.ledger);
            lock(&self.panel.kept).history.push(row);
        }
        self.panel.shown.send_replace(Arc::new(shown));
    }

    /// Adds a decision.
    pub fn show_round(&self, shown: RoundShown) {
        let rounds = &mut lock(&self.panel.kept).rounds;
        if rounds.len() == MOST_ROUNDS {
            rounds.pop_front();
        }
        rounds.push_back(Arc::new(shown));
    }

    /// The next order.
    pub async fn order(&mut self) -> Order {
        match self.orders.recv().await {
            Some(order) => order,
            // The board was dropped.
            None => std::future::pending().await,
        }
    }
}

/// The session ended. Its last figures stay on the board.
impl Drop for Seat {
    fn drop(&mut self) {
        self.panel.shown.send_modify(|shown| {
            let mut last = Shown::clone(shown);
            last.state = State::Ended;
            (last.status.down_rate, last.status.up_rate) = (0, 0);
            last.detail = None;
            *shown = Arc::new(last);
        });
    }
}

#[cfg(test)]
mod tests {
    use unchoke_core::choke::{Reasons, Trigger};
    use unchoke_core::time::Instant;

    use super::*;

    fn shown(useful: u64) -> Shown {
        let mut shown = Shown::default();
        shown.status.ledger.payload_useful = useful;
        shown
    }

    #[test]
    fn bytes_count_when_their_torrent_is_gone() {
        let board = Board::default();
        let first = board.join("a", "aa".into());
        first.show(shown(10));
        board.join("b", "bb".into()).show(shown(5));
        assert_eq!(board.total().payload_useful, 15);
        drop(first);
        let ended = board.panel("aa").expect("it stays").shown();
        assert_eq!(
            (ended.state, ended.status.ledger.payload_useful),
            (State::Ended, 10)
        );
        let again = board.join("a", "aa".into());
        again.show(shown(1));
        board.remove("bb");
        assert_eq!(board.total().payload_useful, 16);
        assert_eq!(board.panels().len(), 1);
    }

    #[test]
    fn without_a_page_nothing_is_kept_but_the_latest_figures() {
        for (board, kept) in [(Board::default(), true), (Board::of_totals(), false)] {
            let seat = board.join("a", "aa".into());
            seat.show(shown(10));
            let panel = board.panel("aa").expect("it joined");
            assert_eq!(board.total().payload_useful, 10);
            assert_eq!(
                (!panel.history().is_empty(), seat.shows_decisions()),
                (kept, kept)
            );
        }
    }

    #[test]
    fn old_rounds_make_room_and_nobody_looks_at_first() {
        let board = Board::default();
        let seat = board.join("a", "aa".into());
        let panel = board.panel("aa").expect("it is there");
        assert!(!seat.is_watched());
        panel.look();
        assert!(seat.is_watched());
        for number in 0..100 {
            seat.show_round(RoundShown {
                round: Round {
                    number,
                    at: Instant::START,
                    trigger: Trigger::Tick(number),
                    am_seed: false,
                    reasons: Reasons {
                        rule: String::new(),
                        judged: Vec::new(),
                    },
                    kept: Vec::new(),
                },
                policy: "bep3".into(),
                addresses: BTreeMap::new(),
            });
        }
        let rounds = panel.rounds(0);
        let numbers: Vec<u64> = rounds.iter().map(|it| it.round.number).collect();
        assert_eq!(numbers, (60..100).collect::<Vec<u64>>());
        assert_eq!(panel.rounds(98).len(), 2);
    }
}
