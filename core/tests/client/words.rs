//! The words of the tables: addresses, sources, reasons and figures.

use std::net::SocketAddr;

use unchoke_core::client::explain::{Candidates, Unmet};
use unchoke_core::client::redial::Ended;
use unchoke_core::client::source::Source;
use unchoke_core::ids::PeerId;

pub(super) fn name(word: &str) -> PeerId {
    let mut id = [0; 20];
    id[..word.len()].copy_from_slice(word.as_bytes());
    PeerId(id)
}

/// An address in the place of a web seed.
pub(super) fn of_web(seed: u16) -> SocketAddr {
    ([0, 0, 0, 1], seed + 1).into()
}

pub(super) fn shown(address: SocketAddr) -> String {
    match address.ip().to_string().as_str() {
        "0.0.0.1" => format!("web:{}", address.port() - 1),
        _ => address.to_string(),
    }
}

pub(super) fn address(word: &str) -> SocketAddr {
    if let Some(seed) = word.strip_prefix("web:") {
        return of_web(seed.parse().expect("a number"));
    }
    word.parse()
        .unwrap_or_else(|_| panic!("{word} is no address"))
}

pub(super) fn source(word: &str) -> Source {
    match word {
        "user" => Source::User,
        "tracker" => Source::Tracker,
        "link" => Source::Link,
        "pex" => Source::PeerExchange,
        "dht" => Source::Dht,
        _ => panic!("no source {word}"),
    }
}

pub(super) fn ended(word: &str) -> Ended {
    match word {
        "by_peer" => Ended::ByPeer,
        "garbage" => Ended::Garbage,
        "unread" => Ended::Unread,
        busy if busy.starts_with("busy:") => {
            Ended::Busy(busy["busy:".len()..].parse().expect("seconds"))
        }
        _ => panic!("no end {word}"),
    }
}

/// The figures that are not 0, in a fixed order.
pub(super) fn figures_of(it: &Candidates) -> String {
    let failed = Unmet::ALL.map(|why| {
        let name = match why {
            Unmet::Refused => "refused",
            Unmet::TimedOut => "timed_out",
            _ => "other",
        };
        (name, it.failed_by(why))
    });
    let all = [
        ("known", it.known),
        ("untried", it.untried),
        ("trying", it.trying),
        ("connected", it.connected),
        ("parted", it.parted),
    ];
    let all = all.into_iter().chain(failed);
    let all = all.chain([("forgotten", it.forgotten)]);
    let told = all.filter(|it| it.1 > 0);
    let told: Vec<String> = told
        .map(|(name, count)| format!("{name}={count}"))
        .collect();
    told.join(" ")
}
