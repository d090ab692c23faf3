//! Requests and their answers. `net/API.md` describes them for users.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt as _, Either, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::{ALLOW, CONTENT_TYPE, HeaderValue, WWW_AUTHENTICATE};
use hyper::{Method, Request, Response, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::oneshot;
use unchoke_core::choke::Parameters;

use super::{Body, Lease, Shared, assets, guard, json, metrics, stream};
use crate::parameter::parameter;
use crate::policies;
use crate::session::board::{Order, Panel};

/// Most bytes in the body of a request.
const MOST_BODY_BYTES: usize = 16 * 1024;
/// Time limit for the answer of a session.
const SESSION_PATIENCE: Duration = Duration::from_secs(10);
/// Time limit for a session to make the details.
const DETAIL_PATIENCE: Duration = Duration::from_secs(2);

const JSON: &str = "application/json";
/// The page may only load content from this server, and no other page may embed it.
const HEADERS: [(&str, &str); 6] = [
    (
        "content-security-policy",
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
         img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("referrer-policy", "no-referrer"),
    ("cross-origin-resource-policy", "same-origin"),
    ("cache-control", "no-store"),
];

/// An error answer.
#[derive(Debug)]
struct Problem {
    status: StatusCode,
    sentence: String,
}

impl Problem {
    fn new(status: StatusCode, sentence: impl Into<String>) -> Self {
        let sentence = sentence.into();
        Self { status, sentence }
    }
}

impl From<guard::Refusal> for Problem {
    fn from((status, sentence): guard::Refusal) -> Self {
        Self::new(status, sentence)
    }
}

/// The meaning of a path.
enum Asked {
    Torrents,
    Torrent(Arc<Panel>),
    Rounds(Arc<Panel>),
    History(Arc<Panel>),
    Policies,
    Metrics,
    AllEvents,
    Events(Arc<Panel>),
    Switch(Arc<Panel>),
}

/// Answers a request.
pub(super) async fn answer(
    request: Request<Incoming>,
    shared: &Shared,
    lease: Lease,
) -> Response<Body> {
    let mut response = match attempt(request, shared, lease).await {
        Ok(response) => response,
        Err(problem) => {
            let text = json::versioned(json!({ "error": problem.sentence })).to_string();
            let mut response = whole(text, JSON);
            *response.status_mut() = problem.status;
            if problem.status == StatusCode::UNAUTHORIZED {
                let scheme = HeaderValue::from_static("Bearer");
                response.headers_mut().insert(WWW_AUTHENTICATE, scheme);
            }
            if problem.status == StatusCode::METHOD_NOT_ALLOWED {
                let methods = HeaderValue::from_static("GET, HEAD, POST");
                response.headers_mut().insert(ALLOW, methods);
            }
            response
        }
    };
    for (name, value) in HEADERS {
        let value = HeaderValue::from_static(value);
        response.headers_mut().insert(name, value);
    }
    response
}

async fn attempt(
    request: Request<Incoming>,
    shared: &Shared,
    lease: Lease,
) -> Result<Response<Body>, Problem> {
    guard::check_origin(request.uri(), request.headers())?;
    let reads = [Method::GET, Method::HEAD].contains(request.method());
    let path = request.uri().path();
    if let Some((text, kind)) = assets::at(path).filter(|_| reads) {
        return Ok(whole(text, kind));
    }
    guard::check_token(request.headers(), &shared.token)?;
    let asked = asked(path, shared)?;
    if matches!(asked, Asked::Switch(_)) == reads || !reads && request.method() != Method::POST {
        let sentence = format!("{path} does not accept {}", request.method());
        return Err(Problem::new(StatusCode::METHOD_NOT_ALLOWED, sentence));
    }
    let value = match asked {
        Asked::Torrents => json::torrents(&shared.board),
        Asked::Torrent(panel) => {
            let shown = detailed(&panel).await;
            json::torrent(&panel, &shown)
        }
        Asked::Rounds(panel) => json::rounds(&panel),
        Asked::History(panel) => json::history(&panel),
        Asked::Policies => json::policies(),
        Asked::Metrics => {
            let text = metrics::text(&shared.board);
            return Ok(whole(text, "text/plain; version=0.0.4; charset=utf-8"));
        }
        Asked::AllEvents => return Ok(flowing(stream::all(shared.board.clone(), lease))),
        Asked::Events(panel) => return Ok(flowing(stream::one(panel, lease))),
        Asked::Switch(panel) => switch(request, &panel).await?,
    };
    Ok(whole(json::versioned(value).to_string(), JSON))
}

/// Parses a path.
fn asked(path: &str, shared: &Shared) -> Result<Asked, Problem> {
    let nothing = || Problem::new(StatusCode::NOT_FOUND, format!("there is no {path}"));
    if path == "/metrics" {
        return Ok(Asked::Metrics);
    }
    let rest = path.strip_prefix("/api/v1/").ok_or_else(nothing)?;
    let words: Vec<&str> = rest.split('/').collect();
    let panel = |hash: &str| {
        let found = shared.board.panel(hash);
        let none = || format!("there is no torrent {hash}; /api/v1/torrents lists them");
        found.ok_or_else(|| Problem::new(StatusCode::NOT_FOUND, none()))
    };
    Ok(match words[..] {
        ["torrents"] => Asked::Torrents,
        ["policies"] => Asked::Policies,
        ["events"] => Asked::AllEvents,
        ["torrents", hash] => Asked::Torrent(panel(hash)?),
        ["torrents", hash, "rounds"] => Asked::Rounds(panel(hash)?),
        ["torrents", hash, "history"] => Asked::History(panel(hash)?),
        ["torrents", hash, "events"] => Asked::Events(panel(hash)?),
        ["torrents", hash, "policy"] => Asked::Switch(panel(hash)?),
        _ => return Err(nothing()),
    })
}

/// The figures of a torrent, with details.
async fn detailed(panel: &Panel) -> Arc<crate::session::board::Shown> {
    panel.look();
    let mut changes = panel.changes();
    let made = changes.wait_for(|it| it.detail.is_some());
    // A torrent that has ended, or is still being checked, has no details.
    drop(tokio::time::timeout(DETAIL_PATIENCE, made).await);
    panel.shown()
}

/// The body of a request that switches the policy.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct SwitchTo {
    policy: String,
    #[serde(default)]
    parameters: BTreeMap<String, Value>,
}

async fn switch(request: Request<Incoming>, panel: &Panel) -> Result<Value, Problem> {
    let bad = |sentence: String| Problem::new(StatusCode::BAD_REQUEST, sentence);
    let kind = request.headers().get(CONTENT_TYPE);
    let kind = kind.and_then(|it| it.to_str().ok()).unwrap_or_default();
    if kind.split(';').next().map(str::trim) != Some(JSON) {
        let sentence = format!("send the order with `Content-Type: {JSON}`");
        return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, sentence));
    }
    let body = Limited::new(request.into_body(), MOST_BODY_BYTES);
    let body = body.collect().await.map_err(|error| {
        let long = error.is::<http_body_util::LengthLimitError>();
        if long {
            let sentence = format!("the order is longer than {MOST_BODY_BYTES} bytes");
            Problem::new(StatusCode::PAYLOAD_TOO_LARGE, sentence)
        } else {
            bad(format!("the order did not arrive: {error}"))
        }
    })?;
    let order: SwitchTo = serde_json::from_slice(&body.to_bytes())
        .map_err(|error| bad(format!("the order is not as described in API.md: {error}")))?;
    let mut parameters = Parameters::new();
    for (name, value) in &order.parameters {
        let text = match value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        let read = parameter(&order.policy, name, &text);
        let (name, value) = read.map_err(|why| bad(format!("parameter {name}: {why}")))?;
        parameters.set(name, value);
    }
    let chosen = policies::all()
        .choose(&order.policy, parameters)
        .map_err(|it| bad(it.to_string()))?;
    let (answer, answered) = oneshot::channel();
    let gone = || Problem::new(StatusCode::CONFLICT, "the session of this torrent is over");
    let sent = panel.orders().try_send(Order { chosen, answer });
    sent.map_err(|_| gone())?;
    match tokio::time::timeout(SESSION_PATIENCE, answered).await {
        Ok(Ok(Ok(()))) => Ok(json!({ "policy": order.policy })),
        Ok(Ok(Err(why))) => Err(Problem::new(StatusCode::CONFLICT, why)),
        Ok(Err(_)) => Err(gone()),
        Err(_) => {
            let sentence = "the session is busy and did not answer in time";
            Err(Problem::new(StatusCode::GATEWAY_TIMEOUT, sentence))
        }
    }
}

fn whole(text: impl Into<Bytes>, kind: &'static str) -> Response<Body> {
    let mut response = Response::new(Either::Left(Full::new(text.into())));
    let kind = HeaderValue::from_static(kind);
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response
}

/// An answer of server-sent events.
fn flowing(events: stream::Events) -> Response<Body> {
    let mut response = Response::new(Either::Right(events));
    let kind = HeaderValue::from_static("text/event-stream");
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response
}
