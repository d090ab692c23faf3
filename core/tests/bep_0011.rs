//! BEP 11, peer exchange: the message, and which peers are sent to whom at what time.

use std::net::SocketAddr;
use std::time::Duration;

use unchoke_core::choke::{self, Parameters};
use unchoke_core::ids::PeerKey;
use unchoke_core::message::{Contact, Contacts, Extended, ExtendedHandshake, Message};
use unchoke_core::pick;
use unchoke_core::rng::Streams;
use unchoke_core::time::Instant;
use unchoke_core::torrent::{Config, Input, Output, PeerLink, ProtocolViolation, Reason, Torrent};
use unchoke_core::wire::{MAX_CONTACTS, PEX_ID, PEX_NAME, decode_pex, encode_pex};

fn at(text: &str) -> SocketAddr {
    text.parse().expect("an address")
}

fn plain(address: SocketAddr) -> Contact {
    Contact {
        address,
        seed: false,
        reachable: false,
    }
}

/// *protocol extension*: keys, compact entries, one byte of flags each.
#[test]
fn a_message_on_the_wire() {
    let changes = Contacts {
        added: vec![
            Contact {
                seed: true,
                ..plain(at("1.2.3.4:5"))
            },
            Contact {
                reachable: true,
                ..plain(at("[2001::6]:7"))
            },
        ],
        dropped: vec![at("9.8.7.6:258")],
    };
    let wire = b"d5:added6:\x01\x02\x03\x04\x00\x057:added.f1:\x026:added618:\x20\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\x06\x00\x078:added6.f1:\x107:dropped6:\x09\x08\x07\x06\x01\x02e";
    assert_eq!(encode_pex(&changes), wire);
    assert_eq!(decode_pex(wire), Some(changes));
}

#[test]
fn what_is_malformed_counts_as_absent() {
    let nothing = Some(Contacts::default());
    for (payload, expected) in [
        (&b"garbage"[..], None),
        (b"le", None),
        (b"d5:added", None),
        (b"de", nothing.clone()),
        (b"d5:addedi7ee", nothing.clone()),
        (b"d5:added5:\x01\x02\x03\x04\x00e", nothing.clone()),
        // Port 0, any address, multicast.
        (
            b"d5:added18:\x01\x02\x03\x04\0\0\0\0\0\0\0\x05\xe0\0\0\x01\0\x05e",
            nothing,
        ),
    ] {
        assert_eq!(decode_pex(payload), expected, "{payload:?}");
    }
    // The flags of an ignored entry are ignored, too.
    let payload = b"d5:added12:\x01\x02\x03\x04\0\0\x01\x02\x03\x04\0\x057:added.f2:\x02\x10e";
    let changes = decode_pex(payload).expect("a dictionary");
    let contact = Contact {
        reachable: true,
        ..plain(at("1.2.3.4:5"))
    };
    assert_eq!(changes.added, [contact]);
}

#[test]
fn more_than_fifty_are_not_looked_at() {
    let many = |first: u8| (0..200).map(move |it| SocketAddr::from(([first, 1, 1, it], 5)));
    let changes = Contacts {
        added: many(1).map(plain).collect(),
        dropped: many(2).collect(),
    };
    let read = decode_pex(&encode_pex(&changes)).expect("our own message");
    assert_eq!(
        (read.added.len(), read.dropped.len()),
        (MAX_CONTACTS, MAX_CONTACTS)
    );
    assert_eq!(read.added, changes.added[..MAX_CONTACTS]);
}

fn hello(port: Option<u16>) -> ExtendedHandshake {
    ExtendedHandshake {
        extensions: [(PEX_NAME.to_owned(), 7)].into(),
        listen_port: port,
        ..ExtendedHandshake::default()
    }
}

/// A torrent, with the messages that it sends.
struct Ours {
    torrent: Torrent,
    now: Instant,
}

impl Ours {
    fn new(offers: bool) -> Self {
        let mut config = Config::new(crate::common::geometry(8));
        let mut ours = hello(Some(1));
        ours.extensions.insert(PEX_NAME.to_owned(), PEX_ID);
        config.hello = offers.then_some(ours);
        let have = config.nothing();
        let torrent = Torrent::new(
            config.into(),
            have,
            choke::build("bep3", &Parameters::new()).expect("a policy"),
            pick::build("rarest_first").expect("a picker"),
            Streams::new(1),
            0,
            Instant::START,
        );
        let now = Instant::START;
        Self { torrent, now }
    }

    fn input(&mut self, input: Input) -> Vec<Output> {
        self.torrent.handle_input(self.now, input);
        std::iter::from_fn(|| self.torrent.poll_output()).collect()
    }

    /// A connection from or to `address`. The peer accepts peer exchange under id 7.
    fn connect(&mut self, peer: u32, address: &str, outgoing: bool, port: Option<u16>) {
        let link = PeerLink {
            extended: true,
            outgoing,
            address: Some(at(address)),
            ..PeerLink::default()
        };
        let peer = PeerKey(peer);
        self.input(Input::PeerConnected { peer, link });
        self.hear(peer, Extended::Handshake(hello(port)));
    }

    fn hear(&mut self, peer: PeerKey, extended: Extended) -> Vec<Output> {
        let message = Message::Extended(Box::new(extended));
        self.input(Input::Message { peer, message })
    }

    fn hear_pex(&mut self, peer: u32, added: &[&str]) -> Vec<Output> {
        let added = added.iter().map(|it| plain(at(it))).collect();
        let changes = Contacts {
            added,
            dropped: Vec::new(),
        };
        self.hear(
            PeerKey(peer),
            Extended::Pex {
                id: PEX_ID,
                changes,
            },
        )
    }

    /// Advances time. Returns every peer exchange message: second, peer, added and dropped
    /// addresses.
    fn run_to(&mut self, second: u64) -> Vec<(u64, u32, Vec<String>, Vec<String>)> {
        let mut sent = Vec::new();
        while let Some(next) = self.torrent.poll_timeout() {
            if next > Instant::from_secs(second) {
                break;
            }
            self.now = next;
            for output in self.input(Input::Timeout) {
                let Output::Send {
                    peer,
                    message: Message::Extended(extended),
                } = output
                else {
                    continue;
                };
                let Extended::Pex { id, changes } = *extended else {
                    continue;
                };
                assert_eq!(id, 7, "the id that the peer gave it");
                let added = changes.added.iter().map(|it| it.address.to_string());
                let dropped = changes.dropped.iter().map(ToString::to_string);
                let at = self.now.as_secs();
                sent.push((at, peer.0, added.collect(), dropped.collect()));
            }
        }
        self.now = Instant::from_secs(second);
        sent
    }
}

#[test]
fn peers_are_told_of_the_others_and_what_changed() {
    let mut ours = Ours::new(true);
    ours.connect(0, "1.1.1.1:10", true, None);
    ours.connect(1, "2.2.2.2:20000", false, Some(20));
    // We do not know on which port the peer listens.
    ours.connect(2, "3.3.3.3:30000", false, None);
    let sent = ours.run_to(59);
    let of = |peer: u32| {
        let of = sent.iter().filter(|it| it.1 == peer);
        of.map(|it| (it.2.join(" "), it.3.join(" ")))
            .collect::<Vec<_>>()
    };
    let only = |added: &str| vec![(added.to_owned(), String::new())];
    assert_eq!(of(0), only("2.2.2.2:20"));
    assert_eq!(of(1), only("1.1.1.1:10"));
    assert_eq!(of(2), only("1.1.1.1:10 2.2.2.2:20"));

    ours.input(Input::PeerDisconnected { peer: PeerKey(1) });
    ours.connect(3, "4.4.4.4:40", true, None);
    let later = ours.run_to(300);
    let to_0: Vec<_> = later.iter().filter(|it| it.1 == 0).collect();
    assert_eq!(to_0.len(), 1, "once: {later:?}");
    assert_eq!(to_0[0].2, ["4.4.4.4:40"]);
    assert_eq!(to_0[0].3, ["2.2.2.2:20"]);
    assert!(to_0[0].0 >= 60, "{later:?}");
    let to_3: Vec<_> = later.iter().filter(|it| it.1 == 3).collect();
    assert_eq!(to_3[0].2, ["1.1.1.1:10"]);
}

#[test]
fn no_more_than_one_message_a_minute_and_fifty_contacts() {
    let mut ours = Ours::new(true);
    for peer in 0..121_u8 {
        let address = format!("9.9.9.{peer}:9");
        ours.connect(peer.into(), &address, true, None);
    }
    let sent = ours.run_to(240);
    let to_5: Vec<_> = sent.iter().filter(|it| it.1 == 5).collect();
    let sizes: Vec<usize> = to_5.iter().map(|it| it.2.len()).collect();
    assert_eq!(sizes, [50, 50, 20]);
    assert!(
        to_5.windows(2).all(|it| it[1].0 - it[0].0 >= 60),
        "{to_5:?}"
    );
    let all = to_5.iter().flat_map(|it| &it.2);
    assert!(
        all.clone().all(|it| it != "9.9.9.5:9"),
        "a peer is not told its own address"
    );
    assert_eq!(all.collect::<std::collections::BTreeSet<_>>().len(), 120);
}

#[test]
fn who_did_not_offer_it_is_silent_and_deaf() {
    let mut ours = Ours::new(false);
    ours.connect(0, "1.1.1.1:10", true, None);
    ours.connect(1, "2.2.2.2:20", true, None);
    assert_eq!(ours.run_to(200), []);
    assert_eq!(ours.hear_pex(0, &["5.5.5.5:5"]), []);
}

fn found(outputs: &[Output]) -> Vec<String> {
    match outputs {
        [Output::PeersFound { peers, .. }] => peers.iter().map(ToString::to_string).collect(),
        [] => Vec::new(),
        other => panic!("{other:?}"),
    }
}

/// *security considerations*.
#[test]
fn hearsay_is_taken_in_small_amounts() {
    let mut ours = Ours::new(true);
    ours.connect(0, "1.1.1.1:10", true, None);
    ours.connect(1, "192.168.0.9:10", true, None);
    let rumour = [
        "5.5.5.5:5",
        "5.5.5.5:6",
        "127.0.0.1:22",
        "10.0.0.1:80",
        "[fe80::1]:80",
        "[2001::1]:8",
    ];
    assert_eq!(
        found(&ours.hear_pex(0, &rumour)),
        ["5.5.5.5:5", "[2001::1]:8"]
    );
    // In our own network, other ports of the same host are other peers.
    let local = ["192.168.0.7:1", "192.168.0.7:2"];
    assert_eq!(found(&ours.hear_pex(1, &local)), local);

    let mut learned = 2;
    for minute in 1..10_u8 {
        ours.run_to(60 * u64::from(minute));
        let many: Vec<String> = (0..60).map(|it| format!("7.{minute}.0.{it}:7")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        learned += found(&ours.hear_pex(0, &many)).len();
    }
    assert_eq!(learned, 200, "one peer cannot tell us more addresses");
}

#[test]
fn a_flood_ends_the_connection() {
    let mut ours = Ours::new(true);
    ours.connect(0, "1.1.1.1:10", true, None);
    assert_eq!(found(&ours.hear_pex(0, &["5.5.5.5:5"])), ["5.5.5.5:5"]);
    for _ in 0..2 {
        assert_eq!(
            ours.hear_pex(0, &["6.6.6.6:6"]),
            [],
            "messages sent too soon are ignored"
        );
    }
    let reason = Reason::Violation(ProtocolViolation::TooFrequentPex);
    let peer = PeerKey(0);
    assert_eq!(ours.hear_pex(0, &[]), [Output::Disconnect { peer, reason }]);
}

#[test]
fn a_flood_that_cannot_be_read_ends_the_connection_too() {
    let mut ours = Ours::new(true);
    ours.connect(0, "1.1.1.1:10", true, None);
    ours.connect(1, "1.1.1.2:10", true, None);
    let of_id = |id| Extended::Unknown {
        id,
        payload: b"no dictionary".to_vec(),
    };
    let peer = PeerKey(0);
    for _ in 0..3 {
        assert_eq!(ours.hear(peer, of_id(PEX_ID)), []);
    }
    let reason = Reason::Violation(ProtocolViolation::TooFrequentPex);
    let ended = [Output::Disconnect { peer, reason }];
    assert_eq!(ours.hear(peer, of_id(PEX_ID)), ended);
    // Messages of extensions that we do not know are none of this.
    for _ in 0..9 {
        assert_eq!(ours.hear(PeerKey(1), of_id(99)), []);
    }
}

#[test]
fn half_a_minute_apart_is_no_flood() {
    let mut ours = Ours::new(true);
    ours.connect(0, "1.1.1.1:10", true, None);
    for round in 0..20_u8 {
        ours.now = Instant::START.after(Duration::from_secs(31) * u32::from(round));
        let address = format!("6.6.6.{round}:6");
        assert_eq!(found(&ours.hear_pex(0, &[&address])), [address]);
    }
}
