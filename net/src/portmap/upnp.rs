//! UPnP: finds the gateway by multicast and sends it requests by HTTP.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use unchoke_core::portmap::{
    Granted, Wish, add_request, delete_request, error_code, location, search, service,
};
use url::{Host, Url};

use super::gateway::Gateway;
use super::is_near;
use crate::route::Route;

const GROUP: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(239, 255, 255, 250)), 1900);
/// Time limit for answers to the search. `MX` allows two seconds.
const SEARCH: Duration = Duration::from_secs(3);
/// Time limit for one HTTP request.
const PATIENCE: Duration = Duration::from_secs(5);
/// Most bytes of an answer.
const MAX_ANSWER_BYTES: u64 = 1 << 18;

/// Why there is no mapping.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    #[error("no UPnP gateway answers")]
    Silent,
    #[error("the answer of the gateway is invalid")]
    Strange,
    #[error("the port is taken")]
    Taken,
    #[error("the gateway refused (UPnP code {0})")]
    Refused(u16),
    #[error("{0}")]
    Io(#[from] io::Error),
}

/// The control URL and service of a gateway, through which it makes mappings.
#[derive(Clone, Debug)]
pub(super) struct Control {
    address: SocketAddr,
    path: String,
    kind: String,
    own: Ipv4Addr,
}

impl Control {
    /// Searches the local network for a gateway.
    pub(super) async fn find(route: &Route, gateway: &Gateway) -> Result<Self, Error> {
        let socket = route.datagrams(GROUP).await?;
        let question = search();
        // A datagram may be lost, so send it twice.
        for _ in 0..2 {
            socket.send_to(question.as_bytes(), GROUP).await?;
        }
        let mut buffer = [0; 2000];
        let end = tokio::time::Instant::now() + SEARCH;
        while let Ok(received) = tokio::time::timeout_at(end, socket.recv_from(&mut buffer)).await {
            let (length, from) = received?;
            let Some(url) = location(&buffer[..length]).and_then(|it| describes(&it, from)) else {
                continue;
            };
            match Self::read(route, &url, gateway.own).await {
                Ok(control) => return Ok(control),
                Err(error) => tracing::debug!(%from, %error, "not a gateway that maps"),
            }
        }
        Err(Error::Silent)
    }

    async fn read(route: &Route, url: &Url, own: Ipv4Addr) -> Result<Self, Error> {
        let address = address_of(url).ok_or(Error::Strange)?;
        let request = format!("GET {} HTTP/1.0\r\nHost: {address}\r\n\r\n", target(url));
        let (_, body) = ask(route, address, &request).await?;
        let service = service(&body).ok_or(Error::Strange)?;
        let control = url.join(&service.control).map_err(|_| Error::Strange)?;
        // A gateway may name a control URL only at its own address.
        if address_of(&control).map(|it| it.ip()) != Some(address.ip()) {
            return Err(Error::Strange);
        }
        Ok(Self {
            address: address_of(&control).ok_or(Error::Strange)?,
            path: target(&control),
            kind: service.kind,
            own,
        })
    }

    pub(super) async fn add(&self, route: &Route, wish: &Wish) -> Result<Granted, Error> {
        match self.add_once(route, wish).await {
            // Error 725: the gateway only makes mappings without expiry. We remove ours at the end.
            Err(Error::Refused(725)) => {
                let wish = Wish {
                    seconds: 0,
                    ..*wish
                };
                self.add_once(route, &wish).await
            }
            other => other,
        }
    }

    async fn add_once(&self, route: &Route, wish: &Wish) -> Result<Granted, Error> {
        let (action, body) = add_request(&self.kind, wish, self.own.into());
        self.call(route, action, &body).await?;
        Ok(Granted {
            external: wish.external,
            seconds: wish.seconds,
        })
    }

    pub(super) async fn delete(&self, route: &Route, wish: &Wish) -> Result<(), Error> {
        let (action, body) = delete_request(&self.kind, wish.external, wish.transport);
        self.call(route, action, &body).await
    }

    async fn call(&self, route: &Route, action: &str, body: &str) -> Result<(), Error> {
        let request = format!(
            "POST {} HTTP/1.0\r\nHost: {}\r\nContent-Type: text/xml; charset=\"utf-8\"\r\n\
             SOAPAction: \"{}#{action}\"\r\nContent-Length: {}\r\n\r\n{body}",
            self.path,
            self.address,
            self.kind,
            body.len()
        );
        let (status, answer) = ask(route, self.address, &request).await?;
        match (status, error_code(&answer)) {
            (200, _) => Ok(()),
            (_, Some(718)) => Err(Error::Taken),
            (status, code) => Err(Error::Refused(code.unwrap_or(status))),
        }
    }
}

/// The URL of the description. `None` unless it is on the machine that answered and that machine is
/// in the local network.
fn describes(text: &str, from: SocketAddr) -> Option<Url> {
    let url = Url::parse(text).ok().filter(|it| it.scheme() == "http")?;
    let address = address_of(&url)?;
    let near = matches!(address.ip(), IpAddr::V4(ip) if is_near(ip));
    (near && address.ip() == from.ip()).then_some(url)
}

fn address_of(url: &Url) -> Option<SocketAddr> {
    match url.host()? {
        Host::Ipv4(ip) => Some((ip, url.port_or_known_default()?).into()),
        _ => None,
    }
}

fn target(url: &Url) -> String {
    match url.query() {
        Some(query) => format!("{}?{query}", url.path()),
        None => url.path().to_owned(),
    }
}

/// Sends one HTTP/1.0 request and reads to the end of the connection. Returns the status and the
/// body.
async fn ask(route: &Route, address: SocketAddr, request: &str) -> Result<(u16, String), Error> {
    let exchange = async {
        let mut stream = route.connect(address).await?;
        stream.write_all(request.as_bytes()).await?;
        let mut bytes = Vec::new();
        stream
            .take(MAX_ANSWER_BYTES)
            .read_to_end(&mut bytes)
            .await?;
        io::Result::Ok(bytes)
    };
    let bytes = tokio::time::timeout(PATIENCE, exchange)
        .await
        .map_err(|_| Error::Silent)??;
    let text = String::from_utf8_lossy(&bytes);
    let (head, body) = text.split_once("\r\n\r\n").ok_or(Error::Strange)?;
    let status = head.split(' ').nth(1).and_then(|it| it.parse().ok());
    Ok((status.ok_or(Error::Strange)?, body.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gateway_is_believed_about_itself_only() {
        let from = "192.168.1.1:1900".parse().expect("an address");
        assert!(describes("http://192.168.1.1:5000/x", from).is_some());
        for wrong in [
            "http://192.168.1.2:5000/x",
            "http://127.0.0.1/x",
            "https://192.168.1.1/x",
            "http://router/x",
            "nonsense",
        ] {
            assert!(describes(wrong, from).is_none(), "{wrong}");
        }
        let far = "8.8.8.8:1900".parse().expect("an address");
        assert!(describes("http://8.8.8.8/x", far).is_none());
    }
}
