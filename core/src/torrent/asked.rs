//! The life of a request: everything that is outstanding at one peer.
//!
//! A request is *live* as long as its block counts as under way because of it. What becomes of it:
//!
//! | from | event | to | the block |
//! |---|---|---|---|
//! | none | [`Asked::ask`] | ordinary, or a copy of the endgame | under way |
//! | any | [`Asked::answer`] | none | here |
//! | any | [`Asked::reject`] | none | free, if the request was live and the only one |
//! | live | [`Asked::give_up`] | overdue, or choked | free, if it was the only one |
//! | overdue | [`Asked::expect_again`] | ordinary, if the block is free | under way |
//! | live | [`Asked::lose`] | lost to another copy | here |
//! | overdue | [`Asked::lose`] | lost to another copy | here |
//! | not live | [`Asked::forget`] | none | as it was |
//!
//! A request that is not live stays on the list, so that a block that comes after all is known for
//! what it is. If a peer was asked for a block again, an answer settles the live request.

use super::Torrent;
use super::conn::{Conn, Mark, Pending};
use super::partial::Partials;
use super::traffic::Traffic;
use crate::geometry::Geometry;
use crate::ids::PeerKey;
use crate::time::Instant;

/// What is outstanding at one peer, and all that counts it.
pub(super) struct Asked<'a> {
    peer: PeerKey,
    conn: &'a mut Conn,
    traffic: &'a mut Traffic,
    partials: &'a mut Partials,
    geometry: &'a Geometry,
}

impl Torrent {
    /// The only place where [`Conn::live`], [`Conn::overdue`] and what follows from them change
    /// because of a request. `None` if nothing was ever asked of the peer.
    #[inline]
    pub(super) fn asked<R>(
        &mut self,
        peer: PeerKey,
        change: impl FnOnce(&mut Asked<'_>) -> R,
    ) -> Option<R> {
        let conn = &mut self.conns[peer.0 as usize];
        let traffic = self.traffic.get_mut(conn.traffic)?;
        let (owed, overdue) = (conn.live > 0, conn.overdue);
        let mut asked = Asked {
            peer,
            conn,
            traffic,
            partials: &mut self.partials,
            geometry: &self.config.geometry,
        };
        let result = change(&mut asked);
        let (owes, is_overdue) = (asked.conn.live > 0, asked.conn.overdue);
        self.overdue = self.overdue - u16::from(overdue) + u16::from(is_overdue);
        if owes != owed {
            self.note_indifference(peer);
        }
        Some(result)
    }
}

impl Asked<'_> {
    /// The request for block `number` that an answer settles: the live one, or else the oldest.
    fn find(&self, number: u32) -> Option<usize> {
        let pending = &self.traffic.pending;
        let live = pending
            .iter()
            .position(|it| it.number() == number && it.is_live());
        live.or_else(|| pending.iter().position(|it| it.number() == number))
    }

    fn settle(&mut self, at: usize) -> Pending {
        let settled = self.traffic.pending.remove(at).expect("just found");
        self.conn.live -= u16::from(settled.is_live());
        settled
    }

    /// A request goes out. Its block counts as asked for already.
    pub(super) fn ask(&mut self, now: Instant, number: u32, mark: Mark) {
        self.traffic.push_pending(Pending::new(number, mark));
        self.conn.live += 1;
        if self.conn.live == 1 {
            self.traffic.owing_since = now;
        }
    }

    /// The block came: the request it answers, if it was asked for.
    pub(super) fn answer(&mut self, number: u32) -> Option<Pending> {
        let at = self.find(number)?;
        Some(self.settle(at))
    }

    /// The request will not be served: whether its block is free now.
    pub(super) fn reject(&mut self, number: u32) -> bool {
        let Some(at) = self
            .traffic
            .pending
            .iter()
            .position(|it| it.number() == number)
        else {
            return false;
        };
        let (piece, block) = self.geometry.split(number);
        self.settle(at).is_live() && self.partials.give_back(piece, block)
    }

    /// No answer is expected any more; others may be asked.
    pub(super) fn give_up(&mut self, mark: Mark) {
        self.conn.live = 0;
        self.conn.overdue |= mark == Mark::Overdue;
        for request in self.traffic.pending.iter_mut().filter(|it| it.is_live()) {
            let (piece, block) = self.geometry.split(request.number());
            self.partials.give_back(piece, block);
            *request = Pending::new(request.number(), mark);
        }
    }

    /// The peer delivers after all: what it was asked for, and nobody else was since, it is likely
    /// to deliver too.
    pub(super) fn expect_again(&mut self) {
        for request in self.traffic.pending.iter_mut().filter(|it| it.is_overdue()) {
            let (piece, block) = self.geometry.split(request.number());
            if self.partials.take(piece, block, self.peer) {
                *request = Pending::new(request.number(), Mark::Ordinary);
                self.conn.live += 1;
            }
        }
    }

    /// The block came from elsewhere, in answer to a request marked `answered`: whether this peer
    /// may still send it, and must be told not to.
    pub(super) fn lose(&mut self, number: u32, answered: Mark) -> bool {
        let asked = |it: &&mut Pending| it.number() == number && (it.is_live() || it.is_overdue());
        let Some(request) = self.traffic.pending.iter_mut().find(asked) else {
            return false;
        };
        let live = request.is_live();
        let mark = if live {
            answered.of_losers()
        } else {
            Mark::OverdueLost
        };
        *request = Pending::new(number, mark);
        self.conn.live -= u16::from(live);
        true
    }

    /// Looks whether anything is overdue still; [`Conn::overdue`] may say so too long.
    pub(super) fn recount_overdue(&mut self) {
        self.conn.overdue = self.traffic.pending.iter().any(|it| it.is_overdue());
    }

    /// Forgets what is not live: it will never be answered.
    pub(super) fn forget(&mut self) {
        self.traffic.pending.retain(|it| it.is_live());
    }
}

#[cfg(test)]
mod tests {
    use super::{Asked, Mark};
    use crate::geometry::{BLOCK_BYTES, Geometry};
    use crate::ids::{PeerKey, PieceIndex};
    use crate::meter::Estimator;
    use crate::time::Instant;
    use crate::torrent::conn::Conn;
    use crate::torrent::io::PeerLink;
    use crate::torrent::partial::Partials;
    use crate::torrent::traffic::{TrafficId, TrafficTable};

    const PEER: PeerKey = PeerKey(3);
    const PIECE: PieceIndex = PieceIndex(0);
    const NOW: Instant = Instant::START;

    /// One peer, and one piece of four blocks that is begun.
    struct Bench {
        geometry: Geometry,
        conn: Conn,
        table: TrafficTable,
        row: TrafficId,
        partials: Partials,
    }

    impl Bench {
        fn new() -> Self {
            let geometry = Geometry::new(4 * u64::from(BLOCK_BYTES), 4 * BLOCK_BYTES);
            let geometry = geometry.expect("one piece");
            let mut table = TrafficTable::new(Estimator::EMA_10_S);
            let mut partials = Partials::new(&geometry);
            partials.begin(&geometry, PIECE, None);
            Self {
                conn: Conn::opened(NOW, PeerLink::default()),
                row: table.begin(Estimator::EMA_10_S, NOW),
                table,
                partials,
                geometry,
            }
        }

        fn asked(&mut self) -> Asked<'_> {
            Asked {
                peer: PEER,
                conn: &mut self.conn,
                traffic: self.table.get_mut(self.row).expect("it has a row"),
                partials: &mut self.partials,
                geometry: &self.geometry,
            }
        }

        /// The next free block is asked for.
        fn ask(&mut self) -> u32 {
            let number = self.partials.take_free(0, false).expect("a free block");
            self.asked().ask(NOW, number, Mark::Ordinary);
            number
        }

        /// Marks of what is outstanding, live requests, and free blocks of the piece.
        fn state(&mut self) -> (alloc::vec::Vec<Mark>, u16, u32) {
            let marks = self.asked().traffic.pending.iter().map(|it| it.mark());
            (marks.collect(), self.conn.live, self.partials.free_blocks())
        }
    }

    #[test]
    fn an_answer_ends_a_request_of_any_kind() {
        let mut bench = Bench::new();
        for given_up in [None, Some(Mark::Overdue), Some(Mark::Choked)] {
            let number = bench.ask();
            if let Some(mark) = given_up {
                bench.asked().give_up(mark);
            }
            let answered = bench.asked().answer(number).expect("it was asked for");
            assert_eq!(answered.mark(), given_up.unwrap_or(Mark::Ordinary));
            assert!(bench.asked().answer(number).is_none());
            assert!(bench.state().0.is_empty());
            bench.partials.receive(0, number, PEER);
        }
        assert_eq!(bench.state().1, 0);
    }

    #[test]
    fn a_reject_frees_the_block_unless_another_is_asked_for_it() {
        let mut bench = Bench::new();
        let number = bench.ask();
        assert!(bench.asked().reject(number));
        assert_eq!(bench.state(), (alloc::vec![], 0, 4));
        assert!(!bench.asked().reject(number), "there is no such request");
        let number = bench.ask();
        bench.partials.ask_again(0, number);
        assert!(!bench.asked().reject(number));
        assert_eq!(bench.state(), (alloc::vec![], 0, 3));
    }

    #[test]
    fn what_is_given_up_is_free_and_remembered() {
        let mut bench = Bench::new();
        let (first, second) = (bench.ask(), bench.ask());
        bench.asked().give_up(Mark::Overdue);
        assert_eq!(bench.state(), (alloc::vec![Mark::Overdue; 2], 0, 4));
        assert!(bench.conn.overdue);
        // Somebody else is asked for the first of them in the meantime.
        assert_eq!(bench.partials.take_free(0, false), Some(first));
        bench.asked().expect_again();
        let marks = alloc::vec![Mark::Overdue, Mark::Ordinary];
        assert_eq!(bench.state(), (marks, 1, 2));
        // The other is first: only who may still send it is told, and once.
        assert!(bench.asked().lose(first, Mark::Ordinary));
        assert!(!bench.asked().lose(first, Mark::Ordinary));
        let marks = alloc::vec![Mark::OverdueLost, Mark::Ordinary];
        assert_eq!(bench.state(), (marks, 1, 2));
        bench.asked().recount_overdue();
        assert!(!bench.conn.overdue);
        assert!(bench.asked().lose(second, Mark::Overdue));
        let marks = alloc::vec![Mark::OverdueLost; 2];
        assert_eq!(bench.state(), (marks, 0, 2));
        bench.asked().forget();
        assert_eq!(bench.state(), (alloc::vec![], 0, 2));
    }
}
