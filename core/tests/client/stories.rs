//! Tests the whole client with tables that a reader can follow: `tests/client/*.txt`.
//!
//! `case NAME` starts a client called `m`. It knows no addresses and has no piece of a torrent of 8
//! pieces with 2 blocks each. `seed` gives it all pieces, `private` makes the torrent private,
//! `trackers N…` adds a tier for each N with N trackers, `webseeds N` adds N web seeds called
//! `web:0` and so on, `set KEY VALUE` changes its configuration. Peers are named by the address
//! from which they dial or on which they listen.
//!
//! Inputs: `at SECONDS` advances the clock and hands in every timeout on the way. `found SOURCE
//! ADDRESS…`, `knock ADDRESS`, `met ADDRESS NAME`, `failed ADDRESS`, `closed ADDRESS HOW`, `stop`,
//! `announced N ADDRESS…` and `announced N nothing` are events. `says ADDRESS WORD…` sends
//! messages: `interested`, `all`, `none`, `have=N`, `unchoke`, `port=N`, `wrong` (a violation),
//! `pex=ADDRESS,…`. `sends ADDRESS N [corrupt]` answers the N oldest requests to this peer.
//! `verify` hashes complete pieces. `each FROM TO LINE` repeats a line and replaces `#` by the
//! number.
//!
//! Checks: `expect` lists the client's outputs since the last `expect`, in order, without messages
//! and blocks: `dial ADDRESS`, `answer ADDRESS`, `drop ADDRESS`, `joined ADDRESS KEY`, `close
//! ADDRESS WHY`, `ban ADDRESS`, `announce N [EVENT]`, `use web:N`, `leave web:N`, or `nothing`.
//! `count WORD N` checks only the number of outputs of one kind, `connected N` the number of
//! connections, `why WORD` the reason for no download, and `candidates SOURCE NAME=N…` the state of
//! the addresses from a source.

use std::collections::{BTreeMap, VecDeque};
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use unchoke_core::client::announcer::Wishes;
use unchoke_core::client::doors::Door;
use unchoke_core::client::explain::Unmet;
use unchoke_core::client::redial::Ended;
use unchoke_core::client::{self, Client, Heard, Input, Internet, Output, Room, Why};
use unchoke_core::geometry::{BLOCK_BYTES, Geometry};
use unchoke_core::ids::{BlockRef, PeerKey, PieceIndex};
use unchoke_core::message::{Contact, Contacts, Extended, ExtendedHandshake, Message};
use unchoke_core::rng::Streams;
use unchoke_core::time::Instant;
use unchoke_core::torrent::{self, BlockDigest, Config, Reason, Torrent, Unsent, Verdict};
use unchoke_core::wire::{PEX_ID, PEX_NAME};
use unchoke_core::{choke, pick};

use super::words::{address, ended, figures_of, name, of_web, shown, source};

struct Story {
    client: Client<Internet>,
    now: Instant,
    doors: BTreeMap<SocketAddr, Door>,
    keys: BTreeMap<SocketAddr, PeerKey>,
    requests: BTreeMap<PeerKey, VecDeque<BlockRef>>,
    /// Digest of each stored block.
    stored: BTreeMap<(PieceIndex, u32), u64>,
    unverified: Vec<PieceIndex>,
    asked: Vec<String>,
}

#[derive(Default)]
struct Setting {
    seed: bool,
    private: bool,
    tiers: Vec<usize>,
    web_seeds: u16,
    connections: Option<u16>,
    values: BTreeMap<String, u64>,
}

impl Setting {
    fn start(&self) -> Story {
        let bytes = 16 * u64::from(BLOCK_BYTES);
        let geometry = Geometry::new(bytes, 2 * BLOCK_BYTES).expect("8 pieces");
        let hello = ExtendedHandshake {
            extensions: [(PEX_NAME.to_owned(), PEX_ID)].into(),
            ..ExtendedHandshake::default()
        };
        let config = Config {
            hello: (!self.private).then_some(hello),
            ..Config::new(geometry)
        };
        let have = if self.seed {
            config.everything()
        } else {
            config.nothing()
        };
        let policy = choke::build("unchoke_all", &choke::Parameters::new()).expect("known");
        let picker = pick::build("rarest_first").expect("known");
        let (streams, start) = (Streams::new(1), Instant::START);
        let torrent = Torrent::new(Arc::new(config), have, policy, picker, streams, 0, start);
        let mut config = client::Config::new(self.connections.unwrap_or(50));
        config.private = self.private;
        for (key, value) in &self.values {
            let small = u16::try_from(*value).expect("small");
            match key.as_str() {
                "on_trial" => config.on_trial = small,
                "initiate" => config.initiate = small,
                "half_open" => config.half_open = small,
                "enough" => config.enough = small,
                _ => panic!("no key {key}"),
            }
        }
        let tiers = self.tiers.iter().copied();
        let client = Client::new(config, torrent, name("m"), tiers, streams, 0, start);
        Story {
            client: client.with_web_seeds(self.web_seeds),
            now: start,
            doors: BTreeMap::new(),
            keys: BTreeMap::new(),
            requests: BTreeMap::new(),
            stored: BTreeMap::new(),
            unverified: Vec::new(),
            asked: Vec::new(),
        }
    }
}

impl Story {
    fn tell(&mut self, input: Input<Internet>) {
        self.client.handle_input(self.now, input);
        let mut closed = Vec::new();
        while let Some(output) = self.client.poll_output() {
            self.note(output, &mut closed);
        }
        for peer in closed {
            let (how, unsent) = (Ended::ByDriver, Unsent::default());
            self.tell(Input::Closed { peer, how, unsent });
        }
    }

    fn at_door(&self, door: Door) -> SocketAddr {
        let found = self.doors.iter().find(|it| *it.1 == door);
        *found.expect("a door that was opened").0
    }

    fn address_of(&self, peer: PeerKey) -> SocketAddr {
        let found = self.keys.iter().find(|it| *it.1 == peer);
        *found.expect("a peer that joined").0
    }

    fn note(&mut self, output: Output<Internet>, closed: &mut Vec<PeerKey>) {
        let text = match output {
            Output::Dial { door, address } => {
                self.doors.insert(address, door);
                format!("dial {address}")
            }
            Output::Answer { door } => {
                // The caller knows the address.
                self.asked.push("answer".into());
                self.doors.insert(address("0.0.0.0:0"), door);
                return;
            }
            Output::Drop { door, .. } => {
                let address = self.at_door(door);
                self.doors.remove(&address);
                format!("drop {address}")
            }
            Output::Joined { door, peer } => {
                let address = self.at_door(door);
                self.doors.remove(&address);
                self.keys.insert(address, peer);
                format!("joined {address} {}", peer.0)
            }
            Output::Close { peer, why } => {
                closed.push(peer);
                let address = self.address_of(peer);
                self.keys.remove(&address);
                let why = match why {
                    Why::Torrent(Reason::Corrupt { .. }) => "corrupt",
                    Why::Torrent(Reason::Violation(_)) => "violation",
                    Why::Torrent(Reason::BothSeeds) => "seeds",
                    Why::Torrent(Reason::Idle) => "idle",
                    Why::Torrent(_) => "torrent",
                    Why::Turnover => "turnover",
                    Why::Useless => "useless",
                    Why::Twice => "twice",
                };
                format!("close {} {why}", shown(address))
            }
            Output::UseWebSeed { seed, peer } => {
                self.keys.insert(of_web(seed), peer);
                format!("use web:{seed}")
            }
            Output::LeftWebSeed { seed, .. } => format!("leave web:{seed}"),
            Output::Banned { address, .. } => format!("ban {address}"),
            Output::Announce { tracker, event } => {
                let event = event.map(|it| format!(" {it:?}").to_lowercase());
                format!("announce {tracker}{}", event.unwrap_or_default())
            }
            Output::Send {
                peer,
                message: Message::Request(block),
            } => {
                self.requests.entry(peer).or_default().push_back(block);
                return;
            }
            Output::VerifyPiece { piece, .. } => return self.unverified.push(piece),
            Output::Send { .. }
            | Output::Broadcast { .. }
            | Output::StoreBlock { .. }
            | Output::Completed => return,
        };
        self.asked.push(text);
    }

    fn knock(&mut self, from: SocketAddr) {
        self.tell(Input::Knock { address: from });
        let unnamed = address("0.0.0.0:0");
        if let Some(door) = self.doors.remove(&unnamed) {
            self.doors.insert(from, door);
            let answer = self.asked.iter_mut().rfind(|it| *it == "answer");
            *answer.expect("just asked") = format!("answer {from}");
        }
    }

    fn run_to(&mut self, to: Instant) {
        while let Some(at) = self.client.poll_timeout().filter(|it| *it <= to) {
            assert!(at > self.now || at == Instant::START || self.client.poll_timeout().is_some());
            self.now = self.now.max(at);
            let before = self.client.poll_timeout();
            self.tell(Input::Timeout);
            assert!(
                self.client.poll_timeout() != before,
                "the timeout at {at:?} does not move: the clock would stand still"
            );
        }
        self.now = to;
    }

    fn says(&mut self, peer: PeerKey, word: &str) {
        let extended = |it| Message::Extended(Box::new(it));
        let message = match word.split_once('=') {
            None => match word {
                "interested" => Message::Interested,
                "all" => Message::HaveAll,
                "none" => Message::HaveNone,
                "unchoke" => Message::Unchoke,
                "wrong" => Message::Have(PieceIndex(1000)),
                _ => panic!("no message {word}"),
            },
            Some(("have", piece)) => Message::Have(PieceIndex(piece.parse().expect("a number"))),
            Some(("port", port)) => extended(Extended::Handshake(ExtendedHandshake {
                listen_port: Some(port.parse().expect("a port")),
                ..ExtendedHandshake::default()
            })),
            Some(("pex", list)) => {
                let contact = |it| Contact {
                    address: address(it),
                    seed: false,
                    reachable: true,
                };
                extended(Extended::Pex {
                    id: PEX_ID,
                    changes: Contacts {
                        added: list.split(',').map(contact).collect(),
                        dropped: Vec::new(),
                    },
                })
            }
            Some(_) => panic!("no message {word}"),
        };
        self.tell(Input::Torrent(torrent::Input::Message { peer, message }));
    }

    fn sends(&mut self, peer: PeerKey, count: usize, corrupt: bool) {
        for _ in 0..count {
            let requests = self.requests.get_mut(&peer);
            let block = requests.and_then(VecDeque::pop_front).expect("a request");
            let digest = if corrupt { 1000 + u64::from(peer.0) } else { 0 };
            self.stored.insert((block.piece, block.begin), digest);
            let message = Message::Piece(block);
            self.tell(Input::Torrent(torrent::Input::Message { peer, message }));
        }
    }

    fn verify(&mut self) {
        for piece in std::mem::take(&mut self.unverified) {
            let of = self.stored.iter().filter(|it| it.0.0 == piece);
            let digests: Vec<u64> = of.map(|it| *it.1).collect();
            let good = digests.iter().all(|it| *it == 0);
            let blocks = digests.into_iter().map(BlockDigest).collect();
            let verdict = if good {
                Verdict::Good { blocks }
            } else {
                Verdict::Bad { blocks }
            };
            self.tell(Input::Torrent(torrent::Input::PieceVerified {
                piece,
                verdict,
            }));
        }
    }

    fn room(&mut self, connections: u16) {
        let usual = client::Config::new(connections);
        self.tell(Input::Connections(Room {
            connections,
            initiate: usual.initiate,
            enough: usual.enough,
        }));
    }

    fn lacks(&mut self, peer: PeerKey, first: &str, last: &str) {
        let number = |it: &str| it.parse::<u32>().expect("a piece");
        let pieces = number(first)..number(last) + 1;
        if let Some(requests) = self.requests.get_mut(&peer) {
            requests.retain(|it| !pieces.contains(&it.piece.0));
        }
        self.tell(Input::Torrent(torrent::Input::Lacks { peer, pieces }));
    }

    fn step(&mut self, words: &[&str]) {
        let key = |story: &Self, word: &str| {
            let found = story.keys.get(&address(word));
            *found.unwrap_or_else(|| panic!("{word} is not connected"))
        };
        match words {
            ["at", seconds] => self.run_to(Instant::from_secs(seconds.parse().expect("a number"))),
            ["found", from, list @ ..] => self.tell(Input::Found {
                source: source(from),
                addresses: list.iter().map(|it| address(it)).collect(),
            }),
            ["knock", from] => self.knock(address(from)),
            ["met", from, called] => {
                let door = self.doors.get(&address(from)).copied();
                self.tell(Input::Met {
                    door: door.unwrap_or_else(|| panic!("{from} is at no door")),
                    name: name(called),
                    fast: true,
                    extended: true,
                });
            }
            ["failed", from] => {
                let door = self.doors.remove(&address(from)).expect("at a door");
                let how = Unmet::Refused;
                self.tell(Input::Failed { door, how });
            }
            ["closed", from, how] => {
                let peer = key(self, from);
                self.keys.remove(&address(from));
                let (how, unsent) = (ended(how), Unsent::default());
                self.tell(Input::Closed { peer, how, unsent });
            }
            ["announced", tracker, rest @ ..] => {
                let heard = |list: &[&str]| Heard {
                    wishes: Wishes {
                        interval: Some(Duration::from_mins(30)),
                        min_interval: Some(Duration::from_mins(1)),
                    },
                    peers: list.iter().map(|it| address(it)).collect(),
                };
                self.tell(Input::Announced {
                    tracker: tracker.parse().expect("a number"),
                    outcome: (*rest != ["nothing"]).then(|| heard(rest)),
                });
            }
            ["room", most] => self.room(most.parse().expect("a number")),
            ["lacks", from, first, last] => self.lacks(key(self, from), first, last),
            ["stop"] => self.tell(Input::Stop),
            ["says", from, list @ ..] => {
                for word in list {
                    let peer = key(self, from);
                    self.says(peer, word);
                }
            }
            ["sends", from, count, rest @ ..] => {
                let count = count.parse().expect("a number");
                self.sends(key(self, from), count, *rest == ["corrupt"]);
            }
            ["verify"] => self.verify(),
            _ => self.look(words),
        }
    }

    /// The lines that only check.
    fn look(&mut self, words: &[&str]) {
        match words {
            ["expect", ..] => {
                let expected = words[1..].join(" ");
                let found = std::mem::take(&mut self.asked).join(", ");
                let found = if found.is_empty() {
                    "nothing".into()
                } else {
                    found
                };
                assert_eq!(found, expected);
            }
            ["count", kind, count] => {
                let of = self.asked.iter().filter(|it| it.starts_with(kind)).count();
                assert_eq!(of.to_string(), *count, "{:?}", self.asked);
                self.asked.retain(|it| !it.starts_with(kind));
            }
            ["forget"] => self.asked.clear(),
            ["connected", count] => assert_eq!(self.client.connections().to_string(), *count),
            ["known", count] => assert_eq!(self.client.candidates().to_string(), *count),
            ["why", hindrance] => {
                let found = format!("{:?}", self.client.explain().hindrance());
                assert_eq!(found.to_lowercase(), *hindrance);
            }
            ["candidates", from, figures @ ..] => {
                let all = self.client.explain().candidates;
                let of = all.iter().find(|it| it.source == source(from));
                assert_eq!(figures_of(of.expect("somebody")), figures.join(" "));
            }
            other => panic!("not understood: {other:?}"),
        }
    }
}

/// Expands a line.
fn repeated(line: &str) -> Vec<String> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let ["each", from, to, rest @ ..] = &words[..] else {
        return vec![line.to_owned()];
    };
    let number = |it: &str| it.parse::<u32>().expect("a number");
    let range = number(from)..=number(to);
    range
        .map(|it| rest.join(" ").replace('#', &it.to_string()))
        .collect()
}

fn run(file: &Path) -> usize {
    let text = fs::read_to_string(file).expect("a table");
    let (mut setting, mut story, mut cases) = (Setting::default(), None::<Story>, 0);
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.split("//").next().unwrap_or_default();
        for line in repeated(line) {
            let words: Vec<&str> = line.split_whitespace().collect();
            match &words[..] {
                [] => {}
                ["case", ..] => {
                    (setting, story) = (Setting::default(), None);
                    cases += 1;
                }
                ["seed"] => setting.seed = true,
                ["private"] => setting.private = true,
                ["webseeds", count] => setting.web_seeds = count.parse().expect("a count"),
                ["trackers", tiers @ ..] => {
                    setting.tiers = tiers
                        .iter()
                        .map(|it| it.parse().expect("a count"))
                        .collect();
                }
                ["set", "connections", value] => {
                    setting.connections = Some(value.parse().expect("a number"));
                }
                ["set", key, value] => {
                    let value = value.parse().expect("a number");
                    setting.values.insert((*key).to_owned(), value);
                }
                words => {
                    println!("{}:{number}: {line}", file.display());
                    story.get_or_insert_with(|| setting.start()).step(words);
                }
            }
        }
    }
    cases
}

#[test]
fn clients_behave_as_the_tables_say() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/client");
    let mut cases = 0;
    for entry in fs::read_dir(folder).expect("the folder of the tables") {
        let path = entry.expect("an entry").path();
        if path.extension().is_some_and(|it| it == "txt") {
            cases += run(&path);
        }
    }
    assert!(cases >= 20, "only {cases} cases were found");
}
