//! The DHT: nodes in memory that find each other's peers, and attacks on nodes.

mod hostile;

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use unchoke_core::dht::message::MAX_SENT_BYTES;
use unchoke_core::dht::{Input, Node, NodeId, Output};
use unchoke_core::ids::InfoHash;
use unchoke_core::rng::{Purpose, Rng, Streams};
use unchoke_core::time::Instant;

const HASH: InfoHash = InfoHash([7; 20]);

fn rng(entity: u32) -> Rng {
    Streams::new(5).stream(Purpose::Dht, entity)
}

/// Nodes with a clock. The network delivers every datagram at once.
struct Net {
    now: Instant,
    nodes: BTreeMap<SocketAddr, Node>,
    /// Nodes that answer nobody.
    dead: Vec<SocketAddr>,
    /// The peers that each node found, and the number of nodes that answered its last search.
    found: BTreeMap<SocketAddr, Vec<SocketAddr>>,
    searched: BTreeMap<SocketAddr, u32>,
    sent: usize,
}

impl Net {
    fn new() -> Self {
        Self {
            now: Instant::from_secs(1),
            nodes: BTreeMap::new(),
            dead: Vec::new(),
            found: BTreeMap::new(),
            searched: BTreeMap::new(),
            sent: 0,
        }
    }

    fn join(&mut self, address: SocketAddr, hints: &[SocketAddr]) {
        let entity = u32::try_from(self.nodes.len()).expect("few");
        let node = Node::new(self.now, address.is_ipv4(), rng(entity));
        self.nodes.insert(address, node);
        self.input(address, Input::Nodes(hints.to_vec()));
    }

    fn input(&mut self, at: SocketAddr, input: Input<'_>) {
        let node = self.nodes.get_mut(&at).expect("it is there");
        node.handle_input(self.now, input);
        let mut letters = Vec::new();
        self.drain(at, &mut letters);
        while let Some((from, to, bytes)) = letters.pop() {
            assert!(bytes.len() <= MAX_SENT_BYTES, "{} bytes", bytes.len());
            self.sent += 1;
            if self.dead.contains(&to) || self.dead.contains(&from) {
                continue;
            }
            if let Some(node) = self.nodes.get_mut(&to) {
                let bytes = &bytes;
                node.handle_input(self.now, Input::Datagram { from, bytes });
                self.drain(to, &mut letters);
            }
        }
    }

    fn drain(&mut self, at: SocketAddr, letters: &mut Vec<(SocketAddr, SocketAddr, Vec<u8>)>) {
        let node = self.nodes.get_mut(&at).expect("it is there");
        while let Some(output) = node.poll_output() {
            match output {
                Output::Send { to, bytes } => letters.push((at, to, bytes)),
                Output::Peers { peers, .. } => self.found.entry(at).or_default().extend(peers),
                Output::Searched { nodes, .. } => drop(self.searched.insert(at, nodes)),
            }
        }
    }

    fn run(&mut self, time: Duration) {
        let end = self.now.after(time);
        while self.now < end {
            self.now = self.now.after(Duration::from_millis(500));
            let due: Vec<_> = self
                .nodes
                .iter()
                .filter(|it| it.1.poll_timeout() <= self.now)
                .map(|it| *it.0)
                .collect();
            for at in due {
                self.input(at, Input::Timeout);
            }
        }
    }
}

/// Public addresses of many networks.
fn v4(number: u32) -> SocketAddr {
    let ip = Ipv4Addr::from(0x2000_0001 + number * 65_793);
    SocketAddr::new(ip.into(), 6881)
}

fn v6(number: u16) -> SocketAddr {
    let ip = Ipv6Addr::new(0x2a00, number, 0, 0, 0, 0, 0, 1);
    SocketAddr::new(ip.into(), 6881)
}

fn local(number: u16) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, 20_000 + number).into()
}

fn swarm_of(address: impl Fn(u16) -> SocketAddr, count: u16) -> Net {
    let mut net = Net::new();
    net.join(address(0), &[]);
    for number in 1..count {
        net.join(address(number), &[address(0)]);
        net.run(Duration::from_secs(1));
    }
    net.run(Duration::from_secs(30));
    net
}

fn finds_peers(address: impl Fn(u16) -> SocketAddr + Copy) {
    let mut net = swarm_of(address, 60);
    net.input(address(7), Input::Want(HASH, Some(7007)));
    net.input(address(8), Input::Want(HASH, Some(7008)));
    net.run(Duration::from_secs(5));
    net.input(address(50), Input::Want(HASH, None));
    net.run(Duration::from_secs(5));
    let found = &net.found[&address(50)];
    for (number, port) in [(7, 7007), (8, 7008)] {
        let peer = SocketAddr::new(address(number).ip(), port);
        assert!(found.contains(&peer), "{peer} is not among {found:?}");
    }
    assert!(net.searched[&address(50)] >= 8);
    assert!(
        !found.iter().any(|it| it.port() == 6881),
        "a node that only searches is not named"
    );
}

#[test]
fn peers_are_found_over_ipv4_ipv6_and_loopback() {
    finds_peers(|it| v4(it.into()));
    finds_peers(v6);
    finds_peers(local);
}

#[test]
fn a_torrent_is_found_although_half_of_the_nodes_die() {
    let mut net = swarm_of(|it| v4(it.into()), 60);
    net.input(v4(7), Input::Want(HASH, Some(7007)));
    net.run(Duration::from_secs(5));
    net.dead = (20..50).map(v4).collect();
    net.input(v4(55), Input::Want(HASH, None));
    net.run(Duration::from_mins(1));
    assert!(net.found.contains_key(&v4(55)));
}

#[test]
fn a_node_that_is_alone_keeps_trying_and_joins_when_somebody_comes() {
    let mut net = Net::new();
    net.join(v4(1), &[v4(0)]);
    net.input(v4(1), Input::Want(HASH, Some(1)));
    net.run(Duration::from_mins(1));
    assert_eq!(net.searched[&v4(1)], 0);
    assert!(
        net.sent < 60,
        "{} datagrams to dead nodes in a minute",
        net.sent
    );
    net.join(v4(0), &[]);
    net.run(Duration::from_mins(5));
    assert!(net.searched[&v4(1)] > 0);
}

#[test]
fn idle_nodes_are_quiet_and_forget_the_dead() {
    let mut net = swarm_of(|it| v4(it.into()), 30);
    let before = net.sent;
    net.run(Duration::from_mins(10));
    let each = (net.sent - before) / 30;
    assert!(each < 200, "{each} datagrams a node in ten minutes");
    net.dead = (1..30).map(v4).collect();
    net.run(Duration::from_hours(1));
    let left = net.nodes[&v4(0)].table().closest(NodeId([0; 20]), 100);
    assert_eq!(left, [], "nodes that are gone are not named to others");
}
