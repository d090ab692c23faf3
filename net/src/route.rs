//! How connections leave this machine: directly, from a chosen address or interface, or through a
//! SOCKS5 proxy.
//!
//! With a proxy, nothing bypasses it: the proxy resolves names, and features that cannot use it are
//! off. With `--bind`, all connections use that address or interface or fail. The system still
//! resolves names, and its name server traffic may take another route.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;
use std::sync::Arc;

use percent_encoding::percent_decode_str;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream, UdpSocket};
use unchoke_core::socks5::{Socks5, Target};
use url::Url;

/// A SOCKS5 proxy.
#[derive(Clone, PartialEq, Eq)]
pub struct Proxy {
    host: String,
    port: u16,
    login: Option<(Vec<u8>, Vec<u8>)>,
}

/// The local end of connections.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Bind {
    /// An address of this machine.
    Address(IpAddr),
    /// A network interface, by name.
    Interface(String),
}

/// The route of outgoing connections. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Route {
    proxy: Option<Arc<Proxy>>,
    bind: Option<Arc<Bind>>,
    /// Limits the route to addresses of one family: IPv4 if true, IPv6 if false.
    ipv4: Option<bool>,
}

impl Route {
    /// A route through `proxy`, if given, and from `bind`, if given.
    #[must_use]
    pub fn new(proxy: Option<Proxy>, bind: Option<Bind>) -> Self {
        Self {
            proxy: proxy.map(Arc::new),
            bind: bind.map(Arc::new),
            ipv4: None,
        }
    }

    /// Whether there is a proxy. Then no traffic may bypass it.
    #[must_use]
    pub fn has_proxy(&self) -> bool {
        self.proxy.is_some()
    }

    /// The same route, limited to addresses of one family.
    #[must_use]
    pub fn only(&self, ipv4: bool) -> Self {
        Self {
            ipv4: Some(ipv4),
            ..self.clone()
        }
    }

    /// Whether the route can reach this address of a name.
    #[must_use]
    pub fn leads_to(&self, address: SocketAddr) -> bool {
        self.ipv4.is_none_or(|it| it == address.is_ipv4())
    }

    /// Connects to a peer or server.
    pub async fn connect(&self, address: SocketAddr) -> io::Result<TcpStream> {
        match &self.proxy {
            None => self.direct(address).await,
            Some(proxy) => self.through(proxy, &Target::Address(address)).await,
        }
    }

    /// Connects to a host name that the proxy resolves. Only with a proxy.
    pub(crate) async fn connect_to_name(&self, name: &str, port: u16) -> io::Result<TcpStream> {
        match &self.proxy {
            None => Err(io::Error::other("there is no proxy that could look it up")),
            Some(proxy) => {
                self.through(proxy, &Target::Name(name.to_owned(), port))
                    .await
            }
        }
    }

    /// A UDP socket for datagrams to `address`.
    pub(crate) async fn datagrams(&self, address: SocketAddr) -> io::Result<UdpSocket> {
        if self.has_proxy() {
            return Err(io::Error::other("datagrams do not go through the proxy"));
        }
        let socket = UdpSocket::bind((self.start(address)?, 0)).await?;
        #[cfg(target_os = "linux")]
        if let Some(Bind::Interface(name)) = self.bind.as_deref() {
            socket.bind_device(Some(name.as_bytes()))?;
        }
        Ok(socket)
    }

    /// The address or interface to listen on; `None` means all.
    #[must_use]
    pub fn bind(&self) -> Option<&Bind> {
        self.bind.as_deref()
    }

    /// The local address for connections to `address`.
    fn start(&self, address: SocketAddr) -> io::Result<IpAddr> {
        match self.bind.as_deref() {
            Some(Bind::Address(ip)) if ip.is_ipv4() == address.is_ipv4() => Ok(*ip),
            Some(Bind::Address(ip)) => Err(io::Error::other(format!(
                "--bind {ip} does not lead to addresses of the other family"
            ))),
            _ if address.is_ipv4() => Ok(Ipv4Addr::UNSPECIFIED.into()),
            _ => Ok(Ipv6Addr::UNSPECIFIED.into()),
        }
    }

    async fn direct(&self, address: SocketAddr) -> io::Result<TcpStream> {
        if self.bind.is_none() {
            return TcpStream::connect(address).await;
        }
        let socket = if address.is_ipv4() {
            TcpSocket::new_v4()?
        } else {
            TcpSocket::new_v6()?
        };
        socket.bind((self.start(address)?, 0).into())?;
        #[cfg(target_os = "linux")]
        if let Some(Bind::Interface(name)) = self.bind.as_deref() {
            socket.bind_device(Some(name.as_bytes()))?;
        }
        socket.connect(address).await
    }

    /// Carries out the two exchanges with the proxy.
    async fn through(&self, proxy: &Proxy, target: &Target) -> io::Result<TcpStream> {
        let refused = |error| io::Error::other(format!("{proxy}: {error}"));
        let login = proxy.login.as_ref();
        let login = login.map(|(name, password)| (&name[..], &password[..]));
        let mut exchange = Socks5::new(target, login).map_err(refused)?;
        let mut stream = self.to_proxy(proxy).await?;
        let mut buffer = [0; 260];
        while let Some(length) = exchange.wants() {
            stream.write_all(&exchange.take_output()).await?;
            let bytes = &mut buffer[..length];
            stream.read_exact(bytes).await?;
            exchange.handle_input(bytes).map_err(refused)?;
        }
        Ok(stream)
    }

    async fn to_proxy(&self, proxy: &Proxy) -> io::Result<TcpStream> {
        let mut failure = io::Error::other("its name has no address");
        for address in tokio::net::lookup_host((proxy.host.as_str(), proxy.port)).await? {
            match self.direct(address).await {
                Ok(stream) => return Ok(stream),
                Err(error) => failure = error,
            }
        }
        Err(io::Error::new(
            failure.kind(),
            format!("{proxy}: {failure}"),
        ))
    }
}

/// Leaves out the user name and password.
impl std::fmt::Display for Proxy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "the proxy {}:{}", self.host, self.port)
    }
}

/// Like `Display`: logs must not contain the password.
impl std::fmt::Debug for Proxy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{self}")
    }
}

/// Reads the form that users write: `socks5://[USER:PASSWORD@]HOST:PORT`.
impl FromStr for Proxy {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        const FORM: &str = "write socks5://HOST:PORT or socks5://USER:PASSWORD@HOST:PORT";
        let form = || FORM.to_owned();
        let url = Url::parse(text).map_err(|_| form())?;
        // Both schemes mean the same here: the proxy resolves names, which other programs call
        // `socks5h`.
        if !matches!(url.scheme(), "socks5" | "socks5h") || !matches!(url.path(), "" | "/") {
            return Err(form());
        }
        let host = url
            .host_str()
            .filter(|it| !it.is_empty())
            .ok_or_else(form)?;
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let port = url.port().filter(|it| *it > 0).ok_or_else(form)?;
        let decoded = |text: &str| -> Vec<u8> { percent_decode_str(text).collect() };
        let login = (
            decoded(url.username()),
            decoded(url.password().unwrap_or_default()),
        );
        let named = !url.username().is_empty() || url.password().is_some();
        if login.0.len() > 255 || login.1.len() > 255 {
            return Err("its user name and password have at most 255 bytes each".into());
        }
        Ok(Self {
            host: host.to_owned(),
            port,
            login: named.then_some(login),
        })
    }
}

/// Reads an address, or else the name of an interface.
impl FromStr for Bind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(ip) = text.parse::<IpAddr>() {
            return Ok(Self::Address(ip.to_canonical()));
        }
        if !cfg!(target_os = "linux") {
            return Err("write an address of this machine".into());
        }
        // Linux: IFNAMSIZ.
        if text.is_empty() || text.len() > 15 || text.contains(['/', '\0', ' ', ':']) {
            return Err("write an address of this machine, or the name of an interface".into());
        }
        Ok(Self::Interface(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proxies_are_read_and_shown_without_their_password() {
        let proxy: Proxy = "socks5://me:p%40ss@host:1080".parse().expect("a proxy");
        assert_eq!(proxy.login, Some((b"me".to_vec(), b"p@ss".to_vec())));
        assert_eq!(
            format!("{proxy} {proxy:?}"),
            "the proxy host:1080 the proxy host:1080"
        );
        let proxy: Proxy = "socks5h://[::1]:1".parse().expect("a proxy");
        assert_eq!(
            (proxy.host.as_str(), proxy.port, proxy.login),
            ("::1", 1, None)
        );
        let long = format!("socks5://{}:x@host:1", "u".repeat(256));
        for wrong in [
            "",
            "host:1",
            "http://host:1",
            "socks5://host",
            "socks5://:1",
            "socks5://h:0",
            &long,
        ] {
            assert!(wrong.parse::<Proxy>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_start_is_an_address_or_an_interface() {
        let address = Bind::Address("10.0.0.1".parse().expect("an address"));
        assert_eq!("10.0.0.1".parse(), Ok(address.clone()));
        assert_eq!("::ffff:10.0.0.1".parse(), Ok(address.clone()));
        for wrong in ["", "a/b", "a name", "1.2.3.4:5", "an interface's long name"] {
            assert!(wrong.parse::<Bind>().is_err(), "{wrong}");
        }
        let route = Route::new(None, Some(address));
        assert!(
            route
                .start("1.1.1.1:1".parse().expect("an address"))
                .is_ok()
        );
        assert!(route.start("[::1]:1".parse().expect("an address")).is_err());
    }
}
