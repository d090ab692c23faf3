//! A .torrent file from the web.

use std::net::IpAddr;
use std::time::Duration;

use unchoke_core::bencode::Limits;
use unchoke_core::tracker::guard::{Reach, Refusal};
use url::Url;

use crate::route::Route;

use super::{Client, Gate, HttpError};

/// The user named the address, so it may lead anywhere; where it redirects to must not be nearer.
struct Plain;

impl Gate for Plain {
    fn url(&self, _: &Url) -> Result<(), HttpError> {
        Ok(())
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

/// Fetches what is at `url` and may be a .torrent file, within `patience` in all.
pub(crate) async fn fetch_torrent(
    url: Url,
    route: Route,
    patience: Duration,
) -> Result<Vec<u8>, HttpError> {
    let answer = Client::new(route).get(url, &Plain, patience).await?;
    match answer.status {
        200 => Ok(answer.body),
        status => Err(HttpError::Status(status)),
    }
}
