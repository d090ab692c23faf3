//! Answers of trackers, valid and not.

use std::time::Duration;

use proptest::prelude::*;
use unchoke_core::bencode::Problem;
use unchoke_core::tracker::{AnnounceResponse, MAX_PEERS, TrackerError};

fn peers(body: &[u8]) -> Vec<String> {
    let response = AnnounceResponse::parse(body).expect("a good answer");
    response.peers.iter().map(ToString::to_string).collect()
}

/// BEP 3, *trackers*: "it must have two keys: interval [...] and peers"; the rest is practice.
#[test]
fn a_full_answer() {
    let body = b"d8:completei5e10:downloadedi50e11:external ip4:\x0a\0\0\x0110:incompletei7e\
        8:intervali1800e12:min intervali900e5:peers6:\x7f\0\0\x01\x1a\xe110:tracker id3:a/b\
        15:warning message10:slow\x1bdown!e";
    let response = AnnounceResponse::parse(body).expect("a good answer");
    let expected = AnnounceResponse {
        interval: Some(Duration::from_mins(30)),
        min_interval: Some(Duration::from_mins(15)),
        peers: vec!["127.0.0.1:6881".parse().expect("an address")],
        complete: Some(5),
        incomplete: Some(7),
        downloaded: Some(50),
        damaged: None,
        warning: Some("slow_down!".into()),
        tracker_id: Some(b"a/b".to_vec()),
        external_ip: Some("10.0.0.1".parse().expect("an address")),
    };
    assert_eq!(response, expected);
}

/// BEP 3, *trackers*: "ip" and "port" of a list of dictionaries. A bad entry does not spoil the
/// others.
#[test]
fn a_list_of_dictionaries() {
    let body = b"d5:peersl\
        d2:ip9:127.0.0.17:peer id20:aaaaaaaaaaaaaaaaaaaa4:porti6881ee\
        d2:ip3:::14:porti1ee\
        d2:ip11:example.org4:porti6881ee\
        d2:ip9:127.0.0.14:porti0ee\
        d2:ip9:127.0.0.14:porti65536ee\
        d2:ip9:127.0.0.14:porti-1ee\
        d2:ip9:127.0.0.1e\
        d4:porti6881ee\
        i5e6:string\
        d2:ip7:0.0.0.04:porti6881ee\
        d2:ip7:1.2.3.44:porti80ee\
        ee";
    assert_eq!(peers(body), ["127.0.0.1:6881", "[::1]:1", "1.2.3.4:80"]);
}

#[test]
fn nothing_known_is_no_error() {
    assert_eq!(
        AnnounceResponse::parse(b"de"),
        Ok(AnnounceResponse::default())
    );
    assert_eq!(peers(b"d5:peers0:e"), Vec::<String>::new());
    assert_eq!(peers(b"d5:peerslee\n"), Vec::<String>::new());
    let odd = b"d8:completei-1e10:incompletei99999999999e8:intervali-5e12:min interval1:xe";
    let response = AnnounceResponse::parse(odd).expect("odd numbers are no reason to fail");
    assert_eq!((response.interval, response.min_interval), (None, None));
    assert_eq!(
        (response.complete, response.incomplete),
        (None, Some(u32::MAX))
    );
}

#[test]
fn addresses_nobody_can_connect_to_are_dropped() {
    let entries: [[u8; 6]; 6] = [
        [0, 0, 0, 0, 0x1a, 0xe1],
        [224, 0, 0, 1, 0x1a, 0xe1],
        [239, 255, 255, 250, 7, 108],
        [255, 255, 255, 255, 0x1a, 0xe1],
        [10, 0, 0, 1, 0, 0],
        [10, 0, 0, 1, 0, 1],
    ];
    let body = [b"d5:peers36:", entries.as_flattened(), b"e"].concat();
    assert_eq!(peers(&body), ["10.0.0.1:1"]);
    let multicast = [b"d6:peers618:", &[0xff; 18][..], b"e"].concat();
    assert_eq!(peers(&multicast), Vec::<String>::new());
    let unspecified = [b"d6:peers618:", &[0; 17][..], &[1], b"e"].concat();
    assert_eq!(peers(&unspecified), Vec::<String>::new());
}

/// Parts of an answer are read separately: a damaged list does not spoil a good one.
#[test]
fn one_bad_list_does_not_spoil_the_other() {
    let good = b"5:peers6:\x7f\0\0\x01\x1a\xe1";
    for (bad, why) in [
        (&b"6:peers619:0123456789abcdefghi"[..], "18 bytes"),
        (b"6:peers6i1e", "not a string"),
    ] {
        let body = [b"d", &good[..], bad, b"e"].concat();
        let response = AnnounceResponse::parse(&body).expect("half an answer is an answer");
        assert_eq!(response.peers.len(), 1, "{bad:?}");
        assert!(
            response.damaged.is_some_and(|it| it.contains(why)),
            "{response:?}"
        );
    }
    let mut six = [0; 18];
    (six[15], six[17]) = (1, 1);
    let body = [b"d5:peers1:x6:peers618:", &six[..], b"e"].concat();
    let response = AnnounceResponse::parse(&body).expect("half an answer is an answer");
    assert_eq!(response.peers, ["[::1]:1".parse().expect("an address")]);
    assert!(response.damaged.is_some(), "{response:?}");
}

#[test]
fn intervals_have_a_bound() {
    let body = b"d8:intervali8640000000000000000e12:min intervali9223372036854775807ee";
    let response = AnnounceResponse::parse(body).expect("a mistake is no damage");
    let day = Some(Duration::from_hours(24));
    assert_eq!((response.interval, response.min_interval), (day, day));
}

#[test]
fn peers_beyond_reason_are_not_taken() {
    let many = 6 * (MAX_PEERS + 500);
    let body = [format!("d5:peers{many}:").as_bytes(), &vec![1; many], b"e"].concat();
    assert_eq!(peers(&body).len(), MAX_PEERS);
}

/// BEP 3, *trackers*: "If a tracker response has a key failure reason [...] no other keys are
/// required."
#[test]
fn a_refusal_counts_before_everything_else() {
    let refused = |words: &str| Err(TrackerError::Refused(words.into()));
    let body = b"d14:failure reason7:go away5:peers5:abcdee";
    assert_eq!(AnnounceResponse::parse(body), refused("go away"));
    let body = b"d14:failure reason5:\x1b]0;\x07e";
    assert_eq!(AnnounceResponse::parse(body), refused("_]0;_"));
    let body = b"d14:failure reasoni5ee";
    assert_eq!(AnnounceResponse::parse(body), refused("without saying why"));
    let body = b"d14:failure reason1: e";
    assert_eq!(AnnounceResponse::parse(body), refused("without saying why"));
    let long = [b"d14:failure reason1000:", &[b'x'; 1000][..], b"e"].concat();
    assert_eq!(AnnounceResponse::parse(&long), refused(&"x".repeat(500)));
}

#[test]
fn answers_that_are_none() {
    let parse = |body: &[u8]| AnnounceResponse::parse(body).expect_err("no answer");
    for page in [&b"<!DOCTYPE html><html></html>"[..], b"\r\n <html>", b"<"] {
        assert_eq!(parse(page), TrackerError::WebPage);
    }
    let text = "the tracker answered with a web page; is the tracker URL right?";
    assert_eq!(TrackerError::WebPage.to_string(), text);
    assert_eq!(
        parse(b"le"),
        TrackerError::Malformed("it is not a dictionary")
    );
    for body in [
        &b""[..],
        b"404 page not found",
        b"d8:intervali1800e",
        b"d8:intervali01ee",
    ] {
        assert!(matches!(parse(body), TrackerError::Bencode(_)), "{body:?}");
    }
    for (body, why) in [
        (
            &b"d5:peers5:abcdee"[..],
            "the length of `peers` is not a multiple of 6 bytes",
        ),
        (
            b"d6:peers66:abcdefe",
            "the length of `peers6` is not a multiple of 18 bytes",
        ),
        (b"d5:peersi5ee", "`peers` is neither a string nor a list"),
        (b"d5:peersdee", "`peers` is neither a string nor a list"),
        (
            b"d5:peersi5e6:peers6i5ee",
            "`peers` is neither a string nor a list",
        ),
        (b"d6:peers6lee", "`peers6` is not a string"),
    ] {
        assert_eq!(parse(body), TrackerError::Malformed(why));
    }
    match parse(&b"l".repeat(9)) {
        TrackerError::Bencode(error) => assert_eq!(error.problem, Problem::Depth(8)),
        other => panic!("{other:?}"),
    }
    match parse(&vec![b'l'; (1 << 20) + 1]) {
        TrackerError::Bencode(error) => assert_eq!(error.problem, Problem::Bytes(1 << 20)),
        other => panic!("{other:?}"),
    }
}

proptest! {
    #[test]
    fn damaged_answers_never_panic(
        at in any::<proptest::sample::Index>(),
        byte in prop_oneof![any::<u8>(), b'0'..=b'9', Just(b'e'), Just(b'l'), Just(b'd')],
    ) {
        let mut body = b"d8:intervali1800e5:peersld2:ip9:127.0.0.14:porti6881eee6:peers60:e".to_vec();
        let at = at.index(body.len());
        body[at] = byte;
        let _ = AnnounceResponse::parse(&body);
    }
}
