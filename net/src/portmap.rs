//! Port mappings on the gateway, so that peers outside can connect to us: by PCP, else by NAT-PMP,
//! else by UPnP. Mappings are renewed while they are needed, and removed at the end.
//!
//! We implement the protocols ourselves. The available crates bring a second HTTP client with
//! HTTP/2 and connect to whatever address an answer names; this code accepts from a gateway only
//! its own address.

mod datagrams;
mod gateway;
mod upnp;

use std::io;
use std::net::Ipv4Addr;
use std::time::Duration;

use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use unchoke_core::portmap::{Granted, LIFETIME, Transport, Wish};
use unchoke_core::tracker::guard::{Reach, reach};

use crate::route::Route;
use gateway::Gateway;

/// Time until the gateway is asked again after it made no mapping or lost one.
const RETRY: Duration = Duration::from_mins(10);
/// A mapping is renewed after half of its lifetime, but not more often than this.
const RENEW_MIN: Duration = Duration::from_mins(1);
/// Time that a request gets at the end, so that the mapping that it makes is known and removed.
const GRACE: Duration = Duration::from_millis(250);
/// Time limit for removing all mappings: the user must not wait longer at the end.
const FAREWELL: Duration = Duration::from_secs(2);
/// Most external ports that are tried if they are in use.
const PORTS_TRIED: u16 = 4;

/// News about a mapping.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mapped {
    /// The mapping exists, until the next news.
    Open {
        /// Its protocol.
        transport: Transport,
        /// The port on which we listen.
        internal: u16,
        /// The port of the gateway.
        external: u16,
        /// The protocol by which the gateway made it.
        way: &'static str,
    },
    /// There is no mapping; the reason.
    Failed(String),
}

/// The protocol for talking to the gateway.
#[derive(Clone, Debug)]
enum Way {
    Pcp,
    NatPmp,
    Upnp(upnp::Control),
}

impl Way {
    fn name(&self) -> &'static str {
        match self {
            Self::Pcp => "PCP",
            Self::NatPmp => "NAT-PMP",
            Self::Upnp(_) => "UPnP",
        }
    }
}

/// The port mappings of this process, kept by a task.
#[derive(Debug)]
pub struct Mappings {
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
    news: Receiver<Mapped>,
}

impl Mappings {
    /// Keeps mappings for these ports until [`Self::close`]. Fails if there is a proxy.
    pub fn start(route: &Route, ports: Vec<(Transport, u16)>) -> io::Result<Self> {
        if route.has_proxy() {
            return Err(io::Error::other(
                "the gateway is not reached through the proxy",
            ));
        }
        let (stop, stopped) = oneshot::channel();
        let (teller, news) = mpsc::channel(16);
        let task = tokio::spawn(run(route.clone(), ports, teller, stopped));
        Ok(Self { stop, task, news })
    }

    /// The next news; waits for ever when there will be none.
    pub async fn next(&mut self) -> Mapped {
        match self.news.recv().await {
            Some(it) => it,
            None => std::future::pending().await,
        }
    }

    /// Removes the mappings, and waits a short time for that.
    pub async fn close(self) {
        // The task may have ended already.
        self.stop.send(()).ok();
        drop(tokio::time::timeout(FAREWELL, self.task).await);
    }
}

/// A mapping that exists, and the protocol that made it and ends it.
struct Open {
    external: u16,
    way: Way,
}

/// A port and the state of its mapping.
struct Port {
    transport: Transport,
    internal: u16,
    open: Option<Open>,
    nonce: [u8; 12],
}

struct Task {
    route: Route,
    ports: Vec<Port>,
    teller: Sender<Mapped>,
    gateway: Gateway,
    /// The protocol of the last mapping, with which the next request begins.
    way: Option<Way>,
}

async fn run(
    route: Route,
    ports: Vec<(Transport, u16)>,
    teller: Sender<Mapped>,
    mut stopped: oneshot::Receiver<()>,
) {
    let ports = ports.into_iter().map(|(transport, internal)| {
        let (high, low) = (crate::chance::random_u64(), crate::chance::random_u64());
        let mut nonce = [0; 12];
        nonce[..8].copy_from_slice(&high.to_be_bytes());
        nonce[8..].copy_from_slice(&low.to_be_bytes()[..4]);
        Port {
            transport,
            internal,
            open: None,
            nonce,
        }
    });
    let Some(gateway) = Gateway::find(&route).await else {
        tracing::debug!("there is no gateway");
        return;
    };
    if reach(gateway.own.into()) == Reach::Global {
        tracing::debug!(own = %gateway.own, "our address is public; no mapping is needed");
        return;
    }
    let mut task = Task {
        route,
        ports: ports.collect(),
        teller,
        gateway,
        way: None,
    };
    loop {
        let mapping = task.map_all();
        tokio::pin!(mapping);
        let wait = tokio::select! {
            _ = &mut stopped => {
                drop(tokio::time::timeout(GRACE, mapping).await);
                break;
            }
            wait = &mut mapping => wait,
        };
        tokio::select! {
            _ = &mut stopped => break,
            () = tokio::time::sleep(wait) => {}
        }
    }
    task.remove_all().await;
}

impl Task {
    /// Asks for a mapping of every port. Returns the time until the next request.
    async fn map_all(&mut self) -> Duration {
        let mut again = LIFETIME / 2;
        for place in 0..self.ports.len() {
            match self.map(place).await {
                Ok(granted) => {
                    // 0 means without expiry.
                    let lasts = match granted.seconds {
                        0 => LIFETIME,
                        seconds => Duration::from_secs(seconds.into()),
                    };
                    again = again.min((lasts / 2).max(RENEW_MIN));
                }
                Err(why) => {
                    self.ports[place].open = None;
                    self.way = None;
                    again = again.min(RETRY);
                    self.tell(Mapped::Failed(why)).await;
                }
            }
        }
        again
    }

    async fn tell(&self, news: Mapped) {
        // Sending fails if the session has ended.
        drop(self.teller.send(news).await);
    }

    async fn map(&mut self, place: usize) -> Result<Granted, String> {
        let known = self.way.take();
        let mut failure = String::from("no gateway answers");
        let mut ways = match known {
            Some(way) => vec![way],
            None => vec![Way::Pcp, Way::NatPmp],
        };
        let mut searched = matches!(ways[0], Way::Upnp(_));
        while let Some(way) = ways.first().cloned() {
            ways.remove(0);
            match self.ask(place, &way).await {
                Ok(granted) => {
                    let port = &mut self.ports[place];
                    let (transport, internal) = (port.transport, port.internal);
                    let (external, way_name) = (granted.external, way.name());
                    self.way = Some(way.clone());
                    let before = port.open.replace(Open { external, way });
                    if before.map(|it| it.external) != Some(external) {
                        self.tell(Mapped::Open {
                            transport,
                            internal,
                            external,
                            way: way_name,
                        })
                        .await;
                    }
                    return Ok(granted);
                }
                Err(error) => {
                    tracing::debug!(way = way.name(), error, "no mapping");
                    failure = error;
                }
            }
            if ways.is_empty() && !searched {
                searched = true;
                match upnp::Control::find(&self.route, &self.gateway).await {
                    Ok(control) => ways.push(Way::Upnp(control)),
                    Err(error) => tracing::debug!(%error, "no UPnP gateway"),
                }
            }
        }
        Err(failure)
    }

    async fn ask(&self, place: usize, way: &Way) -> Result<Granted, String> {
        let port = &self.ports[place];
        let mut wish = Wish {
            transport: port.transport,
            internal: port.internal,
            external: port.open.as_ref().map_or(port.internal, |it| it.external),
            seconds: u32::try_from(LIFETIME.as_secs()).expect("two hours"),
        };
        let Way::Upnp(control) = way else {
            return self.ask_by_datagram(way, &wish, port.nonce).await;
        };
        let mut asked = control.add(&self.route, &wish).await;
        for step in 1..PORTS_TRIED {
            if !matches!(asked, Err(upnp::Error::Taken)) {
                break;
            }
            wish.external = wish.external.wrapping_add(step).max(1024);
            asked = control.add(&self.route, &wish).await;
        }
        asked.map_err(|it| it.to_string())
    }

    async fn ask_by_datagram(
        &self,
        way: &Way,
        wish: &Wish,
        nonce: [u8; 12],
    ) -> Result<Granted, String> {
        let asked = match way {
            Way::Pcp => datagrams::pcp(&self.route, &self.gateway, wish, nonce).await,
            _ => datagrams::nat_pmp(&self.route, &self.gateway, wish).await,
        };
        asked.map_err(|it| it.to_string())
    }

    async fn remove_all(&self) {
        for port in &self.ports {
            let Some(Open { external, way }) = &port.open else {
                continue;
            };
            let wish = Wish {
                transport: port.transport,
                internal: port.internal,
                external: *external,
                seconds: 0,
            };
            let removed = if let Way::Upnp(control) = way {
                let deleted = control.delete(&self.route, &wish).await;
                deleted.map_err(|it| it.to_string())
            } else {
                let ended = self.ask_by_datagram(way, &wish, port.nonce).await;
                ended.map(drop)
            };
            if let Err(error) = removed {
                tracing::debug!(error, "a mapping was not removed");
            }
        }
    }
}

/// Whether an address is not reachable from the Internet.
pub(super) fn is_near(ip: Ipv4Addr) -> bool {
    reach(ip.into()) < Reach::Global
}
