//! The connections that a search for an info dictionary makes.

use std::net::SocketAddr;

use unchoke_core::client::source::Source;
use unchoke_core::client::{Config, Internet};
use unchoke_core::ids::PeerKey;
use unchoke_core::metadata::search::{Act, Search};
use unchoke_core::time::Instant;

fn at(host: u8, port: u16) -> SocketAddr {
    ([10, 0, 0, host], port).into()
}

/// A public address.
fn far(host: u8, port: u16) -> SocketAddr {
    ([9, 0, 0, host], port).into()
}

fn search(connections: u16) -> Search<Internet> {
    Search::new(Config::new(connections))
}

/// The acts of the search at this second.
fn acts(search: &mut Search<Internet>, second: u64) -> Vec<Act<SocketAddr>> {
    std::iter::from_fn(|| search.poll(Instant::from_secs(second))).collect()
}

fn dialled(search: &mut Search<Internet>, second: u64) -> Vec<SocketAddr> {
    let dial = |it| match it {
        Act::Dial { address, .. } => Some(address),
        Act::Close { .. } => None,
    };
    acts(search, second).into_iter().filter_map(dial).collect()
}

#[test]
fn named_ones_come_first_and_who_failed_is_tried_again_as_by_a_client() {
    let mut it = search(50);
    it.found(Source::Tracker, [at(1, 1), at(2, 1), at(9, 9), at(3, 0)]);
    it.found(Source::User, [at(9, 9)]);
    assert_eq!(it.known(), 3, "nobody listens on port 0");
    assert_eq!(dialled(&mut it, 0), [at(9, 9), at(1, 1), at(2, 1)]);
    it.closed(Instant::from_secs(0), PeerKey(0));
    assert_eq!(dialled(&mut it, 14), []);
    assert_eq!(dialled(&mut it, 16), [at(9, 9)]);
    it.closed(Instant::from_secs(16), PeerKey(3));
    assert_eq!(dialled(&mut it, 45), [], "twice as long");
    assert_eq!(dialled(&mut it, 47), [at(9, 9)]);
}

#[test]
fn who_lies_is_left_alone_with_its_host_and_we_are_never_dialled_again() {
    let mut it = search(50);
    it.found(Source::User, [at(1, 1), at(1, 2), at(2, 1)]);
    assert_eq!(dialled(&mut it, 0).len(), 3);
    for peer in 0..3 {
        it.met(PeerKey(peer));
    }
    it.note_useful(PeerKey(0));
    it.note_useful(PeerKey(1));
    assert_eq!(it.connected(), 3);
    it.condemn(Instant::from_secs(1), PeerKey(0));
    it.closed(Instant::from_secs(1), PeerKey(1));
    it.is_us(Instant::from_secs(1), PeerKey(2));
    assert_eq!(it.useful().collect::<Vec<_>>(), [(Source::User, at(1, 2))]);
    assert_eq!(
        it.come(Instant::from_secs(2), at(1, 77)),
        None,
        "the same host"
    );
    assert!(it.come(Instant::from_secs(2), at(3, 77)).is_some());
    assert_eq!(dialled(&mut it, 3000), []);
    assert_eq!(
        dialled(&mut it, 4000),
        [at(1, 1), at(1, 2)],
        "every ban ends"
    );
}

#[test]
fn who_has_nothing_makes_way_after_a_while_but_only_for_somebody() {
    let mut it = search(2);
    it.found(Source::User, [at(1, 1), at(2, 1)]);
    assert_eq!(dialled(&mut it, 0).len(), 2);
    it.met(PeerKey(0));
    it.met(PeerKey(1));
    it.note_having(PeerKey(0), true);
    assert_eq!(acts(&mut it, 60), [], "no other address waits");
    it.found(Source::Tracker, [at(3, 1), at(4, 1)]);
    let close = Act::Close { peer: PeerKey(1) };
    let dial = Act::Dial {
        peer: PeerKey(2),
        address: at(3, 1),
    };
    assert_eq!(acts(&mut it, 60), [close, dial]);
    assert_eq!(
        acts(&mut it, 79),
        [],
        "the new peer still has time, and the other has the dictionary"
    );
    assert_eq!(it.come(Instant::from_secs(79), at(5, 1)), Some(PeerKey(3)));
    assert_eq!(
        it.come(Instant::from_secs(79), at(6, 1)),
        None,
        "incoming connections get half of the places"
    );
}

#[test]
fn a_flood_of_addresses_is_bounded_and_attempts_are_few_at_a_time() {
    let mut it = search(200);
    it.found(Source::Dht, (1000..9000).map(|port| at(1, port)));
    assert_eq!(it.known(), Source::Dht.places());
    let named: Vec<_> = (1..=100).map(|port| at(2, port)).collect();
    it.found(Source::User, named.iter().copied());
    let first = dialled(&mut it, 0);
    assert_eq!(first, named[..usize::from(Config::new(200).attempts)]);
}

#[test]
fn who_only_says_that_it_has_the_dictionary_makes_way_too() {
    let mut it = search(2);
    it.found(Source::Dht, [at(1, 1), at(2, 1)]);
    assert_eq!(dialled(&mut it, 0).len(), 2);
    for peer in [PeerKey(0), PeerKey(1)] {
        it.met(peer);
        it.note_having(peer, true);
    }
    it.found(Source::Tracker, [at(3, 1), at(4, 1)]);
    assert_eq!(acts(&mut it, 60), []);
    it.note_having(PeerKey(1), false);
    let close = |peer| Act::Close {
        peer: PeerKey(peer),
    };
    assert_eq!(acts(&mut it, 60)[0], close(1), "it did not answer");
    it.note_having(PeerKey(2), true);
    assert_eq!(acts(&mut it, 179), []);
    assert_eq!(acts(&mut it, 180)[0], close(0), "it never finishes");
}

#[test]
fn peers_of_a_link_come_after_those_of_a_tracker_and_the_useful_are_told_as_such() {
    let mut it = search(2);
    it.found(Source::Link, [at(1, 1), at(2, 1), at(3, 1)]);
    assert_eq!(dialled(&mut it, 0), [at(1, 1), at(2, 1)]);
    it.met(PeerKey(0));
    it.met(PeerKey(1));
    it.found(Source::Tracker, [at(4, 1)]);
    assert_eq!(dialled(&mut it, 20), [at(4, 1), at(3, 1)]);
    it.met(PeerKey(3));
    it.note_useful(PeerKey(3));
    assert_eq!(it.useful().collect::<Vec<_>>(), [(Source::Link, at(3, 1))]);
}

#[test]
fn one_host_neither_takes_all_places_nor_keeps_another_out() {
    let mut it = search(20);
    it.found(Source::Dht, (1..=20).map(|port| far(1, port)));
    assert_eq!(dialled(&mut it, 0).len(), 4);
    it.found(Source::User, [far(1, 99)]);
    assert_eq!(dialled(&mut it, 0), [far(1, 99)], "the user named it");
    // Incoming connections of one host, and then those of three hosts together.
    let start = Instant::from_secs(0);
    let mut come = |host, port| it.come(start, far(host, port)).map(|peer| peer.0);
    let first: Vec<_> = (1..=6).map(|port| come(9, port)).collect();
    assert_eq!(first, [Some(5), Some(6), Some(7), Some(8), None, None]);
    assert!((1..=4).all(|port| come(8, port).is_some()));
    assert!((1..=2).all(|port| come(7, port).is_some()));
    assert_eq!(come(6, 1), Some(15), "all ten places were taken");
    assert_eq!(acts(&mut it, 0), [Act::Close { peer: PeerKey(5) }]);
}

#[test]
fn of_incoming_connections_those_without_the_dictionary_make_way() {
    let mut it = search(4);
    assert!(it.come(Instant::from_secs(0), at(1, 1)).is_some());
    assert!(it.come(Instant::from_secs(0), at(2, 1)).is_some());
    it.note_having(PeerKey(0), true);
    assert_eq!(it.come(Instant::from_secs(19), at(3, 1)), None);
    let later = Instant::from_secs(20);
    assert_eq!(it.come(later, at(3, 1)), Some(PeerKey(2)));
    assert_eq!(acts(&mut it, 20), [Act::Close { peer: PeerKey(1) }]);
    assert_eq!(it.come(later, at(4, 1)), None);
    let later = Instant::from_secs(180);
    assert!(it.come(later, at(4, 1)).is_some());
    assert_eq!(acts(&mut it, 180), [Act::Close { peer: PeerKey(2) }]);
}
