//! BEP 14: announces in the local network.

use std::net::SocketAddr;
use std::time::Duration;

use proptest::prelude::*;
use unchoke_core::ids::InfoHash;
use unchoke_core::lsd::{Announce, Beacon, Heard, MAX_BYTES};
use unchoke_core::time::Instant;

fn hash(number: u8) -> InfoHash {
    InfoHash([number; 20])
}

fn from(text: &str) -> SocketAddr {
    text.parse().expect("an address")
}

#[test]
fn an_announce_is_the_text_of_the_specification() {
    let announce = Announce {
        port: 6881,
        torrents: vec![hash(0xab)],
        cookie: Some(b"x1".to_vec()),
    };
    let text = String::from_utf8(announce.encode(true)).expect("text");
    let wanted = format!(
        "BT-SEARCH * HTTP/1.1\r\nHost: 239.192.152.143:6771\r\nPort: 6881\r\n\
         Infohash: {}\r\ncookie: x1\r\n\r\n\r\n",
        "ab".repeat(20)
    );
    assert_eq!(text, wanted);
    let text = String::from_utf8(announce.encode(false)).expect("text");
    assert!(text.contains("Host: [ff15::efc0:988f]:6771\r\n"), "{text}");
}

/// Announces of other clients: different case and order, additional headers.
#[test]
fn other_spellings_are_read() {
    let text = format!(
        "BT-SEARCH * HTTP/1.1\nX-Other: y\nINFOHASH:{}\nport: 51413\nInfohash: {}\n\n",
        "0F".repeat(20),
        "zz".repeat(20)
    );
    let read = Announce::decode(text.as_bytes()).expect("an announce");
    assert_eq!((read.port, read.torrents), (51413, vec![hash(0x0f)]));
    for wrong in [
        "GET / HTTP/1.1\r\n\r\n".to_owned(),
        text.replace("51413", "0"),
        text.replace("51413", "+514"),
        text.replace("51413", "70000"),
        text.replace("0F", "0"),
        text.replace("X-Other", &"x".repeat(MAX_BYTES)),
    ] {
        assert_eq!(Announce::decode(wrong.as_bytes()), None, "{wrong}");
    }
}

#[test]
fn torrents_are_announced_every_five_minutes_and_never_twice_in_one() {
    let start = Instant::from_secs(10);
    let mut beacon = Beacon::new(start, b"me".to_vec());
    assert_eq!(beacon.poll_timeout(), Instant::NEVER);
    beacon.add(start, hash(1), 1);
    let mut said = Vec::new();
    for second in 0..900 {
        let now = start.after(Duration::from_secs(second));
        if second == 20 {
            beacon.add(now, hash(2), 1);
        }
        while let Some(announce) = beacon.poll(now) {
            said.push((second, announce.torrents));
        }
    }
    // The second torrent joins the announces of the first as soon as both are due within a minute.
    assert_eq!(said[..2], [(0, vec![hash(1)]), (60, vec![hash(2)])]);
    assert!(said.len() <= 6, "{said:?}");
    assert!(
        said.windows(2).all(|it| it[1].0 - it[0].0 >= 60),
        "{said:?}"
    );
    for number in [1, 2] {
        let mine = said.iter().filter(|it| it.1.contains(&hash(number)));
        assert!(mine.count() >= 3, "{said:?}");
    }
}

#[test]
fn only_others_of_this_network_are_heard_and_only_of_our_torrents() {
    let now = Instant::from_secs(10);
    let mut beacon = Beacon::new(now, b"me".to_vec());
    beacon.add(now, hash(1), 1);
    let say = |number, cookie: &[u8]| {
        let announce = Announce {
            port: 7,
            torrents: vec![hash(number), hash(9)],
            cookie: Some(cookie.to_vec()),
        };
        announce.encode(true)
    };
    let near = from("192.168.1.2:6771");
    assert_eq!(beacon.hear(now, near, &say(2, b"you")), None);
    assert_eq!(beacon.hear(now, near, &say(1, b"me")), None);
    assert_eq!(
        beacon.hear(now, from("8.8.8.8:6771"), &say(1, b"you")),
        None
    );
    let heard = beacon.hear(now, near, &say(1, b"you"));
    let expected = Heard {
        address: from("192.168.1.2:7"),
        torrents: vec![hash(1)],
        cookie: Some(b"you".to_vec()),
    };
    assert_eq!(heard, Some(expected));
    beacon.remove(hash(1));
    assert_eq!(beacon.hear(now, near, &say(1, b"you")), None);
}

#[test]
fn a_host_that_shouts_is_not_heard_for_a_while_and_hosts_are_bounded() {
    let now = Instant::from_secs(10);
    let mut beacon = Beacon::new(now, b"me".to_vec());
    beacon.add(now, hash(1), 1);
    let announce = Announce {
        port: 7,
        torrents: vec![hash(1)],
        cookie: None,
    };
    let bytes = announce.encode(true);
    let heard = |beacon: &mut Beacon, now, host: u32| {
        let ip = std::net::Ipv4Addr::from(0x0a00_0000 + host);
        beacon
            .hear(now, SocketAddr::new(ip.into(), 6771), &bytes)
            .is_some()
    };
    let shouted = (0..100).filter(|_| heard(&mut beacon, now, 1)).count();
    assert_eq!(shouted, 10);
    assert!(heard(&mut beacon, now, 2));
    let many = (3..10_000)
        .filter(|it| heard(&mut beacon, now, *it))
        .count();
    assert!(many < 256, "{many}");
    assert!(heard(&mut beacon, now.after(Duration::from_mins(1)), 1));
}

proptest! {
    #[test]
    fn announces_survive_the_wire(
        port in 1..u16::MAX,
        torrents in prop::collection::vec(any::<[u8; 20]>(), 1..20),
        cookie in prop::option::of("[a-z0-9]{1,16}"),
        ipv4 in any::<bool>(),
    ) {
        let announce = Announce {
            port,
            torrents: torrents.into_iter().map(InfoHash).collect(),
            cookie: cookie.map(String::into_bytes),
        };
        let bytes = announce.encode(ipv4);
        prop_assert!(bytes.len() <= MAX_BYTES);
        prop_assert_eq!(Announce::decode(&bytes), Some(announce));
    }

    #[test]
    fn no_datagram_breaks_the_reader(
        start in prop_oneof![Just("BT-SEARCH * HTTP/1.1\r\n"), Just("")],
        bytes in prop::collection::vec(any::<u8>(), 0..300),
    ) {
        let all = [start.as_bytes(), &bytes].concat();
        if let Some(read) = Announce::decode(&all) {
            prop_assert!(read.port > 0 && !read.torrents.is_empty());
        }
    }
}
