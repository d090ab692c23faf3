//! The transports that a torrent uses to dial peers: TCP, uTP, or both.

use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::time::timeout;

use crate::dht::Dht;
use crate::route::Route;
use crate::stream::Stream;
use crate::utp::{Strangers, Utp, UtpMode};

/// Most unsent bytes that the system may buffer for a connection.
#[cfg(any(target_os = "linux", target_os = "android"))]
const UNSENT_BYTES: u32 = 1 << 17;

/// Time after which we dial by uTP as well.
const HEAD_START: Duration = Duration::from_secs(3);
/// Time for an answer by uTP after TCP has failed. Most addresses that refuse TCP are of nobody, and
/// must not hold up others.
const SECOND_CHANCE: Duration = Duration::from_secs(1);

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
        dht: Option<&Dht>,
    ) -> io::Result<(Self, Option<TcpListener>, Option<Strangers>)> {
        let port = listener.local_addr()?.port();
        let started = match mode {
            UtpMode::Off => None,
            _ if route.has_proxy() => None,
            UtpMode::Allow => Utp::start(route, port, dht)
                // The port may be in use by another program, and TCP is enough.
                .inspect_err(|error| tracing::debug!(%error, "uTP cannot be used"))
                .ok(),
            UtpMode::Only => Some(Utp::start(route, port, dht)?),
        };
        let (utp, strangers) = started.unzip();
        let tcp = mode != UtpMode::Only;
        let transports = Self {
            route: route.clone(),
            tcp,
            utp,
        };
        // An unused listener stays open until here, so that no other program takes its port.
        Ok((transports, Some(listener).filter(|_| tcp), strangers))
    }

    /// Connects by TCP or uTP, as far as they are enabled.
    pub(crate) async fn connect(&self, address: SocketAddr) -> io::Result<Stream> {
        match &self.utp {
            Some(utp) if self.tcp => self.by_either(utp, address).await,
            Some(utp) => utp.connect(address).await.map(Stream::from),
            None if self.tcp => self.by_tcp(address).await,
            None => Err(io::Error::other("no transport is used")),
        }
    }

    async fn by_tcp(&self, address: SocketAddr) -> io::Result<Stream> {
        let stream = self.route.connect(address).await?.into();
        prepare(&stream)?;
        Ok(stream)
    }

    /// Connects by TCP; also by uTP, once TCP has failed or taken long.
    async fn by_either(&self, utp: &Utp, address: SocketAddr) -> io::Result<Stream> {
        let mut tcp = pin!(self.by_tcp(address));
        match timeout(HEAD_START, &mut tcp).await {
            Ok(Ok(stream)) => Ok(stream),
            Ok(Err(failure)) => {
                let other = timeout(SECOND_CHANCE, utp.connect(address)).await;
                // That TCP was refused says more than that nothing answers by uTP.
                let pipe = other.ok().and_then(Result::ok).ok_or(failure)?;
                Ok(pipe.into())
            }
            Err(_) => tokio::select! {
                Ok(pipe) = utp.connect(address) => Ok(pipe.into()),
                stream = tcp => stream,
            },
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
