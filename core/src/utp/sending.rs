//! The sending direction: cuts bytes into packets, keeps them until they are acknowledged, repeats
//! lost ones.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use super::packet::{HEADER_BYTES, Kind, Packet};
use super::window::Window;
use super::{MAX_PAYLOAD, SMALL_PAYLOAD, before};
use crate::time::Instant;

/// Most bytes that wait to be sent.
const MAX_UNSENT: usize = 1 << 17;
/// A packet counts as lost after this many later packets have arrived. BEP 29: three.
const LOST_AFTER: u32 = 3;

#[derive(Clone, Debug)]
struct Sent {
    kind: Kind,
    seq: u16,
    payload: Vec<u8>,
    at: Instant,
    /// How often it was sent.
    times: u32,
    arrived: bool,
    /// It must be sent again.
    lost: bool,
}

impl Sent {
    fn bytes(&self) -> usize {
        HEADER_BYTES + self.payload.len()
    }

    fn under_way(&self) -> bool {
        !self.arrived && !self.lost && self.times > 0
    }
}

#[derive(Clone, Debug)]
pub(super) struct Sending {
    next_seq: u16,
    unsent: VecDeque<u8>,
    /// Oldest first, without gaps; acknowledged packets are removed from the front.
    sent: VecDeque<Sent>,
    window: Window,
    /// Bytes that the other side can accept.
    room: usize,
    /// The end must be sent, or was sent.
    finish: bool,
    finish_sent: bool,
    /// How often the same acknowledgement without payload was repeated.
    duplicates: u32,
    last_ack: Option<u16>,
}

impl Sending {
    pub(super) fn new(seq: u16) -> Self {
        Self {
            next_seq: seq,
            unsent: VecDeque::new(),
            sent: VecDeque::new(),
            window: Window::new(),
            room: MAX_PAYLOAD,
            finish: false,
            finish_sent: false,
            duplicates: 0,
            last_ack: None,
        }
    }

    pub(super) fn next_seq(&self) -> u16 {
        self.next_seq
    }

    pub(super) fn room(&self) -> usize {
        MAX_UNSENT.saturating_sub(self.unsent.len())
    }

    pub(super) fn is_packed(&self) -> bool {
        self.unsent.is_empty()
    }

    pub(super) fn set_room(&mut self, window: u32) {
        self.room = window as usize;
    }

    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.unsent.extend(bytes);
    }

    pub(super) fn push_syn(&mut self) {
        self.queue(Kind::Syn, Vec::new());
    }

    pub(super) fn finish(&mut self) {
        self.finish = true;
    }

    /// Whether the end was sent and acknowledged.
    pub(super) fn is_finished(&self) -> bool {
        self.finish_sent && self.sent.is_empty()
    }

    fn queue(&mut self, kind: Kind, payload: Vec<u8>) {
        self.sent.push_back(Sent {
            kind,
            seq: self.next_seq,
            payload,
            at: Instant::START,
            times: 0,
            arrived: false,
            lost: false,
        });
        self.next_seq = self.next_seq.wrapping_add(1);
    }

    fn under_way(&self) -> usize {
        let bytes = self.sent.iter().filter(|it| it.under_way());
        bytes.map(Sent::bytes).sum()
    }

    /// The next packet, if one may be sent.
    pub(super) fn poll(
        &mut self,
        now: Instant,
        open: bool,
        probe: bool,
    ) -> Option<(Kind, u16, Vec<u8>)> {
        let under_way = self.under_way();
        let most = self.window.bytes().min(self.room);
        let waits = |it: &Sent| it.lost || it.times == 0;
        if !self.sent.iter().any(waits) && open {
            self.cut(under_way, most, probe);
        }
        let next = self.sent.iter_mut().find(|it| waits(it))?;
        // One packet may always be in flight; otherwise nothing would ever be sent.
        let fits = under_way == 0 || under_way + next.bytes() <= self.window.bytes();
        if !fits {
            return None;
        }
        (next.at, next.lost) = (now, false);
        next.times += 1;
        Some((next.kind, next.seq, next.payload.clone()))
    }

    /// Makes a packet from waiting bytes, if it may be sent now.
    fn cut(&mut self, under_way: usize, most: usize, probe: bool) {
        let largest = if self.window.doubts_size() {
            SMALL_PAYLOAD
        } else {
            MAX_PAYLOAD
        };
        let count = self.unsent.len().min(largest);
        let fits = under_way + HEADER_BYTES + count <= most;
        // A receiver without room is asked only when the probe is due.
        let first = under_way == 0 && (self.room >= HEADER_BYTES + count || probe);
        if count > 0 && (fits || first) {
            let payload = self.unsent.drain(..count).collect();
            self.queue(Kind::Data, payload);
        } else if count == 0 && self.finish && !self.finish_sent {
            self.finish_sent = true;
            self.queue(Kind::Fin, Vec::new());
        }
    }

    /// Processes the acknowledgements of a packet.
    pub(super) fn acked(&mut self, now: Instant, packet: &Packet<'_>) {
        // Ignore acknowledgements of packets that were never sent.
        let newest = self.next_seq.wrapping_sub(1);
        if before(newest, packet.ack) {
            return;
        }
        // No further packet of full size fits. With a smaller bound the window could stop to grow
        // for ever where the packets under way leave just a little less than one packet.
        let full = self.under_way() + HEADER_BYTES + MAX_PAYLOAD > self.window.bytes();
        let mut bytes = 0;
        let window = &mut self.window;
        let mut arrive = |it: &mut Sent| {
            if !it.arrived && it.times > 0 {
                it.arrived = true;
                bytes += it.bytes();
                // If a packet was sent twice, it is not known which copy is acknowledged.
                if it.times == 1 {
                    window.sample(now - it.at);
                }
            }
        };
        for it in &mut self.sent {
            let in_order = !before(packet.ack, it.seq);
            let bit = it.seq.wrapping_sub(packet.ack).wrapping_sub(2);
            let byte = packet.selective.get(usize::from(bit / 8));
            let selected = byte.is_some_and(|it| it >> (bit % 8) & 1 == 1);
            if in_order || before(packet.ack, it.seq) && selected {
                arrive(it);
            }
        }
        while self.sent.front().is_some_and(|it| it.arrived) {
            self.sent.pop_front();
        }
        if bytes > 0 {
            self.window.acked(now, bytes, packet.delay, full);
        }
        self.count_duplicates(packet);
        self.find_lost(now);
    }

    fn count_duplicates(&mut self, packet: &Packet<'_>) {
        let same = self.last_ack == Some(packet.ack);
        let waits = self.sent.iter().any(|it| it.times > 0);
        if same && waits && packet.kind == Kind::State {
            self.duplicates += 1;
        } else if !same {
            (self.last_ack, self.duplicates) = (Some(packet.ack), 0);
        }
    }

    /// Marks packets as lost that three later ones have overtaken.
    fn find_lost(&mut self, now: Instant) {
        let mut overtaken = 0;
        let mut any = false;
        for it in self.sent.iter_mut().rev() {
            if it.arrived {
                overtaken += 1;
            } else if overtaken >= LOST_AFTER && it.under_way() && it.times == 1 {
                (it.lost, any) = (true, true);
            }
        }
        if self.duplicates >= LOST_AFTER
            && let Some(first) = self.sent.front_mut().filter(|it| it.under_way())
        {
            self.duplicates = 0;
            (first.lost, any) = (true, true);
        }
        if any {
            self.window.lost(now);
        }
    }

    /// When the oldest packet counts as lost, or a receiver without room is asked (`probe_at`).
    pub(super) fn poll_timeout(&self, probe_at: Instant) -> Instant {
        let under_way = self.sent.iter().filter(|it| it.under_way());
        let oldest = under_way.map(|it| it.at).min();
        match oldest {
            Some(at) => at.after(self.window.wait()),
            None if !self.unsent.is_empty() => probe_at,
            None => Instant::NEVER,
        }
    }

    /// If no acknowledgement came in time, returns how often that happened in a row. All packets in
    /// flight are sent again.
    pub(super) fn expire(&mut self, now: Instant) -> Option<u32> {
        let wait = self.window.wait();
        let late = |it: &Sent| it.under_way() && it.at.after(wait) <= now;
        if !self.sent.iter().any(late) {
            return None;
        }
        for it in self.sent.iter_mut().filter(|it| it.under_way()) {
            it.lost = true;
        }
        Some(self.window.timed_out())
    }
}
