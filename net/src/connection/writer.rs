//! The writing half of a connection: encodes messages, and inserts blocks read from disk in their
//! order.

use std::io::{self, IoSlice};

use tokio::sync::mpsc::Receiver;
use tokio::sync::oneshot;
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

type Loading = oneshot::Receiver<Result<Buffer, StorageError>>;

pub(super) async fn run(
    write: WriteHalf<'_>,
    cipher: Option<Cipher>,
    link: Link,
    mut queue: Receiver<Message>,
    shared: &Shared,
) -> CloseReason {
    let mut writer = Writer {
        write,
        cipher,
        link,
        shared,
        bytes: Vec::new(),
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
    /// Encrypts the bytes to send.
    cipher: Option<Cipher>,
    link: Link,
    shared: &'a Shared,
    bytes: Vec<u8>,
}

impl Writer<'_> {
    /// Starts to read all blocks of the batch from disk, then writes all messages in order. This
    /// cannot deadlock: the send credit bounds the blocks of a connection, and the pool has that
    /// many buffers for each connection.
    async fn write_batch(&mut self, batch: &mut Vec<Message>) -> Result<(), CloseReason> {
        let mut loads: Vec<Loading> = Vec::new();
        for message in &*batch {
            if let Message::Piece(block) = message {
                let buffer = self.shared.outgoing.take(block.length as usize).await;
                loads.push(self.shared.disk.load(*block, buffer));
            }
        }
        let mut loads = loads.into_iter();
        for message in batch.drain(..) {
            let Message::Piece(block) = message else {
                encode(&message, &mut self.bytes);
                if self.bytes.len() >= ENOUGH_BYTES {
                    self.flush(&mut []).await?;
                }
                continue;
            };
            let loading = loads.next().expect("one load for each block");
            let event = if let Ok(Ok(mut payload)) = loading.await {
                encode(&message, &mut self.bytes);
                self.flush(&mut payload).await?;
                Event::Flushed
            } else {
                Event::Unread(block)
            };
            let told = self.shared.events.send((self.link, event)).await;
            told.map_err(|_| CloseReason::ByUs)?;
        }
        self.flush(&mut []).await
    }

    /// Writes the bytes gathered so far, then `payload`. `payload` is encrypted in place.
    async fn flush(&mut self, payload: &mut [u8]) -> Result<(), CloseReason> {
        if let Some(cipher) = &mut self.cipher {
            cipher.apply(&mut self.bytes);
            cipher.apply(payload);
        }
        let total = self.bytes.len() + payload.len();
        let mut done = 0;
        while done < total {
            self.write.writable().await?;
            let head = &self.bytes[done.min(self.bytes.len())..];
            let tail = &payload[done.saturating_sub(self.bytes.len())..];
            let parts = [IoSlice::new(head), IoSlice::new(tail)];
            match self.write.try_write_vectored(&parts) {
                Ok(0) => return Err(CloseReason::ByPeer),
                Ok(count) => done += count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => (),
                Err(error) => return Err(error.into()),
            }
        }
        self.bytes.clear();
        Ok(())
    }
}
