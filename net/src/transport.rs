//! The transports that a torrent uses to dial peers: TCP, uTP, or both.

use std::io;
use std::net::SocketAddr;

use tokio::net::TcpListener;

use crate::route::Route;
use crate::stream::Stream;
use crate::utp::{Strangers, Utp, UtpMode};

/// Most unsent bytes that the system may buffer for a connection.
#[cfg(any(target_os = "linux", target_os = "android"))]
const UNSENT_BYTES: u32 = 1 << 17;

/// The transports for dialling. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Transports {
    route: Route,
    /// Whether TCP is used.
    tcp: bool,
    utp: Option<Utp>,
}

impl Transports {
    /// Starts the transports that `mode` allows, on the port of `listener`. Returns them, the
    /// listener if TCP is used, and the incoming connections of uTP.
    pub(crate) fn start(
        route: &Route,
        mode: UtpMode,
        listener: TcpListener,
    ) -> io::Result<(Self, Option<TcpListener>, Option<Strangers>)> {
        let port = listener.local_addr()?.port();
        let (utp, strangers) = if mode == UtpMode::Off || route.has_proxy() {
            (None, None)
        } else {
            let (utp, strangers) = Utp::start(route, port)?;
            (Some(utp), Some(strangers))
        };
        let tcp = mode != UtpMode::Only;
        let transports = Self {
            route: route.clone(),
            tcp,
            utp,
        };
        // An unused listener stays open until here, so that no other program takes its port.
        Ok((transports, Some(listener).filter(|_| tcp), strangers))
    }

    /// Connects by TCP, or else by uTP, as far as they are enabled.
    pub(crate) async fn connect(&self, address: SocketAddr) -> io::Result<Stream> {
        let mut failure = io::Error::other("no transport is used");
        if self.tcp {
            match self.route.connect(address).await {
                Ok(stream) => {
                    let stream = stream.into();
                    prepare(&stream)?;
                    return Ok(stream);
                }
                Err(error) => failure = error,
            }
        }
        match &self.utp {
            Some(utp) => utp.connect(address).await.map(Stream::from),
            None => Err(failure),
        }
    }

    /// Closes the sockets of uTP, so that their port is free. Other clones must be gone.
    pub(crate) async fn close(self) {
        if let Some(utp) = self.utp {
            utp.close().await;
        }
    }
}

/// The next incoming connection of uTP. Waits for ever if uTP is not used.
pub(crate) async fn next_stranger(strangers: &mut Option<Strangers>) -> (Stream, SocketAddr) {
    let next = match strangers {
        Some(strangers) => strangers.recv().await,
        None => None,
    };
    match next {
        Some((stream, address)) => (stream.into(), address),
        None => std::future::pending().await,
    }
}

/// The next incoming connection of TCP. Waits for ever if TCP is not used.
pub(crate) async fn next_arrival(
    listener: Option<&TcpListener>,
) -> io::Result<(Stream, SocketAddr)> {
    match listener {
        Some(listener) => listener.accept().await.map(|it| (it.0.into(), it.1)),
        None => std::future::pending().await,
    }
}

/// Sets options of a TCP socket. No delay: messages are small and should not wait for each other. A
/// small send buffer: a choke cannot take back blocks that are already in the buffer of the system.
pub(crate) fn prepare(stream: &Stream) -> io::Result<()> {
    let Stream::Tcp(stream) = stream else {
        return Ok(());
    };
    #[cfg(any(target_os = "linux", target_os = "android"))]
    socket2::SockRef::from(stream).set_tcp_notsent_lowat(UNSENT_BYTES)?;
    stream.set_nodelay(true)
}
