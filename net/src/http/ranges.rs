//! Requests for parts of files, over a connection that is kept open between requests.

use std::ops::Range;
use std::time::{Duration, SystemTime};

use http_body_util::{BodyExt as _, Empty};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1::SendRequest;
use hyper::header::{
    ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, HeaderName, RANGE,
    RETRY_AFTER,
};
use hyper::{Request, Response};
use tokio::task::JoinSet;
use tokio::time::Instant as Clock;
use unchoke_core::tracker::guard::Reach;
use unchoke_core::web::{Head, Lie, judge};
use url::Url;

use super::connect::Deadline;
use super::{
    Client, Gate, HttpError, MAX_REDIRECTS, Phase, login, origin, pass, redirect, request, send,
};

/// Time limit from the request to the head of the answer, including redirects and connecting.
const HEAD_PATIENCE: Duration = Duration::from_secs(30);
/// Time limit between two parts of a body.
const BODY_PATIENCE: Duration = Duration::from_secs(20);

/// Why a part of a file could not be fetched.
#[derive(Debug, thiserror::Error)]
pub enum PartError {
    /// The request failed.
    #[error("{0}")]
    Http(#[from] HttpError),
    /// The answer does not match the request.
    #[error("{0}")]
    Lie(#[from] Lie),
    /// The server is overloaded and says when to ask again (`Retry-After`).
    #[error("it answered with HTTP status {status} and asks for a pause of {seconds} s")]
    Busy {
        /// The status.
        status: u16,
        /// The pause.
        seconds: u16,
    },
}

impl PartError {
    /// Whether to retry in a little while.
    pub(crate) fn is_passing(&self) -> bool {
        match self {
            Self::Busy { .. } => true,
            Self::Lie(lie) => lie.is_passing(),
            Self::Http(error) => matches!(
                error,
                HttpError::LookUp { .. }
                    | HttpError::Connect { .. }
                    | HttpError::Proxy { .. }
                    | HttpError::Slow { .. }
                    | HttpError::Http(_)
            ),
        }
    }
}

/// A connection kept open for the next request.
#[derive(Debug)]
struct Held {
    origin: (String, Option<String>, Option<u16>),
    reach: Reach,
    sender: SendRequest<Empty<Bytes>>,
    /// The task of the connection. Dropping it closes the connection.
    running: JoinSet<()>,
}

/// Fetches parts of files from servers, one request at a time.
#[derive(Debug)]
pub(crate) struct Ranges {
    client: Client,
    held: Option<Held>,
}

/// A part of a file that is being received.
#[derive(Debug)]
pub(crate) struct Part {
    body: Incoming,
    expected: u64,
    got: u64,
}

impl Ranges {
    pub(crate) fn new(client: Client) -> Self {
        Self { client, held: None }
    }

    /// Requests `bytes` of the file at `url`, which has `size` bytes. Returns when the head of the
    /// answer promises exactly these bytes.
    pub(crate) async fn get(
        &mut self,
        url: &Url,
        gate: &dyn Gate,
        bytes: Range<u64>,
        size: u64,
    ) -> Result<Part, PartError> {
        let response = self.follow(url, gate, &bytes).await?;
        let header = |name: HeaderName| response.headers().get(name)?.to_str().ok();
        let head = Head {
            status: response.status().as_u16(),
            range: header(CONTENT_RANGE),
            length: header(CONTENT_LENGTH),
            encoding: header(CONTENT_ENCODING),
        };
        if let Err(lie) = judge(&head, &bytes, size) {
            self.held = None; // Bytes beyond the requested ones are not wanted.
            let pause = header(RETRY_AFTER).and_then(|it| pause(it, SystemTime::now()));
            return Err(match (lie, pause) {
                (Lie::Status(status @ (429 | 503)), Some(seconds)) => {
                    PartError::Busy { status, seconds }
                }
                (lie, _) => lie.into(),
            });
        }
        Ok(Part {
            body: response.into_body(),
            expected: bytes.end - bytes.start,
            got: 0,
        })
    }

    /// Sends the request and follows redirects.
    async fn follow(
        &mut self,
        url: &Url,
        gate: &dyn Gate,
        bytes: &Range<u64>,
    ) -> Result<Response<Incoming>, HttpError> {
        let end = Clock::now() + HEAD_PATIENCE;
        let password = (origin(url), login(url));
        let (mut url, mut nearest) = (url.clone(), None);
        for _ in 0..=MAX_REDIRECTS {
            pass(gate, &url)?;
            let login = password.1.as_deref().filter(|_| origin(&url) == password.0);
            let wanted = || ask(&url, login, bytes);
            let (response, reach) = self.hop(&url, gate, nearest, &wanted, end).await?;
            nearest = Some(nearest.map_or(reach, |before: Reach| reach.min(before)));
            match redirect(&url, &response)? {
                Some(next) => {
                    self.held = None; // The body of a redirect is not read.
                    url = next;
                }
                None => return Ok(response),
            }
        }
        Err(HttpError::Redirects)
    }

    /// Sends one request, over the kept connection if it leads to the right server.
    async fn hop(
        &mut self,
        url: &Url,
        gate: &dyn Gate,
        before: Option<Reach>,
        wanted: &(dyn Fn() -> Result<Request<Empty<Bytes>>, HttpError> + Sync),
        end: Clock,
    ) -> Result<(Response<Incoming>, Reach), HttpError> {
        if let Some(mut held) = self.held.take()
            && held.origin == origin(url)
            && held.sender.ready().await.is_ok()
        {
            // A redirect from a farther hop must not use a connection that it could not open
            // itself.
            if before.is_none_or(|it| held.reach >= it) {
                // The server may have closed the idle connection. Then open a new one.
                if let Ok(response) = send(&mut held.sender, wanted()?, end).await {
                    let reach = held.reach;
                    self.held = Some(held);
                    return Ok((response, reach));
                }
            }
        }
        let (mut sender, reach, running) = self.client.connect(url, gate, before, end).await?;
        let response = send(&mut sender, wanted()?, end).await?;
        self.held = Some(Held {
            origin: origin(url),
            reach,
            sender,
            running,
        });
        Ok((response, reach))
    }

    /// Closes the kept connection.
    pub(crate) fn hang_up(&mut self) {
        if let Some(mut held) = self.held.take() {
            held.running.abort_all();
        }
    }
}

fn ask(
    url: &Url,
    login: Option<&str>,
    bytes: &Range<u64>,
) -> Result<Request<Empty<Bytes>>, HttpError> {
    let builder = request(url, login)?
        // Ask for no compression: byte ranges of a compressed body are of no use to us.
        .header(ACCEPT_ENCODING, "identity")
        .header(RANGE, format!("bytes={}-{}", bytes.start, bytes.end - 1));
    builder.body(Empty::new()).map_err(|_| HttpError::NoHost)
}

/// Reads `Retry-After`: a number of seconds, or a date. RFC 9110, section 10.2.3. `None` if it is
/// neither. A very long pause becomes the longest that fits.
fn pause(text: &str, now: SystemTime) -> Option<u16> {
    let text = text.trim();
    let seconds = if !text.is_empty() && text.bytes().all(|it| it.is_ascii_digit()) {
        text.parse().unwrap_or(u64::MAX)
    } else {
        let date = httpdate::parse_http_date(text).ok()?;
        date.duration_since(now).unwrap_or_default().as_secs()
    };
    Some(u16::try_from(seconds).unwrap_or(u16::MAX))
}

impl Part {
    /// The next bytes; `None` when all bytes have arrived.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, PartError> {
        loop {
            let deadline = Deadline::new(Phase::Body, BODY_PATIENCE, Clock::now() + BODY_PATIENCE);
            let frame = deadline.limit(self.body.frame()).await?;
            let (got, expected) = (self.got, self.expected);
            let Some(frame) = frame else {
                return if got == expected {
                    Ok(None)
                } else {
                    Err(Lie::Cut { got, expected }.into())
                };
            };
            let Ok(bytes) = frame.map_err(HttpError::from)?.into_data() else {
                continue;
            };
            self.got += bytes.len() as u64;
            if self.got > expected {
                return Err(Lie::Endless.into());
            }
            if !bytes.is_empty() {
                return Ok(Some(bytes));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_is_a_number_or_a_date() {
        let now = httpdate::parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT").expect("a date");
        for (text, seconds) in [
            ("120", Some(120)),
            (" 0 ", Some(0)),
            ("99999999999999999999999", Some(u16::MAX)),
            ("Sun, 06 Nov 1994 08:50:37 GMT", Some(60)),
            ("Sun, 06 Nov 1994 08:49:00 GMT", Some(0)),
            ("Fri, 31 Dec 9999 23:59:59 GMT", Some(u16::MAX)),
            ("-5", None),
            ("+5", None),
            ("", None),
            ("soon", None),
            ("1.5", None),
        ] {
            assert_eq!(pause(text, now), seconds, "{text:?}");
        }
    }
}
