//! PCP and NAT-PMP: sends a datagram to the gateway and repeats it until an answer comes.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use unchoke_core::portmap::{
    GATEWAY_PORT, Granted, Refused, Wish, nat_pmp as ask_nat_pmp, pcp as ask_pcp, read_nat_pmp,
    read_pcp,
};

use super::gateway::Gateway;
use crate::route::Route;

/// The first wait for an answer. It doubles each time. RFC 6886, section 3.1: starts at 250 ms.
const FIRST_WAIT: Duration = Duration::from_millis(250);
/// Most datagrams sent. RFC 6886 sends nine, over two minutes. We stop after four seconds: a
/// gateway is in the same network, and one that has not answered by then does not speak the
/// protocol.
const TRIES: u32 = 4;

/// Why there is no mapping.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    #[error("{0}")]
    Refused(#[from] Refused),
    #[error("the gateway does not answer")]
    Silent,
    #[error("{0}")]
    Io(#[from] io::Error),
}

pub(super) async fn pcp(
    route: &Route,
    gateway: &Gateway,
    wish: &Wish,
    nonce: [u8; 12],
) -> Result<Granted, Error> {
    let question = ask_pcp(wish, gateway.own.into(), nonce);
    exchange(route, gateway, &question, |it| read_pcp(it, wish, nonce)).await
}

pub(super) async fn nat_pmp(
    route: &Route,
    gateway: &Gateway,
    wish: &Wish,
) -> Result<Granted, Error> {
    let question = ask_nat_pmp(wish);
    exchange(route, gateway, &question, |it| read_nat_pmp(it, wish)).await
}

async fn exchange(
    route: &Route,
    gateway: &Gateway,
    question: &[u8],
    read: impl Fn(&[u8]) -> Option<Result<Granted, Refused>>,
) -> Result<Granted, Error> {
    let ip = gateway.ip.ok_or(Error::Silent)?;
    let there: SocketAddr = (ip, GATEWAY_PORT).into();
    let socket = route.datagrams(there).await?;
    // The system then drops datagrams from other addresses.
    socket.connect(there).await?;
    let mut buffer = [0; 1100];
    for tried in 0..TRIES {
        socket.send(question).await?;
        let wait = tokio::time::sleep(FIRST_WAIT * 2_u32.pow(tried));
        tokio::pin!(wait);
        loop {
            tokio::select! {
                () = &mut wait => break,
                received = socket.recv(&mut buffer) => {
                    let length = received?;
                    if let Some(answer) = read(&buffer[..length]) {
                        return Ok(answer?);
                    }
                }
            }
        }
    }
    Err(Error::Silent)
}
