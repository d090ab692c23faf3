//! A complete driver of the client core: two clients, a clock, and a link without delay in memory.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;

use unchoke_core::client::redial::Ended;
use unchoke_core::client::source::Source;
use unchoke_core::client::{self, Client, Input, Internet, Output};
use unchoke_core::geometry::Geometry;
use unchoke_core::ids::{PeerId, PeerKey};
use unchoke_core::message::Message;
use unchoke_core::rng::Streams;
use unchoke_core::time::Instant;
use unchoke_core::torrent::{Config, Input as ForTorrent, Torrent, Unsent, Verdict};
use unchoke_core::{choke, pick};

const SEED: usize = 0;
const LEECHER: usize = 1;

/// Two clients, the messages in flight to each, and the one connection between them.
struct World {
    clients: [Client<Internet>; 2],
    under_way: VecDeque<(usize, Input<Internet>)>,
    dialled: Option<client::doors::Door>,
    keys: [PeerKey; 2],
}

fn address(side: usize) -> SocketAddr {
    SocketAddr::from(([10, 0, 0, u8::try_from(side).expect("two")], 6881))
}

fn client(side: usize) -> Client<Internet> {
    let config = Config::new(Geometry::new(1 << 20, 1 << 18).expect("4 pieces"));
    let have = [config.everything(), config.nothing()][side].clone();
    let policy = choke::build("tit_for_tat", &choke::Parameters::new()).expect("registered");
    let picker = pick::build("rarest_first").expect("registered");
    let (streams, entity) = (Streams::new(1), u32::try_from(side).expect("two"));
    let start = Instant::START;
    let torrent = Torrent::new(
        Arc::new(config),
        have,
        policy,
        picker,
        streams,
        entity,
        start,
    );
    let name = PeerId([u8::try_from(side).expect("two"); 20]);
    Client::new(
        client::Config::new(50),
        torrent,
        name,
        [],
        streams,
        entity,
        start,
    )
}

impl World {
    fn tell(&mut self, side: usize, input: Input<Internet>) {
        self.under_way.push_back((side, input));
    }

    /// Carries out what the client on `side` asks for.
    fn apply(&mut self, side: usize, output: Output<Internet>) {
        let (other, peer) = (1 - side, self.keys[side]);
        match output {
            Output::Dial { door, .. } => {
                self.dialled = Some(door);
                self.tell(
                    other,
                    Input::Knock {
                        address: address(side),
                    },
                );
            }
            Output::Answer { door } => {
                let met = |door, of: usize| Input::Met {
                    door,
                    name: PeerId([u8::try_from(of).expect("two"); 20]),
                    fast: true,
                    extended: true,
                };
                self.tell(side, met(door, other));
                let dialled = self.dialled.expect("the other side dialled");
                self.tell(other, met(dialled, side));
            }
            Output::Joined { peer, .. } => {
                self.keys[side] = peer;
                self.tell(side, Input::Torrent(ForTorrent::Writable { peer }));
            }
            Output::Send { message, .. } => self.send(side, message),
            Output::Broadcast { have } => self.send(side, Message::Have(have)),
            Output::VerifyPiece { piece, .. } => {
                let verdict = Verdict::Good { blocks: Vec::new() };
                let verified = ForTorrent::PieceVerified { piece, verdict };
                self.tell(side, Input::Torrent(verified));
            }
            Output::Close { .. } => {
                let (how, unsent) = (Ended::ByPeer, Unsent::default());
                self.tell(side, Input::Closed { peer, how, unsent });
                let peer = self.keys[other];
                self.tell(other, Input::Closed { peer, how, unsent });
            }
            // Blocks have no bytes here, and there is no tracker and no user.
            Output::StoreBlock { .. }
            | Output::Announce { .. }
            | Output::UseWebSeed { .. }
            | Output::LeftWebSeed { .. }
            | Output::Banned { .. }
            | Output::Drop { .. }
            | Output::Completed => {}
        }
    }

    fn send(&mut self, side: usize, message: Message) {
        let (peer, leaves) = (self.keys[side], matches!(message, Message::Piece(_)));
        let to = self.keys[1 - side];
        self.tell(
            1 - side,
            Input::Torrent(ForTorrent::Message { peer: to, message }),
        );
        if leaves {
            self.tell(side, Input::Torrent(ForTorrent::Writable { peer }));
        }
    }
}

fn main() {
    let mut world = World {
        clients: [client(SEED), client(LEECHER)],
        under_way: VecDeque::new(),
        dialled: None,
        keys: [PeerKey(0); 2],
    };
    let (source, addresses) = (Source::User, vec![address(SEED)]);
    world.tell(LEECHER, Input::Found { source, addresses });
    let mut now = Instant::START;
    while !world.clients[LEECHER].torrent().is_complete() {
        let (side, input) = world.under_way.pop_front().unwrap_or_else(|| {
            // Nothing is in flight: move the clock to the next deadline.
            let due = |side: usize| world.clients[side].poll_timeout().unwrap_or(Instant::NEVER);
            let side = usize::from(due(LEECHER) < due(SEED));
            now = now.max(due(side));
            (side, Input::Timeout)
        });
        world.clients[side].handle_input(now, input);
        while let Some(output) = world.clients[side].poll_output() {
            world.apply(side, output);
        }
    }
    println!("complete after {} ms", now.as_millis());
    assert!(
        now <= Instant::from_secs(60),
        "there is no delay but that of the choker"
    );
}
