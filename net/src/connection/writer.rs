//! The writing half of a connection: encodes messages, and inserts blocks read from disk in their
//! order.

use std::io::{self, IoSlice};

use tokio::sync::mpsc::Receiver;
use tokio::sync::oneshot;
use unchoke_core::ids::BlockRef;
use unchoke_core::message::Message;
use unchoke_core::mse::Cipher;
use unchoke_core::wire::encode;

use super::{CloseReason, Event, Link, Shared};
use crate::buffers::Buffer;
use crate::storage::StorageError;
use crate::stream::WriteHalf;

/// Most messages encoded at a time.
const BATCH: usize = 256;

/// Encoded bytes after which they are written before more messages are encoded.
const ENOUGH_BYTES: usize = 1 << 16;

/// A block on its way from disk.
enum Loading {
    Here(Buffer),
    Asked(oneshot::Receiver<Result<Buffer, StorageError>>),
}

pub(super) async fn run(
    write: WriteHalf<'_>,
    cipher: Option<Cipher>,
    link: Link,
    mut queue: Receiver<Message>,
    shared: &Shared,
) -> CloseReason {
    let mut writer = Writer {
        write,
        link,
        shared,
        gathered: Gathered {
            cipher,
            bytes: Vec::new(),
            blocks: Vec::new(),
        },
    };
    let mut batch = Vec::with_capacity(BATCH);
    loop {
        if queue.recv_many(&mut batch, BATCH).await == 0 {
            return CloseReason::ByUs;
        }
        if let Err(reason) = writer.write_batch(&mut batch).await {
            return reason;
        }
    }
}

struct Writer<'a> {
    write: WriteHalf<'a>,
    link: Link,
    shared: &'a Shared,
    gathered: Gathered,
}

impl Writer<'_> {
    /// Reads all blocks of the batch from disk, and writes all messages in order, with as few calls as
    /// possible without waiting for the disk. This cannot deadlock: the send credit bounds the blocks
    /// of a connection, and the pool has that many buffers for each connection.
    async fn write_batch(&mut self, batch: &mut Vec<Message>) -> Result<(), CloseReason> {
        let mut loads: Vec<Loading> = Vec::new();
        for message in &*batch {
            if let Message::Piece(block) = message {
                loads.push(self.load(*block).await);
            }
        }
        let mut loads = loads.into_iter();
        for message in batch.drain(..) {
            let Message::Piece(block) = message else {
                self.gathered.add(&message);
                if self.gathered.bytes.len() >= ENOUGH_BYTES {
                    self.flush().await?;
                }
                continue;
            };
            let loading = loads.next().expect("one load for each block");
            if !loading.is_ready() {
                // What is gathered must not wait for the disk.
                self.flush().await?;
            }
            if let Some(payload) = loading.finish().await {
                self.gathered.add(&message);
                self.gathered.add_payload(payload);
            } else {
                // Report the blocks before it first: the session knows them by their order.
                self.flush().await?;
                self.tell(Event::Unread(block)).await?;
            }
        }
        self.flush().await
    }

    async fn load(&self, block: BlockRef) -> Loading {
        let mut buffer = self.shared.outgoing.take(block.length as usize).await;
        let disk = &self.shared.disk;
        if disk.load_cached(block, &mut buffer) {
            Loading::Here(buffer)
        } else {
            Loading::Asked(disk.load(block, buffer))
        }
    }

    async fn tell(&self, event: Event) -> Result<(), CloseReason> {
        let told = self.shared.events.send((self.link, event)).await;
        told.map_err(|_| CloseReason::ByUs)
    }

    /// Writes everything gathered so far, and reports blocks as soon as they are written.
    async fn flush(&mut self) -> Result<(), CloseReason> {
        let ends = self.gathered.ends();
        let mut parts = self.gathered.parts();
        let mut left = &mut parts[..];
        let (mut done, mut reported) = (0, 0);
        while !left.is_empty() {
            self.write.writable().await?;
            match self.write.try_write_vectored(left) {
                Ok(0) => return Err(CloseReason::ByPeer),
                Ok(count) => {
                    done += count;
                    IoSlice::advance_slices(&mut left, count);
                    let written = ends.partition_point(|end| *end <= done);
                    if written > reported {
                        self.tell(Event::Flushed(written - reported)).await?;
                        reported = written;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => (),
                Err(error) => return Err(error.into()),
            }
        }
        self.gathered.clear();
        Ok(())
    }
}

impl Loading {
    /// Whether the answer is here already.
    fn is_ready(&self) -> bool {
        match self {
            Self::Here(_) => true,
            Self::Asked(answer) => !answer.is_empty(),
        }
    }

    /// The block. `None` if it could not be read.
    async fn finish(self) -> Option<Buffer> {
        match self {
            Self::Here(payload) => Some(payload),
            Self::Asked(answer) => answer.await.ok()?.ok(),
        }
    }
}

/// Messages to send, in order, encrypted already.
struct Gathered {
    cipher: Option<Cipher>,
    /// All bytes but the payloads of blocks.
    bytes: Vec<u8>,
    /// The payloads, each with the number of `bytes` before it.
    blocks: Vec<(usize, Buffer)>,
}

impl Gathered {
    fn add(&mut self, message: &Message) {
        let begin = self.bytes.len();
        encode(message, &mut self.bytes);
        if let Some(cipher) = &mut self.cipher {
            cipher.apply(&mut self.bytes[begin..]);
        }
    }

    /// Adds the payload of the message added last.
    fn add_payload(&mut self, mut payload: Buffer) {
        if let Some(cipher) = &mut self.cipher {
            cipher.apply(&mut payload);
        }
        self.blocks.push((self.bytes.len(), payload));
    }

    /// For each block, the number of bytes up to its end.
    fn ends(&self) -> Vec<usize> {
        let mut payloads = 0;
        let ends = self.blocks.iter().map(|(before, payload)| {
            payloads += payload.len();
            before + payloads
        });
        ends.collect()
    }

    /// All bytes in order. No part is empty.
    fn parts(&self) -> Vec<IoSlice<'_>> {
        let mut parts = Vec::with_capacity(2 * self.blocks.len() + 1);
        let mut begin = 0;
        for (before, payload) in &self.blocks {
            parts.extend([&self.bytes[begin..*before], payload]);
            begin = *before;
        }
        parts.push(&self.bytes[begin..]);
        let parts = parts.into_iter().filter(|it| !it.is_empty());
        parts.map(IoSlice::new).collect()
    }

    fn clear(&mut self) {
        self.bytes.clear();
        self.blocks.clear();
    }
}
