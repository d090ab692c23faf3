//! The binary form: a magic number, the header, events as variable-length integers, the end, a
//! checksum.
//!
//! Integers are LEB128: seven bits per byte, the lowest first; the top bit is set in every byte but
//! the last. An event is its number with flags, the time since the previous event, and its fields.

use std::io::{self, BufRead, Read as _, Write};

use unchoke_core::geometry::BLOCK_BYTES;
use unchoke_core::ids::{BlockRef, PieceIndex};
use unchoke_core::time::Instant;

use super::error::Place;
use super::raw::{Raw, RawEnd, RawEvent};
use super::{BLOCK, End, Happening, Header, NodeInfo, SCHEMA, TraceError};

/// The first bytes.
pub(super) const MAGIC: &[u8; 8] = b"unchoke\0";

/// Flag of a block with length [`BLOCK_BYTES`] that starts at a multiple of it. Only the block's
/// index is stored.
const REGULAR: u8 = 0x10;

/// Longest header text that is read, in bytes. The header contains the whole scenario.
const MAX_HEADER_BYTES: u64 = 64 << 20;

/// FNV-1a with 64 bits, by Fowler, Noll and Vo. It detects damage, not malice.
#[derive(Clone, Copy, Debug)]
struct Check(u64);

impl Check {
    const START: Self = Self(0xcbf2_9ce4_8422_2325);

    fn add(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
}

/// Appends `value` as LEB128.
pub fn put_varint(buffer: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        buffer.push(value.to_le_bytes()[0] | 0x80);
        value >>= 7;
    }
    buffer.push(value.to_le_bytes()[0]);
}

/// Writes the binary form.
#[derive(Debug)]
pub(super) struct Encoder {
    buffer: Vec<u8>,
    check: Check,
    last_ns: u64,
}

impl Encoder {
    pub(super) const fn new() -> Self {
        Self {
            buffer: Vec::new(),
            check: Check::START,
            last_ns: 0,
        }
    }

    fn varint(&mut self, value: u64) {
        put_varint(&mut self.buffer, value);
    }

    fn flush(&mut self, out: &mut impl Write) -> io::Result<()> {
        self.check.add(&self.buffer);
        let written = out.write_all(&self.buffer);
        self.buffer.clear();
        written
    }

    pub(super) fn header(&mut self, out: &mut impl Write, header: &Header) -> io::Result<()> {
        let text = serde_json::to_vec(header)?;
        self.buffer.extend_from_slice(MAGIC);
        self.varint(SCHEMA.into());
        self.varint(text.len() as u64);
        self.buffer.extend_from_slice(&text);
        self.varint(header.nodes.len() as u64);
        for it in &header.nodes {
            let flags = [it.origin, it.reachable, it.corrupts];
            let flags = (0..).zip(flags).map(|(bit, is)| u64::from(is) << bit).sum();
            let numbers = [
                it.class.into(),
                it.client.into(),
                flags,
                it.arrives_ns,
                it.up,
                it.down,
            ];
            for it in numbers {
                self.varint(it);
            }
            self.flush(out)?;
        }
        self.flush(out)
    }

    /// Writes the time since the previous event. Time never runs backwards in a run.
    fn pass(&mut self, at: Instant) {
        let at_ns = at.as_nanos();
        self.varint(at_ns.saturating_sub(self.last_ns));
        self.last_ns = at_ns.max(self.last_ns);
    }

    pub(super) fn event(
        &mut self,
        out: &mut impl Write,
        at: Instant,
        happening: &Happening,
    ) -> io::Result<()> {
        let (number, node, other, block) = happening.parts();
        let regular = number == BLOCK
            && block
                .is_some_and(|it| it.length == BLOCK_BYTES && it.begin.is_multiple_of(BLOCK_BYTES));
        self.buffer.push(number | if regular { REGULAR } else { 0 });
        self.pass(at);
        self.varint(node.into());
        if super::has_other(number) {
            self.varint(other.into());
        }
        if let Some(block) = block {
            self.varint(block.piece.0.into());
            if regular {
                self.varint((block.begin / BLOCK_BYTES).into());
            } else if number == BLOCK {
                self.varint(block.begin.into());
                self.varint(block.length.into());
            }
        }
        self.flush(out)
    }

    pub(super) fn end(&mut self, out: &mut impl Write, end: &End, events: u64) -> io::Result<()> {
        self.buffer.push(0);
        self.pass(end.at);
        self.varint(events);
        self.buffer.extend_from_slice(&end.digest.to_le_bytes());
        self.flush(out)?;
        out.write_all(&self.check.0.to_le_bytes())
    }
}

/// Reads the binary form.
#[derive(Debug)]
pub(super) struct Decoder<R> {
    from: R,
    position: u64,
    check: Check,
    last_ns: u64,
}

/// An error before its position is known.
enum Fault {
    Cut,
    Other(TraceError),
}

impl From<TraceError> for Fault {
    fn from(error: TraceError) -> Self {
        Self::Other(error)
    }
}

impl Fault {
    fn at(self, place: Place) -> TraceError {
        match self {
            Self::Cut => TraceError::Cut { place, events: 0 },
            Self::Other(it) => it,
        }
    }
}

impl<R: BufRead> Decoder<R> {
    pub(super) const fn new(from: R) -> Self {
        Self {
            from,
            position: 0,
            check: Check::START,
            last_ns: 0,
        }
    }

    pub(super) const fn place(&self) -> Place {
        Place::Byte(self.position)
    }

    fn damaged(&self, what: &(impl ToString + ?Sized)) -> TraceError {
        TraceError::Damaged {
            place: self.place(),
            what: what.to_string(),
        }
    }

    fn bytes<const N: usize>(&mut self) -> Result<[u8; N], Fault> {
        let mut bytes = [0; N];
        match self.from.read_exact(&mut bytes) {
            Ok(()) => {}
            Err(it) if it.kind() == io::ErrorKind::UnexpectedEof => return Err(Fault::Cut),
            Err(it) => return Err(Fault::Other(it.into())),
        }
        self.check.add(&bytes);
        self.position += N as u64;
        Ok(bytes)
    }

    fn varint(&mut self) -> Result<u64, Fault> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let [byte] = self.bytes()?;
            let bits = u64::from(byte & 0x7f);
            if bits << shift >> shift != bits {
                break;
            }
            value |= bits << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(self.damaged("a number of more than 64 bits").into())
    }

    /// Reads a number that must fit a smaller type.
    fn small<T: TryFrom<u64>>(&mut self) -> Result<T, Fault> {
        let value = self.varint()?;
        let fits = T::try_from(value).ok();
        fits.ok_or_else(|| self.damaged(&format!("{value} is too large here")).into())
    }

    pub(super) fn header(&mut self) -> Result<Header, TraceError> {
        self.try_header().map_err(|it| it.at(self.place()))
    }

    fn try_header(&mut self) -> Result<Header, Fault> {
        match self.bytes() {
            Ok(it) if it == *MAGIC => {}
            Ok(_) | Err(Fault::Cut) => return Err(TraceError::NotATrace.into()),
            Err(it) => return Err(it),
        }
        let schema = self.varint()?;
        if schema != u64::from(SCHEMA) {
            return Err(TraceError::Schema(schema).into());
        }
        let length = self.varint()?;
        if length > MAX_HEADER_BYTES {
            return Err(self.damaged(&format!("a header of {length} bytes")).into());
        }
        let mut text = Vec::new();
        let limited = self.from.by_ref().take(length);
        let read = { limited }.read_to_end(&mut text).map_err(TraceError::Io)?;
        self.position += read as u64;
        if (read as u64) < length {
            return Err(Fault::Cut);
        }
        self.check.add(&text);
        let mut header: Header = serde_json::from_slice(&text).map_err(|it| self.damaged(&it))?;
        let count: u32 = self.small()?;
        for _ in 0..count {
            let node = self.node()?;
            header.nodes.push(node);
        }
        Ok(header)
    }

    fn node(&mut self) -> Result<NodeInfo, Fault> {
        let (class, client) = (self.small()?, self.small()?);
        let flags = self.varint()?;
        if flags > 7 {
            return Err(self.damaged("an unknown property of a node").into());
        }
        Ok(NodeInfo {
            class,
            client,
            origin: flags & 1 != 0,
            reachable: flags & 2 != 0,
            corrupts: flags & 4 != 0,
            arrives_ns: self.varint()?,
            up: self.varint()?,
            down: self.varint()?,
        })
    }

    /// The next event; `None` at the end of the file.
    pub(super) fn next(&mut self) -> Result<Option<Raw>, TraceError> {
        match self.try_next() {
            Ok(it) => Ok(Some(it)),
            Err(Fault::Cut) => Ok(None),
            Err(Fault::Other(it)) => Err(it),
        }
    }

    fn try_next(&mut self) -> Result<Raw, Fault> {
        let [tag] = self.bytes()?;
        let number = tag & 0x0f;
        if tag != number && tag != BLOCK | REGULAR {
            return Err(self.damaged(&format!("no event has the mark {tag}")).into());
        }
        let passed = self.varint()?;
        let at_ns = self.last_ns.checked_add(passed);
        let at_ns = at_ns.ok_or_else(|| self.damaged("a time beyond all runs"))?;
        self.last_ns = at_ns;
        if number == 0 {
            let (events, digest) = (self.varint()?, u64::from_le_bytes(self.bytes()?));
            return Ok(Raw::End(RawEnd {
                at_ns,
                events,
                digest,
            }));
        }
        let node = self.small()?;
        let other = if super::has_other(number) {
            Some(self.small()?)
        } else {
            None
        };
        let block = if super::has_piece(number) {
            Some(self.block(number, tag != number)?)
        } else {
            None
        };
        let happening = Happening::from_parts(number, node, other, block);
        let happening =
            happening.ok_or_else(|| self.damaged(&format!("no event has the mark {tag}")))?;
        Ok(Raw::Event(RawEvent { at_ns, happening }))
    }

    fn block(&mut self, number: u8, regular: bool) -> Result<BlockRef, Fault> {
        let piece = PieceIndex(self.small()?);
        let (begin, length) = if regular {
            let index: u32 = self.small()?;
            let begin = index.checked_mul(BLOCK_BYTES);
            let begin = begin.ok_or_else(|| self.damaged("a block beyond all pieces"))?;
            (begin, BLOCK_BYTES)
        } else if number == BLOCK {
            (self.small()?, self.small()?)
        } else {
            (0, 0)
        };
        Ok(BlockRef {
            piece,
            begin,
            length,
        })
    }

    /// Checks the checksum, and that nothing follows it.
    pub(super) fn finish(&mut self, events: u64) -> Result<(), TraceError> {
        let expected = self.check.0;
        let stored = match self.bytes() {
            Ok(it) => u64::from_le_bytes(it),
            Err(Fault::Cut) => {
                let place = self.place();
                return Err(TraceError::Cut { place, events });
            }
            Err(Fault::Other(it)) => return Err(it),
        };
        if stored != expected {
            return Err(self.damaged("the check sum differs"));
        }
        if !self.from.fill_buf()?.is_empty() {
            return Err(self.damaged("something follows the end"));
        }
        Ok(())
    }
}
