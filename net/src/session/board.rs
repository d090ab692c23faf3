//! What sessions show to those who look, and what they are told by them.
//!
//! A session takes a [`Seat`] and puts its figures there twice a second; whoever looks finds its
//! [`Panel`] on the [`Board`]. What costs something, such as a row for each peer, is made only while
//! somebody looks. Nothing here grows with time.

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

/// Somebody looks as long as the last look is not older.
const LOOKS: Duration = Duration::from_secs(10);
/// Rounds that are kept of each torrent.
const MOST_ROUNDS: usize = 40;
/// Orders that wait.
const MOST_ORDERS: usize = 4;

/// All torrents of this process. Clones are the same board.
#[derive(Clone, Debug, Default)]
pub struct Board(Arc<Mutex<Panels>>);

#[derive(Debug, Default)]
struct Panels {
    /// By info-hash.
    all: BTreeMap<String, Arc<Panel>>,
    /// The ledgers of those that were taken off.
    gone: Ledger,
}

/// What a torrent does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum State {
    /// What is on disk is being looked at.
    #[default]
    Checking,
    /// Something is missing.
    Downloading,
    /// All that is wanted is here.
    Seeding,
    /// The session is over.
    Ended,
}

impl State {
    /// The word for it.
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

/// How a torrent stands.
#[derive(Clone, Debug, Default)]
pub struct Shown {
    /// What it does.
    pub state: State,
    /// The figures.
    pub status: Status,
    /// The choking policy.
    pub policy: String,
    /// While somebody looks.
    pub detail: Option<Detail>,
}

/// What is made only while somebody looks.
#[derive(Clone, Debug)]
pub struct Detail {
    /// The peers.
    pub peers: Vec<PeerShown>,
    /// The pieces, many to a cell.
    pub cells: Vec<Cell>,
    /// What keeps it from moving, and what trackers and web seeds said last.
    pub explained: Explained,
    /// What came of each policy so far; the last one runs.
    pub eras: Vec<Era>,
}

/// A peer, and how it stands with it.
#[derive(Clone, Debug)]
pub struct PeerShown {
    /// Where it is.
    pub address: SocketAddr,
    /// Since when it is connected, in seconds.
    pub connected_s: u64,
    /// The rest.
    pub state: PeerState,
}

/// Some pieces that follow each other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cell {
    /// How many.
    pub pieces: u32,
    /// Of these: verified.
    pub have: u32,
    /// Of these: under way.
    pub begun: u32,
    /// Copies among the peers of the one with the fewest.
    pub least_copies: u16,
    /// Copies of all of them.
    pub copies: u64,
}

/// A decision of the policy.
#[derive(Clone, Debug)]
pub struct RoundShown {
    /// The decision.
    pub round: Round,
    /// Whose it was.
    pub policy: String,
    /// Where those were that it is about.
    pub addresses: BTreeMap<PeerKey, SocketAddr>,
}

/// Something that a session is told.
#[derive(Debug)]
pub struct Order {
    /// The policy from now on.
    pub chosen: Chosen,
    /// Whether that is done, or a sentence.
    pub answer: oneshot::Sender<Result<(), String>>,
}

/// One torrent on the board.
#[derive(Debug)]
pub struct Panel {
    /// Its name.
    pub name: String,
    /// Its info-hash in hex.
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

/// A session's place at the board.
#[derive(Debug)]
pub struct Seat {
    panel: Arc<Panel>,
    orders: mpsc::Receiver<Order>,
}

/// A panic elsewhere leaves figures usable.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Board {
    /// A torrent begins. One of the same hash, which must have ended, makes room.
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
        lock(&self.0).all.insert(info_hash, Arc::clone(&panel));
        Seat {
            panel,
            orders: receiver,
        }
    }

    /// Takes a torrent off the board; its bytes still count.
    pub fn remove(&self, info_hash: &str) {
        let mut panels = lock(&self.0);
        if let Some(before) = panels.all.remove(info_hash) {
            panels.gone += before.shown().status.ledger;
        }
    }

    /// All torrents, in the order of their hashes.
    #[must_use]
    pub fn panels(&self) -> Vec<Arc<Panel>> {
        lock(&self.0).all.values().cloned().collect()
    }

    /// The torrent with this hash.
    #[must_use]
    pub fn panel(&self, info_hash: &str) -> Option<Arc<Panel>> {
        lock(&self.0).all.get(info_hash).cloned()
    }

    /// Where the bytes of all torrents went that were ever here.
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
    /// Somebody looks.
    pub fn look(&self) {
        lock(&self.kept).looked_at = Some(Clock::now());
    }

    /// How it stood when it was last told.
    #[must_use]
    pub fn shown(&self) -> Arc<Shown> {
        Arc::clone(&self.shown.borrow())
    }

    /// Tells of each change; ends with the session.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<Arc<Shown>> {
        self.shown.subscribe()
    }

    /// The decisions from number `from` on that are still kept.
    #[must_use]
    pub fn rounds(&self, from: u64) -> Vec<Arc<RoundShown>> {
        let kept = lock(&self.kept);
        let later = kept.rounds.iter().filter(|it| it.round.number >= from);
        later.cloned().collect()
    }

    /// The ledger over time: columns as in [`COLUMNS`].
    #[must_use]
    pub fn history(&self) -> Vec<Row> {
        lock(&self.kept).history.rows().to_vec()
    }

    /// Where to send orders to.
    #[must_use]
    pub fn orders(&self) -> &mpsc::Sender<Order> {
        &self.orders
    }
}

impl Seat {
    /// Whether somebody looks.
    #[must_use]
    pub fn is_watched(&self) -> bool {
        let looked = lock(&self.panel.kept).looked_at;
        looked.is_some_and(|at| at.elapsed() < LOOKS)
    }

    /// How it stands now.
    pub fn show(&self, shown: Shown) {
        let status = &shown.status;
        let row = history::row(status.elapsed, &status.ledger);
        lock(&self.panel.kept).history.push(row);
        self.panel.shown.send_replace(Arc::new(shown));
    }

    /// A decision was made.
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
            // The board is gone.
            None => std::future::pending().await,
        }
    }
}

/// The session is over; its last figures stay.
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
