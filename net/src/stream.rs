//! A stream of bytes to a peer: a TCP connection, or the near end of a pipe that a task fills and drains
//! with the packets of another transport.

use std::io::{self, IoSlice, IoSliceMut};
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream, tcp, unix};

/// A stream of bytes to a peer.
#[derive(Debug)]
pub enum Stream {
    /// Over TCP.
    Tcp(TcpStream),
    /// Over uTP: the task at the other end of the pipe speaks it.
    Pipe(UnixStream),
}

impl From<TcpStream> for Stream {
    fn from(stream: TcpStream) -> Self {
        Self::Tcp(stream)
    }
}

impl From<UnixStream> for Stream {
    fn from(stream: UnixStream) -> Self {
        Self::Pipe(stream)
    }
}

/// The half that is read.
#[derive(Debug)]
pub enum ReadHalf<'a> {
    /// See [`Stream::Tcp`].
    Tcp(tcp::ReadHalf<'a>),
    /// See [`Stream::Pipe`].
    Pipe(unix::ReadHalf<'a>),
}

/// The half that is written.
#[derive(Debug)]
pub enum WriteHalf<'a> {
    /// See [`Stream::Tcp`].
    Tcp(tcp::WriteHalf<'a>),
    /// See [`Stream::Pipe`].
    Pipe(unix::WriteHalf<'a>),
}

impl Stream {
    /// Both halves, to be used at the same time.
    pub fn split(&mut self) -> (ReadHalf<'_>, WriteHalf<'_>) {
        match self {
            Self::Tcp(stream) => {
                let (read, write) = stream.split();
                (ReadHalf::Tcp(read), WriteHalf::Tcp(write))
            }
            Self::Pipe(stream) => {
                let (read, write) = stream.split();
                (ReadHalf::Pipe(read), WriteHalf::Pipe(write))
            }
        }
    }
}

impl ReadHalf<'_> {
    /// Waits until there may be something to read.
    pub async fn readable(&self) -> io::Result<()> {
        match self {
            Self::Tcp(half) => half.readable().await,
            Self::Pipe(half) => half.readable().await,
        }
    }

    /// Reads what is there.
    pub fn try_read_vectored(&self, parts: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        match self {
            Self::Tcp(half) => half.try_read_vectored(parts),
            Self::Pipe(half) => half.try_read_vectored(parts),
        }
    }
}

impl WriteHalf<'_> {
    /// Waits until there may be room to write.
    pub async fn writable(&self) -> io::Result<()> {
        match self {
            Self::Tcp(half) => half.writable().await,
            Self::Pipe(half) => half.writable().await,
        }
    }

    /// Writes as much as there is room for.
    pub fn try_write_vectored(&self, parts: &[IoSlice<'_>]) -> io::Result<usize> {
        match self {
            Self::Tcp(half) => half.try_write_vectored(parts),
            Self::Pipe(half) => half.try_write_vectored(parts),
        }
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_read(context, buffer),
            Self::Pipe(stream) => Pin::new(stream).poll_read(context, buffer),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_write(context, bytes),
            Self::Pipe(stream) => Pin::new(stream).poll_write(context, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_flush(context),
            Self::Pipe(stream) => Pin::new(stream).poll_flush(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_shutdown(context),
            Self::Pipe(stream) => Pin::new(stream).poll_shutdown(context),
        }
    }
}
