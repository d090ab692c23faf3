//! The address book by itself: places for each source, trust, and order.

use std::net::SocketAddr;

use proptest::prelude::*;
use unchoke_core::client::book::{Book, Wanted};
use unchoke_core::client::explain::Unmet;
use unchoke_core::client::redial::Fate;
use unchoke_core::client::source::Source;
use unchoke_core::ids::PeerKey;
use unchoke_core::time::Instant;

const ALL: Wanted = Wanted {
    up_to: Source::PeerExchange,
    am_seed: false,
};

fn flood(book: &mut Book<u32>, teller: u32, addresses: std::ops::Range<u32>) -> usize {
    let teller = Some(PeerKey(teller));
    addresses
        .filter(|it| book.add(Source::PeerExchange, teller, *it))
        .count()
}

#[test]
fn peers_cannot_crowd_out_what_others_name() {
    let mut book = Book::new(false);
    for teller in 0..40 {
        flood(&mut book, teller, teller * 1000..teller * 1000 + 50);
    }
    assert_eq!(book.len(), Source::PeerExchange.places());
    assert!(book.add(Source::Tracker, None, 7_000_000));
    let next = book.poll_dial(Instant::START, ALL, |_, _| true);
    assert_eq!(next, Some((7_000_000, Source::Tracker)));
}

#[test]
fn one_peer_has_a_share_and_a_latecomer_gets_one() {
    let mut book = Book::new(false);
    assert_eq!(flood(&mut book, 0, 0..1000), Source::PLACES_OF_A_TELLER);
    for teller in 1..10 {
        flood(&mut book, teller, teller * 1000..teller * 1000 + 50);
    }
    // The book is full. The peer that named most addresses loses places to the peer that named
    // none, until both have the same number.
    let got = flood(&mut book, 99, 500_000..500_050);
    // By now, eleven peers share 400 places.
    assert!((35..=37).contains(&got), "{got}");
    assert_eq!(book.len(), Source::PeerExchange.places());
    // After that, no peer takes places from another; otherwise two peers could do so forever.
    assert_eq!(flood(&mut book, 99, 600_000..600_050), 0);
}

#[test]
fn the_sources_together_have_a_bound() {
    let mut book = Book::new(false);
    for (number, source) in
        (0..).zip([Source::User, Source::Tracker, Source::Incoming, Source::Dht])
    {
        for address in 0..5000 {
            book.add(source, None, number * 10_000 + address);
        }
        assert!(book.len() <= 3000, "{}", book.len());
    }
}

#[test]
fn a_better_word_for_a_known_address_counts() {
    let mut book = Book::new(false);
    flood(&mut book, 1, 0..3);
    assert!(book.add(Source::Tracker, None, 2));
    assert!(
        !book.add(Source::PeerExchange, Some(PeerKey(2)), 2),
        "a less trusted source does not count"
    );
    assert_eq!(book.source(2), Some(Source::Tracker));
    let trusted = Wanted {
        up_to: Source::Tracker,
        ..ALL
    };
    assert_eq!(book.due(Instant::START, trusted), 1);
    assert_eq!(book.due(Instant::START, ALL), 3);
}

#[test]
fn who_comes_back_goes_to_the_end() {
    let mut book: Book<u32> = Book::new(false);
    for address in [1, 2, 3] {
        book.add(Source::Tracker, None, address);
    }
    let now = Instant::START;
    let mut order = Vec::new();
    for _ in 0..6 {
        let (address, _) = book.poll_dial(now, ALL, |_, _| true).expect("one waits");
        order.push(address);
        book.connected(address);
        book.parted(now, address, Fate::Again(std::time::Duration::ZERO));
    }
    assert_eq!(order, [1, 2, 3, 1, 2, 3]);
    // A ban stays, whatever else happens to the address.
    book.postpone(1, Instant::from_secs(100));
    assert_eq!(book.due(Instant::from_secs(99), ALL), 2);
    let due = book.poll_timeout(Instant::from_secs(1), ALL);
    let early = Instant::from_secs(100) - due;
    assert!(early < std::time::Duration::from_millis(17), "{early:?}");
}

#[test]
fn addresses_of_the_network_are_one_if_they_are_one() {
    use unchoke_core::client::{Internet, Places};
    let parsed = |it: &str| it.parse::<SocketAddr>().expect("an address");
    let usable = |it| Internet::usable(parsed(it));
    assert_eq!(usable("[::ffff:1.2.3.4]:5"), Some(parsed("1.2.3.4:5")));
    for unusable in [
        "1.2.3.4:0",
        "0.0.0.0:5",
        "224.0.0.1:5",
        "255.255.255.255:5",
        "[::]:5",
    ] {
        assert_eq!(usable(unusable), None, "{unusable}");
    }
    let host = |it| Internet::host(parsed(it));
    assert_eq!(host("[2001:db8::1]:5"), host("[2001:db8::2:3:4:5]:6"));
    assert_ne!(host("[2001:db8::1]:5"), host("[2001:db8:0:1::1]:5"));
    assert!(Internet::is_shared(host("127.0.0.1:5")) && Internet::is_shared(host("[::1]:5")));
    assert!(!Internet::is_shared(host("8.8.8.8:5")));
}

proptest! {
    #[test]
    fn as_many_wait_as_will_be_due(steps in prop::collection::vec((0..8_u32, 0..9_u32), 1..99)) {
        let mut book = Book::new(false);
        let all = [Source::PeerExchange, Source::Tracker, Source::User];
        for (kind, address) in steps {
            let (now, teller) = (Instant::START, Some(PeerKey(address)));
            match kind {
                0 => _ = book.add(Source::PeerExchange, teller, address),
                1 => _ = book.add(Source::Tracker, None, address),
                2 => _ = book.poll_dial(now, ALL, |it, _| it >= address),
                3 => book.connected(address),
                4 => _ = book.adopt(address, true),
                5 => book.failed(now, address, Unmet::Refused),
                6 => book.parted(now, address, [Fate::Seed, Fate::Forgotten][address as usize % 2]),
                _ => book.note_seed(address),
            }
            for (up_to, am_seed) in all.iter().flat_map(|it| [(*it, false), (*it, true)]) {
                let wanted = Wanted { up_to, am_seed };
                let due = book.due(Instant::from_secs(10_000_000), wanted);
                prop_assert_eq!(book.waiting(wanted), due, "{:?}", wanted);
            }
        }
    }
}
