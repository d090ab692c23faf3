//! A byte stream to a peer: a TCP connection, or the near end of a pipe whose far end is served by
//! a task of another transport.

use std::io::{self, IoSlice, IoSliceMut};
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, tcp, unix};

use crate::utp::Pipe;

/// A byte stream to a peer.
#[derive(Debug)]
pub enum Stream {
    /// A TCP connection.
    Tcp(TcpStream),
    /// A uTP connection: the task at the far end of the pipe speaks uTP.
    Pipe(Pipe),
}

impl From<TcpStream> for Stream {
    fn from(stream: TcpStream) -> Self {
        Self::Tcp(stream)
    }
}

impl From<Pipe> for Stream {
    fn from(stream: Pipe) -> Self {
        Self::Pipe(stream)
    }
}

/// The reading half.
#[derive(Debug)]
pub enum ReadHalf<'a> {
    /// See [`Stream::Tcp`].
    Tcp(tcp::ReadHalf<'a>),
    /// See [`Stream::Pipe`].
    Pipe(unix::ReadHalf<'a>),
}

/// The writing half.
#[derive(Debug)]
pub enum WriteHalf<'a> {
    /// See [`Stream::Tcp`].
    Tcp(tcp::WriteHalf<'a>),
    /// See [`Stream::Pipe`].
    Pipe(unix::WriteHalf<'a>),
}

impl Stream {
    /// Waits until all bytes written before are in packets, so that later bytes go in other packets.
    /// Nothing to wait for over TCP, which does not keep such bounds anyway.
    pub async fn finish_packet(&mut self) {
        if let Self::Pipe(pipe) = self {
            pipe.finish_packet().await;
        }
    }

    /// Splits the stream into both halves, to use them at the same time.
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
    /// Waits until the stream may be readable.
    pub async fn readable(&self) -> io::Result<()> {
        match self {
            Self::Tcp(half) => half.readable().await,
            Self::Pipe(half) => half.readable().await,
        }
    }

    /// Reads the available bytes.
    pub fn try_read_vectored(&self, parts: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        match self {
            Self::Tcp(half) => half.try_read_vectored(parts),
            Self::Pipe(half) => half.try_read_vectored(parts),
        }
    }
}

impl WriteHalf<'_> {
    /// Waits until the stream may be writable.
    pub async fn writable(&self) -> io::Result<()> {
        match self {
            Self::Tcp(half) => half.writable().await,
            Self::Pipe(half) => half.writable().await,
        }
    }

    /// Writes as many bytes as fit.
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
