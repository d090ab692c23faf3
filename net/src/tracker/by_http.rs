//! An announce by HTTP or HTTPS. BEP 3, *trackers*.

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

/// What a tracker URL, and every redirect of it, must keep to.
struct TrackerGate {
    /// What we send.
    arguments: String,
}

impl Gate for TrackerGate {
    fn url(&self, url: &Url) -> Result<(), HttpError> {
        // A redirect may repeat our arguments. It must not make us announce something else.
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
        // A scrape is asked where an announce would be.
        let path = match url.path().strip_suffix("/scrape") {
            Some(folder) => &format!("{folder}/announce"),
            None => url.path(),
        };
        judge(ip, reach, path, before)
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
    let answer = fetch(client, target, scrape_argument(info_hash), patience).await?;
    match parse_scrape(&answer.body, info_hash) {
        Err(refused @ TrackerError::Refused(_)) => Err(refused.into()),
        read if answer.status == 200 => Ok(read?),
        _ => Err(AnnounceError::Status(answer.status)),
    }
}

/// Asks `target` with these arguments behind its own.
async fn fetch(
    client: &Client,
    mut target: Url,
    arguments: String,
    patience: Duration,
) -> Result<Answer, HttpError> {
    let asked = match target.query().map(|it| it.trim_end_matches('&')) {
        None | Some("") => arguments.clone(),
        Some(own) => format!("{own}&{arguments}"),
    };
    target.set_query(Some(&asked));
    client
        .get(target, &TrackerGate { arguments }, patience)
        .await
}

pub(super) async fn announce(
    client: &Client,
    url: &TrackerUrl,
    query: &AnnounceQuery,
    patience: Duration,
) -> Result<AnnounceResponse, AnnounceError> {
    let target = url.plain().clone();
    let answer = fetch(client, target, announce_arguments(query), patience).await?;
    match AnnounceResponse::parse(&answer.body) {
        Ok(response) if answer.status == 200 => Ok(response),
        // A reason is worth more than a status.
        Err(refused @ TrackerError::Refused(_)) => Err(refused.into()),
        Err(error) if answer.status == 200 => Err(error.into()),
        _ => Err(AnnounceError::Status(answer.status)),
    }
}
