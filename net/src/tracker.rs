//! Trackers: sends announces by HTTP, HTTPS or UDP.
//!
//! A torrent may come from a stranger, so its tracker URLs must not make us talk to other services.
//! [`unchoke_core::tracker::guard`] decides which addresses are allowed, [`TrackerUrl`] which URLs.

mod by_http;
mod by_udp;
mod families;
mod url;

pub(crate) use self::url::is_web_torrent;
pub use self::url::{TrackerUrl, UrlError};

use std::time::Duration;

use unchoke_core::ids::InfoHash;
use unchoke_core::tracker::udp::UdpError;
use unchoke_core::tracker::{AnnounceQuery, AnnounceResponse, ScrapeCounts, TrackerError};

use crate::http::{Client, HttpError};
use crate::route::Route;
use by_udp::Connections;

/// Time limit for an announce in total. libtorrent: 30 s.
pub const ANNOUNCE_TIMEOUT: Duration = Duration::from_secs(30);
/// Time limit for the announce `stopped`. libtorrent: 5 s.
pub const STOP_TIMEOUT: Duration = Duration::from_secs(5);

/// Why an announce failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AnnounceError {
    /// The URL is invalid.
    #[error("{0}")]
    Url(#[from] UrlError),
    /// The HTTP request failed, or its answer cannot be read.
    #[error("{0}")]
    Http(#[from] HttpError),
    /// An error status, without a better explanation in the body.
    #[error("the tracker answered with HTTP status {0}")]
    Status(u16),
    /// The tracker refused, or its answer is invalid.
    #[error("{0}")]
    Tracker(#[from] TrackerError),
    /// The same over UDP, or no answer.
    #[error("{0}")]
    Udp(#[from] UdpError),
    /// The URL does not have the form from which a scrape URL can be derived.
    #[error("its URL does not end in /announce, so there is no scrape")]
    NoScrape,
    /// A UDP tracker with a proxy, which must not be bypassed.
    #[error("a UDP tracker is not asked, because its datagrams would not go through the proxy")]
    Proxied,
    /// The port is closed, or the system cannot send datagrams.
    #[error("no answer from {0}: {1}")]
    Socket(std::net::SocketAddr, std::io::Error),
}

impl AnnounceError {
    /// Whether one of our own rules is the reason. Then a retry does not help.
    #[must_use]
    pub fn is_by_rule(&self) -> bool {
        match self {
            Self::Http(error) => error.is_by_rule(),
            Self::Url(_) | Self::Proxied => true,
            _ => false,
        }
    }
}

/// What all announces share: TLS settings and the connection ids of UDP trackers. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Agent {
    route: Route,
    http: Client,
    udp: Connections,
}

impl Agent {
    /// An agent whose announces use this route.
    #[must_use]
    pub fn new(route: Route) -> Self {
        Self {
            http: Client::new(route.clone()),
            udp: Connections::default(),
            route,
        }
    }

    /// Whether the tracker can be asked over our route.
    pub fn can_ask(&self, url: &TrackerUrl) -> Result<(), AnnounceError> {
        if url.is_udp() && self.route.has_proxy() {
            return Err(AnnounceError::Proxied);
        }
        Ok(())
    }

    /// Announces to the tracker at `url` and waits for its answer, at most `patience`. Dropping the
    /// future cancels the announce.
    pub async fn announce(
        &self,
        url: &TrackerUrl,
        query: &AnnounceQuery,
        patience: Duration,
    ) -> Result<AnnounceResponse, AnnounceError> {
        self.can_ask(url)?;
        // Behind a proxy, the addresses of a name are unknown here.
        if !url.is_named() || self.route.has_proxy() {
            return self.announce_once(url, query, patience).await;
        }
        let over = |ipv4| {
            let agent = self.only(ipv4);
            async move { agent.announce_once(url, query, patience).await }
        };
        families::both(over(true), over(false)).await
    }

    /// Like [`Self::announce`], and for a hybrid also with its `second` hash, to get the peers of
    /// both swarms. One successful answer is enough.
    pub async fn announce_both(
        &self,
        url: &TrackerUrl,
        query: &AnnounceQuery,
        second: Option<InfoHash>,
        patience: Duration,
    ) -> Result<AnnounceResponse, AnnounceError> {
        let Some(info_hash) = second else {
            return Box::pin(self.announce(url, query, patience)).await;
        };
        let other = AnnounceQuery {
            info_hash,
            ..query.clone()
        };
        let one = Box::pin(self.announce(url, query, patience));
        let two = Box::pin(self.announce(url, &other, patience));
        match tokio::join!(one, two) {
            (Ok(mut one), Ok(two)) => {
                one.peers.extend(two.peers);
                Ok(one)
            }
            (Err(_), two @ Ok(_)) => two,
            (one, _) => one,
        }
    }

    async fn announce_once(
        &self,
        url: &TrackerUrl,
        query: &AnnounceQuery,
        patience: Duration,
    ) -> Result<AnnounceResponse, AnnounceError> {
        if url.is_udp() {
            by_udp::announce(&self.udp, &self.route, url, query, patience).await
        } else {
            by_http::announce(&self.http, url, query, patience).await
        }
    }

    /// The same agent, limited to addresses of one family.
    fn only(&self, ipv4: bool) -> Self {
        Self {
            route: self.route.only(ipv4),
            http: self.http.only(ipv4),
            udp: self.udp.clone(),
        }
    }

    /// Asks the tracker at `url` for its counts of a torrent, without an announce. `None` if the
    /// tracker does not know the torrent. BEP 48.
    pub async fn scrape(
        &self,
        url: &TrackerUrl,
        info_hash: InfoHash,
        patience: Duration,
    ) -> Result<Option<ScrapeCounts>, AnnounceError> {
        self.can_ask(url)?;
        if url.is_udp() {
            let scrape = by_udp::scrape(&self.udp, &self.route, url, info_hash, patience);
            scrape.await.map(Some)
        } else {
            by_http::scrape(&self.http, url, info_hash, patience).await
        }
    }
}
