//! The transports that a torrent uses to dial peers, and by which peers connect to it: TCP, uTP, or
//! both.

use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::mpsc::Receiver;
use tokio::time::timeout;
use unchoke_core::utp::limits::MAX_CONNECTIONS;

use crate::connection::Secured;
use crate::dht::Ports;
use crate::listen::{bind_datagrams, bind_datagrams_somewhere, canonical};
use crate::route::Route;
use crate::stream::Stream;
use crate::utp::{Strangers, Utp, UtpMode};

/// Most unsent bytes that the system may buffer for a connection.
#[cfg(any(target_os = "linux", target_os = "android"))]
const UNSENT_BYTES: u32 = 1 << 17;

/// Wait after a failed accept. The most frequent cause is a lack of file descriptors.
pub(crate) const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Time after which we dial by uTP as well, but at most half of the time limit for dialling.
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
    /// Whether other torrents use the same sockets of uTP.
    shared: bool,
    /// Time for TCP before we dial by uTP as well.
    head_start: Duration,
}

impl Transports {
    /// Starts the transports that `mode` allows, on the port of `listener`. `dial` is the time limit
    /// for dialling.
    pub(crate) fn start(
        route: &Route,
        mode: UtpMode,
        listener: TcpListener,
        dht: Option<&Ports>,
        dial: Duration,
    ) -> io::Result<(Self, Incoming)> {
        let port = listener.local_addr()?.port();
        let (utp, strangers) = start_utp(route, mode, port, dht, MAX_CONNECTIONS)?.unzip();
        let tcp = mode != UtpMode::Only;
        let transports = Self {
            route: route.clone(),
            tcp,
            utp,
            shared: false,
            head_start: HEAD_START.min(dial / 2),
        };
        let incoming = Incoming {
            // An unused listener stays open until here, so that no other program takes its port.
            listener: Some(listener).filter(|_| tcp),
            strangers,
            shared: None,
        };
        Ok((transports, incoming))
    }

    /// The same for a torrent that shares its port with others, and gets the connections `arrivals`.
    pub(crate) fn share(
        route: &Route,
        mode: UtpMode,
        utp: Option<Utp>,
        arrivals: Receiver<(Secured, SocketAddr)>,
        dial: Duration,
    ) -> (Self, Incoming) {
        let transports = Self {
            route: route.clone(),
            tcp: mode != UtpMode::Only,
            utp,
            shared: true,
            head_start: HEAD_START.min(dial / 2),
        };
        let incoming = Incoming {
            listener: None,
            strangers: None,
            shared: Some(arrivals),
        };
        (transports, incoming)
    }

    /// Whether TCP connections come in.
    pub(crate) fn uses_tcp(&self) -> bool {
        self.tcp
    }

    /// Whether uTP connections of this family come in on `port`.
    pub(crate) fn hears_utp(&self, ipv4: bool, port: u16) -> bool {
        let utp = self.utp.as_ref();
        utp.and_then(|it| it.port(ipv4)) == Some(port)
    }

    /// The same without TCP, if both are used.
    pub(crate) fn without_tcp(&self) -> Option<Self> {
        let both = self.tcp && self.utp.is_some();
        both.then(|| Self {
            tcp: false,
            ..self.clone()
        })
    }

    /// Connects by TCP or uTP, as far as they are enabled.
    pub(crate) async fn connect(&self, address: SocketAddr) -> io::Result<Stream> {
        match &self.utp {
            Some(utp) if self.tcp => {
                let utp = async { utp.connect(address).await.map(Stream::from) };
                either(self.by_tcp(address), utp, self.head_start).await
            }
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

    /// Closes the sockets of uTP that are not those of a DHT or of other torrents. If this was the only
    /// clone, and nobody else has the port, the port is free when this returns.
    pub(crate) async fn close(self) {
        if let Some(utp) = self.utp.filter(|_| !self.shared) {
            utp.close().await;
        }
    }
}

/// Connects by TCP; also by uTP, once TCP has failed or taken as long as `head_start`. A failure is
/// that of TCP: that it was refused says more than that nothing answers by uTP.
async fn either<T>(
    tcp: impl Future<Output = io::Result<T>>,
    utp: impl Future<Output = io::Result<T>>,
    head_start: Duration,
) -> io::Result<T> {
    let (mut tcp, mut utp) = (pin!(tcp), pin!(utp));
    let alone = timeout(head_start, &mut tcp).await;
    let by_tcp = if let Ok(by_tcp) = alone {
        by_tcp
    } else {
        tokio::select! {
            by_tcp = &mut tcp => by_tcp,
            by_utp = &mut utp => match by_utp {
                Ok(stream) => return Ok(stream),
                Err(_) => return tcp.await,
            },
        }
    };
    match by_tcp {
        Ok(stream) => Ok(stream),
        Err(failure) => {
            let by_utp = timeout(SECOND_CHANCE, utp).await;
            by_utp.ok().and_then(Result::ok).ok_or(failure)
        }
    }
}

/// Starts uTP on `port` if `mode` allows it, for at most `most` connections. Unless uTP is the only
/// way to us, another port is good enough for dialling.
pub(crate) fn start_utp(
    route: &Route,
    mode: UtpMode,
    port: u16,
    dht: Option<&Ports>,
    most: usize,
) -> io::Result<Option<(Utp, Strangers)>> {
    let on = |bind| Utp::start_with(route, port, dht, most, bind);
    match mode {
        UtpMode::Off => Ok(None),
        _ if route.has_proxy() => Ok(None),
        UtpMode::Allow => Ok(on(bind_datagrams_somewhere)
            // TCP is enough.
            .inspect_err(|error| tracing::debug!(%error, "uTP cannot be used"))
            .ok()),
        UtpMode::Only => on(bind_datagrams).map(Some),
    }
}

/// The connections that peers open to us.
#[derive(Debug)]
pub(crate) struct Incoming {
    /// If TCP is used, and the port is ours alone.
    pub(crate) listener: Option<TcpListener>,
    /// If uTP is used, and the port is ours alone.
    pub(crate) strangers: Option<Strangers>,
    /// If the port is shared with other torrents.
    pub(crate) shared: Option<Receiver<(Secured, SocketAddr)>>,
}

impl Incoming {
    /// The next connection, and the address of the peer. Waits for ever if none can come. After an
    /// error, wait for [`ACCEPT_PAUSE`].
    pub(crate) async fn next(&mut self) -> io::Result<(Secured, SocketAddr)> {
        let (stream, address) = tokio::select! {
            accepted = next_arrival(self.listener.as_ref()) => accepted?,
            accepted = next(self.strangers.as_mut()) => (accepted.0.into(), accepted.1),
            identified = next(self.shared.as_mut()) => return Ok(identified),
        };
        Ok((Secured::from(stream), canonical(address)))
    }
}

/// The next connection of TCP. Waits for ever if TCP is not used.
async fn next_arrival(listener: Option<&TcpListener>) -> io::Result<(Stream, SocketAddr)> {
    match listener {
        Some(listener) => listener.accept().await.map(|it| (it.0.into(), it.1)),
        None => std::future::pending().await,
    }
}

/// The next one that is received. Waits for ever if there will be none.
async fn next<T>(receiver: Option<&mut Receiver<T>>) -> T {
    let next = match receiver {
        Some(receiver) => receiver.recv().await,
        None => None,
    };
    match next {
        Some(next) => next,
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

#[cfg(test)]
mod tests {
    use tokio::time::{Instant, sleep};

    use super::*;

    const PORTION: Duration = Duration::from_secs(1);

    /// The result of a transport after some seconds.
    async fn after(seconds: u32, result: io::Result<&'static str>) -> io::Result<&'static str> {
        sleep(PORTION * seconds).await;
        result
    }

    fn refused() -> io::Result<&'static str> {
        Err(io::ErrorKind::ConnectionRefused.into())
    }

    fn silent() -> io::Result<&'static str> {
        Err(io::ErrorKind::TimedOut.into())
    }

    #[tokio::test(start_paused = true)]
    async fn a_failure_of_one_transport_leaves_time_to_the_other() {
        // Seconds and result of TCP and of uTP; the result of both, and when it comes.
        let cases = [
            ((1, Ok("tcp")), (1, Ok("utp")), Ok("tcp"), 1),
            ((5, Ok("tcp")), (1, Ok("utp")), Ok("utp"), 4),
            ((1, refused()), (0, Ok("utp")), Ok("utp"), 1),
            ((1, refused()), (9, Ok("utp")), refused(), 2),
            // TCP fails while the attempt by uTP runs.
            ((5, refused()), (3, Ok("utp")), Ok("utp"), 6),
            ((5, refused()), (9, Ok("utp")), refused(), 6),
            // uTP fails while the attempt by TCP runs.
            ((5, Ok("tcp")), (1, silent()), Ok("tcp"), 5),
            ((5, refused()), (1, silent()), refused(), 5),
        ];
        for (number, (tcp, utp, expected, seconds)) in cases.into_iter().enumerate() {
            let begun = Instant::now();
            let result = either(after(tcp.0, tcp.1), after(utp.0, utp.1), HEAD_START).await;
            let kind = |it: io::Result<&'static str>| it.map_err(|it| it.kind());
            assert_eq!(kind(result), kind(expected), "case {number}");
            assert_eq!(begun.elapsed(), PORTION * seconds, "case {number}");
        }
    }

    #[tokio::test]
    async fn a_short_time_limit_leaves_half_of_it_to_utp() {
        let here = Route::new(
            None,
            Some(crate::route::Bind::Address([127, 0, 0, 1].into())),
        );
        let start = |dial| {
            let listener = crate::listen::listen(0, &here).expect("listen");
            let started = Transports::start(&here, UtpMode::Allow, listener, None, dial);
            started.expect("it starts").0.head_start
        };
        assert_eq!(start(Duration::from_secs(3)), Duration::from_millis(1500));
        assert_eq!(start(Duration::from_secs(15)), HEAD_START);
    }
}
