//! Parts of files, over a connection that is kept from one request to the next.

use std::ops::Range;
use std::time::Duration;

use http_body_util::{BodyExt as _, Empty};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1::SendRequest;
use hyper::header::{
    ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, HeaderName, RANGE,
};
use hyper::{Request, Response};
use tokio::task::JoinSet;
use tokio::time::Instant as Clock;
use unchoke_core::tracker::guard::Reach;
use unchoke_core::web::{Head, Lie, judge};
use url::Url;

use super::connect::Deadline;
use super::{
    Client, Gate, HttpError, MAX_REDIRECTS, Phase, login, origin, redirect, request, send,
};

/// From the request to the head of the answer, redirects and connections included.
const HEAD_PATIENCE: Duration = Duration::from_secs(30);
/// Between two parts of a body.
const BODY_PATIENCE: Duration = Duration::from_secs(20);

/// Why a part of a file did not come.
#[derive(Debug, thiserror::Error)]
pub enum PartError {
    /// There was no answer.
    #[error("{0}")]
    Http(#[from] HttpError),
    /// The answer is not what was asked for.
    #[error("{0}")]
    Lie(#[from] Lie),
}

impl PartError {
    /// Whether to ask again in a little while makes sense.
    pub(crate) fn is_passing(&self) -> bool {
        match self {
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

/// A connection that may be used again.
#[derive(Debug)]
struct Held {
    origin: (String, Option<String>, Option<u16>),
    reach: Reach,
    sender: SendRequest<Empty<Bytes>>,
    /// Runs the connection; ends with this value.
    running: JoinSet<()>,
}

/// Fetches parts of files from one server after the other.
#[derive(Debug)]
pub(crate) struct Ranges {
    client: Client,
    held: Option<Held>,
}

/// A part of a file on its way.
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

    /// Asks for `bytes` of the file at `url`, which has `size` bytes, and waits for an answer that
    /// promises just them.
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
            self.held = None; // Whatever follows is not wanted.
            return Err(lie.into());
        }
        Ok(Part {
            body: response.into_body(),
            expected: bytes.end - bytes.start,
            got: 0,
        })
    }

    /// The answer, wherever redirects lead.
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
            gate.url(&url)?;
            let login = password.1.as_deref().filter(|_| origin(&url) == password.0);
            let wanted = || ask(&url, login, bytes);
            let (response, reach) = self.hop(&url, gate, nearest, &wanted, end).await?;
            nearest = Some(nearest.map_or(reach, |before: Reach| reach.min(before)));
            match redirect(&url, &response)? {
                Some(next) => {
                    self.held = None; // Its body is of no interest.
                    url = next;
                }
                None => return Ok(response),
            }
        }
        Err(HttpError::Redirects)
    }

    /// One request, over the connection that is held if it leads there.
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
            // A redirect from further away must not use it either.
            if before.is_none_or(|it| held.reach >= it) {
                // A server may close what it has not used for a while: then a new one will do.
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

    /// Lets the connection go.
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
        // What is packed has no bytes that could be counted.
        .header(ACCEPT_ENCODING, "identity")
        .header(RANGE, format!("bytes={}-{}", bytes.start, bytes.end - 1));
    builder.body(Empty::new()).map_err(|_| HttpError::NoHost)
}

impl Part {
    /// The next bytes; `None` when all have come.
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
