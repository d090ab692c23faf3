//! The web page that shows the decisions of the policy, its interface for programs, and the figures
//! for Prometheus.
//!
//! An HTTP/1.1 server for the user of this machine. `guard` decides which requests are refused: a
//! page of another site, open in the same browser, may send requests to us, and must not learn or
//! change anything. `api` answers requests, `json` formats the answers, `stream` sends events,
//! `metrics` makes the text for Prometheus, and `assets` holds the page itself, which loads nothing
//! from other servers.
//!
//! A connection is closed when it makes no progress: when the client neither sends a request nor
//! reads the answer. This bounds the number of connections and the data that waits in each.

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

/// Most connections at a time. Further connections are closed at once.
pub const MOST_CONNECTIONS: usize = 64;
/// Most bytes of a request head, and of an answer that waits to be written.
const BUFFER_BYTES: usize = 64 * 1024;
/// Time limit for the head of a request.
const HEAD_PATIENCE: Duration = Duration::from_secs(10);
/// Wait after a failed accept. The most frequent cause is a lack of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The body of an answer: complete, or a stream of events.
type Body = Either<Full<Bytes>, Channel<Bytes, Infallible>>;

/// Options of the server.
#[derive(Clone, Debug)]
pub struct Options {
    /// Address to listen on; port 0 lets the system choose.
    pub address: SocketAddr,
    /// The token that each request must carry.
    pub token: String,
    /// Time after which a connection without progress is closed.
    pub patience: Duration,
}

impl Options {
    /// Options with a new token and the patience of the command.
    #[must_use]
    pub fn new(address: SocketAddr) -> Self {
        Self {
            address,
            token: new_token(),
            patience: Duration::from_secs(30),
        }
    }
}

/// A new random token.
#[must_use]
pub fn new_token() -> String {
    let mut bytes = [0; 16];
    crate::chance::fill(&mut bytes);
    hex::encode(bytes)
}

/// A running server. Dropping it stops the server.
#[derive(Debug)]
pub struct Server {
    /// The address on which it listens.
    pub address: SocketAddr,
    task: AbortHandle,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// What the connections share.
#[derive(Debug)]
struct Shared {
    board: Board,
    token: String,
    patience: Duration,
}

/// The deadline of a connection for its next progress.
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

    /// Notes progress.
    fn renew(&self) {
        self.until.send_replace(Instant::now() + self.patience);
    }

    /// Completes when the connection has made no progress for too long.
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

/// Starts to serve the torrents of `board`.
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
        // If there are too many connections, close this one; a browser tries again.
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
        () = lease.end() => tracing::debug!("a connection to the page made no progress"),
    }
}
