//! Announces by HTTP or HTTPS. BEP 3, *trackers*.

use std::net::IpAddr;
use std::time::Duration;

use unchoke_core::ids::InfoHash;
use unchoke_core::tracker::guard::{Reach, Refusal, judge};
use unchoke_core::tracker::{
    AnnounceQuery, AnnounceResponse, ScrapeCounts, TrackerError, announce_arguments, parse_scrape,
    reserved_argument, scrape_argument, scrape_url,
};
use url::Url;

use super::{AnnounceError, TrackerUrl};
use crate::http::{Answer, Client, Gate, HttpError};

/// The rules for a tracker URL and its redirects.
struct TrackerGate {
    /// The arguments that we send.
    arguments: String,
    /// Whether this is a scrape and not an announce.
    scrape: bool,
}

impl Gate for TrackerGate {
    fn url(&self, url: &Url) -> Result<(), HttpError> {
        // A redirect may repeat our arguments but must not change them.
        match reserved_argument(url.query().unwrap_or_default(), &self.arguments) {
            None => Ok(()),
            Some(argument) => Err(HttpError::Changed(argument)),
        }
    }

    fn address(
        &self,
        url: &Url,
        ip: IpAddr,
        reach: Reach,
        before: Option<Reach>,
    ) -> Result<(), Refusal> {
        let path = url.path();
        // The rules for announce URLs apply to the scrape URLs that are made of them.
        let ending = path.rsplit_once('/').filter(|_| self.scrape);
        let ending = ending.and_then(|(folder, last)| Some((folder, last.strip_prefix("scrape")?)));
        match ending {
            Some((folder, rest)) => judge(ip, reach, &format!("{folder}/announce{rest}"), before),
            None => judge(ip, reach, path, before),
        }
    }
}

pub(super) async fn scrape(
    client: &Client,
    url: &TrackerUrl,
    info_hash: InfoHash,
    patience: Duration,
) -> Result<Option<ScrapeCounts>, AnnounceError> {
    let target = scrape_url(url.plain().as_str()).and_then(|it| Url::parse(&it).ok());
    let target = target.ok_or(AnnounceError::NoScrape)?;
    let gate = TrackerGate {
        arguments: scrape_argument(info_hash),
        scrape: true,
    };
    let answer = fetch(client, target, gate, patience).await?;
    match parse_scrape(&answer.body, info_hash) {
        Err(refused @ TrackerError::Refused(_)) => Err(refused.into()),
        read if answer.status == 200 => Ok(read?),
        _ => Err(AnnounceError::Status(answer.status)),
    }
}

/// Requests `target` with the arguments of the gate added to its own.
async fn fetch(
    client: &Client,
    mut target: Url,
    gate: TrackerGate,
    patience: Duration,
) -> Result<Answer, HttpError> {
    let asked = match target.query().map(|it| it.trim_end_matches('&')) {
        None | Some("") => gate.arguments.clone(),
        Some(own) => format!("{own}&{}", gate.arguments),
    };
    target.set_query(Some(&asked));
    client.get(target, &gate, patience).await
}

pub(super) async fn announce(
    client: &Client,
    url: &TrackerUrl,
    query: &AnnounceQuery,
    patience: Duration,
) -> Result<AnnounceResponse, AnnounceError> {
    let target = url.plain().clone();
    let gate = TrackerGate {
        arguments: announce_arguments(query),
        scrape: false,
    };
    let answer = fetch(client, target, gate, patience).await?;
    match AnnounceResponse::parse(&answer.body) {
        Ok(response) if answer.status == 200 => Ok(response),
        // An error message of the tracker tells more than the HTTP status.
        Err(refused @ TrackerError::Refused(_)) => Err(refused.into()),
        Err(error) if answer.status == 200 => Err(error.into()),
        _ => Err(AnnounceError::Status(answer.status)),
    }
}
