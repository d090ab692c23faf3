//! HTTP trackers: one announce over the wire. Blocking; not for the event loop.

use std::io::Read as _;
use std::time::Duration;

use unchoke_core::tracker::{
    AnnounceQuery, AnnounceResponse, TrackerError, UrlError, announce_url,
};

/// For an announce in all. libtorrent: 30 s.
pub const ANNOUNCE_TIMEOUT: Duration = Duration::from_secs(30);
/// For saying goodbye. libtorrent: 5 s.
pub const STOP_TIMEOUT: Duration = Duration::from_secs(5);
/// Redirects followed. libtorrent: 5.
const MAX_REDIRECTS: u32 = 5;
/// Bytes of an answer, also after it was inflated. libtorrent: 1 MiB.
const MAX_BODY_BYTES: u64 = 1 << 20;

/// Why an announce failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AnnounceError {
    /// The URL cannot be used.
    #[error("{0}")]
    Url(#[from] UrlError),
    /// No answer.
    #[error("the tracker cannot be reached: {0}")]
    Http(#[from] ureq::Error),
    /// The answer broke off, or cannot be inflated.
    #[error("the tracker's answer broke off: {0}")]
    Io(#[from] std::io::Error),
    /// The answer is too long.
    #[error("the tracker's answer is longer than {MAX_BODY_BYTES} bytes")]
    TooLong,
    /// An error status, and nothing better in the body.
    #[error("the tracker answered with HTTP status {0}")]
    Status(u16),
    /// The tracker refused, or its answer makes no sense.
    #[error("{0}")]
    Tracker(#[from] TrackerError),
}

/// Announces to the tracker at `url`.
pub fn announce(
    url: &str,
    query: &AnnounceQuery,
    timeout: Duration,
) -> Result<AnnounceResponse, AnnounceError> {
    let (status, body) = fetch(&announce_url(url, query)?, timeout)?;
    match AnnounceResponse::parse(&body) {
        Ok(response) if status == 200 => Ok(response),
        // A reason is worth more than a status.
        Err(refused @ TrackerError::Refused(_)) => Err(refused.into()),
        Err(error) if status == 200 => Err(error.into()),
        _ => Err(AnnounceError::Status(status)),
    }
}

fn fetch(url: &str, timeout: Duration) -> Result<(u16, Vec<u8>), AnnounceError> {
    let agent = ureq::Agent::new_with_config(
        ureq::Agent::config_builder()
            .timeout_global(Some(timeout))
            .max_redirects(MAX_REDIRECTS)
            .max_redirects_will_error(true)
            .http_status_as_error(false)
            .user_agent(concat!("Unchoke/", env!("CARGO_PKG_VERSION")))
            .build(),
    );
    let mut response = agent.get(url).call()?;
    let mut body = Vec::new();
    let reader = response.body_mut().as_reader();
    reader.take(MAX_BODY_BYTES + 1).read_to_end(&mut body)?;
    if body.len() as u64 > MAX_BODY_BYTES {
        return Err(AnnounceError::TooLong);
    }
    Ok((response.status().as_u16(), body))
}

/// Whether an announce to this URL can be made at all: UDP trackers are not spoken to.
#[must_use]
pub fn is_http(url: &str) -> bool {
    ["http://", "https://"].iter().any(|scheme| {
        url.get(..scheme.len())
            .is_some_and(|it| it.eq_ignore_ascii_case(scheme))
    })
}
