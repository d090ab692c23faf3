//! The task of one uTP connection.

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::sync::mpsc::Receiver;
use tokio::sync::oneshot;
use tokio::time::Instant as Clock;
use unchoke_core::client::doors::Door;
use unchoke_core::time::Instant;
use unchoke_core::utp::limits::FIRST_PAYLOAD;
use unchoke_core::utp::{Connection, Packet};

use super::pipe::{FarEnd, Pipe};
use super::{Shared, WAITING};

/// Bytes moved between pipe and connection at a time.
const CHUNK_BYTES: usize = 1 << 16;

/// The side that waits until the connection is established.
pub(super) enum Greeting {
    Dialled(oneshot::Sender<()>),
    /// The near end of the pipe, for the session that accepts the connection, and its number.
    Accepted(Pipe, Door),
    Done,
}

/// One connection and the far end of its pipe.
pub(super) struct Line {
    pub(super) connection: Connection,
    pub(super) address: SocketAddr,
    pub(super) socket: Arc<UdpSocket>,
    pub(super) pipe: FarEnd,
    pub(super) packets: Receiver<Vec<u8>>,
    pub(super) greeting: Greeting,
    /// Received bytes that the pipe has not taken yet.
    pub(super) unread: Vec<u8>,
    /// Whether the near end was closed.
    pub(super) pipe_closed: bool,
    pub(super) begun: Clock,
    pub(super) epoch: Clock,
    pub(super) shared: Weak<Shared>,
}

impl Line {
    fn now(&self) -> Instant {
        Instant::START.after(self.epoch.elapsed())
    }

    pub(super) async fn run(mut self) {
        let mut chunk = vec![0; CHUNK_BYTES];
        loop {
            self.greet();
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
            let may_read =
                !self.pipe_closed && self.connection.is_open() && self.connection.room() > 0;
            tokio::select! {
                packet = self.packets.recv() => match packet {
                    Some(bytes) => self.take(&bytes),
                    None => return,
                },
                ready = self.pipe.stream.readable(), if may_read => {
                    let most = self.connection.room().min(chunk.len());
                    match ready.and_then(|()| self.pipe.try_read(&mut chunk[..most])) {
                        Ok(0) => self.hang_up(),
                        Ok(count) => drop(self.connection.write(&chunk[..count])),
                        Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                        Err(_) => self.hang_up(),
                    }
                }
                _ = self.pipe.stream.writable(), if !self.unread.is_empty() && !self.pipe_closed => {}
                () = tokio::time::sleep(wait) => {
                    let now = self.now();
                    self.connection.handle_timeout(now);
                }
            }
            if let Greeting::Accepted(..) = self.greeting
                && self.begun.elapsed() > FIRST_PAYLOAD
            {
                return;
            }
        }
    }

    /// Whether nobody waits for the connection that we dial.
    fn is_given_up(&self) -> bool {
        matches!(&self.greeting, Greeting::Dialled(opened) if opened.is_closed())
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

    /// Reports the connection as soon as it is established.
    fn greet(&mut self) {
        let ready = match &self.greeting {
            Greeting::Dialled(_) => self.connection.is_open(),
            Greeting::Accepted(..) => {
                self.fetch();
                !self.unread.is_empty()
            }
            Greeting::Done => false,
        };
        if !ready {
            return;
        }
        match std::mem::replace(&mut self.greeting, Greeting::Done) {
            // If the caller of `connect` gave up, its end of the pipe is closed.
            Greeting::Dialled(opened) => opened.send(()).unwrap_or_default(),
            Greeting::Accepted(near, door) => {
                if let Some(shared) = self.shared.upgrade() {
                    shared.known().half_open.take(door);
                    // If the queue is full, the near end is dropped, and we then close the
                    // connection.
                    drop(shared.strangers.try_send((near, self.address)));
                }
            }
            Greeting::Done => {}
        }
    }

    /// Reads one chunk of received bytes. The rest stays in the receive window.
    fn fetch(&mut self) {
        if self.unread.is_empty() {
            self.unread = self.connection.read(CHUNK_BYTES);
        }
    }

    /// Moves received bytes into the pipe.
    fn forward(&mut self) {
        if matches!(self.greeting, Greeting::Accepted(..)) {
            return;
        }
        loop {
            self.fetch();
            if self.unread.is_empty() || self.pipe_closed {
                break;
            }
            match self.pipe.stream.try_write(&self.unread) {
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
            if let Err(error) = self.socket.send_to(&bytes, self.address) {
                tracing::trace!(%error, "a packet was not sent");
            }
        }
        if self.connection.is_packed() {
            self.pipe.all_packed();
        }
    }
}
