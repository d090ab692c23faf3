//! Hostile peers, in any number. Each repeats one kind of attack.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::runtime::Runtime;
use unchoke_core::ids::{BlockRef, PieceIndex};
use unchoke_core::message::{Contact, Contacts, Extended, ExtendedHandshake, Message};
use unchoke_core::metainfo::Metainfo;
use unchoke_core::wire::{Decoded, Decoder, HANDSHAKE_BYTES, PEX_ID, PEX_NAME};

use super::Sample;
use super::peer::{bytes_of, handshake};

/// Bytes per second and peer of a flood: far more than an honest peer sends.
const FLOOD_RATE: usize = 200_000;
/// Time between two messages of a flood.
const PAUSE: Duration = Duration::from_millis(20);

/// Time between two bytes of a handshake that never ends, or between two that a slow reader reads.
const DRIP: Duration = Duration::from_secs(1);

/// Size of the receive buffer of a slow reader, and the blocks it requests after each byte that it
/// reads.
const LITTLE: u32 = 4096;
const GREED: usize = 20;

/// Time between two requests of a peer that keeps its seat with as few requests as possible.
const SIP: Duration = Duration::from_secs(2);

/// Address where a hostile peer waits to be dialled. Honest peers have other addresses, because
/// bans are by address.
const WAITS_AT: Ipv4Addr = Ipv4Addr::new(127, 0, 2, 1);

/// The kind of attack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Sends valid and invalid requests, and ignores the answers.
    Requests,
    /// Alternates `have all` and `have none`.
    HaveAllHaveNone,
    /// Alternates interested and not interested.
    Interest,
    /// Sends extension handshakes and unknown messages.
    Extended,
    /// Sends one byte of the handshake per second.
    SlowHandshake,
    /// Completes the handshake and then sends nothing.
    Idle,
    /// Is interested, takes a block now and then, and reconnects when it is dropped.
    Drip,
    /// Requests blocks without end, and reads one byte of them per second.
    SlowReader,
    /// Serves nothing and sends thousands of addresses by peer exchange.
    Exchange,
    /// Serves corrupt blocks, with a new peer id on each connection.
    Corrupt,
    /// Serves one corrupt block and disconnects before the piece is checked.
    CorruptAndGone,
}

/// Hostile peers that attack until this is dropped.
pub(crate) struct Attack {
    runtime: Runtime,
    plan: Arc<Plan>,
    listens: Option<SocketAddr>,
}

struct Plan {
    kind: Kind,
    metainfo: Arc<Metainfo>,
    names: AtomicU32,
    peers: AtomicU32,
    blocks: AtomicUsize,
}

impl Attack {
    /// Lets `peers` peers connect to the target. Each reconnects whenever it is dropped.
    pub(crate) fn on(sample: &Sample, port: u16, kind: Kind, peers: usize) -> Self {
        let attack = Self::new(sample, kind);
        for _ in 0..peers {
            attack.join(port);
        }
        attack
    }

    /// A peer that waits to be dialled.
    pub(crate) fn waiting(sample: &Sample, kind: Kind) -> Self {
        let mut attack = Self::new(sample, kind);
        let listener = attack.runtime.block_on(TcpListener::bind((WAITS_AT, 0)));
        let listener = listener.expect("a port");
        attack.listens = Some(listener.local_addr().expect("an address"));
        let plan = Arc::clone(&attack.plan);
        attack.runtime.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let plan = Arc::clone(&plan);
                tokio::spawn(async move { drop(plan.play(stream).await) });
            }
        });
        attack
    }

    fn new(sample: &Sample, kind: Kind) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build();
        Self {
            runtime: runtime.expect("a runtime"),
            plan: Arc::new(Plan {
                kind,
                metainfo: Arc::clone(&sample.metainfo),
                names: AtomicU32::new(0),
                peers: AtomicU32::new(0),
                blocks: AtomicUsize::new(0),
            }),
            listens: None,
        }
    }

    /// Adds a peer with an address of its own that connects to the target again and again.
    pub(crate) fn join(&self, port: u16) {
        let plan = Arc::clone(&self.plan);
        let number = plan.peers.fetch_add(1, Ordering::Relaxed);
        let [.., high, low] = number.to_be_bytes();
        let from = Ipv4Addr::new(127, 9, high, low);
        self.runtime.spawn(async move {
            loop {
                if let Ok(stream) = connect(plan.kind, from, port).await {
                    // The next attempt follows, however this one ends.
                    drop(plan.play(stream).await);
                }
                tokio::time::sleep(PAUSE).await;
            }
        });
    }

    /// `HOST:PORT` for `--peer`.
    pub(crate) fn peer(&self) -> String {
        self.listens.expect("it waits").to_string()
    }

    /// Number of connections made.
    pub(crate) fn attempts(&self) -> u32 {
        self.plan.names.load(Ordering::Relaxed)
    }

    /// Number of corrupt blocks sent.
    pub(crate) fn blocks_sent(&self) -> usize {
        self.plan.blocks.load(Ordering::Relaxed)
    }
}

impl Plan {
    fn hello(&self) -> [u8; HANDSHAKE_BYTES] {
        let number = self.names.fetch_add(1, Ordering::Relaxed);
        let mut name = *b"-XX0000-............";
        name[8..18].copy_from_slice(format!("{number:010}").as_bytes());
        let mut hello = handshake(&self.metainfo, &name);
        // Announce the fast extension and the extension protocol.
        (hello[25], hello[27]) = (0x10, 0x04);
        hello
    }

    async fn play(&self, mut stream: TcpStream) -> std::io::Result<()> {
        if self.kind == Kind::SlowHandshake {
            for byte in self.hello() {
                stream.write_all(&[byte]).await?;
                tokio::time::sleep(DRIP).await;
            }
            return Ok(());
        }
        stream.write_all(&self.hello()).await?;
        let mut theirs = [0; HANDSHAKE_BYTES];
        stream.read_exact(&mut theirs).await?;
        if matches!(self.kind, Kind::Corrupt | Kind::CorruptAndGone) {
            return self.corrupt(stream).await;
        }
        if self.kind == Kind::Drip {
            return self.drip(stream).await;
        }
        if self.kind == Kind::SlowReader {
            return self.read_slowly(stream).await;
        }
        let (mut reader, mut writer) = stream.into_split();
        let round = self.round();
        let flood = async {
            while !round.is_empty() {
                writer.write_all(&round).await?;
                tokio::time::sleep(PAUSE).await;
            }
            std::future::pending().await
        };
        let mut sink = vec![0; 1 << 16];
        let listen = async {
            while reader.read(&mut sink).await? > 0 {}
            Ok(())
        };
        tokio::select! {
            ended = flood => ended,
            ended = listen => ended,
        }
    }

    /// The messages of a flooding peer for each [`PAUSE`].
    fn round(&self) -> Vec<u8> {
        let request = |piece, begin| {
            bytes_of(&Message::Request(BlockRef {
                piece: PieceIndex(piece),
                begin,
                length: 16_384,
            }))
        };
        let once = match self.kind {
            Kind::Requests => [
                bytes_of(&Message::Interested),
                request(0, 0),
                request(1, 0),
                request(1, 1 << 30),
            ]
            .concat(),
            Kind::HaveAllHaveNone => {
                [bytes_of(&Message::HaveAll), bytes_of(&Message::HaveNone)].concat()
            }
            Kind::Interest => {
                let both = [Message::Interested, Message::NotInterested];
                both.iter().flat_map(bytes_of).collect()
            }
            Kind::Extended => {
                let unknown = Extended::Unknown {
                    id: 9,
                    payload: vec![7; 100],
                };
                [
                    hello_of(false),
                    bytes_of(&Message::Extended(Box::new(unknown))),
                ]
                .concat()
            }
            Kind::Exchange => return [hello_of(true), self.exchange()].concat(),
            Kind::SlowHandshake
            | Kind::Idle
            | Kind::Drip
            | Kind::SlowReader
            | Kind::Corrupt
            | Kind::CorruptAndGone => return Vec::new(),
        };
        let times = FLOOD_RATE / 50 / once.len();
        once.repeat(times)
    }

    /// Fifty unreachable peers, different ones each time.
    fn exchange(&self) -> Vec<u8> {
        let number = self.names.fetch_add(1, Ordering::Relaxed);
        let [.., a, b] = number.to_be_bytes();
        let contact = |it: u8| Contact {
            address: ([127, 1 + it, a, b], 1).into(),
            seed: true,
            reachable: true,
        };
        let changes = Contacts {
            added: (0..50).map(contact).collect(),
            dropped: Vec::new(),
        };
        let pex = Extended::Pex {
            id: PEX_ID,
            changes,
        };
        bytes_of(&Message::Extended(Box::new(pex)))
    }

    /// Has nothing and wants everything. Until it is unchoked it reads as fast as it can.
    async fn read_slowly(&self, mut stream: TcpStream) -> std::io::Result<()> {
        for message in [Message::HaveNone, Message::Interested] {
            stream.write_all(&bytes_of(&message)).await?;
        }
        let decoder = Decoder::new(self.metainfo.geometry.piece_count());
        let mut bytes = Vec::new();
        loop {
            match decoder.decode(&bytes).expect("it speaks the protocol") {
                Decoded::Message {
                    message: Message::Unchoke,
                    ..
                } => break,
                Decoded::Message { used, .. } => drop(bytes.drain(..used)),
                _ => {
                    if stream.read_buf(&mut bytes).await? == 0 {
                        return Ok(());
                    }
                }
            }
        }
        let pieces = (0..self.metainfo.geometry.piece_count()).cycle();
        let mut requests = pieces.map(|piece| {
            bytes_of(&Message::Request(BlockRef {
                piece: PieceIndex(piece),
                begin: 0,
                length: 16_384,
            }))
        });
        loop {
            let round: Vec<u8> = requests.by_ref().take(GREED).flatten().collect();
            stream.write_all(&round).await?;
            if stream.read(&mut [0]).await? == 0 {
                return Ok(());
            }
            tokio::time::sleep(DRIP).await;
        }
    }

    /// Has nothing, wants everything, and takes as little as possible.
    async fn drip(&self, mut stream: TcpStream) -> std::io::Result<()> {
        for message in [Message::HaveNone, Message::Interested] {
            stream.write_all(&bytes_of(&message)).await?;
        }
        let decoder = Decoder::new(self.metainfo.geometry.piece_count());
        let request = bytes_of(&Message::Request(BlockRef {
            piece: PieceIndex(0),
            begin: 0,
            length: 16_384,
        }));
        let (mut bytes, mut unchoked, mut skip) = (Vec::new(), false, 0);
        let mut sips = tokio::time::interval(SIP);
        loop {
            tokio::select! {
                read = stream.read_buf(&mut bytes) => if read? == 0 {
                    return Ok(());
                },
                _ = sips.tick() => if unchoked {
                    stream.write_all(&request).await?;
                },
            }
            loop {
                let payload = bytes.len().min(skip);
                bytes.drain(..payload);
                skip -= payload;
                let Decoded::Message { message, used } =
                    decoder.decode(&bytes).expect("it speaks the protocol")
                else {
                    break;
                };
                bytes.drain(..used);
                match message {
                    Message::Unchoke => unchoked = true,
                    Message::Choke => unchoked = false,
                    Message::Piece(block) => skip = block.length as usize,
                    _ => {}
                }
            }
        }
    }

    /// Claims to have everything, and answers each request with wrong bytes.
    async fn corrupt(&self, mut stream: TcpStream) -> std::io::Result<()> {
        for message in [Message::HaveAll, Message::Unchoke] {
            stream.write_all(&bytes_of(&message)).await?;
        }
        let decoder = Decoder::new(self.metainfo.geometry.piece_count());
        let mut bytes = Vec::new();
        loop {
            match decoder.decode(&bytes).expect("we speak the protocol") {
                Decoded::Incomplete { .. } => {
                    if stream.read_buf(&mut bytes).await? == 0 {
                        return Ok(());
                    }
                }
                Decoded::Message { message, used } => {
                    bytes.drain(..used);
                    if let Message::Request(block) = message {
                        self.blocks.fetch_add(1, Ordering::Relaxed);
                        let mut answer = bytes_of(&Message::Piece(block));
                        answer.resize(answer.len() + block.length as usize, 0xa5);
                        stream.write_all(&answer).await?;
                        if self.kind == Kind::CorruptAndGone {
                            return stream.shutdown().await;
                        }
                    }
                }
                Decoded::Unknown { .. } => panic!("we send nothing unknown"),
            }
        }
    }
}

async fn connect(kind: Kind, from: Ipv4Addr, port: u16) -> std::io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    if kind == Kind::SlowReader {
        socket.set_recv_buffer_size(LITTLE)?;
    }
    socket.bind((from, 0).into())?;
    socket.connect((Ipv4Addr::LOCALHOST, port).into()).await
}

fn hello_of(exchanges: bool) -> Vec<u8> {
    let id = if exchanges { PEX_ID } else { 0 };
    let hello = ExtendedHandshake {
        extensions: [(PEX_NAME.to_owned(), id)].into(),
        request_queue: Some(10),
        ..ExtendedHandshake::default()
    };
    bytes_of(&Message::Extended(Box::new(Extended::Handshake(hello))))
}
