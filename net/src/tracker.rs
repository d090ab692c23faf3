//! Trackers: one announce over the wire, by HTTP, HTTPS or UDP.
//!
//! A torrent may come from a stranger, so its tracker URLs must not make us talk to services that are
//! no trackers: [`unchoke_core::tracker::guard`] says which addresses pass, [`TrackerUrl`] which URLs.

mod by_http;
mod by_udp;
mod families;
mod url;

pub use self::url::{TrackerUrl, UrlError};

use std::time::Duration;

use unchoke_core::ids::InfoHash;
use unchoke_core::tracker::udp::UdpError;
use unchoke_core::tracker::{AnnounceQuery, AnnounceResponse, ScrapeCounts, TrackerError};

use crate::http::{Client, HttpError};
use crate::route::Route;
use by_udp::Connections;

/// For an announce in all. libtorrent: 30 s.
pub const ANNOUNCE_TIMEOUT: Duration = Duration::from_secs(30);
/// For saying goodbye. libtorrent: 5 s.
pub const STOP_TIMEOUT: Duration = Duration::from_secs(5);

/// Why an announce failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AnnounceError {
    /// The URL cannot be used.
    #[error("{0}")]
    Url(#[from] UrlError),
    /// No answer over HTTP, or none that can be read.
    #[error("{0}")]
    Http(#[from] HttpError),
    /// An error status, and nothing better in the body.
    #[error("the tracker answered with HTTP status {0}")]
    Status(u16),
    /// The tracker refused, or its answer makes no sense.
    #[error("{0}")]
    Tracker(#[from] TrackerError),
    /// The same over UDP, or silence.
    #[error("{0}")]
    Udp(#[from] UdpError),
    /// Its URL does not end as those do that have a scrape.
    #[error("its URL does not end in /announce, so there is no scrape")]
    NoScrape,
    /// A UDP tracker, and a proxy that must not be passed by.
    #[error("a UDP tracker is not asked, because its datagrams would not go through the proxy")]
    Proxied,
    /// Nobody listens there, or the system cannot send datagrams.
    #[error("no answer from {0}: {1}")]
    Socket(std::net::SocketAddr, std::io::Error),
}

impl AnnounceError {
    /// Whether a rule of ours is the reason, which asking again does not change.
    #[must_use]
    pub fn is_by_rule(&self) -> bool {
        match self {
            Self::Http(error) => error.is_by_rule(),
            Self::Url(_) | Self::Proxied => true,
            _ => false,
        }
    }
}

/// What announces share: TLS settings and the connection ids of UDP trackers. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Agent {
    route: Route,
    http: Client,
    udp: Connections,
}

impl Agent {
    /// An agent whose announces leave by this route.
    #[must_use]
    pub fn new(route: Route) -> Self {
        Self {
            http: Client::new(route.clone()),
            udp: Connections::default(),
            route,
        }
    }

    /// Whether the tracker can be asked at all.
    pub fn can_ask(&self, url: &TrackerUrl) -> Result<(), AnnounceError> {
        if url.is_udp() && self.route.has_proxy() {
            return Err(AnnounceError::Proxied);
        }
        Ok(())
    }

    /// Announces to the tracker at `url` and waits for its answer, at most `patience`. Dropping the
    /// future ends everything.
    pub async fn announce(
        &self,
        url: &TrackerUrl,
        query: &AnnounceQuery,
        patience: Duration,
    ) -> Result<AnnounceResponse, AnnounceError> {
        self.can_ask(url)?;
        // Behind a proxy nobody here knows the addresses of a name.
        if !url.is_named() || self.route.has_proxy() {
            return self.announce_once(url, query, patience).await;
        }
        let over = |ipv4| {
            let agent = self.only(ipv4);
            async move { agent.announce_once(url, query, patience).await }
        };
        families::both(over(true), over(false)).await
    }

    /// The same, and of a hybrid also by its `second` hash: the peers of both swarms. What the tracker
    /// says of one is enough.
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

    /// The same agent to addresses of one family.
    fn only(&self, ipv4: bool) -> Self {
        Self {
            route: self.route.only(ipv4),
            http: self.http.only(ipv4),
            udp: self.udp.clone(),
        }
    }

    /// Asks the tracker at `url` for its counts of a torrent without announcing anything; `None` if
    /// it does not know the torrent. BEP 48.
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
