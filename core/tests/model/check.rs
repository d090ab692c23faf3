//! Compares the counts of the torrent with those of the reference.

use unchoke_core::choke::PeerView;
use unchoke_core::ids::PieceIndex;
use unchoke_core::ledger::{Kind, Ledger, Waste};
use unchoke_core::time::Instant;
use unchoke_core::torrent::Torrent;

use super::reference::{Fault, Reference, Seen, ensure};

impl Reference {
    /// Once all inputs and outputs so far are processed, the torrent must agree with all counts.
    pub fn check(&self, now: Instant, torrent: &Torrent) -> Result<(), Fault> {
        ensure!(
            self.broadcast_due.is_none(),
            "never announced {:?}",
            self.broadcast_due
        );
        ensure!(
            torrent.have().iter().eq(self.have.iter().copied()),
            "the set of pieces differs"
        );
        ensure!(
            torrent.have_count() as usize == self.have.len(),
            "the number of pieces is wrong"
        );
        for piece in (0..self.geometry.piece_count()).map(PieceIndex) {
            let copies = self
                .conns
                .values()
                .filter(|it| it.has.contains(&piece))
                .count();
            let counted = usize::from(torrent.availability()[piece.0 as usize]);
            ensure!(
                counted == copies,
                "{copies} copies of {piece}, counted {counted}"
            );
        }
        for view in &torrent.peer_views(now) {
            let seen = self
                .conns
                .get(&view.peer)
                .ok_or("one connection too many")?;
            self.check_peer(torrent, view, seen)?;
        }
        ensure!(
            torrent.peer_views(now).len() == self.conns.len(),
            "one connection too few"
        );
        self.check_ledger(torrent.ledger())
    }

    fn check_peer(&self, torrent: &Torrent, view: &PeerView, seen: &Seen) -> Result<(), Fault> {
        let peer = view.peer;
        seen.owed
            .check(seen.closing)
            .map_err(|it| format!("{peer}: {it}"))?;
        let wanted = seen.has.difference(&self.have).count();
        ensure!(
            view.have_count as usize == seen.has.len(),
            "the number of pieces of {peer} differs"
        );
        ensure!(
            view.wanted_count as usize == wanted,
            "{peer} has {wanted} pieces that we want"
        );
        ensure!(
            seen.closing || seen.am_interested == (wanted > 0),
            "interest in {peer} is {}, but it has {wanted} pieces that we want",
            seen.am_interested
        );
        ensure!(
            view.am_interested == seen.am_interested,
            "our interest was not sent to {peer}"
        );
        ensure!(
            view.am_choking == seen.am_choking,
            "our choking was not sent to {peer}"
        );
        ensure!(
            seen.closing || view.peer_choking == seen.peer_choking,
            "whether {peer} chokes us"
        );
        ensure!(
            view.peer_interested == seen.peer_interested,
            "whether {peer} is interested"
        );
        ensure!(
            view.queued_requests as usize == seen.owed.queued(),
            "{} requests of {peer} wait, counted {}",
            seen.owed.queued(),
            view.queued_requests
        );
        ensure!(
            view.unflushed_blocks == seen.unflushed,
            "unflushed blocks of {peer}"
        );
        if let Some(ledger) = torrent.peer_ledger(peer) {
            ensure!(
                ledger.protocol == seen.ledger.protocol,
                "protocol bytes of {peer}"
            );
            ensure!(
                ledger.payload_sent == seen.ledger.payload_sent,
                "payload to {peer}"
            );
        }
        Ok(())
    }

    fn check_ledger(&self, ledger: &Ledger) -> Result<(), Fault> {
        for kind in Kind::ALL {
            let (found, counted) = (
                ledger.protocol[kind as usize],
                self.ledger.protocol[kind as usize],
            );
            ensure!(
                found == counted,
                "{} bytes: {found:?}, counted {counted:?}",
                kind.name()
            );
        }
        let wasted = |cause: Waste| ledger.payload_wasted[cause as usize];
        ensure!(
            ledger.payload_sent == self.ledger.payload_sent,
            "payload sent"
        );
        ensure!(
            ledger.payload_received() == self.payload_received,
            "payload received"
        );
        ensure!(
            wasted(Waste::HashFailure) == self.failed_bytes,
            "bytes of failed pieces"
        );
        ensure!(
            ledger.payload_useful == self.stored_bytes - self.failed_bytes,
            "useful bytes"
        );
        ensure!(
            wasted(Waste::Unrequested) == self.unrequested,
            "{} unrequested bytes, counted {}",
            self.unrequested,
            wasted(Waste::Unrequested)
        );
        Ok(())
    }
}
