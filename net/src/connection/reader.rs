//! The reading half of a connection: decodes messages, and reads payload straight into the buffer
//! that is then stored.

use std::collections::VecDeque;
use std::io::{self, IoSliceMut};

use unchoke_core::ids::BlockRef;
use unchoke_core::message::{Extended, Message};
use unchoke_core::mse::Cipher;
use unchoke_core::wire::Decoded;

use super::follow::{self, Expected, Follower, HEADER, Place};
use super::{CloseReason, Event, Link, Shared};
use crate::buffers::{BUFFER_BYTES, Buffer};
use crate::stream::ReadHalf;

/// Size of the window for messages that are not blocks. Small, so that most of a block is read
/// straight into its own buffer; large enough for a run of short messages.
const AHEAD_BYTES: usize = 4096;

/// Longest extension message that we accept. The longest one in use is a metadata block of BEP 9,
/// 16 KiB.
const MAX_EXTENSION_BYTES: usize = 1 << 17;

/// Received bytes that are not processed yet: `bytes[start..end]`.
struct Window {
    bytes: Vec<u8>,
    start: usize,
    end: usize,
}

/// Reads until the connection ends. `early` are unencrypted bytes that were already read.
pub(super) async fn run(
    read: ReadHalf<'_>,
    early: Vec<u8>,
    cipher: Option<Cipher>,
    link: Link,
    shared: &Shared,
) -> CloseReason {
    let mut reader = Reader {
        read,
        cipher,
        link,
        shared,
        window: Window::holding(early),
        followers: VecDeque::new(),
        expected: Expected::new(),
    };
    match reader.run().await {
        Ok(never) => match never {},
        Err(reason) => reason,
    }
}

struct Reader<'a> {
    read: ReadHalf<'a>,
    /// Decrypts received bytes.
    cipher: Option<Cipher>,
    link: Link,
    shared: &'a Shared,
    window: Window,
    /// Blocks that were read together with another. They come before the bytes in the window.
    followers: VecDeque<Follower>,
    expected: Expected,
}

impl Reader<'_> {
    async fn run(&mut self) -> Result<std::convert::Infallible, CloseReason> {
        loop {
            while let Some(next) = self.followers.pop_front() {
                let payload = self.rest(next.buffer, next.filled).await?;
                self.send(Event::Block(next.block, payload)).await?;
            }
            let unused = &self.window.bytes[self.window.start..self.window.end];
            match self.shared.decoder.decode(unused)? {
                Decoded::Incomplete { need } => {
                    self.window.make_room(need);
                    self.fill().await?;
                }
                Decoded::Message { message, used } => {
                    self.window.start += used;
                    self.on_message(message).await?;
                }
                Decoded::Unknown { used, skip, .. } => {
                    self.window.start += used;
                    self.skip(skip as usize).await?;
                }
            }
        }
    }

    async fn on_message(&mut self, message: Message) -> Result<(), CloseReason> {
        let event = match message {
            Message::Piece(block) => Event::Block(block, self.payload(block).await?),
            Message::Extended(extended) => {
                if let Extended::Unknown { payload, .. } = &*extended
                    && payload.len() > MAX_EXTENSION_BYTES
                {
                    return Err(CloseReason::LongExtension(payload.len()));
                }
                Event::Message(Message::Extended(extended))
            }
            other => Event::Message(other),
        };
        self.send(event).await
    }

    async fn send(&self, event: Event) -> Result<(), CloseReason> {
        let sent = self.shared.events.send((self.link, event)).await;
        sent.map_err(|_| CloseReason::ByUs)
    }

    async fn payload(&mut self, block: BlockRef) -> Result<Buffer, CloseReason> {
        let length = block.length as usize;
        if length > BUFFER_BYTES {
            return Err(CloseReason::LongBlock(block.length));
        }
        let mut buffer = self.shared.incoming.take(length).await;
        let filled = self.window.take(&mut buffer);
        self.rest(buffer, filled).await
    }

    /// Reads the rest of a block of which `filled` bytes are there. The window is empty unless the
    /// block is complete.
    async fn rest(&mut self, mut buffer: Buffer, mut filled: usize) -> Result<Buffer, CloseReason> {
        while filled < buffer.len() {
            self.read.readable().await?;
            filled += self.try_read(&mut buffer[filled..])?;
        }
        Ok(buffer)
    }

    /// Reads once, if there is something: first into `payload`, then blocks that follow it, and the
    /// start of what comes then. Returns the number of bytes in `payload`.
    fn try_read(&mut self, payload: &mut [u8]) -> Result<usize, CloseReason> {
        (self.window.start, self.window.end) = (0, 0);
        let mut places = self.expected.places(&self.shared.incoming);
        let mut last = [0; HEADER];
        let mut parts = Vec::with_capacity(2 * places.len() + 2);
        parts.push(IoSliceMut::new(payload));
        for it in &mut places {
            parts.push(IoSliceMut::new(&mut it.header));
            parts.push(IoSliceMut::new(&mut it.buffer));
        }
        parts.push(IoSliceMut::new(&mut last));
        let Some(mut left) = received(self.read.try_read_vectored(&mut parts))? else {
            return Ok(0);
        };
        let filled = self.decrypt(payload, &mut left);
        for Place {
            header,
            buffer,
            header_read,
            buffer_read,
        } in &mut places
        {
            *header_read = self.decrypt(header, &mut left);
            *buffer_read = self.decrypt(buffer, &mut left);
        }
        let ahead = self.decrypt(&mut last, &mut left);
        let others = follow::sort(places, self.shared.decoder, &mut self.followers);
        self.expected.learn(self.followers.len());
        self.window.append(&others);
        self.window.append(&last[..ahead]);
        Ok(filled)
    }

    /// Decrypts the next `left` bytes of the stream, as far as they are in `part`. Returns how many
    /// are.
    fn decrypt(&mut self, part: &mut [u8], left: &mut usize) -> usize {
        let count = part.len().min(*left);
        *left -= count;
        if let Some(cipher) = &mut self.cipher {
            cipher.apply(&mut part[..count]);
        }
        count
    }

    /// Reads more into the window.
    async fn fill(&mut self) -> Result<(), CloseReason> {
        loop {
            self.read.readable().await?;
            let end = self.window.end;
            let mut parts = [IoSliceMut::new(&mut self.window.bytes[end..])];
            if let Some(count) = received(self.read.try_read_vectored(&mut parts))? {
                self.window.end += count;
                if let Some(cipher) = &mut self.cipher {
                    cipher.apply(&mut self.window.bytes[end..end + count]);
                }
                return Ok(());
            }
        }
    }

    async fn skip(&mut self, mut left: usize) -> Result<(), CloseReason> {
        loop {
            let here = left.min(self.window.end - self.window.start);
            self.window.start += here;
            left -= here;
            if left == 0 {
                return Ok(());
            }
            self.window.make_room(1);
            self.fill().await?;
        }
    }
}

/// The number of bytes read; `None` if there are none yet.
fn received(read: io::Result<usize>) -> Result<Option<usize>, CloseReason> {
    match read {
        Ok(0) => Err(CloseReason::ByPeer),
        Ok(count) => Ok(Some(count)),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
        Err(error) => Err(error.into()),
    }
}

impl Window {
    /// Makes a window of bytes that were already read.
    fn holding(mut bytes: Vec<u8>) -> Self {
        let end = bytes.len();
        bytes.resize(end.max(AHEAD_BYTES), 0);
        Self {
            bytes,
            start: 0,
            end,
        }
    }

    /// Moves the unprocessed bytes to the front and makes room for exactly `need` bytes in total.
    /// One long bitfield must not hold its memory for the rest of the connection.
    fn make_room(&mut self, need: usize) {
        let unused = self.end - self.start;
        if self.start > 0 {
            self.bytes.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, unused);
        }
        let room = need.max(unused + 1).max(AHEAD_BYTES);
        if room > self.bytes.len() || self.bytes.len() > AHEAD_BYTES.max(room) {
            self.bytes.resize(room, 0);
            self.bytes.shrink_to_fit();
        }
    }

    /// Adds bytes at the end.
    fn append(&mut self, bytes: &[u8]) {
        let end = self.end + bytes.len();
        if end > self.bytes.len() {
            self.bytes.resize(end, 0);
        }
        self.bytes[self.end..end].copy_from_slice(bytes);
        self.end = end;
    }

    /// Moves bytes from the window into `payload`, as many as fit.
    fn take(&mut self, payload: &mut [u8]) -> usize {
        let count = payload.len().min(self.end - self.start);
        payload[..count].copy_from_slice(&self.bytes[self.start..self.start + count]);
        self.start += count;
        count
    }
}
