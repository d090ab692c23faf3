//! Fetches .torrent files from the web.

use std::net::IpAddr;
use std::time::Duration;

use unchoke_core::bencode::Limits;
use unchoke_core::tracker::guard::{Reach, Refusal};
use url::Url;

use crate::route::Route;

use super::{Client, Gate, HttpError};

/// The user gave the URL, so it may lead to any address. A redirect must not lead to a nearer
/// network than the URL.
struct Plain {
    /// The host in the URL.
    named: Option<String>,
}

impl Gate for Plain {
    fn url(&self, _: &Url) -> Result<(), HttpError> {
        Ok(())
    }

    fn may_be_idna(&self, host: &str) -> bool {
        self.named.as_deref() == Some(host)
    }

    fn address(
        &self,
        _: &Url,
        ip: IpAddr,
        reach: Reach,
        before: Option<Reach>,
    ) -> Result<(), Refusal> {
        match before {
            Some(before) if reach < before => Err(Refusal::Nearer(ip, reach)),
            _ => Ok(()),
        }
    }

    fn most_bytes(&self) -> usize {
        Limits::TORRENT_FILE.bytes as usize
    }
}

/// Fetches the content at `url`, at most as large as a .torrent file may be, within `patience` in
/// total.
pub(crate) async fn fetch_torrent(
    url: Url,
    route: Route,
    patience: Duration,
) -> Result<Vec<u8>, HttpError> {
    let named = url.host_str().map(str::to_owned);
    let gate = Plain { named };
    let answer = Client::new(route).get(url, &gate, patience).await?;
    match answer.status {
        200 => Ok(answer.body),
        status => Err(HttpError::Status(status)),
    }
}
