//! From a host name to a connection. The address that passed the check is the address that is
//! connected to.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::{Instant as Clock, timeout_at};
use unchoke_core::tracker::guard::{Reach, Refusal, reach};
use url::Host;

use super::{HttpError, Phase};
use crate::route::Route;

/// Time limit for a name look-up.
const LOOK_UP_PATIENCE: Duration = Duration::from_secs(10);
/// Time limit for a connection to one address. libtorrent's `peer_connect_timeout` is 15 s, for
/// peers.
const CONNECT_PATIENCE: Duration = Duration::from_secs(10);
/// Most addresses of a name that are tried.
const MAX_ADDRESSES: usize = 8;

/// A time limit for one phase, within the limit for the whole request.
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
        // The rest of the total time may be a fraction of a second.
        let rounded = self.at - self.started + Duration::from_millis(500);
        let slow = HttpError::Slow {
            phase: self.phase,
            seconds: rounded.as_secs(),
        };
        timeout_at(self.at, work).await.map_err(|_| slow)
    }
}

/// Connects to `host` if `judge` allows its address.
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

/// Connects through the proxy. The proxy resolves the name, so its address is unknown here; the
/// check only sees whether the name means the proxy's own machine.
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

/// Resolves `host` to the addresses that the route can reach.
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

/// The addresses that `judge` allows, with their reach, or the reason why it allows none.
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

/// How far away `ip` is. Any address of this machine counts as this machine.
fn real_reach(ip: IpAddr) -> Reach {
    match reach(ip) {
        Reach::Host => Reach::Host,
        // An address is ours if we can bind to it. Binding sends nothing.
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
        // Leave time for the other addresses if this one does not answer.
        let left = u32::try_from(addresses.len() - place).expect("a handful");
        let patience = CONNECT_PATIENCE.min((end - Clock::now()) / left);
        let deadline = Deadline::new(Phase::Connect, patience, end);
        failure = match deadline.limit(route.connect(*address)).await {
            Ok(Ok(stream)) => {
                // A request is one packet. If the option cannot be set, it is sent anyway.
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
