//! Prints the state of a swarm at a point in time.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use unchoke_core::time::Instant;
use unchoke_sim::trace::{Header, Life, RATE_WINDOW, Watch};

use super::show::empty;

/// Most peers in a list; longer lists are cut.
const LISTED: usize = 12;

/// Payload rates of each other peer in both directions, bytes/s.
type Rates = BTreeMap<u32, (u64, u64)>;

/// One row per peer.
pub(super) fn all(header: &Header, watch: &Watch) -> String {
    let rates = watch.rates();
    let mut sums = Rates::new();
    for ((from, to), rate) in &rates {
        sums.entry(*from).or_default().1 += rate;
        sums.entry(*to).or_default().0 += rate;
    }
    let head = [
        "peer",
        "class",
        "client",
        "state",
        "pieces",
        "down kB/s",
        "up kB/s",
        "connections",
        "unchokes",
    ];
    let mut table = empty(&head.map(str::to_owned));
    for node in 0..header.nodes.len() {
        let node = u32::try_from(node).expect("positions in a trace");
        let info = &header.nodes[node as usize];
        let (down, up) = sums.get(&node).copied().unwrap_or_default();
        let ties = || watch.ties(node);
        let unchoked = ties().filter(|it| it.1.unchokes).map(|it| it.0);
        table.add_row([
            node.to_string(),
            header.classes[usize::from(info.class)].clone(),
            header.clients[usize::from(info.client)].name.clone(),
            life(header, watch, node).to_owned(),
            progress(header, watch, node),
            kilobytes(down),
            kilobytes(up),
            ties().filter(|it| it.1.connected).count().to_string(),
            list(unchoked),
        ]);
    }
    format!("\n{}\n{table}\n", heading(watch))
}

/// One peer and its connections.
pub(super) fn one(header: &Header, watch: &Watch, node: u32) -> String {
    let rates = watch.rates();
    let rate = |from, to| kilobytes(rates.get(&(from, to)).copied().unwrap_or(0));
    let info = &header.nodes[node as usize];
    let mut text = String::new();
    writeln!(
        text,
        "\npeer {node}: {}, class {}, client {}, {} pieces",
        life(header, watch, node),
        header.classes[usize::from(info.class)],
        header.clients[usize::from(info.client)].name,
        progress(header, watch, node)
    )
    .expect("writing to a string does not fail");
    let head = [
        "connected to",
        "state",
        "pieces",
        "it unchokes",
        "unchokes it",
        "down kB/s",
        "up kB/s",
    ];
    let mut table = empty(&head.map(str::to_owned));
    for (other, tie) in watch.ties(node) {
        let word = |is: bool| if is { "yes" } else { "no" }.to_owned();
        table.add_row([
            other.to_string(),
            life(header, watch, other).to_owned(),
            progress(header, watch, other),
            word(tie.unchokes),
            word(watch.tie(other, node).unchokes),
            rate(other, node),
            rate(node, other),
        ]);
    }
    format!("{text}{}\n{table}\n", heading(watch))
}

fn heading(watch: &Watch) -> String {
    format!(
        "at {} s; rates are payload, means over the last {} s",
        seconds(watch.now()),
        RATE_WINDOW.as_secs()
    )
}

fn life(header: &Header, watch: &Watch, node: u32) -> &'static str {
    match watch.life(node) {
        Life::Absent => "not there yet",
        Life::Leecher => "leecher",
        Life::Seed if header.nodes[node as usize].origin => "origin",
        Life::Seed => "seed",
        Life::Gone => "gone",
    }
}

fn progress(header: &Header, watch: &Watch, node: u32) -> String {
    let count = header.geometry().map_or(0, |it| it.piece_count());
    format!("{}/{count}", watch.pieces(node))
}

fn list(peers: impl Iterator<Item = u32>) -> String {
    let mut peers: Vec<String> = peers.map(|it| it.to_string()).collect();
    let more = peers.len().saturating_sub(LISTED);
    peers.truncate(LISTED);
    let text = peers.join(" ");
    if more > 0 {
        format!("{text} and {more} more")
    } else {
        text
    }
}

fn kilobytes(rate: u64) -> String {
    format!("{:.1}", rate as f64 / 1000.0)
}

/// Seconds with three decimals.
pub(super) fn seconds(at: Instant) -> String {
    format!("{:.3}", at.as_nanos() as f64 / 1e9)
}
