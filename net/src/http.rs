//! HTTP and HTTPS for trackers and web seeds: GET requests with redirects. A `Gate` decides at
//! every hop which addresses may be connected to.
//!
//! Deliberately not here: proxies from environment variables, cookies, caches, HTTP/2. Only
//! connections to web seeds are kept open: a tracker is asked about every half hour.

mod body;
pub(crate) mod connect;
mod error;
mod ranges;
mod tls;
mod torrent;

pub use error::{HttpError, Phase};
pub use ranges::PartError;
pub(crate) use ranges::{Part, Ranges};
pub(crate) use torrent::fetch_torrent;

use std::net::IpAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use base64::Engine as _;
use http_body_util::Empty;
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{ACCEPT_ENCODING, AUTHORIZATION, CONNECTION, HOST, LOCATION, USER_AGENT};
use hyper::http::request::Builder;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use percent_encoding::percent_decode_str;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::JoinSet;
use tokio::time::Instant as Clock;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::ClientConfig;
use tokio_rustls::rustls::pki_types::ServerName;
use unchoke_core::tracker::guard::{Reach, Refusal, is_idna};
use url::{Host, Url};

use crate::route::Route;
use connect::Deadline;

/// Most redirects followed. libtorrent: 5.
pub const MAX_REDIRECTS: usize = 5;
/// Most bytes in the head of an answer.
const MAX_HEAD_BYTES: usize = 64 * 1024;
/// Time limit for the TLS handshake.
const TLS_PATIENCE: Duration = Duration::from_secs(10);
/// Time limit from the request to the head of the answer.
const HEAD_PATIENCE: Duration = Duration::from_secs(20);

/// Decides where a request may go. It is asked at every hop.
pub(crate) trait Gate: Sync {
    /// Whether the URL is allowed, apart from its host.
    fn url(&self, url: &Url) -> Result<(), HttpError>;
    /// Whether a host name with letters beyond ASCII is allowed.
    fn may_be_idna(&self, _host: &str) -> bool {
        false
    }
    /// Whether `url` may be fetched from `ip`. `before` is the nearest hop so far.
    fn address(
        &self,
        url: &Url,
        ip: IpAddr,
        reach: Reach,
        before: Option<Reach>,
    ) -> Result<(), Refusal>;
    /// Most bytes of an answer, both as received and after decompression.
    fn most_bytes(&self) -> usize {
        body::MAX_BODY_BYTES
    }
}

/// The answer of a server.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// The decompressed body.
    pub(crate) body: Vec<u8>,
}

/// What all requests share. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(crate) struct Client {
    route: Route,
    /// Made on first use, because making it reads files.
    tls: Arc<OnceLock<Result<Arc<ClientConfig>, String>>>,
}

impl Client {
    /// A client whose connections use this route.
    pub(crate) fn new(route: Route) -> Self {
        Self {
            route,
            tls: Arc::default(),
        }
    }

    /// The same client, limited to addresses of one family.
    pub(crate) fn only(&self, ipv4: bool) -> Self {
        Self {
            route: self.route.only(ipv4),
            tls: Arc::clone(&self.tls),
        }
    }

    /// Fetches `url` and follows redirects, within `patience` in total. Dropping the future cancels
    /// the request.
    pub(crate) async fn get(
        &self,
        url: Url,
        gate: &dyn Gate,
        patience: Duration,
    ) -> Result<Answer, HttpError> {
        let end = Clock::now() + patience;
        let login = (origin(&url), login(&url));
        let (mut url, mut nearest) = (url, None);
        for _ in 0..=MAX_REDIRECTS {
            pass(gate, &url)?;
            // Send the password only to the server whose URL contained it.
            let login = login.1.as_deref().filter(|_| origin(&url) == login.0);
            let (response, reach, _connection) = self.hop(&url, gate, nearest, login, end).await?;
            nearest = Some(nearest.map_or(reach, |before| reach.min(before)));
            match redirect(&url, &response)? {
                Some(next) => url = next,
                None => {
                    return Ok(Answer {
                        status: response.status().as_u16(),
                        body: body::read(response, end, gate.most_bytes()).await?,
                    });
                }
            }
        }
        Err(HttpError::Redirects)
    }

    /// Sends one request. The response's connection stays open as long as the returned set is kept.
    async fn hop(
        &self,
        url: &Url,
        gate: &dyn Gate,
        before: Option<Reach>,
        login: Option<&str>,
        end: Clock,
    ) -> Result<(Response<Incoming>, Reach, JoinSet<()>), HttpError> {
        let (mut sender, reach, connection) = self.connect(url, gate, before, end).await?;
        let request = request(url, login)?
            .header(ACCEPT_ENCODING, "gzip")
            .header(CONNECTION, "close")
            .body(Empty::new())
            .map_err(|_| HttpError::NoHost)?;
        let response = send(&mut sender, request, end).await?;
        Ok((response, reach, connection))
    }

    /// Connects to the server of `url`. The connection ends when the returned set is dropped.
    async fn connect(
        &self,
        url: &Url,
        gate: &dyn Gate,
        before: Option<Reach>,
        end: Clock,
    ) -> Result<(SendRequest<Empty<Bytes>>, Reach, JoinSet<()>), HttpError> {
        let host = url.host().ok_or(HttpError::NoHost)?;
        let port = url.port_or_known_default().ok_or(HttpError::NoHost)?;
        let judge = |ip, reach| gate.address(url, ip, reach, before);
        let (stream, reach) = connect::open(&self.route, &host, port, judge, end).await?;
        let (sender, running) = if url.scheme() == "https" {
            let stream = self.encrypt(&host, stream, end).await?;
            begin(stream).await?
        } else {
            begin(stream).await?
        };
        Ok((sender, reach, running))
    }

    async fn encrypt<S>(
        &self,
        host: &Host<&str>,
        stream: S,
        end: Clock,
    ) -> Result<impl AsyncRead + AsyncWrite + Send + Unpin + use<S>, HttpError>
    where
        S: AsyncRead + AsyncWrite + Send + Unpin,
    {
        let config = self.tls.get_or_init(tls::config).clone();
        let config = config.map_err(HttpError::Certificates)?;
        let name = match host {
            Host::Domain(name) => ServerName::try_from((*name).to_owned()).ok(),
            Host::Ipv4(ip) => Some(ServerName::from(IpAddr::from(*ip))),
            Host::Ipv6(ip) => Some(ServerName::from(IpAddr::from(*ip))),
        };
        let name = name.ok_or(HttpError::NoHost)?;
        let handshake = TlsConnector::from(config).connect(name, stream);
        let deadline = Deadline::new(Phase::Tls, TLS_PATIENCE, end);
        let failed = |source| HttpError::Tls {
            host: host.to_string(),
            source,
        };
        deadline.limit(handshake).await?.map_err(failed)
    }
}

/// Fails if the gate does not let the URL pass.
fn pass(gate: &dyn Gate, url: &Url) -> Result<(), HttpError> {
    match url.host_str() {
        Some(host) if is_idna(host) && !gate.may_be_idna(host) => {
            Err(HttpError::Idna(host.to_owned()))
        }
        _ => gate.url(url),
    }
}

/// Starts HTTP on a new connection.
async fn begin<S>(stream: S) -> Result<(SendRequest<Empty<Bytes>>, JoinSet<()>), HttpError>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let mut builder = http1::Builder::new();
    builder.max_buf_size(MAX_HEAD_BYTES);
    builder.ignore_invalid_headers_in_responses(true);
    let (sender, connection) = builder.handshake(TokioIo::new(stream)).await?;
    // Dropping the set aborts the task, so nothing is left running when the request is cancelled.
    let mut running = JoinSet::new();
    // Errors of the connection also reach the response.
    running.spawn(async move { drop(connection.await) });
    Ok((sender, running))
}

/// Sends a request and waits for the head of the answer.
async fn send(
    sender: &mut SendRequest<Empty<Bytes>>,
    request: Request<Empty<Bytes>>,
    end: Clock,
) -> Result<Response<Incoming>, HttpError> {
    let deadline = Deadline::new(Phase::Head, HEAD_PATIENCE, end);
    Ok(deadline.limit(sender.send_request(request)).await??)
}

/// The headers common to all requests.
fn request(url: &Url, login: Option<&str>) -> Result<Builder, HttpError> {
    let target = match url.query() {
        Some(query) => format!("{}?{query}", url.path()),
        None => url.path().to_owned(),
    };
    let host = url.host_str().ok_or(HttpError::NoHost)?;
    let host = match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    };
    let mut builder = Request::get(target)
        .header(HOST, host)
        .header(USER_AGENT, concat!("Unchoke/", env!("CARGO_PKG_VERSION")));
    if let Some(login) = login {
        builder = builder.header(AUTHORIZATION, login);
    }
    Ok(builder)
}

/// The user name and password of the URL, encoded as in RFC 7617.
fn login(url: &Url) -> Option<String> {
    if url.username().is_empty() && url.password().is_none() {
        return None;
    }
    let mut pair: Vec<u8> = percent_decode_str(url.username()).collect();
    pair.push(b':');
    pair.extend(percent_decode_str(url.password().unwrap_or_default()));
    let encoded = base64::engine::general_purpose::STANDARD.encode(pair);
    Some(format!("Basic {encoded}"))
}

fn origin(url: &Url) -> (String, Option<String>, Option<u16>) {
    (
        url.scheme().to_owned(),
        url.host_str().map(str::to_owned),
        url.port_or_known_default(),
    )
}

/// The target of a redirect; `None` if the response is not a redirect.
fn redirect(from: &Url, response: &Response<Incoming>) -> Result<Option<Url>, HttpError> {
    if !matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
        return Ok(None);
    }
    let Some(location) = response.headers().get(LOCATION) else {
        return Ok(None);
    };
    let text = String::from_utf8_lossy(location.as_bytes());
    // The target may be relative: RFC 9110, section 10.2.2.
    let to = from.join(&text).map_err(HttpError::Location)?;
    if matches!(to.scheme(), "http" | "https") {
        Ok(Some(to))
    } else {
        Err(HttpError::Scheme(to.scheme().to_owned()))
    }
}
