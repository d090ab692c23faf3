use std::net::Ipv4Addr;

use tokio::io::AsyncWriteExt as _;
use unchoke_core::ids::{InfoHash, PeerId};
use unchoke_core::wire::{HANDSHAKE_BYTES, Handshake, Reserved};

use super::*;
use crate::connection::{Encryption, Identity, Secured, answer};
use crate::route::Bind;
use crate::stream::Stream;

/// The connections, and the queue ends that their tasks would hold.
struct Lines {
    known: Known,
    tasks: Vec<(SocketAddr, Receiver<Vec<u8>>)>,
}

impl Default for Lines {
    fn default() -> Self {
        Self {
            known: Known::new(MAX_CONNECTIONS),
            tasks: Vec::new(),
        }
    }
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

/// The other side of a connection, as a socket.
struct Other {
    socket: UdpSocket,
    connection: Connection,
}

impl Other {
    /// Dials `port` on loopback.
    async fn dial(port: u16) -> Self {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await;
        let socket = socket.expect("a socket");
        socket
            .connect((Ipv4Addr::LOCALHOST, port))
            .await
            .expect("an address");
        let mut other = Self {
            socket,
            connection: Connection::dial(Instant::START, 100, 1),
        };
        while !other.connection.is_open() {
            other.exchange().await;
        }
        other
    }

    /// Sends what there is to send, and takes one packet. Returns its payload.
    async fn exchange(&mut self) -> Vec<u8> {
        while let Some(bytes) = self.connection.poll_transmit(Instant::START) {
            self.socket.send(&bytes).await.expect("the port is open");
        }
        let mut bytes = [0; MAX_DATAGRAM_BYTES];
        let length = self.socket.recv(&mut bytes).await.expect("a packet");
        let packet = Packet::decode(&bytes[..length]).expect("a uTP packet");
        self.connection.handle_packet(Instant::START, &packet);
        packet.payload.to_vec()
    }
}

/// Transmission 3.00 leaves messages in the packet that ends the handshake unread.
#[tokio::test]
async fn no_message_shares_a_packet_with_the_answer_to_a_handshake() {
    let here = Route::new(None, Some(Bind::Address(Ipv4Addr::LOCALHOST.into())));
    let port = std::net::UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|it| it.local_addr());
    let port = port.expect("a port").port();
    let (_utp, mut strangers) = Utp::start(&here, port, None).expect("it listens");
    let us = Identity {
        info_hash: InfoHash([7; 20]),
        version_2: None,
        peer_id: PeerId([1; 20]),
        encryption: Encryption::Off,
        dht: false,
    };
    let theirs = Handshake {
        reserved: Reserved::FAST_AND_EXTENDED,
        info_hash: us.info_hash,
        peer_id: PeerId([2; 20]),
    };
    let mut other = Other::dial(port).await;
    other.connection.write(&theirs.encode());
    let serving = tokio::spawn(async move {
        let (pipe, _) = strangers.recv().await.expect("a stranger");
        let mut stream = Secured::from(Stream::from(pipe));
        answer(&mut stream, us).await.expect("it greets");
        let (mut stream, ..) = stream.into_parts();
        stream.write_all(b"a message").await.expect("written");
        stream
    });
    let mut payloads = Vec::new();
    while payloads.iter().map(Vec::len).sum::<usize>() < HANDSHAKE_BYTES + 9 {
        let payload = other.exchange().await;
        payloads.extend(Some(payload).filter(|it| !it.is_empty()));
    }
    assert_eq!(payloads.last().map(Vec::as_slice), Some(&b"a message"[..]));
    serving.await.expect("no panic");
}
