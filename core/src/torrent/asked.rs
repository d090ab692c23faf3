//! The life of a request: all requests that are outstanding at one peer.
//!
//! A request is *live* as long as its block counts as requested because of it. Its states:
//!
//! | from | event | to | the block |
//! |---|---|---|---|
//! | none | [`Asked::ask`] | ordinary, or a copy of the endgame | under way |
//! | any | [`Asked::answer`] | none | here |
//! | any | [`Asked::reject`] | none | free, if the request was live and the only one |
//! | live | [`Asked::give_up`] | overdue, or choked | free, if it was the only one |
//! | live, and a later one answered | [`Asked::expire`] | overdue | free, if it was the only one |
//! | overdue, and an earlier one answered | [`Asked::answer`] of that | ordinary, if the block is free | under way |
//! | overdue for a moment only | [`Asked::expect_recent`] | ordinary, or a copy of the endgame | under way |
//! | live | [`Asked::doubt`] | the same; others may be asked as if it were not there | under way |
//! | live | [`Asked::lose`] | lost to another copy | here |
//! | overdue | [`Asked::lose`] | lost to another copy | here |
//! | not live | [`Asked::forget`] | none | as it was |
//!
//! A request that is not live stays on the list, so that a late block is recognised. If a peer was
//! asked for a block twice, an answer settles the live request.

use super::Torrent;
use super::conn::{Conn, Delivery};
use super::partial::Partials;
use super::patience::{self, millis};
use super::pending::{Mark, Pending};
use super::traffic::Traffic;
use crate::geometry::Geometry;
use crate::ids::PeerKey;
use crate::time::Instant;

/// The outstanding requests of one peer, with everything that counts them.
pub(super) struct Asked<'a> {
    peer: PeerKey,
    conn: &'a mut Conn,
    traffic: &'a mut Traffic,
    partials: &'a mut Partials,
    geometry: &'a Geometry,
}

/// A block came that we had requested.
#[derive(Clone, Copy, Debug)]
pub(super) struct Answer {
    /// The request before it was settled.
    pub(super) request: Pending,
    /// Another request was found lost, and its block is free.
    pub(super) frees: bool,
}

impl Torrent {
    /// Gives access to the requests of `peer`. [`Conn::live`], [`Conn::overdue`] and the values
    /// derived from them change only here because of a request. `None` if nothing was ever
    /// requested from the peer.
    #[inline]
    pub(super) fn asked<R>(
        &mut self,
        peer: PeerKey,
        change: impl FnOnce(&mut Asked<'_>) -> R,
    ) -> Option<R> {
        let conn = &mut self.conns[peer.0 as usize];
        let traffic = self.traffic.get_mut(conn.traffic)?;
        let before = (conn.live > 0, conn.overdue);
        let mut asked = Asked {
            peer,
            conn,
            traffic,
            partials: &mut self.partials,
            geometry: &self.config.geometry,
        };
        let result = change(&mut asked);
        let after = (asked.conn.live > 0, asked.conn.overdue);
        if after != before {
            self.owing.set(peer, after.0 || after.1);
            self.note_indifference(peer);
        }
        Some(result)
    }
}

impl Asked<'_> {
    /// The request for block `number` that an answer settles: the live one, else the latest. The
    /// latest, because a slow peer answers its older requests first, which makes the later ones
    /// live again. So if the answered request is not live, the peer has lost the earlier ones.
    fn find(&self, number: u32) -> Option<usize> {
        let pending = &self.traffic.pending;
        let live = pending
            .iter()
            .position(|it| it.number() == number && it.is_live());
        live.or_else(|| pending.iter().rposition(|it| it.number() == number))
    }

    fn settle(&mut self, at: usize) -> Pending {
        let settled = self.traffic.pending.remove(at).expect("just found");
        self.conn.live -= u16::from(settled.is_live());
        settled
    }

    /// A request is sent. The caller has counted its block as requested already.
    pub(super) fn ask(&mut self, now: Instant, number: u32, mark: Mark) {
        self.traffic.push_pending(Pending::new(now, number, mark));
        self.conn.live += 1;
        // A stalled peer owes us blocks without interruption, so keep its time.
        if self.conn.live == 1 && self.conn.delivery < Delivery::Stalled {
            self.traffic.owing_since = millis(now);
        }
    }

    /// Reuses a request that was given up a moment ago, instead of sending another for the same
    /// block: the peer is likely to answer it. The caller has counted the block as requested again.
    pub(super) fn expect_recent(&mut self, now: Instant, number: u32, mark: Mark) -> bool {
        if !self.conn.overdue {
            return false;
        }
        let recent = |it: &&mut Pending| {
            it.number() == number && it.is_overdue() && it.age(now) < patience::RECENT_MS
        };
        let mut latest = self.traffic.pending.iter_mut().rev();
        let Some(request) = latest.find(recent) else {
            return false;
        };
        request.set_mark(mark);
        self.conn.live += 1;
        true
    }

    fn is_doubtful(&self) -> bool {
        self.conn.delivery != Delivery::Prompt
    }

    /// A block came. Returns the request it answers, if there was one. A peer that answers in order
    /// has lost the earlier requests, unless their answers come soon.
    pub(super) fn answer(&mut self, now: Instant, number: u32) -> Option<Answer> {
        let at = self.find(number)?;
        let request = self.settle(at);
        self.traffic.note_latency(request.age(now));
        let mut frees = false;
        if at > 0 {
            self.traffic
                .pending
                .range_mut(..at)
                .for_each(Pending::overtake);
            frees = self.expire(now);
        }
        self.traffic.owing_since = millis(now);
        if core::mem::replace(&mut self.conn.delivery, Delivery::Prompt) != Delivery::Prompt {
            self.doubt(false);
        }
        if !request.is_live() {
            self.expect_again(at);
        }
        Some(Answer { request, frees })
    }

    /// Gives up overtaken requests whose answers did not come soon after. Returns whether a block
    /// became free.
    pub(super) fn expire(&mut self, now: Instant) -> bool {
        let patience = patience::of_overtaken(self.traffic.latency);
        let doubtful = self.is_doubtful();
        let mut frees = false;
        let lost = |it: &&mut Pending| it.is_overtaken() && it.is_live() && it.age(now) > patience;
        for request in self.traffic.pending.iter_mut().filter(lost) {
            let (piece, block) = self.geometry.split(request.number());
            frees |= self.partials.give_back(piece, block, doubtful);
            self.partials.note_overdue(piece, block);
            request.set_mark(Mark::Overdue);
            self.conn.live -= 1;
            self.conn.overdue = true;
        }
        frees
    }

    /// Marks the live requests of the peer: it has become a peer that may never answer, or is no
    /// longer one.
    pub(super) fn doubt(&mut self, doubtful: bool) {
        for request in self.traffic.pending.iter().filter(|it| it.is_live()) {
            let (piece, block) = self.geometry.split(request.number());
            self.partials.doubt(piece, block, doubtful);
        }
    }

    /// A peer that delivered before has owed us a block for [`patience::DOUBT`].
    pub(super) fn become_unproven(&mut self) {
        self.conn.delivery = Delivery::Unproven;
        self.doubt(true);
    }

    /// The peer will not serve the request. Returns whether its block became free.
    pub(super) fn reject(&mut self, number: u32) -> bool {
        let Some(at) = self.find(number) else {
            return false;
        };
        let (piece, block) = self.geometry.split(number);
        let doubtful = self.is_doubtful();
        self.settle(at).is_live() && self.partials.give_back(piece, block, doubtful)
    }

    /// Gives up all live requests; their blocks may be requested from others.
    pub(super) fn give_up(&mut self, mark: Mark) {
        self.conn.live = 0;
        self.conn.overdue |= mark == Mark::Overdue;
        let doubtful = self.is_doubtful();
        for request in self.traffic.pending.iter_mut().filter(|it| it.is_live()) {
            let (piece, block) = self.geometry.split(request.number());
            self.partials.give_back(piece, block, doubtful);
            if mark == Mark::Overdue {
                self.partials.note_overdue(piece, block);
            }
            request.set_mark(mark);
        }
    }

    /// The peer delivered a block whose request had been given up, or cancelled because the block
    /// came from another peer. So it is likely to answer its later overdue requests too: make those
    /// live again whose blocks were not requested elsewhere. `from`: position of the first later
    /// request.
    fn expect_again(&mut self, from: usize) {
        let doubtful = self.is_doubtful();
        let later = self.traffic.pending.range_mut(from..);
        for request in later.filter(|it| it.is_overdue()) {
            let (piece, block) = self.geometry.split(request.number());
            if self.partials.take(piece, block, self.peer, doubtful) {
                request.set_mark(Mark::Ordinary);
                self.conn.live += 1;
            }
        }
    }

    /// The block came from another peer, in answer to a request marked `answered`. Returns how many
    /// requests for it this peer may still answer; each must be cancelled.
    pub(super) fn lose(&mut self, number: u32, answered: Mark) -> u32 {
        let mut lost = 0;
        let asked = |it: &&mut Pending| it.number() == number && (it.is_live() || it.is_overdue());
        // The block may have been requested twice. No request may count for it when its piece is
        // begun anew.
        for request in self.traffic.pending.iter_mut().filter(asked) {
            let live = request.is_live();
            request.set_mark(if live {
                answered.of_losers()
            } else {
                Mark::OverdueLost
            });
            self.conn.live -= u16::from(live);
            lost += 1;
        }
        lost
    }

    /// Checks whether any request is still overdue. Until this call [`Conn::overdue`] may be
    /// outdated.
    pub(super) fn recount_overdue(&mut self) {
        self.conn.overdue = self.traffic.pending.iter().any(|it| it.is_overdue());
    }

    /// Forgets requests that are not live: they will never be answered.
    pub(super) fn forget(&mut self) {
        self.traffic.pending.retain(|it| it.is_live());
    }
}

#[cfg(test)]
mod tests {
    use core::time::Duration;

    use super::{Asked, Delivery, Mark};
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

    /// One peer, and one begun piece of four blocks.
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
            partials.begin(&geometry, PIECE, None, 0);
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

        /// Requests the next free block.
        fn ask(&mut self) -> u32 {
            let doubtful = self.asked().is_doubtful();
            let number = self.partials.take_free(0, false, doubtful);
            let number = number.expect("a free block");
            self.asked().ask(NOW, number, Mark::Ordinary);
            number
        }

        /// Marks of the outstanding requests, number of live requests, and number of free blocks.
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
            let answered = bench.asked().answer(NOW, number);
            let answered = answered.expect("it was asked for").request;
            assert_eq!(answered.mark(), given_up.unwrap_or(Mark::Ordinary));
            assert!(bench.asked().answer(NOW, number).is_none());
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
        bench.partials.ask_again(0, number, true);
        assert!(!bench.asked().reject(number));
        assert_eq!(bench.state(), (alloc::vec![], 0, 3));
    }

    #[test]
    fn what_is_given_up_is_free_and_remembered() {
        let mut bench = Bench::new();
        let [first, second, third] = [(); 3].map(|()| bench.ask());
        bench.asked().give_up(Mark::Overdue);
        assert_eq!(bench.state(), (alloc::vec![Mark::Overdue; 3], 0, 4));
        assert!(bench.conn.overdue);
        // The second block is requested from another peer, and the peer delivers the first after
        // all. It is likely to deliver the third too.
        assert!(bench.partials.take(PIECE, second, PeerKey(9), false));
        let answered = bench.asked().answer(NOW, first).expect("it was asked for");
        assert!(answered.request.is_overdue());
        bench.partials.receive(0, first, PEER);
        let marks = alloc::vec![Mark::Overdue, Mark::Ordinary];
        assert_eq!(bench.state(), (marks, 1, 1));
        assert_eq!(bench.conn.delivery, Delivery::Prompt);
        // Another peer delivered first. Cancel only the requests that may still be answered, and
        // only once.
        assert_eq!(bench.asked().lose(second, Mark::Ordinary), 1);
        assert_eq!(bench.asked().lose(second, Mark::Ordinary), 0);
        let marks = alloc::vec![Mark::OverdueLost, Mark::Ordinary];
        assert_eq!(bench.state(), (marks, 1, 1));
        bench.asked().recount_overdue();
        assert!(!bench.conn.overdue);
        assert_eq!(bench.asked().lose(third, Mark::Overdue), 1);
        let marks = alloc::vec![Mark::OverdueLost; 2];
        assert_eq!(bench.state(), (marks, 0, 1));
        bench.asked().forget();
        assert_eq!(bench.state(), (alloc::vec![], 0, 1));
    }

    #[test]
    fn what_was_overtaken_is_given_up_unless_it_comes_soon() {
        let mut bench = Bench::new();
        let [first, second, _] = [(); 3].map(|()| bench.ask());
        let at = |ms| NOW.after(Duration::from_millis(ms));
        assert!(!bench.asked().answer(at(100), second).expect("asked").frees);
        bench.partials.receive(0, second, PEER);
        // The limit is twice the time of an answer plus two seconds.
        for (ms, frees) in [(2200, false), (2202, true), (9000, false)] {
            assert_eq!(bench.asked().expire(at(ms)), frees, "after {ms} ms");
        }
        // The third request was not overtaken.
        let marks = alloc::vec![Mark::Overdue, Mark::Ordinary];
        assert_eq!(bench.state(), (marks, 1, 2));
        assert!(bench.conn.overdue);
        let answered = bench.asked().answer(at(9000), first);
        assert!(answered.expect("it came late").request.is_overdue());
    }

    /// Requests to peers that may never answer do not keep other peers from being asked.
    #[test]
    fn requests_are_doubtful_until_the_peer_delivers_and_when_it_falls_silent() {
        let mut bench = Bench::new();
        let [first, second] = [(); 2].map(|()| bench.ask());
        let firm = |bench: &Bench, block: u32| {
            let state = bench.partials.blocks(0)[block as usize];
            (state.asked(), state.firmly_asked())
        };
        assert_eq!(firm(&bench, second), (1, 0));
        bench.asked().answer(NOW, first);
        bench.partials.receive(0, first, PEER);
        assert_eq!(firm(&bench, second), (1, 1));
        let third = bench.ask();
        assert_eq!(firm(&bench, third), (1, 1));
        bench.asked().become_unproven();
        for block in [second, third] {
            assert_eq!(firm(&bench, block), (1, 0));
        }
        bench.asked().give_up(Mark::Overdue);
        assert_eq!(firm(&bench, second), (0, 0));
    }

    #[test]
    fn who_was_asked_twice_loses_both() {
        let mut bench = Bench::new();
        let number = bench.ask();
        bench.asked().give_up(Mark::Overdue);
        assert_eq!(bench.ask(), number, "it is the first free one");
        assert_eq!(bench.asked().lose(number, Mark::Ordinary), 2);
        let marks = alloc::vec![Mark::OverdueLost, Mark::EndgameLost];
        assert_eq!((bench.state().0, bench.state().1), (marks, 0));
    }

    /// If a block was requested twice, a reject or a block settles the live request.
    #[test]
    fn a_block_that_is_asked_for_again_is_settled_where_it_is_live() {
        for rejected in [true, false] {
            let mut bench = Bench::new();
            let number = bench.ask();
            bench.asked().give_up(Mark::Overdue);
            assert_eq!(bench.ask(), number, "it is the first free one");
            if rejected {
                assert!(bench.asked().reject(number));
                assert_eq!(bench.state(), (alloc::vec![Mark::Overdue], 0, 4));
            } else {
                let answered = bench.asked().answer(NOW, number);
                let mark = answered.map(|it| it.request.mark());
                assert_eq!(mark, Some(Mark::Ordinary));
                assert_eq!(bench.state(), (alloc::vec![Mark::Overdue], 0, 3));
            }
        }
    }
}
