//! Properties of parsers of datagrams, and of answers by gateways and web servers.

#![allow(
    unreachable_pub,
    reason = "the fuzz targets use the functions from outside this program"
)]

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use unchoke_core::dht::message::{Body, MAX_DATAGRAM_BYTES, Message};
use unchoke_core::ids::InfoHash;
use unchoke_core::lsd::{Announce, Beacon, MAX_BYTES};
use unchoke_core::portmap::{
    Transport, Wish, add_request, error_code, location, read_nat_pmp, read_pcp, service,
};
use unchoke_core::time::Instant;
use unchoke_core::utp::packet::Packet;
use unchoke_core::web::{Head, judge};

use super::properties::is_printable;

/// DHT messages: all addresses are usable, and encoding and decoding give the same message. The
/// first byte of the input says whether the datagram arrives over IPv4.
pub fn dht(input: &[u8]) {
    let Some((family, bytes)) = input.split_first() else {
        return;
    };
    let ipv4 = family % 2 == 0;
    let Some(message) = Message::decode(bytes, ipv4) else {
        return;
    };
    assert!(!message.transaction.is_empty());
    if let Body::Reply(reply) = &message.body {
        let nodes = reply.nodes.iter().map(|it| it.address);
        for address in nodes.chain(reply.peers.iter().copied()) {
            assert!(address.port() > 0 && !address.ip().is_unspecified());
            assert_eq!(address.is_ipv4(), ipv4, "{address} is of the other family");
        }
    }
    let written = message.encode(ipv4);
    assert!(written.len() <= MAX_DATAGRAM_BYTES);
    let again = Message::decode(&written, ipv4).expect("what we write, we read");
    assert_eq!(again.encode(ipv4), written);
}

/// Local announces: bounded, and the same after encoding and decoding.
pub fn lsd(input: &[u8]) {
    let here = SocketAddr::from((Ipv4Addr::new(192, 168, 1, 2), 6771));
    let mut beacon = Beacon::new(Instant::START, b"ours".to_vec());
    beacon.add(Instant::START, InfoHash([0xab; 20]), 6881);
    if let Some(heard) = beacon.hear(Instant::START, here, input) {
        assert_eq!(heard.torrents.len(), 1, "we have one torrent");
        assert!(heard.address.port() > 0 && heard.address.ip() == here.ip());
    }
    let Some(announce) = Announce::decode(input) else {
        return;
    };
    assert!(announce.port > 0 && !announce.torrents.is_empty());
    for ipv4 in [true, false] {
        let written = announce.encode(ipv4);
        assert!(written.len() <= MAX_BYTES);
        assert_eq!(Announce::decode(&written).as_ref(), Some(&announce));
    }
}

/// uTP packets: the payload is the end of the datagram. Encoding and decoding give the same packet.
pub fn utp(input: &[u8]) {
    let Some(packet) = Packet::decode(input) else {
        return;
    };
    assert!(input.ends_with(packet.payload));
    let written = packet.encode();
    let again = Packet::decode(&written).expect("what we write, we read");
    assert_eq!(again.encode(), written);
    let head = |it: &Packet<'_>| {
        (
            it.kind, it.id, it.sent_at, it.delay, it.window, it.seq, it.ack,
        )
    };
    assert_eq!(head(&again), head(&packet));
    assert_eq!(again.payload, packet.payload);
    assert!(again.selective.starts_with(&packet.selective));
}

/// Answers of gateways, binary and text: only matching answers are accepted, and no text may break
/// out of the next request.
pub fn portmap(input: &[u8]) {
    let wish = Wish {
        transport: Transport::Tcp,
        internal: 6881,
        external: 6882,
        seconds: 7200,
    };
    let nonce = *b"twelve bytes";
    if let Some(Ok(_)) = read_nat_pmp(input, &wish) {
        assert_eq!(input[8..10], 6881_u16.to_be_bytes());
    }
    if let Some(Ok(_)) = read_pcp(input, &wish, nonce) {
        assert_eq!(input[24..36], nonce);
    }
    if let Some(url) = location(input) {
        assert!(url.len() <= 1000 && !url.contains('\n'));
    }
    let text = String::from_utf8_lossy(input);
    if let Some(service) = service(&text) {
        assert!(!service.control.is_empty() && service.control.len() <= 1000);
        let client = IpAddr::V4(Ipv4Addr::new(192, 168, 1, 5));
        let (_, body) = add_request(&service.kind, &wish, client);
        assert_eq!(body.matches(&service.kind).count(), 1);
        assert!(!service.kind.contains(['"', '<', '>', '&']));
    }
    if let Some(code) = error_code(&text) {
        assert!(text.contains(&code.to_string()));
    }
}

/// Heads of answers of web seeds, given as one line each for status, length, range and encoding.
/// Only answers that promise the requested bytes are accepted.
pub fn web_answer(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let mut lines = text.split('\n');
    let status = lines.next().and_then(|it| it.trim().parse().ok());
    let mut field = || lines.next().filter(|it| !it.is_empty());
    let head = Head {
        status: status.unwrap_or(206),
        length: field(),
        range: field(),
        encoding: field(),
    };
    for (bytes, size) in [(0..16_384, 16_384), (16_384..32_768, 50_000)] {
        match judge(&head, &bytes, size) {
            Ok(()) if head.status == 206 => {
                let range = head.range.expect("a range");
                assert!(range.contains('-') && range.contains('/'));
            }
            Ok(()) => assert_eq!((head.status, bytes), (200, 0..size)),
            Err(lie) => {
                let said = lie.to_string();
                assert!(is_printable(&said) && said.len() < 400, "{said}");
            }
        }
    }
}
