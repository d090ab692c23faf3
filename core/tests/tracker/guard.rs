//! The addresses that a tracker may have.

use std::net::IpAddr;

use unchoke_core::tracker::guard::{Reach, Refusal, is_idna, judge, judge_web_seed, reach};

fn ip(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

#[test]
fn the_reach_of_addresses() {
    for host in [
        "127.0.0.1",
        "127.255.255.255",
        "0.0.0.0",
        "0.1.2.3",
        "::",
        "::1",
        "::ffff:127.0.0.1",
        "::ffff:0.0.0.0",
        "::127.0.0.1",
        "64:ff9b::127.0.0.1",
        "2002:7f00:1::",
    ] {
        assert_eq!(reach(ip(host)), Reach::Host, "{host}");
    }
    for near in [
        "10.0.0.1",
        "172.16.0.1",
        "172.31.255.255",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "100.127.255.255",
        "192.0.2.1",
        "198.18.0.1",
        "240.0.0.1",
        "fe80::1",
        "fec0::1",
        "fc00::1",
        "fdff::1",
        "::ffff:192.168.1.1",
        "64:ff9b::10.0.0.1",
        "64:ff9b:1::1",
        "2002:a00:1::",
    ] {
        assert_eq!(reach(ip(near)), Reach::Network, "{near}");
    }
    for far in [
        "1.1.1.1",
        "128.0.0.1",
        "172.32.0.1",
        "172.15.0.1",
        "100.128.0.1",
        "192.169.0.1",
        "198.20.0.1",
        "2606:4700::1",
        "2002:101:101::",
        "::ffff:8.8.8.8",
        "64:ff9b::8.8.8.8",
    ] {
        assert_eq!(reach(ip(far)), Reach::Global, "{far}");
    }
}

#[test]
fn near_trackers_must_announce_themselves() {
    let (host, network) = (ip("127.0.0.1"), ip("192.168.1.1"));
    for good in [
        "/announce",
        "/announce.php",
        "/secret/announce",
        "/tracker.php/announce",
        "/bt/tracker.php/secret/announce",
    ] {
        assert_eq!(judge(host, Reach::Host, good, None), Ok(()), "{good}");
        assert_eq!(judge(network, Reach::Network, good, None), Ok(()), "{good}");
    }
    for bad in [
        "",
        "/",
        "announce",
        "/admin",
        "/announce/",
        "/announce/admin",
        "/announcement",
        "/announce.phpx",
        "/admin%2fannounce",
        "/%61nnounce",
        "/reboot.cgi/announce",
        "/cgi-bin/reboot.cgi/x/announce.php",
        "/reboot%2ecgi/announce",
        "/reboot;now/announce",
        "/announce.php/announce",
        "/tracker.php",
        "/mytracker.php/announce",
        "/tracker.php5/announce",
        "/tracker.php/reboot.cgi/announce",
    ] {
        let refused = Err(Refusal::Path(host, Reach::Host));
        assert_eq!(judge(host, Reach::Host, bad, None), refused, "{bad}");
        let refused = Err(Refusal::Path(network, Reach::Network));
        assert_eq!(judge(network, Reach::Network, bad, None), refused, "{bad}");
        assert_eq!(
            judge(ip("1.1.1.1"), Reach::Global, bad, None),
            Ok(()),
            "{bad}"
        );
    }
}

#[test]
fn names_that_can_look_like_others_are_recognised() {
    for odd in ["xn--exmple-cua.org", "a.XN--p1ai", "exämple.org", "xn--"] {
        assert!(is_idna(odd), "{odd}");
    }
    for plain in [
        "example.org",
        "xn.org",
        "axn--b.org",
        "x-n--",
        "",
        "[::1]",
        "127.0.0.1",
    ] {
        assert!(!is_idna(plain), "{plain}");
    }
}

#[test]
fn redirects_never_lead_nearer() {
    let all = [Reach::Host, Reach::Network, Reach::Global];
    for before in all {
        for now in all {
            let judged = judge(ip("1.2.3.4"), now, "/announce", Some(before));
            assert_eq!(judged.is_ok(), now >= before, "{before:?} to {now:?}");
        }
    }
}

#[test]
fn addresses_of_many_machines_are_no_trackers() {
    for many in [
        "224.0.0.1",
        "239.255.255.250",
        "255.255.255.255",
        "ff02::1",
        "::ffff:224.0.0.1",
    ] {
        let refused = Err(Refusal::Many(ip(many)));
        assert_eq!(
            judge(ip(many), Reach::Global, "/announce", None),
            refused,
            "{many}"
        );
    }
}

#[test]
fn a_web_seed_nearby_has_no_query_and_none_redirects_nearer() {
    let at = |text: &str| -> IpAddr { text.parse().expect("an address") };
    let judged = |text: &str, query, before| {
        let ip = at(text);
        judge_web_seed(ip, reach(ip), query, before)
    };
    assert_eq!(judged("8.8.8.8", true, None), Ok(()));
    assert_eq!(judged("127.0.0.1", false, None), Ok(()));
    for near in [
        "127.0.0.1",
        "192.168.1.1",
        "::1",
        "fe80::1",
        "::ffff:10.0.0.1",
    ] {
        assert!(
            matches!(judged(near, true, None), Err(Refusal::Query(..))),
            "{near}"
        );
        let redirected = judged(near, false, Some(Reach::Global));
        assert!(matches!(redirected, Err(Refusal::Nearer(..))), "{near}");
    }
    assert!(matches!(
        judged("224.0.0.1", false, None),
        Err(Refusal::Many(_))
    ));
}
