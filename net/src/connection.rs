//! One connection: bytes in, events out, and the other way round.
//!
//! Deliberately not here: any decision. What a message means is the business of `unchoke_core`.

mod failure;
mod greet;
mod reader;
mod secure;
mod talk;
mod writer;

use tokio::sync::mpsc::{Receiver, Sender, error::TrySendError};
use tokio::task::AbortHandle;
use unchoke_core::ids::{BlockRef, PeerKey};
use unchoke_core::message::Message;
use unchoke_core::wire::{Decoder, WireError};

use crate::buffers::{Buffer, Pool};
use crate::disk::Disk;

pub use failure::{HandshakeError, WebSeedError};
pub use greet::{Identity, Introduced, answer, greet};
pub use secure::{Encryption, Greeting, Secured};
pub(crate) use talk::Talk;

/// Messages that wait for a peer that does not read. A full queue closes the connection: 65536
/// `have` messages are 576 KiB, more than any peer that still lives leaves unread.
const QUEUED_MESSAGES: usize = 1 << 16;

/// Blocks a link takes before the first has left: enough to keep a socket busy while the next is
/// read from disk, few enough that a choke takes hold at once.
pub const SEND_CREDIT: usize = 4;

/// Which connection an event is about. Keys are used again; the serial number never is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link {
    /// The number that the torrent knows.
    pub peer: PeerKey,
    /// Counts connections.
    pub serial: u64,
}

/// What happens on a connection.
#[derive(Debug)]
pub enum Event {
    /// A message other than `Piece`.
    Message(Message),
    /// A `Piece` message with its payload.
    Block(BlockRef, Buffer),
    /// A block has been handed to the socket.
    Flushed,
    /// A block that was to be sent could not be read, and nothing of it was sent. The disk has
    /// reported why.
    Unread(BlockRef),
    /// The connection is over.
    Closed(CloseReason),
}

/// Why a connection is over, when the torrent did not ask for it.
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
    /// A block longer than anybody asks for.
    #[error("block of {0} bytes")]
    LongBlock(u32),
    /// An extension message longer than any of them is.
    #[error("extension message of {0} bytes")]
    LongExtension(usize),
    /// A web seed is of no use.
    #[error("{why}")]
    Server {
        /// A sentence.
        why: String,
        /// To ask again in a little while makes sense.
        passing: bool,
    },
    /// We let it go.
    #[error("closed by us")]
    ByUs,
}

/// What connections share.
#[derive(Clone, Debug)]
pub struct Shared {
    /// Decodes what comes.
    pub decoder: Decoder,
    /// For blocks that come.
    pub incoming: Pool,
    /// For blocks that go.
    pub outgoing: Pool,
    /// Where blocks are read from.
    pub disk: Disk,
    /// Where events go. Bounded: a full channel stops the reading of sockets.
    pub events: Sender<(Link, Event)>,
}

/// Our end of a running connection. Dropping it closes the connection.
#[derive(Debug)]
pub struct Connection {
    messages: Sender<Message>,
    task: AbortHandle,
}

impl Connection {
    /// Runs `stream`, whose handshakes are done, in a task of its own.
    #[must_use]
    pub fn spawn(stream: Secured, link: Link, shared: Shared) -> Self {
        let (messages, queue) = tokio::sync::mpsc::channel(QUEUED_MESSAGES);
        let task = tokio::spawn(run(stream, link, queue, shared)).abort_handle();
        Self { messages, task }
    }

    /// Queues `message`; false if the peer has stopped reading or is gone.
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
    // The session may be over already.
    drop(shared.events.send((link, Event::Closed(reason))).await);
}

#[cfg(test)]
mod tests;
