use std::net::Ipv4Addr;

use super::*;

/// The connections, and the queue ends that their tasks would hold.
#[derive(Default)]
struct Lines {
    known: Known,
    tasks: Vec<(SocketAddr, Receiver<Vec<u8>>)>,
}

impl Lines {
    /// A first packet comes from this port of a host.
    fn syn(&mut self, host: u8, port: u16) -> Option<Door> {
        let address = SocketAddr::from((Ipv4Addr::new(9, 0, 0, host), port));
        let door = self.known.knock(Instant::START, address)?;
        let (packets, task) = mpsc::channel(1);
        let door = Some(door);
        self.known
            .lines
            .insert((address, 1), Entry { packets, door });
        self.tasks.push((address, task));
        door
    }

    /// The ports of this host whose connections go on.
    fn ports(&self, host: u8) -> Vec<u16> {
        let tasks = self.tasks.iter();
        let going_on = tasks.filter(|(address, task)| {
            !task.is_closed() && address.ip() == Ipv4Addr::new(9, 0, 0, host)
        });
        going_on.map(|it| it.0.port()).collect()
    }
}

#[test]
fn half_open_connections_are_shared_by_hosts_and_take_no_place_of_others() {
    let mut it = Lines::default();
    for port in 1..=500 {
        assert!(it.syn(1, port).is_some());
    }
    assert_eq!(it.ports(1), (401..=500).collect::<Vec<_>>());
    assert!(!it.known.is_full());
    let honest = it.syn(2, 7);
    assert!(it.syn(1, 501).is_some());
    assert_eq!(it.ports(2), [7], "only the crowd makes room");
    assert_eq!(it.ports(1), (403..=501).collect::<Vec<_>>());
    // Its payload comes: now it is a connection like any other.
    it.known.half_open.take(honest.expect("it was let in"));
    for port in 1..=500 {
        it.syn(3, port);
    }
    assert_eq!(it.ports(2), [7]);
}

#[test]
fn a_place_is_free_only_for_the_connection_that_had_it() {
    let mut it = Lines::default();
    let first = it.syn(1, 1);
    for port in 2..=101 {
        it.syn(1, port);
    }
    assert!(!it.ports(1).contains(&1), "it made room");
    let again = it.syn(1, 1);
    let key = (SocketAddr::from((Ipv4Addr::new(9, 0, 0, 1), 1)), 1);
    it.known.remove(&key, first);
    assert!(
        it.known.lines.contains_key(&key),
        "the task of the first one ended late"
    );
    it.known.remove(&key, again);
    assert!(!it.known.lines.contains_key(&key));
    // With as many connections as there may be, no new one is let in.
    for port in 200..200 + u16::try_from(MAX_CONNECTIONS).expect("small") {
        let door = it.syn(2, port).expect("there is room");
        it.known.half_open.take(door);
    }
    assert!(it.known.is_full() && it.syn(3, 1).is_none());
}
