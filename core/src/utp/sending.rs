//! What goes: cut into packets, kept until it is acknowledged, sent again when it is lost.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use super::packet::{HEADER_BYTES, Kind, Packet};
use super::window::Window;
use super::{MAX_PAYLOAD, SMALL_PAYLOAD, before};
use crate::time::Instant;

/// Bytes that wait to be sent, at most.
const MAX_UNSENT: usize = 1 << 17;
/// Packets behind one that have arrived, after which it counts as lost. BEP 29: three.
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
    /// It is to be sent again.
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
    /// Oldest first, without gaps; what has arrived is removed from the front.
    sent: VecDeque<Sent>,
    window: Window,
    /// Bytes that the other side can take.
    room: usize,
    /// The end is to be said, or was.
    finish: bool,
    finish_sent: bool,
    /// The same acknowledgement without payload came so often again.
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

    /// The end was said, and has arrived.
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

    /// The next packet, if there is one that may go.
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
        // One packet may always be under way, or nothing would ever go.
        let fits = under_way == 0 || under_way + next.bytes() <= self.window.bytes();
        if !fits {
            return None;
        }
        (next.at, next.lost) = (now, false);
        next.times += 1;
        Some((next.kind, next.seq, next.payload.clone()))
    }

    /// Makes a packet of what waits, if it may go now.
    fn cut(&mut self, under_way: usize, most: usize, probe: bool) {
        let largest = if self.window.doubts_size() {
            SMALL_PAYLOAD
        } else {
            MAX_PAYLOAD
        };
        let count = self.unsent.len().min(largest);
        let fits = under_way + HEADER_BYTES + count <= most;
        // A receiver without room is not asked before it is time for that.
        let first = under_way == 0 && (self.room >= HEADER_BYTES + count || probe);
        if count > 0 && (fits || first) {
            let payload = self.unsent.drain(..count).collect();
            self.queue(Kind::Data, payload);
        } else if count == 0 && self.finish && !self.finish_sent {
            self.finish_sent = true;
            self.queue(Kind::Fin, Vec::new());
        }
    }

    /// What the other side says to have.
    pub(super) fn acked(&mut self, now: Instant, packet: &Packet<'_>) {
        // What was never sent cannot have arrived.
        let newest = self.next_seq.wrapping_sub(1);
        if before(newest, packet.ack) {
            return;
        }
        let full = self.under_way() + MAX_PAYLOAD >= self.window.bytes();
        let mut bytes = 0;
        let window = &mut self.window;
        let mut arrive = |it: &mut Sent| {
            if !it.arrived && it.times > 0 {
                it.arrived = true;
                bytes += it.bytes();
                // Of one that was sent again it is not known which of them came.
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

    /// Marks what was overtaken by three others.
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

    /// If nothing came back in time: how often that is so in a row. Everything under way is sent anew.
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
