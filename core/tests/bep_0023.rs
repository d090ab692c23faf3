//! BEP 23, compact peer lists; BEP 7, the same for IPv6; BEP 24, our address.

use unchoke_core::tracker::AnnounceResponse;

fn parse(body: &[u8]) -> AnnounceResponse {
    AnnounceResponse::parse(body).expect("a good answer")
}

fn peers(body: &[u8]) -> Vec<String> {
    parse(body).peers.iter().map(ToString::to_string).collect()
}

/// *Overview*: "each peer is represented using only 6 bytes. The first 4 bytes contain the 32-bit
/// ipv4 address. The remaining two bytes contain the port number", in network byte order.
#[test]
fn six_bytes_per_peer() {
    let body = b"d5:peers12:\x0a\x01\x02\x03\x1a\xe1\xc0\xa8\0\x01\0\x50e";
    assert_eq!(peers(body), ["10.1.2.3:6881", "192.168.0.1:80"]);
}

/// *Overview*: "the tracker MAY return using either format", "clients MUST continue to support both".
#[test]
fn both_forms_are_read() {
    let list = b"d5:peersld2:ip8:10.1.2.37:peer id20:aaaaaaaaaaaaaaaaaaaa4:porti6881eeee";
    assert_eq!(peers(list), peers(b"d5:peers6:\x0a\x01\x02\x03\x1a\xe1e"));
}

/// BEP 7, *Announce Response*: "peers6 [...] instead of using 6 bytes per endpoint, 18 bytes".
#[test]
fn eighteen_bytes_per_ipv6_peer() {
    let v6 = [
        0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9, 0x1a, 0xe1,
    ];
    let body = [
        b"d5:peers6:\x0a\x01\x02\x03\x1a\xe16:peers618:",
        &v6[..],
        b"e",
    ]
    .concat();
    assert_eq!(peers(&body), ["10.1.2.3:6881", "[2001:db8::9]:6881"]);
}

/// An IPv4-mapped IPv6 address is the IPv4 address, so one peer does not count as two.
#[test]
fn mapped_addresses_are_ipv4() {
    let mapped = [
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 1, 2, 3, 0x1a, 0xe1,
    ];
    let body = [b"d6:peers618:", &mapped[..], b"e"].concat();
    assert_eq!(peers(&body), ["10.1.2.3:6881"]);
}

/// BEP 24, *Overview*: "a bencoded string value containing the IPv4 address as a 32 bit binary or
/// containing the IPv6 address as a 128 bit binary".
#[test]
fn external_ip_has_4_or_16_bytes() {
    let ip = |body: &[u8]| parse(body).external_ip.map(|it| it.to_string());
    assert_eq!(
        ip(b"d11:external ip4:\x01\x02\x03\x04e").as_deref(),
        Some("1.2.3.4")
    );
    let v6 = [b"d11:external ip16:", &[0; 15][..], &[1], b"e"].concat();
    assert_eq!(ip(&v6).as_deref(), Some("::1"));
    assert_eq!(ip(b"d11:external ip7:1.2.3.4e"), None);
}
