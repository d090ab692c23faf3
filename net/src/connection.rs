//! One peer connection: turns received bytes into events, and messages to send into bytes.
//!
//! Deliberately not here: any decision. `unchoke_core` decides how to react to a message.

mod failure;
mod follow;
mod greet;
mod reader;
mod secure;
mod talk;
mod writer;

use tokio::sync::mpsc::{Receiver, Sender, error::TrySendError};
use tokio::task::AbortHandle;
use unchoke_core::client::redial::Ended;
use unchoke_core::ids::{BlockRef, PeerKey};
use unchoke_core::message::Message;
use unchoke_core::wire::{Decoder, WireError};

use crate::buffers::{Buffer, Pool};
use crate::disk::Disk;

pub use failure::{HandshakeError, WebSeedError};
pub(crate) use greet::{Asked, identify};
pub use greet::{Identity, Introduced, answer, greet};
pub use secure::{Encryption, Greeting, Secured};
pub(crate) use talk::Talk;

/// Most messages queued for a peer that does not read. A full queue closes the connection: 65536
/// `have` messages are 576 KiB, more than a live peer leaves unread.
const QUEUED_MESSAGES: usize = 1 << 16;

/// Messages waiting for a peer from which on it gets no more long answers.
const BEHIND: usize = 64;

/// Most blocks handed to a connection before the first one is sent. Enough to keep the socket busy
/// while the next block is read from disk; few enough that a choke takes effect at once.
pub const SEND_CREDIT: usize = 4;

/// Identifies a connection. Peer keys are reused; serial numbers are not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link {
    /// The key by which the torrent knows the peer.
    pub peer: PeerKey,
    /// Serial number of the connection.
    pub serial: u64,
}

/// An event on a connection.
#[derive(Debug)]
pub enum Event {
    /// A message other than `Piece`.
    Message(Message),
    /// A `Piece` message with its payload.
    Block(BlockRef, Buffer),
    /// This many blocks, the oldest ones, were handed to the socket.
    Flushed(usize),
    /// A block could not be read from disk, and no part of it was sent. The disk thread has
    /// reported the error.
    Unread(BlockRef),
    /// A web seed lacks a file. Requests for its pieces are dropped.
    Lacks {
        /// Index of the file in the torrent.
        file: usize,
        /// Why it cannot be used, as a sentence.
        why: String,
    },
    /// The connection ended.
    Closed(CloseReason),
}

/// Why a connection ended, unless the torrent closed it.
#[derive(Debug, thiserror::Error)]
pub enum CloseReason {
    /// The peer closed it.
    #[error("closed by the peer")]
    ByPeer,
    /// The network failed.
    #[error("{0}")]
    Io(#[from] std::io::Error),
    /// The peer does not speak the protocol.
    #[error("{0}")]
    Wire(#[from] WireError),
    /// The peer sent a block longer than any that we request.
    #[error("block of {0} bytes")]
    LongBlock(u32),
    /// The peer sent an extension message over the length limit.
    #[error("extension message of {0} bytes")]
    LongExtension(usize),
    /// A web seed cannot be used.
    #[error("{why}")]
    Server {
        /// The reason, as a sentence.
        why: String,
        /// Decides when to retry.
        how: Ended,
    },
    /// We closed it.
    #[error("closed by us")]
    ByUs,
}

/// What all connections share.
#[derive(Clone, Debug)]
pub struct Shared {
    /// Decodes received messages.
    pub decoder: Decoder,
    /// Buffers for received blocks.
    pub incoming: Pool,
    /// Buffers for blocks to send.
    pub outgoing: Pool,
    /// Reads the blocks to send.
    pub disk: Disk,
    /// Channel for events. It is bounded: while it is full, sockets are not read.
    pub events: Sender<(Link, Event)>,
}

/// Handle of a running connection. Dropping it closes the connection.
#[derive(Debug)]
pub struct Connection {
    messages: Sender<Message>,
    task: AbortHandle,
}

impl Connection {
    /// Runs `stream` in a task of its own. Its handshakes must be done.
    #[must_use]
    pub fn spawn(stream: Secured, link: Link, shared: Shared) -> Self {
        let (messages, queue) = tokio::sync::mpsc::channel(QUEUED_MESSAGES);
        let task = tokio::spawn(run(stream, link, queue, shared)).abort_handle();
        Self { messages, task }
    }

    /// Whether the peer reads too little of what we send. Do not queue long messages for it then: each
    /// of them costs 16 KiB of memory until the peer reads it.
    #[must_use]
    pub fn is_behind(&self) -> bool {
        self.messages.max_capacity() - self.messages.capacity() >= BEHIND
    }

    /// Queues `message`. Returns false if the peer does not read or is gone.
    #[must_use]
    pub fn send(&self, message: Message) -> bool {
        match self.messages.try_send(message) {
            Ok(()) | Err(TrySendError::Closed(_)) => true,
            Err(TrySendError::Full(_)) => false,
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn run(stream: Secured, link: Link, queue: Receiver<Message>, shared: Shared) {
    let (mut stream, early, incoming, outgoing) = stream.into_parts();
    let (read, write) = stream.split();
    let reason = tokio::select! {
        reason = reader::run(read, early, incoming, link, &shared) => reason,
        reason = writer::run(write, outgoing, link, queue, &shared) => reason,
    };
    // Sending fails if the session has already ended.
    drop(shared.events.send((link, Event::Closed(reason))).await);
}

#[cfg(test)]
mod tests;
