//! The receiving direction: orders packets, acknowledges them, and keeps bytes until they are read.

use alloc::collections::{BTreeMap, VecDeque};
use alloc::vec::Vec;

use super::before;
use super::packet::{Kind, Packet};

/// Most bytes to keep until they are read. libutp: 1 MiB.
const MAX_BYTES: usize = 1 << 20;
/// Packets further ahead of the first missing one than this are dropped.
const MAX_AHEAD: u16 = 1000;
/// Bytes of a selective acknowledgement.
const SELECTIVE_BYTES: u16 = 32;

#[derive(Clone, Debug, Default)]
pub(super) struct Receiving {
    /// The last packet that came with all before it.
    ack: u16,
    ready: VecDeque<u8>,
    /// Packets that came too early, by distance from the first packet, which does not wrap. The
    /// payload, and whether the packet is the last.
    early: BTreeMap<u64, (Vec<u8>, bool)>,
    early_bytes: usize,
    /// Number of packets that came in order.
    count: u64,
    finished: bool,
}

impl Receiving {
    /// The number of the other side's first packet.
    pub(super) fn begin(&mut self, seq: u16) {
        self.ack = seq;
    }

    pub(super) fn ack(&self) -> u16 {
        self.ack
    }

    /// Number of bytes that the other side may send.
    pub(super) fn room(&self) -> u32 {
        let held = self.ready.len() + self.early_bytes;
        u32::try_from(MAX_BYTES.saturating_sub(held)).expect("a megabyte")
    }

    /// Whether everything came, including the end.
    pub(super) fn is_finished(&self) -> bool {
        self.finished
    }

    /// Whether everything came and was read.
    pub(super) fn is_eof(&self) -> bool {
        self.finished && self.ready.is_empty()
    }

    pub(super) fn read(&mut self, most: usize) -> Vec<u8> {
        let count = most.min(self.ready.len());
        self.ready.drain(..count).collect()
    }

    /// A packet with payload, or the last one.
    pub(super) fn take(&mut self, packet: &Packet<'_>) {
        let ahead = packet.seq.wrapping_sub(self.ack);
        let known = !before(self.ack, packet.seq);
        let fits = packet.payload.len() <= self.room() as usize;
        if known || ahead > MAX_AHEAD || !fits || self.finished {
            return;
        }
        let place = self.count + u64::from(ahead);
        let last = packet.kind == Kind::Fin;
        if self.early.contains_key(&place) {
            return;
        }
        self.early_bytes += packet.payload.len();
        self.early.insert(place, (packet.payload.to_vec(), last));
        while let Some((payload, last)) = self.early.remove(&(self.count + 1)) {
            self.early_bytes -= payload.len();
            self.ready.extend(payload);
            self.count += 1;
            self.ack = self.ack.wrapping_add(1);
            if last {
                self.finished = true;
                self.early.clear();
                self.early_bytes = 0;
            }
        }
    }

    /// Which packets came although earlier ones are missing.
    pub(super) fn selective(&self) -> Vec<u8> {
        let mut bits = Vec::new();
        for place in self.early.keys() {
            // The first bit stands for the second packet after the last one in order.
            let bit = place - self.count - 2;
            let byte = usize::try_from(bit / 8).expect("a thousand at most");
            if byte >= usize::from(SELECTIVE_BYTES) {
                break;
            }
            if bits.len() <= byte {
                bits.resize(byte + 1, 0);
            }
            bits[byte] |= 1 << (bit % 8);
        }
        bits
    }
}
