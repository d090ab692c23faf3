//! Packets: a header of 20 bytes, extensions, payload. BEP 29, *header format*.

use alloc::vec::Vec;

/// Bytes of a header without extensions.
pub(super) const HEADER_BYTES: usize = 20;
/// Most bytes of a selective acknowledgement to send and to read.
const MAX_SELECTIVE_BYTES: usize = 32;
const SELECTIVE: u8 = 1;
const VERSION: u8 = 1;

/// Kind of a packet. The numbers are those of the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It has payload.
    Data = 0,
    /// The sender will send no data after it.
    Fin = 1,
    /// It has only a header.
    State = 2,
    /// The connection is over.
    Reset = 3,
    /// The first packet of a connection.
    Syn = 4,
}

/// A packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packet<'a> {
    /// The kind.
    pub kind: Kind,
    /// Id of the receiver's connection; a SYN has the id below.
    pub id: u16,
    /// The sender's clock in microseconds when the packet was sent.
    pub sent_at: u32,
    /// Delay of the last packet from the receiver, by both clocks, in microseconds.
    pub delay: u32,
    /// Bytes that the sender can accept.
    pub window: u32,
    /// Its number.
    pub seq: u16,
    /// The last packet that the sender received with all before it.
    pub ack: u16,
    /// Which packets from `ack + 2` on were received, too: bit 0 of the first byte is `ack + 2`.
    pub selective: Vec<u8>,
    /// The payload.
    pub payload: &'a [u8],
}

impl<'a> Packet<'a> {
    /// Reads a datagram; `None` if it is not a packet.
    #[must_use]
    pub fn decode(bytes: &'a [u8]) -> Option<Self> {
        let (header, mut rest) = bytes.split_first_chunk::<HEADER_BYTES>()?;
        if header[0] & 0x0f != VERSION {
            return None;
        }
        let kind = match header[0] >> 4 {
            0 => Kind::Data,
            1 => Kind::Fin,
            2 => Kind::State,
            3 => Kind::Reset,
            4 => Kind::Syn,
            _ => return None,
        };
        let word = |at: usize| u16::from_be_bytes([header[at], header[at + 1]]);
        let long = |at: usize| u32::from(word(at)) << 16 | u32::from(word(at + 2));
        let mut selective = Vec::new();
        let mut extension = header[1];
        while extension != 0 {
            let ([next, length], behind) = rest.split_first_chunk::<2>()?;
            let (body, behind) = behind.split_at_checked(usize::from(*length))?;
            if extension == SELECTIVE {
                selective = body[..body.len().min(MAX_SELECTIVE_BYTES)].to_vec();
            }
            (extension, rest) = (*next, behind);
        }
        Some(Self {
            kind,
            id: word(2),
            sent_at: long(4),
            delay: long(8),
            window: long(12),
            seq: word(16),
            ack: word(18),
            selective,
            payload: rest,
        })
    }

    /// The datagram.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(HEADER_BYTES + 6 + self.payload.len());
        let extension = if self.selective.is_empty() {
            0
        } else {
            SELECTIVE
        };
        out.extend([(self.kind as u8) << 4 | VERSION, extension]);
        out.extend(self.id.to_be_bytes());
        out.extend(self.sent_at.to_be_bytes());
        out.extend(self.delay.to_be_bytes());
        out.extend(self.window.to_be_bytes());
        out.extend(self.seq.to_be_bytes());
        out.extend(self.ack.to_be_bytes());
        if extension != 0 {
            // The length must be a multiple of four bytes. BEP 29, *selective ack*.
            let length = self
                .selective
                .len()
                .min(MAX_SELECTIVE_BYTES)
                .next_multiple_of(4);
            out.extend([0, u8::try_from(length).expect("at most 32")]);
            let mut bits = self.selective.clone();
            bits.resize(length, 0);
            out.extend(bits);
        }
        out.extend_from_slice(self.payload);
        out
    }
}
