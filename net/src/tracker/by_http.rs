//! An announce by HTTP or HTTPS. BEP 3, *trackers*.

use std::net::IpAddr;
use std::time::Duration;

use unchoke_core::tracker::guard::{Reach, Refusal, judge};
use unchoke_core::tracker::{
    AnnounceQuery, AnnounceResponse, TrackerError, announce_arguments, reserved_argument,
};
use url::Url;

use super::{AnnounceError, TrackerUrl};
use crate::http::{Client, Gate, HttpError};

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
        judge(ip, reach, url.path(), before)
    }
}

pub(super) async fn announce(
    client: &Client,
    url: &TrackerUrl,
    query: &AnnounceQuery,
    patience: Duration,
) -> Result<AnnounceResponse, AnnounceError> {
    let arguments = announce_arguments(query);
    let mut target = url.plain().clone();
    let asked = match target.query().map(|it| it.trim_end_matches('&')) {
        None | Some("") => arguments.clone(),
        Some(own) => format!("{own}&{arguments}"),
    };
    target.set_query(Some(&asked));
    let answer = client
        .get(target, &TrackerGate { arguments }, patience)
        .await?;
    match AnnounceResponse::parse(&answer.body) {
        Ok(response) if answer.status == 200 => Ok(response),
        // A reason is worth more than a status.
        Err(refused @ TrackerError::Refused(_)) => Err(refused.into()),
        Err(error) if answer.status == 200 => Err(error.into()),
        _ => Err(AnnounceError::Status(answer.status)),
    }
}
