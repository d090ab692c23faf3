//! The page that shows why, its interface for programs, and the figures for Prometheus.
//!
//! A server of HTTP/1.1 for the user of this machine. What it refuses and why is in [`guard`]: a page
//! of somebody else that is open in the same browser may send us requests, and must learn and change
//! nothing. `api` has the answers, `json` their form, `stream` what is sent as it happens, `metrics`
//! the text for Prometheus, and `assets` the page itself, which asks for nothing from elsewhere.
//!
//! A connection lives as long as it gets on: whoever neither sends a request nor takes what it asked
//! for loses it. So connections, and what waits in each, are bounded.

mod api;
mod assets;
pub(crate) mod guard;
pub(crate) mod json;
mod metrics;
mod stream;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::channel::Channel;
use http_body_util::{Either, Full};
use hyper::body::Bytes;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::AbortHandle;
use tokio::time::Instant;

use crate::session::board::Board;

/// Connections at a time; more are closed at once.
pub const MOST_CONNECTIONS: usize = 64;
/// Bytes of a head, and of what waits to be written.
const BUFFER_BYTES: usize = 64 * 1024;
/// For the head of a request.
const HEAD_PATIENCE: Duration = Duration::from_secs(10);
/// Wait after a failed accept, which is most often a lack of descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The body of an answer: all of it, or as it happens.
type Body = Either<Full<Bytes>, Channel<Bytes, Infallible>>;

/// How to serve.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where to listen; port 0 lets the system choose.
    pub address: SocketAddr,
    /// What a program must show to be answered.
    pub token: String,
    /// For how long a connection may not get on.
    pub patience: Duration,
}

impl Options {
    /// A new token, and the patience that the command has.
    #[must_use]
    pub fn new(address: SocketAddr) -> Self {
        Self {
            address,
            token: new_token(),
            patience: Duration::from_secs(30),
        }
    }
}

/// A token that nobody can guess.
#[must_use]
pub fn new_token() -> String {
    let mut bytes = [0; 16];
    crate::chance::fill(&mut bytes);
    crate::text::to_hex(&bytes)
}

/// A server that runs until this is dropped.
#[derive(Debug)]
pub struct Server {
    /// Where it listens.
    pub address: SocketAddr,
    task: AbortHandle,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// What answers are made from.
#[derive(Debug)]
struct Shared {
    board: Board,
    token: String,
    patience: Duration,
}

/// How long a connection may go on without getting on.
#[derive(Clone, Debug)]
struct Lease {
    until: Arc<watch::Sender<Instant>>,
    patience: Duration,
}

impl Lease {
    fn new(patience: Duration) -> Self {
        let until = Arc::new(watch::Sender::new(Instant::now() + patience));
        Self { until, patience }
    }

    /// It got on.
    fn renew(&self) {
        self.until.send_replace(Instant::now() + self.patience);
    }

    /// Completes when the connection has not got on for too long.
    async fn end(&self) {
        let mut until = self.until.subscribe();
        loop {
            let at = *until.borrow_and_update();
            tokio::select! {
                () = tokio::time::sleep_until(at) => return,
                _ = until.changed() => {}
            }
        }
    }
}

/// Starts to serve what is on `board`.
pub async fn start(options: Options, board: Board) -> std::io::Result<Server> {
    let listener = TcpListener::bind(options.address).await?;
    let address = listener.local_addr()?;
    let shared = Arc::new(Shared {
        board,
        token: options.token,
        patience: options.patience,
    });
    let task = tokio::spawn(accept_all(listener, shared)).abort_handle();
    Ok(Server { address, task })
}

async fn accept_all(listener: TcpListener, shared: Arc<Shared>) {
    let places = Arc::new(Semaphore::new(MOST_CONNECTIONS));
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(ACCEPT_PAUSE).await;
            continue;
        };
        // Without a place it is closed, which a browser tries again.
        if let Ok(place) = Arc::clone(&places).try_acquire_owned() {
            let shared = Arc::clone(&shared);
            tokio::spawn(async move {
                serve(stream, shared).await;
                drop(place);
            });
        }
    }
}

async fn serve(stream: TcpStream, shared: Arc<Shared>) {
    let lease = Lease::new(shared.patience);
    let answer = service_fn(|request| {
        lease.renew();
        let (shared, lease) = (Arc::clone(&shared), lease.clone());
        async move { Ok::<_, Infallible>(api::answer(request, &shared, lease).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_PATIENCE)
        .max_buf_size(BUFFER_BYTES)
        .serve_connection(TokioIo::new(stream), answer);
    tokio::select! {
        served = connection => {
            if let Err(error) = served {
                tracing::debug!(%error, "a connection to the page failed");
            }
        }
        () = lease.end() => tracing::debug!("a connection to the page did not get on"),
    }
}
