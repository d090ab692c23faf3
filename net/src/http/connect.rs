//! From a host name to a connection: the address that is judged is the one that is connected to.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::{Instant as Clock, timeout_at};
use unchoke_core::tracker::guard::{Reach, Refusal, reach};
use url::Host;

use super::{HttpError, Phase};
use crate::route::Route;

/// For the look-up of a name.
const LOOK_UP_PATIENCE: Duration = Duration::from_secs(10);
/// For a connection to one address. libtorrent's `peer_connect_timeout` is 15 s, for peers.
const CONNECT_PATIENCE: Duration = Duration::from_secs(10);
/// Addresses of a name that are tried.
const MAX_ADDRESSES: usize = 8;

/// A limit for one phase, within the limit for all.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deadline {
    phase: Phase,
    started: Clock,
    at: Clock,
}

impl Deadline {
    pub(crate) fn new(phase: Phase, patience: Duration, end: Clock) -> Self {
        let started = Clock::now();
        Self {
            phase,
            started,
            at: end.min(started + patience),
        }
    }

    pub(crate) async fn limit<T>(self, work: impl Future<Output = T>) -> Result<T, HttpError> {
        // What is left of the time for all may be a part of a second.
        let rounded = self.at - self.started + Duration::from_millis(500);
        let slow = HttpError::Slow {
            phase: self.phase,
            seconds: rounded.as_secs(),
        };
        timeout_at(self.at, work).await.map_err(|_| slow)
    }
}

/// Connects to `host` if `judge` lets it pass.
pub(crate) async fn open(
    route: &Route,
    host: &Host<&str>,
    port: u16,
    judge: impl Fn(IpAddr, Reach) -> Result<(), Refusal>,
    end: Clock,
) -> Result<(TcpStream, Reach), HttpError> {
    if let (Host::Domain(name), true) = (host, route.has_proxy()) {
        return ask_proxy(route, name, port, judge, end).await;
    }
    let addresses = resolve(route, host, port, end).await?;
    let allowed = allowed(&addresses, judge)?;
    dial(route, &allowed, end).await
}

/// The proxy looks the name up, so nobody here knows the address: only the name of the proxy's own
/// machine can be judged.
async fn ask_proxy(
    route: &Route,
    name: &str,
    port: u16,
    judge: impl Fn(IpAddr, Reach) -> Result<(), Refusal>,
    end: Clock,
) -> Result<(TcpStream, Reach), HttpError> {
    let plain = name.trim_end_matches('.');
    let reach = if plain == "localhost" || plain.ends_with(".localhost") {
        judge(Ipv4Addr::LOCALHOST.into(), Reach::Host)?;
        Reach::Host
    } else {
        Reach::Global
    };
    let deadline = Deadline::new(Phase::Connect, CONNECT_PATIENCE, end);
    let connected = deadline.limit(route.connect_to_name(name, port)).await?;
    let stream = connected.map_err(|source| HttpError::Proxy {
        host: name.to_owned(),
        source,
    })?;
    Ok((stream, reach))
}

/// The addresses of `host` that the route leads to.
pub(crate) async fn resolve(
    route: &Route,
    host: &Host<&str>,
    port: u16,
    end: Clock,
) -> Result<Vec<SocketAddr>, HttpError> {
    let name = match host {
        Host::Ipv4(ip) => return Ok(vec![(*ip, port).into()]),
        Host::Ipv6(ip) => return Ok(vec![(*ip, port).into()]),
        Host::Domain(name) => *name,
    };
    let deadline = Deadline::new(Phase::LookUp, LOOK_UP_PATIENCE, end);
    let failed = |source| HttpError::LookUp {
        host: name.to_owned(),
        source,
    };
    let found = deadline
        .limit(tokio::net::lookup_host((name, port)))
        .await?
        .map_err(failed)?;
    let mut addresses: Vec<SocketAddr> = found.take(MAX_ADDRESSES).collect();
    addresses.dedup();
    if addresses.is_empty() {
        let none = std::io::Error::other("it has no address");
        return Err(failed(none));
    }
    addresses.retain(|it| route.leads_to(*it));
    if addresses.is_empty() {
        return Err(HttpError::Family);
    }
    Ok(addresses)
}

/// The addresses that `judge` lets pass, with their reach; or why there is none.
pub(crate) fn allowed(
    addresses: &[SocketAddr],
    judge: impl Fn(IpAddr, Reach) -> Result<(), Refusal>,
) -> Result<Vec<(SocketAddr, Reach)>, Refusal> {
    let mut good = Vec::new();
    let mut refusal = None;
    for address in addresses {
        let reach = real_reach(address.ip());
        match judge(address.ip(), reach) {
            Ok(()) => good.push((*address, reach)),
            Err(why) => refusal = Some(why),
        }
    }
    match refusal {
        Some(why) if good.is_empty() => Err(why),
        _ => Ok(good),
    }
}

/// How far away `ip` is; an address of our own is this machine, whatever its number.
fn real_reach(ip: IpAddr) -> Reach {
    match reach(ip) {
        Reach::Host => Reach::Host,
        // The system lets nobody bind to an address of somebody else. Nothing is sent.
        _ if TcpListener::bind((ip, 0)).is_ok() => Reach::Host,
        other => other,
    }
}

/// Connects to the first address that answers.
async fn dial(
    route: &Route,
    addresses: &[(SocketAddr, Reach)],
    end: Clock,
) -> Result<(TcpStream, Reach), HttpError> {
    let mut failure = HttpError::NoHost;
    for (place, (address, reach)) in addresses.iter().enumerate() {
        // One that does not answer leaves time for the others.
        let left = u32::try_from(addresses.len() - place).expect("a handful");
        let patience = CONNECT_PATIENCE.min((end - Clock::now()) / left);
        let deadline = Deadline::new(Phase::Connect, patience, end);
        failure = match deadline.limit(route.connect(*address)).await {
            Ok(Ok(stream)) => {
                // A request is one packet; if the option cannot be set, it is sent all the same.
                drop(stream.set_nodelay(true));
                return Ok((stream, *reach));
            }
            Ok(Err(source)) => HttpError::Connect {
                address: *address,
                source,
            },
            Err(slow) => slow,
        };
    }
    Err(failure)
}
