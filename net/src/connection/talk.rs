//! A connection for small messages only. It is used before the info dictionary is known: without
//! it, a [`super::Connection`] cannot check bitfields or serve blocks.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use unchoke_core::message::{Extended, Message};
use unchoke_core::mse::Cipher;
use unchoke_core::wire::{Decoded, Decoder, encode};

use super::{CloseReason, Secured};
use crate::stream::Stream;

/// Time after which we close a connection whose peer does not read.
const WRITE_PATIENCE: Duration = Duration::from_secs(10);
/// Bytes per read.
const CHUNK_BYTES: usize = 1 << 15;
/// Longest extension message that we accept, as on other connections.
const MAX_EXTENSION_BYTES: usize = 1 << 17;

/// A connection after its handshake.
#[derive(Debug)]
pub(crate) struct Talk {
    stream: Stream,
    incoming: Option<Cipher>,
    outgoing: Option<Cipher>,
    decoder: Decoder,
    /// Received bytes that are not decoded yet.
    bytes: Vec<u8>,
    /// Bytes still to be received and ignored.
    skip: usize,
}

impl Talk {
    pub(crate) fn new(stream: Secured) -> Self {
        let (stream, bytes, incoming, outgoing) = stream.into_parts();
        Self {
            stream,
            incoming,
            outgoing,
            decoder: Decoder::without_metadata(),
            bytes,
            skip: 0,
        }
    }

    /// The next message. Cancel-safe: no bytes are lost if the future is dropped.
    pub(crate) async fn next(&mut self) -> Result<Message, CloseReason> {
        loop {
            let here = self.skip.min(self.bytes.len());
            self.bytes.drain(..here);
            self.skip -= here;
            match self.decoder.decode(&self.bytes)? {
                Decoded::Message { message, used } => {
                    self.bytes.drain(..used);
                    match &message {
                        Message::Piece(block) => self.skip = block.length as usize,
                        Message::Extended(it) => refuse_long(it)?,
                        _ => {}
                    }
                    return Ok(message);
                }
                Decoded::Unknown { used, skip, .. } => {
                    self.bytes.drain(..used);
                    self.skip = skip as usize;
                }
                Decoded::Incomplete { .. } => self.read().await?,
            }
        }
    }

    async fn read(&mut self) -> Result<(), CloseReason> {
        let known = self.bytes.len();
        self.bytes.reserve(CHUNK_BYTES);
        let read = self.stream.read_buf(&mut self.bytes).await?;
        if read == 0 {
            return Err(CloseReason::ByPeer);
        }
        if let Some(cipher) = &mut self.incoming {
            cipher.apply(&mut self.bytes[known..]);
        }
        Ok(())
    }

    /// Sends a message without payload.
    pub(crate) async fn say(&mut self, message: &Message) -> Result<(), CloseReason> {
        let mut bytes = Vec::new();
        encode(message, &mut bytes);
        if let Some(cipher) = &mut self.outgoing {
            cipher.apply(&mut bytes);
        }
        let written = tokio::time::timeout(WRITE_PATIENCE, self.stream.write_all(&bytes));
        let late = |_| io::Error::from(io::ErrorKind::TimedOut);
        written.await.map_err(late)??;
        Ok(())
    }
}

fn refuse_long(message: &Extended) -> Result<(), CloseReason> {
    match message {
        Extended::Unknown { payload, .. } if payload.len() > MAX_EXTENSION_BYTES => {
            Err(CloseReason::LongExtension(payload.len()))
        }
        _ => Ok(()),
    }
}
