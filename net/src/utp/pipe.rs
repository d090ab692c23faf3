//! The pipe between the task of a uTP connection and its user.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{UnixStream, unix};
use tokio::sync::watch;

/// The near end, for the user of the connection.
#[derive(Debug)]
pub struct Pipe {
    stream: UnixStream,
    /// Bytes written.
    written: u64,
    /// Bytes that are in packets.
    packed: watch::Receiver<u64>,
}

/// The far end, for the task of the connection.
#[derive(Debug)]
pub(super) struct FarEnd {
    pub(super) stream: UnixStream,
    /// Bytes read.
    taken: u64,
    packed: watch::Sender<u64>,
}

/// Makes a pipe.
pub(super) fn pipe() -> io::Result<(Pipe, FarEnd)> {
    let (near, far) = UnixStream::pair()?;
    let (sender, packed) = watch::channel(0);
    let near = Pipe {
        stream: near,
        written: 0,
        packed,
    };
    let far = FarEnd {
        stream: far,
        taken: 0,
        packed: sender,
    };
    Ok((near, far))
}

impl FarEnd {
    /// Reads the available bytes.
    pub(super) fn try_read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let count = self.stream.try_read(bytes)?;
        self.taken += count as u64;
        Ok(count)
    }

    /// All bytes read so far are in packets.
    pub(super) fn all_packed(&self) {
        let taken = self.taken;
        let replace = |packed: &mut u64| std::mem::replace(packed, taken) != taken;
        self.packed.send_if_modified(replace);
    }
}

impl Pipe {
    /// Waits until all bytes written before are in packets, so that later bytes go in other packets.
    /// Not to be used after [`Self::split`], whose halves do not count what they write.
    pub async fn finish_packet(&mut self) {
        let written = self.written;
        // If the task has ended, the next read or write says so.
        drop(self.packed.wait_for(|packed| *packed >= written).await);
    }

    /// Splits the pipe into both halves.
    pub fn split(&mut self) -> (unix::ReadHalf<'_>, unix::WriteHalf<'_>) {
        self.stream.split()
    }
}

impl AsyncRead for Pipe {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Pipe {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let pipe = self.get_mut();
        let done = Pin::new(&mut pipe.stream).poll_write(context, bytes);
        if let Poll::Ready(Ok(count)) = done {
            pipe.written += count as u64;
        }
        done
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(context)
    }
}
