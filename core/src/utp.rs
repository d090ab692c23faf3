//! uTP: an ordered stream of bytes over datagrams that yields to other traffic on the line. BEP 29.
//!
//! Pure: a [`Connection`] takes packets and the time, and says what to send and when to call again.
//! The driver owns the sockets and finds the connection of a packet. The parts: [`packet`] the wire
//! format; [`limits`] how many connections a program keeps; `window` how much may be in flight;
//! `sending` and `receiving` the two directions.
//!
//! Like deployed clients, and unlike the drawing of BEP 29, the first packet with payload from the
//! accepting side has the same number as its first answer.

pub mod limits;
pub mod packet;
mod receiving;
mod sending;
mod window;

use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::time::Duration;

pub use packet::{Kind, Packet};
use receiving::Receiving;
use sending::Sending;

use crate::time::Instant;

/// Most payload of a packet: with all headers it also fits through tunnels.
pub const MAX_PAYLOAD: usize = 1360;
/// The same when large packets seem to be lost. RFC 791: every host accepts 576 bytes.
const SMALL_PAYLOAD: usize = 500;
/// Timeouts in a row after which an open connection counts as dead, and an attempt as failed.
/// libutp: 4 and 2. But an attempt of ours has its own limit, and waits of 500 ms that double add
/// up to two minutes.
const MOST_TIMEOUTS: u32 = 8;
const MOST_UNANSWERED: u32 = 4;
/// After this time without a packet we send one, so that gateways keep the mapping. libutp: 29 s.
const KEEP_ALIVE: Duration = Duration::from_secs(29);
/// Time after which a receiver without room is asked again. libutp: 15 s.
const PROBE: Duration = Duration::from_secs(15);
/// Once the other side has received everything and sends nothing more, we wait this long for its
/// end.
const LINGER: Duration = Duration::from_secs(20);

/// How a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum End {
    /// Both sides have finished.
    #[error("closed")]
    Closed,
    /// The other side reset the connection.
    #[error("reset by the peer")]
    Reset,
    /// The other side does not answer.
    #[error("no answer")]
    Silent,
}

/// One connection.
#[derive(Clone, Debug)]
pub struct Connection {
    /// Ids of packets to us, and of packets to the other side.
    receive_id: u16,
    send_id: u16,
    dialled: bool,
    /// Whether the other side has answered, or opened the connection.
    open: bool,
    ended: Option<End>,
    sending: Sending,
    receiving: Receiving,
    /// The number of our first answer, which is repeated after a second SYN.
    first_seq: u16,
    answers: VecDeque<Kind>,
    sent_at: Instant,
    /// Delay of the last packet, from the other side's clock to ours, in microseconds.
    delay: u32,
    heard_at: Instant,
    /// We will send no more data.
    closed: bool,
}

/// Our clock in the form of packets.
fn micros(now: Instant) -> u32 {
    // The clock wraps; only differences are used.
    u32::try_from((now.as_nanos() / 1000) & u64::from(u32::MAX)).expect("32 bits")
}

/// Whether `a` comes before `b`; numbers wrap.
pub(crate) fn before(a: u16, b: u16) -> bool {
    a != b && b.wrapping_sub(a) < 0x8000
}

impl Connection {
    /// Opens a connection. `id` and `seq` are random; `id` must not be in use for this peer.
    #[must_use]
    pub fn dial(now: Instant, id: u16, seq: u16) -> Self {
        let mut connection = Self::new(now, id, id.wrapping_add(1), seq, true);
        connection.sending.push_syn();
        connection
    }

    /// Accepts the connection that `syn` opens. `seq` is random.
    #[must_use]
    pub fn accept(now: Instant, syn: &Packet<'_>, seq: u16) -> Self {
        let mut connection = Self::new(now, syn.id.wrapping_add(1), syn.id, seq, false);
        connection.open = true;
        connection.receiving.begin(syn.seq);
        connection.sending.set_room(syn.window);
        connection.delay = micros(now).wrapping_sub(syn.sent_at);
        connection.answers.push_back(Kind::Syn);
        connection
    }

    fn new(now: Instant, receive_id: u16, send_id: u16, seq: u16, dialled: bool) -> Self {
        Self {
            receive_id,
            send_id,
            dialled,
            open: false,
            ended: None,
            sending: Sending::new(seq),
            receiving: Receiving::default(),
            first_seq: seq,
            answers: VecDeque::new(),
            sent_at: now,
            delay: 0,
            heard_at: now,
            closed: false,
        }
    }

    /// The id of packets to this connection; a repeated SYN has the id below.
    #[must_use]
    pub fn receive_id(&self) -> u16 {
        self.receive_id
    }

    /// Whether the other side has answered.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.open
    }

    /// How the connection ended, if it did. Bytes received before may still be read.
    #[must_use]
    pub fn ended(&self) -> Option<End> {
        self.ended
    }

    /// Whether all bytes from the other side were read.
    #[must_use]
    pub fn is_eof(&self) -> bool {
        self.receiving.is_eof()
    }

    /// Number of bytes that [`Self::write`] accepts now.
    #[must_use]
    pub fn room(&self) -> usize {
        if self.closed || self.ended.is_some() {
            return 0;
        }
        self.sending.room()
    }

    /// Accepts bytes to send, as many as there is room for. Returns their number.
    pub fn write(&mut self, bytes: &[u8]) -> usize {
        let taken = bytes.len().min(self.room());
        self.sending.push(&bytes[..taken]);
        taken
    }

    /// Whether all bytes written so far are in packets. Bytes written later go in other packets.
    #[must_use]
    pub fn is_packed(&self) -> bool {
        self.sending.is_packed()
    }

    /// Bytes received in order, at most `most`.
    pub fn read(&mut self, most: usize) -> Vec<u8> {
        self.receiving.read(most)
    }

    /// Ends our direction. Bytes written before are still sent, followed by the end.
    pub fn close(&mut self) {
        self.closed = true;
        self.sending.finish();
    }

    /// A packet for this connection came.
    pub fn handle_packet(&mut self, now: Instant, packet: &Packet<'_>) {
        if self.ended.is_some() {
            return;
        }
        match packet.kind {
            Kind::Reset => return self.end(End::Reset),
            // Our answer was lost.
            Kind::Syn if !self.dialled => return self.answers.push_back(Kind::Syn),
            Kind::Syn => return,
            _ => {}
        }
        self.delay = micros(now).wrapping_sub(packet.sent_at);
        self.heard_at = now;
        if !self.open {
            if packet.kind != Kind::State {
                return; // It came before the answer, and will be repeated.
            }
            self.open = true;
            self.receiving.begin(packet.seq.wrapping_sub(1));
        }
        self.sending.set_room(packet.window);
        self.sending.acked(now, packet);
        let carries = matches!(packet.kind, Kind::Data | Kind::Fin);
        if carries {
            self.receiving.take(packet);
            if !self.answers.contains(&Kind::State) {
                self.answers.push_back(Kind::State);
            }
        }
        if self.lingers() && self.receiving.is_finished() {
            self.end(End::Closed);
        }
    }

    /// Whether the other side has received everything, including our end.
    fn lingers(&self) -> bool {
        self.closed && self.sending.is_finished()
    }

    fn end(&mut self, how: End) {
        self.ended = Some(how);
    }

    /// The deadline has come; an early call is harmless.
    pub fn handle_timeout(&mut self, now: Instant) {
        if self.ended.is_some() || self.poll_timeout() > now {
            return;
        }
        if self.lingers() && now - self.heard_at >= LINGER {
            return self.end(End::Closed);
        }
        if let Some(timeouts) = self.sending.expire(now) {
            let most = if self.open {
                MOST_TIMEOUTS
            } else {
                MOST_UNANSWERED
            };
            if timeouts > most {
                return self.end(End::Silent);
            }
        }
        if now - self.sent_at >= KEEP_ALIVE && self.open {
            // An empty acknowledgement, which the other side does not answer.
            self.answers.push_back(Kind::State);
        }
    }

    /// When to call [`Self::handle_timeout`].
    #[must_use]
    pub fn poll_timeout(&self) -> Instant {
        if self.ended.is_some() {
            return Instant::NEVER;
        }
        let linger = if self.lingers() {
            self.heard_at.after(LINGER)
        } else {
            Instant::NEVER
        };
        let alive = self.sent_at.after(KEEP_ALIVE);
        self.sending
            .poll_timeout(self.sent_at.after(PROBE))
            .min(linger)
            .min(alive)
    }

    /// The next datagram to send. Call until `None`.
    pub fn poll_transmit(&mut self, now: Instant) -> Option<Vec<u8>> {
        let bytes = self.next_datagram(now)?;
        self.sent_at = now;
        Some(bytes)
    }

    fn next_datagram(&mut self, now: Instant) -> Option<Vec<u8>> {
        if let Some(again) = self.answers.iter().position(|it| *it == Kind::Syn) {
            self.answers.remove(again);
            return Some(self.packet(now, Kind::State, self.first_seq, &[]));
        }
        let probe = now - self.sent_at >= PROBE;
        if self.ended.is_none()
            && let Some((kind, seq, payload)) = self.sending.poll(now, self.open, probe)
        {
            // The packet acknowledges as well, so no separate answers are needed.
            self.answers.clear();
            return Some(self.packet(now, kind, seq, &payload));
        }
        let kind = self.answers.pop_front()?;
        Some(self.packet(now, kind, self.sending.next_seq(), &[]))
    }

    fn packet(&self, now: Instant, kind: Kind, seq: u16, payload: &[u8]) -> Vec<u8> {
        let id = if kind == Kind::Syn {
            self.receive_id
        } else {
            self.send_id
        };
        let packet = Packet {
            kind,
            id,
            sent_at: micros(now),
            delay: self.delay,
            window: self.receiving.room(),
            seq,
            ack: self.receiving.ack(),
            selective: self.receiving.selective(),
            payload,
        };
        packet.encode()
    }
}

/// The answer to a packet that belongs to no connection; a reset is never answered.
#[must_use]
pub fn reset(now: Instant, packet: &Packet<'_>, seq: u16) -> Option<Vec<u8>> {
    let unknown = !matches!(packet.kind, Kind::Reset | Kind::Syn);
    let answer = Packet {
        kind: Kind::Reset,
        id: packet.id,
        sent_at: micros(now),
        delay: 0,
        window: 0,
        seq,
        ack: packet.seq,
        selective: Vec::new(),
        payload: &[],
    };
    unknown.then(|| answer.encode())
}
