//! uTP: an ordered stream of bytes over datagrams that gives way to others on the line. BEP 29.
//!
//! Pure: a [`Connection`] takes packets and the time, and says what to send and when it wants to be
//! asked again. Which packet is whose, and sockets, are the driver's business. The parts: [`packet`] the
//! wire; `window` how much may be under way; `sending` and `receiving` the two directions.
//!
//! As deployed clients do, and not as the drawing of BEP 29 has it: the first packet of the accepting
//! side that carries something has the number that its first answer had.

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

/// Payload of a packet at most: with all headers it fits through tunnels, too.
pub const MAX_PAYLOAD: usize = 1360;
/// The same when large packets seem to be lost. RFC 791: everybody takes 576 bytes.
const SMALL_PAYLOAD: usize = 500;
/// Timeouts in a row after which the other side is gone, and was never there. libutp: 4 and 2; an
/// attempt of ours has its own limit, and waits of 500 ms that double are two minutes then.
const MOST_TIMEOUTS: u32 = 8;
const MOST_UNANSWERED: u32 = 4;
/// After so long without a packet we send one, so that the way through a gateway stays. libutp: 29 s.
const KEEP_ALIVE: Duration = Duration::from_secs(29);
/// A receiver without room is asked after so long whether it has some. libutp: 15 s.
const PROBE: Duration = Duration::from_secs(15);
/// When all that we had to say has arrived, and the other side says nothing more, it has so long.
const LINGER: Duration = Duration::from_secs(20);

/// How a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum End {
    /// Both sides have said everything.
    #[error("closed")]
    Closed,
    /// The other side broke it off.
    #[error("reset by the peer")]
    Reset,
    /// The other side does not answer.
    #[error("no answer")]
    Silent,
}

/// One connection.
#[derive(Clone, Debug)]
pub struct Connection {
    /// Under which packets come to us, and go to the other side.
    receive_id: u16,
    send_id: u16,
    dialled: bool,
    /// The other side has answered, or began.
    open: bool,
    ended: Option<End>,
    sending: Sending,
    receiving: Receiving,
    /// The number of our first answer, which is given again to a second SYN.
    first_seq: u16,
    answers: VecDeque<Kind>,
    sent_at: Instant,
    /// When the last packet came, from the other side's clock to ours, in microseconds.
    delay: u32,
    heard_at: Instant,
    /// We have nothing more to say.
    closed: bool,
}

/// Our clock as packets have it.
fn micros(now: Instant) -> u32 {
    // It wraps: only differences count.
    u32::try_from((now.as_nanos() / 1000) & u64::from(u32::MAX)).expect("32 bits")
}

/// Whether `a` comes before `b`; numbers wrap.
pub(crate) fn before(a: u16, b: u16) -> bool {
    a != b && b.wrapping_sub(a) < 0x8000
}

impl Connection {
    /// Begins one. `id` and `seq` are random; `id` must not be in use for this peer.
    #[must_use]
    pub fn dial(now: Instant, id: u16, seq: u16) -> Self {
        let mut connection = Self::new(now, id, id.wrapping_add(1), seq, true);
        connection.sending.push_syn();
        connection
    }

    /// Accepts the one that `syn` begins. `seq` is random.
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

    /// The id of packets that come to it; that of a SYN that comes again is one less.
    #[must_use]
    pub fn receive_id(&self) -> u16 {
        self.receive_id
    }

    /// Whether the other side has answered.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.open
    }

    /// How it ended, if it did. Bytes that came before may still be read.
    #[must_use]
    pub fn ended(&self) -> Option<End> {
        self.ended
    }

    /// Whether all that the other side has to say was read.
    #[must_use]
    pub fn is_eof(&self) -> bool {
        self.receiving.is_eof()
    }

    /// Bytes that [`Self::write`] takes.
    #[must_use]
    pub fn room(&self) -> usize {
        if self.closed || self.ended.is_some() {
            return 0;
        }
        self.sending.room()
    }

    /// Takes bytes to be sent, as many as there is room for.
    pub fn write(&mut self, bytes: &[u8]) -> usize {
        let taken = bytes.len().min(self.room());
        self.sending.push(&bytes[..taken]);
        taken
    }

    /// Bytes that came in order, at most `most`.
    pub fn read(&mut self, most: usize) -> Vec<u8> {
        self.receiving.read(most)
    }

    /// Nothing more will be written: what was, is sent, and then that this is all.
    pub fn close(&mut self) {
        self.closed = true;
        self.sending.finish();
    }

    /// A packet for it came.
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
                return; // It overtook the answer, and will come again.
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

    /// All that we had to say has arrived.
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
            // One that says nothing new, which the other side answers with nothing.
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
            // It carries what an answer would say.
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

/// The answer to a packet that belongs to no connection; never to a reset.
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
