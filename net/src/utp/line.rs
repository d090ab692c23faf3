//! The task of one uTP connection.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::net::UdpSocket;
use tokio::sync::mpsc::Receiver;
use tokio::sync::oneshot;
use tokio::time::Instant as Clock;
use unchoke_core::client::doors::Door;
use unchoke_core::time::Instant;
use unchoke_core::utp::limits::FIRST_PAYLOAD;
use unchoke_core::utp::{Connection, Packet};

use super::pipe::{FarEnd, Pipe, pipe};
use super::{Port, WAITING};
use crate::listen::send_datagram;

/// Bytes moved between pipe and connection at a time.
const CHUNK_BYTES: usize = 1 << 16;

/// The pipe, or who gets its near end. The pipe costs two file descriptors, so there is none before
/// the peer has answered: packets with forged addresses must not use them up.
pub(super) enum Stage {
    /// We dial, and the caller waits.
    Dialled(oneshot::Sender<io::Result<Pipe>>),
    /// The peer dials, and its number.
    Accepted(Door),
    Piped(FarEnd),
}

impl Stage {
    fn pipe(&self) -> Option<&FarEnd> {
        match self {
            Self::Piped(pipe) => Some(pipe),
            Self::Dialled(_) | Self::Accepted(_) => None,
        }
    }
}

/// One connection.
pub(super) struct Line {
    pub(super) connection: Connection,
    pub(super) address: SocketAddr,
    pub(super) socket: Arc<UdpSocket>,
    pub(super) packets: Receiver<Vec<u8>>,
    pub(super) stage: Stage,
    /// Received bytes that the pipe has not taken yet.
    pub(super) unread: Vec<u8>,
    /// Whether the near end was closed.
    pub(super) pipe_closed: bool,
    pub(super) begun: Clock,
    pub(super) epoch: Clock,
    pub(super) port: Weak<Port>,
}

impl Line {
    fn now(&self) -> Instant {
        Instant::START.after(self.epoch.elapsed())
    }

    pub(super) async fn run(mut self) {
        let mut chunk = Vec::new();
        loop {
            if let Err(error) = self.greet() {
                tracing::debug!(%error, "no pipe for a uTP connection");
                if let Stage::Dialled(opened) = self.stage {
                    // The caller of `connect` may have given up.
                    drop(opened.send(Err(error)));
                }
                return;
            }
            self.forward();
            if self.is_given_up() {
                return;
            }
            self.send();
            let ended = self.connection.ended().is_some();
            if ended && (self.unread.is_empty() || self.pipe_closed) {
                return;
            }
            let due = Duration::from_nanos(self.connection.poll_timeout().as_nanos());
            let far = Duration::from_mins(1);
            let wait = due.saturating_sub(self.epoch.elapsed()).min(far);
            let pipe = self.stage.pipe().filter(|_| !self.pipe_closed);
            let source = pipe.filter(|_| self.connection.is_open() && self.connection.room() > 0);
            let sink = pipe.filter(|_| !self.unread.is_empty());
            tokio::select! {
                packet = self.packets.recv() => match packet {
                    Some(bytes) => self.take(&bytes),
                    None => return,
                },
                ready = readable(source) => self.read_pipe(ready, &mut chunk),
                () = writable(sink) => {}
                () = tokio::time::sleep(wait) => {
                    let now = self.now();
                    self.connection.handle_timeout(now);
                }
            }
            if let Stage::Accepted(_) = self.stage
                && self.begun.elapsed() > FIRST_PAYLOAD
            {
                return;
            }
        }
    }

    /// Whether nobody waits for the connection that we dial.
    fn is_given_up(&self) -> bool {
        matches!(&self.stage, Stage::Dialled(opened) if opened.is_closed())
    }

    /// Moves bytes from the pipe into the connection.
    fn read_pipe(&mut self, ready: io::Result<()>, chunk: &mut Vec<u8>) {
        let Stage::Piped(pipe) = &mut self.stage else {
            return;
        };
        chunk.resize(CHUNK_BYTES, 0);
        let most = self.connection.room().min(CHUNK_BYTES);
        match ready.and_then(|()| pipe.try_read(&mut chunk[..most])) {
            Ok(0) => self.hang_up(),
            Ok(count) => drop(self.connection.write(&chunk[..count])),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(_) => self.hang_up(),
        }
    }

    /// Handles a packet and all packets queued behind it, so that one acknowledgement covers all.
    fn take(&mut self, first: &[u8]) {
        let now = self.now();
        if let Some(packet) = Packet::decode(first) {
            self.connection.handle_packet(now, &packet);
        }
        for _ in 0..WAITING {
            let Ok(bytes) = self.packets.try_recv() else {
                return;
            };
            if let Some(packet) = Packet::decode(&bytes) {
                self.connection.handle_packet(now, &packet);
            }
        }
    }

    /// Closes the connection because the near end was closed.
    fn hang_up(&mut self) {
        self.pipe_closed = true;
        self.unread.clear();
        self.connection.close();
    }

    /// Makes the pipe and reports the connection as soon as it is established.
    fn greet(&mut self) -> io::Result<()> {
        let ready = match &self.stage {
            Stage::Dialled(_) => self.connection.is_open(),
            Stage::Accepted(_) => {
                self.fetch();
                !self.unread.is_empty()
            }
            Stage::Piped(_) => false,
        };
        if !ready {
            return Ok(());
        }
        let (near, far) = pipe()?;
        match std::mem::replace(&mut self.stage, Stage::Piped(far)) {
            // If the caller of `connect` gave up, the near end is dropped, and we then close the
            // connection.
            Stage::Dialled(opened) => drop(opened.send(Ok(near))),
            Stage::Accepted(door) => {
                if let Some(port) = self.port.upgrade() {
                    port.known().half_open.take(door);
                    // The same if the queue is full.
                    drop(port.strangers.try_send((near, self.address)));
                }
            }
            Stage::Piped(_) => {}
        }
        Ok(())
    }

    /// Reads one chunk of received bytes. The rest stays in the receive window.
    fn fetch(&mut self) {
        if self.unread.is_empty() {
            self.unread = self.connection.read(CHUNK_BYTES);
        }
    }

    /// Moves received bytes into the pipe.
    fn forward(&mut self) {
        if let Stage::Accepted(_) = self.stage {
            return;
        }
        loop {
            self.fetch();
            let Some(pipe) = self.stage.pipe().filter(|_| !self.pipe_closed) else {
                break;
            };
            if self.unread.is_empty() {
                break;
            }
            match pipe.stream.try_write(&self.unread) {
                Ok(count) => drop(self.unread.drain(..count)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(_) => return self.hang_up(),
            }
        }
        if self.connection.is_eof() && !self.pipe_closed {
            // The peer has closed its direction. Close ours as well, as over TCP.
            self.hang_up();
        }
    }

    fn send(&mut self) {
        let now = self.now();
        while let Some(bytes) = self.connection.poll_transmit(now) {
            // A packet that could not be sent is sent again later.
            if let Err(error) = send_datagram(&self.socket, &bytes, self.address) {
                tracing::trace!(%error, "a packet was not sent");
            }
        }
        if let Some(pipe) = self.stage.pipe()
            && self.connection.is_packed()
        {
            pipe.all_packed();
        }
    }
}

/// Waits until the pipe may be readable. Waits for ever if nothing is to be read.
async fn readable(pipe: Option<&FarEnd>) -> io::Result<()> {
    match pipe {
        Some(pipe) => pipe.stream.readable().await,
        None => std::future::pending().await,
    }
}

/// The same for writing. An error is told by the write that follows.
async fn writable(pipe: Option<&FarEnd>) {
    match pipe {
        Some(pipe) => drop(pipe.stream.writable().await),
        None => std::future::pending().await,
    }
}
