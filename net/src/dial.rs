//! Dials a peer: connects, and greets it in each way that the user allows.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::time::timeout;

use crate::connection::{HandshakeError, Identity, Introduced, Secured, greet};
use crate::stream::Stream;
use crate::transport::Transports;

/// Time for a handshake by uTP with a peer that hangs up by TCP. Most such peers want nothing of us,
/// and must not hold up others.
const SECOND_CHANCE: Duration = Duration::from_secs(3);

type Met = (Secured, Introduced);

/// Connects, and tries each kind of greeting that the user allows until the peer answers one. A peer
/// that takes only uTP may accept a TCP connection and close it at once, instead of refusing it. So
/// after such an end the greetings are tried by uTP.
pub(crate) async fn dial(
    transports: &Transports,
    address: SocketAddr,
    identity: Identity,
) -> Result<Met, HandshakeError> {
    let failed = match in_each_way(transports, address, identity).await {
        Ok(met) => return Ok(met),
        Err(failed) => failed,
    };
    if failed.silent
        && let Some(transports) = transports.without_tcp()
    {
        let by_utp = in_each_way(&transports, address, identity);
        if let Ok(Ok(met)) = timeout(SECOND_CHANCE, by_utp).await {
            return Ok(met);
        }
    }
    // That by TCP says more than that nothing answers by uTP.
    Err(failed.error)
}

struct Failed {
    error: HandshakeError,
    /// Whether the peer closed each connection, all by TCP, before it sent a byte.
    silent: bool,
}

async fn in_each_way(
    transports: &Transports,
    address: SocketAddr,
    identity: Identity,
) -> Result<Met, Failed> {
    let mut ways = identity.ways().peekable();
    let mut silent = true;
    while let Some((identity, greeting)) = ways.next() {
        let stream = match transports.connect(address).await {
            Ok(stream) => stream,
            Err(error) => {
                let (error, silent) = (error.into(), false);
                return Err(Failed { error, silent });
            }
        };
        silent &= matches!(stream, Stream::Tcp(_));
        let mut stream = Secured::from(stream);
        let error = match greet(&mut stream, identity, greeting).await {
            Ok(introduced) => return Ok((stream, introduced)),
            Err(error) => error,
        };
        silent &= !stream.has_heard();
        if !error.is_about_manners() || ways.peek().is_none() {
            return Err(Failed { error, silent });
        }
        tracing::debug!(%address, %error, ?greeting, "greeting in another way");
    }
    unreachable!("there is a way to greet, and the last one returns")
}
