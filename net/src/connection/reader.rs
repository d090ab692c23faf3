//! The reading half of a connection: decodes messages, and reads payload straight into the buffer
//! that is then stored.

use std::io::{self, IoSliceMut};

use unchoke_core::ids::BlockRef;
use unchoke_core::message::{Extended, Message};
use unchoke_core::mse::Cipher;
use unchoke_core::wire::Decoded;

use super::{CloseReason, Event, Link, Shared};
use crate::buffers::{BUFFER_BYTES, Buffer};
use crate::stream::ReadHalf;

/// Size of the read-ahead window. Small, so that most of a block is read straight into its own
/// buffer; large enough for the next header and a run of short messages.
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
}

impl Reader<'_> {
    async fn run(&mut self) -> Result<std::convert::Infallible, CloseReason> {
        loop {
            let unused = &self.window.bytes[self.window.start..self.window.end];
            match self.shared.decoder.decode(unused)? {
                Decoded::Incomplete { need } => {
                    self.window.make_room(need);
                    self.fill(&mut []).await?;
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
        let sent = self.shared.events.send((self.link, event)).await;
        sent.map_err(|_| CloseReason::ByUs)
    }

    async fn payload(&mut self, block: BlockRef) -> Result<Buffer, CloseReason> {
        let length = block.length as usize;
        if length > BUFFER_BYTES {
            return Err(CloseReason::LongBlock(block.length));
        }
        let mut buffer = self.shared.incoming.take(length).await;
        let mut filled = self.window.take(&mut buffer);
        while filled < length {
            filled += self.fill(&mut buffer[filled..]).await?;
        }
        Ok(buffer)
    }

    /// Reads once: first into `payload`, the rest into the window. Returns the number of bytes in
    /// `payload`, which may be empty.
    async fn fill(&mut self, payload: &mut [u8]) -> Result<usize, CloseReason> {
        if !payload.is_empty() {
            // The window is empty here: the caller took all of it before it asked for more.
            (self.window.start, self.window.end) = (0, 0);
        }
        loop {
            self.read.readable().await?;
            let wanted = payload.len();
            let ahead = &mut self.window.bytes[self.window.end..];
            let mut parts = [IoSliceMut::new(payload), IoSliceMut::new(ahead)];
            match self.read.try_read_vectored(&mut parts) {
                Ok(0) => return Err(CloseReason::ByPeer),
                Ok(count) => {
                    let (here, ahead) = (count.min(wanted), count.saturating_sub(wanted));
                    let end = self.window.end;
                    self.window.end += ahead;
                    if let Some(cipher) = &mut self.cipher {
                        cipher.apply(&mut payload[..here]);
                        cipher.apply(&mut self.window.bytes[end..end + ahead]);
                    }
                    return Ok(here);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => (),
                Err(error) => return Err(error.into()),
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
            self.fill(&mut []).await?;
        }
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

    /// Moves bytes from the window into `payload`, as many as fit.
    fn take(&mut self, payload: &mut [u8]) -> usize {
        let count = payload.len().min(self.end - self.start);
        payload[..count].copy_from_slice(&self.bytes[self.start..self.start + count]);
        self.start += count;
        count
    }
}
