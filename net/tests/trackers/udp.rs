//! Announces by UDP.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::time::{Duration, Instant};

use unchoke_net::tracker::{Agent, TrackerUrl};

use super::{announce, announce_within, failure, query};
use crate::common::ports::dead_address;
use crate::common::scripted::{Udp, proper, reply};

/// BEP 15 over IPv4 and IPv6; BEP 41.
#[tokio::test]
async fn udp_trackers_are_asked() {
    let four = Udp::start(Ipv4Addr::LOCALHOST, |request, _| {
        vec![proper(request, &[10, 0, 0, 7, 0, 80])]
    })
    .await;
    let mut peer = [0; 18];
    (peer[0], peer[1], peer[15], peer[17]) = (0x20, 1, 7, 80);
    let six = Udp::start(Ipv6Addr::LOCALHOST, move |request, _| {
        vec![proper(request, &peer)]
    })
    .await;
    for (tracker, peer) in [(&four, "10.0.0.7:80"), (&six, "[2001::7]:80")] {
        let response = announce(&tracker.url("/announce?pass=a%2fb"))
            .await
            .expect("an answer");
        assert_eq!(response.peers, [peer.parse().expect("an address")]);
        assert_eq!((response.complete, response.incomplete), (Some(2), Some(1)));
        let heard = tracker.datagrams();
        assert_eq!(
            heard.iter().map(Vec::len).collect::<Vec<_>>(),
            [16, 98 + 2 + 20]
        );
        assert!(
            heard[1].ends_with(b"\x02\x14/announce?pass=a%2fb"),
            "{heard:?}"
        );
    }
    // The host name is resolved, and a connection id is reused for a minute.
    let agent = Agent::default();
    let url = format!("udp://localhost:{}", four.address.port());
    let url = TrackerUrl::parse(&url).expect("a good URL");
    for _ in 0..3 {
        let patience = Duration::from_secs(10);
        let announced = agent.announce(&url, &query(), patience).await;
        assert_eq!(announced.expect("an answer").peers.len(), 1);
    }
    let lengths: Vec<usize> = four.datagrams().iter().map(Vec::len).skip(2).collect();
    assert_eq!(lengths, [16, 98, 98, 98]);
}

#[tokio::test]
async fn udp_has_the_same_rules_for_this_machine() {
    let service = Udp::start(Ipv4Addr::LOCALHOST, |_, _| Vec::new()).await;
    let port = service.address.port();
    for host in ["127.1", "localhost", "0", "[::ffff:127.0.0.1]"] {
        let why = failure(&format!("udp://{host}:{port}/admin")).await;
        assert!(why.contains("is on this machine"), "{host}: {why}");
    }
    let why = failure("udp://239.255.255.250:1900").await;
    assert!(why.contains("an address of many machines"), "{why}");
    let why = failure(&format!("udp://127.0.0.1:{port}/announce?event=stopped")).await;
    assert_eq!(
        why,
        "the tracker URL must not set the argument `event` itself"
    );
    assert_eq!(service.datagrams(), Vec::<Vec<u8>>::new());
}

/// Ignores datagrams from an attacker who does not see our datagrams, and invalid ones from the
/// tracker.
#[tokio::test]
async fn udp_answers_that_do_not_fit_are_left_alone() {
    let tracker = Udp::start(Ipv4Addr::LOCALHOST, |request, from| {
        // From another port, with all other fields correct.
        let stranger = std::net::UdpSocket::bind("127.0.0.1:0").expect("a port");
        stranger
            .send_to(&proper(request, &[6, 6, 6, 6, 6, 6]), from)
            .expect("sent");
        let mut forged = proper(request, &[6, 6, 6, 6, 6, 6]);
        forged[5] ^= 0xff;
        let wrong = reply(if request[11] == 0 { 1 } else { 2 }, request, &[6; 18]);
        let mut all = vec![Vec::new(), vec![0; 7], forged, wrong, vec![6; 60_000]];
        all.extend(vec![vec![0xff; 20]; 1000]);
        all.push(proper(request, &[10, 0, 0, 7, 0, 80]));
        all
    })
    .await;
    let response = announce(&tracker.url("")).await;
    let peers = response.map(|it| it.peers);
    // A flood may push the valid answer out of the system's buffer; then the question is repeated.
    assert_eq!(peers, Ok(vec!["10.0.0.7:80".parse().expect("an address")]));
}

#[tokio::test]
async fn udp_trackers_that_refuse_or_keep_silent_get_a_sentence() {
    let refusing = Udp::start(Ipv4Addr::LOCALHOST, |request, _| {
        vec![reply(3, request, b"not \x07today")]
    })
    .await;
    assert_eq!(
        failure(&refusing.url("/announce")).await,
        "the tracker refused: not _today"
    );
    let odd = Udp::start(Ipv4Addr::LOCALHOST, |request, _| {
        vec![proper(request, &[1, 2, 3, 4, 5])]
    })
    .await;
    let why = failure(&odd.url("")).await;
    assert_eq!(
        why,
        "the tracker's answer is damaged: the length of its peer list is not a multiple of an entry"
    );
    let silent = Udp::start(Ipv4Addr::LOCALHOST, |_, _| Vec::new()).await;
    let start = Instant::now();
    let why = announce_within(&silent.url(""), Duration::from_secs(6)).await;
    assert_eq!(why, Err("the tracker did not answer within 6 s".into()));
    assert!(start.elapsed() < Duration::from_secs(8));
    assert_eq!(silent.datagrams().len(), 2, "asked twice");
    // On a closed port, the system reports the error at once.
    let why = failure(&format!("udp://{}", dead_address())).await;
    assert!(why.starts_with("no answer from 127.0.0.1:"), "{why}");
}
