//! Request queues that begin short and grow by one request with each block, as libtorrent's do
//! ([`super::Pipeline::start`]).
//!
//! libtorrent 2.0, `peer_connection.cpp`: a connection begins in *slow start* with four requests.
//! Each block makes the queue longer by one. Slow start ends once a second brought less than 5000
//! bytes more than the second before it, or when we lose interest in the peer, or when the peer is
//! snubbed. From then on the queue follows the measured rate. Seconds in which the peer chokes us do
//! not end slow start.
//!
//! This is kept apart from [`super::conn::Conn`] and [`super::traffic::Traffic`], which fill their
//! cache lines, because most clients do without.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::Torrent;
use super::conn::Delivery;
use crate::ids::PeerKey;
use crate::time::Instant;

/// A rate that rises by less than this many bytes/s does not rise.
const SLACK: u32 = 5000;

/// The queue of one connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Queue {
    /// Requests to keep outstanding while the queue grows.
    depth: u16,
    grows: bool,
    /// The present second, modulo 2^32.
    second: u32,
    /// Payload of the present second and of the one before it, bytes.
    bytes: u32,
    before: u32,
}

impl Queue {
    /// Closes the seconds that have passed. `idle`: the peer chokes us, so we could not ask it.
    fn settle(&mut self, now: Instant, idle: bool) {
        let second = (now.as_millis() / 1000) & u64::from(u32::MAX);
        let second = u32::try_from(second).expect("32 bits");
        // After two seconds without a block, all further ones are the same.
        for _ in 0..second.wrapping_sub(self.second).min(2) {
            let rises = self.bytes > self.before.saturating_add(SLACK);
            if !idle && self.before > 0 && !rises {
                self.grows = false;
            }
            (self.before, self.bytes) = (self.bytes, 0);
        }
        self.second = second;
    }
}

/// The queues of all connections, indexed by `PeerKey`.
#[derive(Debug, Default)]
pub(super) struct Growth(Vec<Queue>);

impl Torrent {
    /// A connection begins.
    pub(super) fn growth_begins(&mut self, now: Instant, peer: PeerKey) {
        let start = self.config.pipeline.start;
        if start == 0 {
            return;
        }
        let mut queue = Queue {
            depth: start,
            grows: true,
            ..Queue::default()
        };
        queue.settle(now, true);
        let queues = &mut self.growth.get_or_insert_with(Box::default).0;
        let slot = peer.0 as usize;
        if queues.len() <= slot {
            queues.resize(slot + 1, Queue::default());
        }
        queues[slot] = queue;
    }

    /// Brings the queue of a connection up to date, before its length or the choke by the peer
    /// changes.
    pub(super) fn growth_settles(&mut self, now: Instant, peer: PeerKey) {
        let Some(growth) = &mut self.growth else {
            return;
        };
        let conn = &self.conns[peer.0 as usize];
        let queue = &mut growth.0[peer.0 as usize];
        queue.settle(now, conn.peer_choking);
        queue.grows &= conn.delivery < Delivery::Stalled;
    }

    /// A block came.
    pub(super) fn growth_of_block(&mut self, now: Instant, peer: PeerKey, bytes: u32) {
        self.growth_settles(now, peer);
        if let Some(growth) = &mut self.growth {
            let queue = &mut growth.0[peer.0 as usize];
            queue.bytes = queue.bytes.saturating_add(bytes);
            queue.depth = queue.depth.saturating_add(1);
        }
    }

    /// We lost interest in the peer.
    pub(super) fn growth_ends(&mut self, peer: PeerKey) {
        if let Some(growth) = &mut self.growth {
            growth.0[peer.0 as usize].grows = false;
        }
    }

    /// Requests to keep outstanding at a peer whose queue still grows.
    pub(super) fn grown(&self, peer: PeerKey) -> Option<u16> {
        let queue = self.growth.as_ref()?.0[peer.0 as usize];
        queue.grows.then_some(queue.depth)
    }
}

#[cfg(test)]
mod tests {
    use core::time::Duration;

    use super::{Queue, SLACK};
    use crate::time::Instant;

    /// The queue after seconds with these bytes, all unchoked or all choked.
    fn after(bytes: &[u32], idle: bool) -> Queue {
        let mut queue = Queue {
            grows: true,
            ..Queue::default()
        };
        for (second, bytes) in (0..).zip(bytes) {
            queue.settle(Instant::START.after(Duration::from_secs(second)), idle);
            queue.bytes += bytes;
        }
        let end = Duration::from_secs(bytes.len() as u64);
        queue.settle(Instant::START.after(end), idle);
        queue
    }

    #[test]
    fn it_grows_as_long_as_the_rate_does() {
        assert!(after(&[0, 0, 0], false).grows, "nothing came yet");
        assert!(after(&[16_384], false).grows, "one second is no trend");
        assert!(after(&[16_384, 32_768, 65_536], false).grows);
        assert!(!after(&[16_384, 16_384], false).grows);
        assert!(!after(&[16_384, 16_384 + SLACK], false).grows);
        assert!(after(&[16_384, 16_385 + SLACK], false).grows);
        assert!(!after(&[16_384, 0], false).grows);
        assert!(after(&[16_384, 0, 0], true).grows, "a choke is no verdict");
    }

    #[test]
    fn a_long_pause_is_as_good_as_two_seconds() {
        let mut queue = after(&[16_384], false);
        assert_eq!((queue.before, queue.bytes), (16_384, 0));
        queue.settle(Instant::START.after(Duration::from_secs(9)), true);
        assert_eq!((queue.before, queue.bytes, queue.second), (0, 0, 9));
        assert!(queue.grows);
    }
}
