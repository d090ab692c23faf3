//! Attacks on a DHT node, and its limits.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use proptest::prelude::*;
use unchoke_core::dht::message::{Body, Contact, Message, Query, Reply};
use unchoke_core::dht::table::{K, Table};
use unchoke_core::dht::{Input, Node, NodeId, Output};
use unchoke_core::ids::InfoHash;
use unchoke_core::time::Instant;

use super::{HASH, rng as stream, swarm_of, v4};

fn query(query: Query) -> Vec<u8> {
    let message = Message {
        transaction: b"aa".to_vec(),
        body: Body::Query(NodeId([3; 20]), query),
        read_only: true,
        seen_as: None,
    };
    message.encode(true)
}

/// The answers of a node to a datagram.
fn answers(node: &mut Node, now: Instant, from: SocketAddr, bytes: &[u8]) -> Vec<Message> {
    node.handle_input(now, Input::Datagram { from, bytes });
    let outputs = std::iter::from_fn(|| node.poll_output());
    let sent = outputs.filter_map(|it| match it {
        Output::Send { to, bytes } if to == from => Message::decode(&bytes, true),
        _ => None,
    });
    sent.collect()
}

#[test]
fn nobody_is_announced_without_a_token_of_its_own() {
    let now = Instant::from_secs(1);
    let mut node = Node::new(now, true, stream(0));
    let peers_now = |node: &mut Node, now| {
        let asked = answers(node, now, v4(9), &query(Query::GetPeers(HASH)));
        let Body::Reply(reply) = asked[0].body.clone() else {
            panic!("an answer");
        };
        reply
    };
    let token = peers_now(&mut node, now).token.expect("a token");
    let announce = |token: &[u8]| {
        query(Query::AnnouncePeer {
            info_hash: HASH,
            port: Some(80),
            token: token.to_vec(),
        })
    };
    for (from, token, good) in [
        (v4(8), &token[..], false),
        (v4(9), b"made up!".as_slice(), false),
        (v4(9), &token[..], true),
    ] {
        let said = answers(&mut node, now, from, &announce(token));
        assert_eq!(matches!(said[0].body, Body::Reply(_)), good);
    }
    let peers = peers_now(&mut node, now).peers;
    assert_eq!(peers, [SocketAddr::new(v4(9).ip(), 80)]);
    let later = now.after(Duration::from_mins(16));
    let stale = answers(&mut node, later, v4(9), &announce(&token));
    assert_eq!(stale[0].body, Body::Error(203), "tokens expire");
    let much_later = now.after(Duration::from_mins(40));
    assert_eq!(
        peers_now(&mut node, much_later).peers,
        [],
        "peers expire, too"
    );
}

#[test]
fn a_flood_is_not_answered_for_long_and_others_are() {
    let now = Instant::from_secs(1);
    let mut node = Node::new(now, true, stream(0));
    let ping = query(Query::Ping);
    let answered = (0..10_000).filter(|_| !answers(&mut node, now, v4(1), &ping).is_empty());
    assert_eq!(answered.count(), 50);
    assert_eq!(answers(&mut node, now, v4(2), &ping).len(), 1);
    let soon = now.after(Duration::from_mins(4));
    assert!(answers(&mut node, soon, v4(1), &ping).is_empty());
    let later = now.after(Duration::from_mins(6));
    assert_eq!(answers(&mut node, later, v4(1), &ping).len(), 1);
    // With many source addresses, as if they were forged, the total bytes of all answers are
    // limited.
    let mut bytes = 0;
    for number in 0..20_000 {
        let from = v4(100 + number);
        node.handle_input(later, Input::Datagram { from, bytes: &ping });
        while let Some(output) = node.poll_output() {
            if let Output::Send { bytes: sent, .. } = output {
                bytes += sent.len();
            }
        }
    }
    assert!(bytes < 20_000, "{bytes} bytes for a flood");
}

#[test]
fn an_answer_counts_only_from_who_was_asked_and_with_its_number() {
    let now = Instant::from_secs(1);
    let mut node = Node::new(now, true, stream(0));
    node.handle_input(now, Input::Nodes(vec![v4(1)]));
    node.handle_input(now, Input::Want(HASH, None));
    let sent: Vec<Output> = std::iter::from_fn(|| node.poll_output()).collect();
    let question = sent.iter().find_map(|it| match it {
        Output::Send { to, bytes } if *to == v4(1) => Message::decode(bytes, true),
        _ => None,
    });
    let question = question.expect("it asks");
    let reply = |transaction: Vec<u8>| {
        let message = Message {
            transaction,
            body: Body::Reply(Reply {
                id: NodeId([1; 20]),
                peers: vec![v4(66)],
                ..Reply::default()
            }),
            read_only: false,
            seen_as: None,
        };
        message.encode(true)
    };
    let mut wrong = question.transaction.clone();
    wrong[0] ^= 1;
    for (from, transaction) in [
        (v4(2), question.transaction.clone()),
        (v4(1), wrong),
        (v4(1), b"aa".to_vec()),
    ] {
        let bytes = &reply(transaction);
        node.handle_input(now, Input::Datagram { from, bytes });
        assert!(node.table().is_empty());
    }
    let bytes = &reply(question.transaction);
    let from = v4(1);
    node.handle_input(now, Input::Datagram { from, bytes });
    assert_eq!(node.table().len(), 1);
}

#[test]
fn strangers_cannot_send_us_to_machines_near_us() {
    // A public node names a peer and a node in our local network. We must contact neither.
    let now = Instant::from_secs(1);
    let near: SocketAddr = "192.168.0.1:80".parse().expect("an address");
    let mut node = Node::new(now, true, stream(0));
    node.handle_input(now, Input::Nodes(vec![v4(1)]));
    node.handle_input(now, Input::Want(HASH, None));
    let mut questions: Vec<Output> = std::iter::from_fn(|| node.poll_output()).collect();
    while let Some(output) = questions.pop() {
        match output {
            Output::Send { to, bytes } => {
                assert_eq!(to, v4(1), "no other node is asked");
                let asked = Message::decode(&bytes, true).expect("ours");
                let contact = Contact {
                    id: NodeId([7; 20]),
                    address: near,
                };
                let message = Message {
                    transaction: asked.transaction,
                    body: Body::Reply(Reply {
                        id: NodeId([1; 20]),
                        nodes: vec![contact],
                        peers: vec![near],
                        ..Reply::default()
                    }),
                    read_only: false,
                    seen_as: None,
                };
                let (from, bytes) = (to, &message.encode(true));
                node.handle_input(now, Input::Datagram { from, bytes });
                questions.extend(std::iter::from_fn(|| node.poll_output()));
            }
            Output::Peers { peers, .. } => panic!("{peers:?} are passed on"),
            Output::Searched { .. } => {}
        }
    }
}

/// A node answers each question with nodes that are ever nearer to the target.
#[test]
fn a_search_led_on_without_end_ends() {
    let now = Instant::from_secs(1);
    let mut node = Node::new(now, true, stream(0));
    node.handle_input(now, Input::Nodes(vec![v4(0)]));
    node.handle_input(now, Input::Want(HASH, Some(1)));
    let (mut asked, mut next) = (0, 1);
    while let Some(output) = node.poll_output() {
        let Output::Send { to, bytes } = output else {
            continue;
        };
        let question = Message::decode(&bytes, true).expect("ours");
        let Body::Query(_, Query::GetPeers(_)) = question.body else {
            continue;
        };
        asked += 1;
        assert!(asked < 1000, "the search does not end");
        let nodes = (0..8).map(|place| {
            let mut id = HASH.0;
            let number = u32::MAX - next - place;
            id[16..].copy_from_slice(&number.to_be_bytes());
            Contact {
                id: NodeId(id),
                address: v4(next + place),
            }
        });
        let nodes: Vec<_> = nodes.collect();
        next += 8;
        let message = Message {
            transaction: question.transaction,
            body: Body::Reply(Reply {
                id: NodeId([1; 20]),
                nodes,
                token: Some(b"t".to_vec()),
                ..Reply::default()
            }),
            read_only: false,
            seen_as: None,
        };
        let bytes = &message.encode(true);
        node.handle_input(now, Input::Datagram { from: to, bytes });
    }
    assert!(asked <= 150, "{asked} questions");
}

#[test]
fn a_host_is_one_node_whatever_it_calls_itself() {
    let mut table = Table::new(NodeId([0; 20]));
    let now = Instant::from_secs(1);
    let mut rng = stream(0);
    for port in 1..500 {
        let contact = Contact {
            id: NodeId::random(&mut rng),
            address: SocketAddr::new(v4(1).ip(), port),
        };
        table.answered(now, contact);
    }
    assert_eq!(table.len(), 1);
}

#[test]
fn nodes_whose_name_fits_their_address_are_preferred() {
    let mut table = Table::new(NodeId([0; 20]));
    let now = Instant::from_secs(1);
    let mut rng = stream(1);
    let mut contact = |number, fits| {
        let address = v4(number);
        loop {
            let id = if fits {
                NodeId::random_for(address.ip(), &mut rng)
            } else {
                NodeId::random(&mut rng)
            };
            // Only ids of the first bucket.
            if id.0[0] & 0x80 > 0 && id.fits(address.ip()) == fits {
                return Contact { id, address };
            }
        }
    };
    for number in 0..8 {
        table.answered(now, contact(number, false));
    }
    let half = (100..140)
        .find(|it| v4(*it).ip() != v4(0).ip())
        .expect("one");
    let good: Vec<_> = (half..half + 12)
        .filter(|number| {
            let mut probe = stream(*number);
            (0..64).any(|_| NodeId::random_for(v4(*number).ip(), &mut probe).0[0] & 0x80 > 0)
        })
        .map(|number| contact(number, true))
        .collect();
    for contact in &good {
        table.answered(now, *contact);
    }
    let fitting = table.closest(NodeId([0xff; 20]), 20);
    let fitting = fitting.iter().filter(|it| it.id.fits(it.address.ip()));
    assert_eq!(fitting.count(), good.len().min(K));
}

/// Other nodes tell us our address. Our node id does not fit it, so we choose another id.
#[test]
fn a_node_takes_a_name_that_fits_its_address() {
    let mut net = swarm_of(|it| v4(it.into()), 40);
    net.run(Duration::from_mins(2));
    let fitting = net.nodes.iter().filter(|it| it.1.id().fits(it.0.ip()));
    assert!(fitting.count() >= 35);
}

fn bytes_like_messages() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        Just(b"d1:ad2:id20:abcdefghij01234567899:info_hash20:mnopqrstuvwxyz123456e".to_vec()),
        Just(b"1:q9:get_peers".to_vec()),
        Just(b"1:t2:aa".to_vec()),
        Just(b"1:y1:q".to_vec()),
        Just(b"1:rd2:id20:0123456789abcdefghij5:nodes26:".to_vec()),
        Just(b"6:valuesl6:axje.u6:idhtnme".to_vec()),
        Just(b"e".to_vec()),
        Just(b"l".to_vec()),
        prop::collection::vec(any::<u8>(), 0..40),
    ];
    prop::collection::vec(piece, 0..12).prop_map(|it| it.concat())
}

proptest! {
    #[test]
    fn no_datagram_breaks_a_node(
        datagrams in prop::collection::vec((0..50_u32, bytes_like_messages()), 0..60),
        wants in any::<bool>(),
    ) {
        let mut now = Instant::from_secs(1);
        let mut node = Node::new(now, true, stream(0));
        node.handle_input(now, Input::Nodes((0..20).map(v4).collect()));
        if wants {
            node.handle_input(now, Input::Want(HASH, Some(1)));
        }
        for (from, bytes) in &datagrams {
            now = now.after(Duration::from_millis(200));
            node.handle_input(now, Input::Datagram { from: v4(*from), bytes });
            let sent = std::iter::from_fn(|| node.poll_output()).count();
            prop_assert!(sent < 250);
        }
        prop_assert!(node.table().len() <= 160 * K);
    }

    #[test]
    fn messages_survive_the_wire(
        transaction in prop::collection::vec(any::<u8>(), 1..20),
        id in any::<[u8; 20]>(), target in any::<[u8; 20]>(),
        port in prop::option::of(1..u16::MAX),
        token in prop::collection::vec(any::<u8>(), 1..30),
        hosts in prop::collection::vec(1..0xdfff_ffff_u32, 0..8),
        kind in 0..5,
    ) {
        let addresses: Vec<SocketAddr> = hosts
            .iter()
            .map(|it| SocketAddr::new(IpAddr::V4(Ipv4Addr::from(*it)), 9))
            .collect();
        let id = NodeId(id);
        let body = match kind {
            0 => Body::Query(id, Query::Ping),
            1 => Body::Query(id, Query::FindNode(NodeId(target))),
            2 => Body::Query(id, Query::GetPeers(InfoHash(target))),
            3 => Body::Query(id, Query::AnnouncePeer { info_hash: InfoHash(target), port, token }),
            _ => Body::Reply(Reply {
                id,
                nodes: addresses.iter().map(|it| Contact {
                    id: NodeId(target),
                    address: *it,
                }).collect(),
                peers: addresses,
                token: Some(token),
            }),
        };
        let message = Message { transaction, body, read_only: kind == 2, seen_as: None };
        prop_assert_eq!(Message::decode(&message.encode(true), true), Some(message));
    }
}
