//! UDP trackers: datagrams, transactions, repetitions, and datagrams from strangers.

use std::net::SocketAddr;
use std::time::Duration;

use proptest::prelude::*;
use unchoke_core::ids::{InfoHash, PeerId};
use unchoke_core::rng::{Purpose, Streams};
use unchoke_core::time::Instant;
use unchoke_core::tracker::udp::{
    Answer, Connection, Exchange, Input, MAX_SCRAPE, Output, Question, UdpError,
};
use unchoke_core::tracker::{AnnounceQuery, AnnounceResponse, Event, MAX_INTERVAL, ScrapeCounts};

const PATIENCE: Duration = Duration::from_secs(30);
const ID: [u8; 8] = *b"conn-id!";

fn tracker() -> SocketAddr {
    "203.0.113.7:6969".parse().expect("an address")
}

fn at(s: u64) -> Instant {
    Instant::from_secs(s)
}

fn query() -> AnnounceQuery {
    AnnounceQuery {
        info_hash: InfoHash([0xaa; 20]),
        peer_id: PeerId([0xbb; 20]),
        port: 0x1a2b,
        uploaded: 3,
        downloaded: 1,
        left: 2,
        event: Some(Event::Started),
        wanted: None,
        key: 0x0102_0304,
        tracker_id: Some(b"no place for it".to_vec()),
    }
}

fn announce(path: &str) -> Question {
    Question::Announce {
        query: query(),
        path: path.into(),
    }
}

fn exchange(known: Option<Connection>, question: Question) -> Exchange {
    exchange_with(tracker(), known, question)
}

fn exchange_with(tracker: SocketAddr, known: Option<Connection>, question: Question) -> Exchange {
    let rng = Streams::new(1).stream(Purpose::Tracker, 0);
    Exchange::new(at(0), tracker, question, known, PATIENCE, rng)
}

fn sent(exchange: &mut Exchange) -> Vec<u8> {
    match exchange.poll_output() {
        Some(Output::Send(datagram)) => datagram,
        other => panic!("{other:?} instead of a datagram"),
    }
}

fn done(exchange: &mut Exchange) -> Result<Answer, UdpError> {
    match exchange.poll_output() {
        Some(Output::Done(result)) => {
            assert_eq!(exchange.poll_timeout(), None);
            assert_eq!(exchange.poll_output(), None);
            result
        }
        other => panic!("{other:?} instead of the end"),
    }
}

/// An answer to `request`.
fn answer(action: u8, request: &[u8], body: &[u8]) -> Vec<u8> {
    [&[0, 0, 0, action], &request[12..16], body].concat()
}

fn hear(exchange: &mut Exchange, s: u64, bytes: &[u8]) {
    let from = tracker();
    exchange.handle_input(at(s), Input::Datagram { from, bytes });
}

/// Answers the connect request. Returns the next request.
fn connect(exchange: &mut Exchange, s: u64) -> Vec<u8> {
    let request = sent(exchange);
    hear(exchange, s, &answer(0, &request, &ID));
    sent(exchange)
}

/// BEP 15, *Connect* and *IPv4 announce request*, byte by byte.
#[test]
fn requests_are_as_specified() {
    let mut exchange = exchange(None, announce(""));
    let first = sent(&mut exchange);
    assert_eq!(first.len(), 16);
    assert_eq!(
        first[..12],
        [0, 0, 4, 0x17, 0x27, 0x10, 0x19, 0x80, 0, 0, 0, 0]
    );
    assert_ne!(first[12..], [0; 4], "a transaction id");
    assert_eq!(exchange.poll_output(), None, "nothing is announced yet");
    hear(&mut exchange, 0, &answer(0, &first, &ID));
    let second = sent(&mut exchange);
    assert_eq!(second.len(), 98);
    assert_eq!(second[..12], [&ID[..], &[0, 0, 0, 1]].concat());
    assert_ne!(second[12..16], first[12..16], "a new transaction");
    let rest = [
        &[0xaa; 20][..],
        &[0xbb; 20],
        &[0, 0, 0, 0, 0, 0, 0, 1],
        &[0, 0, 0, 0, 0, 0, 0, 2],
        &[0, 0, 0, 0, 0, 0, 0, 3],
        &[0, 0, 0, 2],
        &[0; 4],
        &[1, 2, 3, 4],
        &[0xff; 4],
        &[0x1a, 0x2b],
    ];
    assert_eq!(second[16..], rest.concat());
}

#[test]
fn events_have_their_numbers() {
    for (event, number) in [
        (None, 0),
        (Some(Event::Completed), 1),
        (Some(Event::Started), 2),
        (Some(Event::Stopped), 3),
    ] {
        let query = AnnounceQuery {
            event,
            wanted: Some(80),
            uploaded: u64::MAX,
            ..query()
        };
        let path = String::new();
        let mut exchange = exchange(None, Question::Announce { query, path });
        let request = connect(&mut exchange, 0);
        assert_eq!(request[80..84], [0, 0, 0, number]);
        assert_eq!(request[92..96], [0, 0, 0, 80]);
        assert_eq!(request[72..80], i64::MAX.to_be_bytes(), "signed");
    }
}

/// BEP 41, *Examples*: option 2, its length, path and query.
#[test]
fn the_path_of_the_url_is_sent() {
    let request = connect(&mut exchange(None, announce("/dir?a=b&c=d")), 0);
    assert_eq!(request[98..], *b"\x02\x0c/dir?a=b&c=d");
    // "This allows clients to send PATH and QUERY strings that are longer than 255 bytes".
    let request = connect(&mut exchange(None, announce(&"x".repeat(256))), 0);
    assert_eq!(request[98..100], [2, 255]);
    assert_eq!(request[355..], [2, 1, b'x']);
    let request = connect(&mut exchange(None, announce(&"x".repeat(70_000))), 0);
    assert!(request.len() < 1200, "{} bytes", request.len());
}

/// BEP 15, *IPv4 announce response*: a peer has 6 bytes, over IPv6 18 bytes.
#[test]
fn answers_are_read() {
    let head = [0, 0, 7, 8, 0, 0, 0, 9, 0, 0, 0, 5];
    let mut first = exchange(None, announce(""));
    let request = connect(&mut first, 0);
    let peers = [127, 0, 0, 1, 0x1a, 0xe1, 0, 0, 0, 0, 0, 1];
    hear(
        &mut first,
        1,
        &answer(1, &request, &[&head[..], &peers].concat()),
    );
    let expected = AnnounceResponse {
        interval: Some(Duration::from_mins(30)),
        peers: vec!["127.0.0.1:6881".parse().expect("an address")],
        complete: Some(5),
        incomplete: Some(9),
        ..AnnounceResponse::default()
    };
    assert_eq!(done(&mut first), Ok(Answer::Announce(expected)));

    let six: SocketAddr = "[2001:db8::7]:6969".parse().expect("an address");
    let mut second = exchange_with(six, None, announce(""));
    let request = sent(&mut second);
    let say = |exchange: &mut Exchange, bytes: &[u8]| {
        exchange.handle_input(at(0), Input::Datagram { from: six, bytes });
    };
    say(&mut second, &answer(0, &request, &ID));
    let request = sent(&mut second);
    let peer = [&[0x20, 1, 0xd, 0xb8][..], &[0; 11], &[9, 0, 80]].concat();
    say(
        &mut second,
        &answer(1, &request, &[&head[..], &peer].concat()),
    );
    let Ok(Answer::Announce(response)) = done(&mut second) else {
        panic!("no answer");
    };
    assert_eq!(
        response.peers,
        ["[2001:db8::9]:80".parse().expect("an address")]
    );
}

#[test]
fn numbers_that_make_no_sense_are_not_believed() {
    let mut exchange = exchange(None, announce(""));
    let request = connect(&mut exchange, 0);
    hear(
        &mut exchange,
        1,
        &answer(
            1,
            &request,
            &[0x7f, 0xff, 0xff, 0xff, 255, 255, 255, 255, 255, 0, 0, 0],
        ),
    );
    let Ok(Answer::Announce(response)) = done(&mut exchange) else {
        panic!("no answer");
    };
    assert_eq!(response.interval, Some(MAX_INTERVAL));
    assert_eq!((response.complete, response.incomplete), (None, None));
}

/// BEP 15: answers that are too short, have another transaction or action, or come from another
/// address do not count, however many arrive.
#[test]
fn strangers_are_not_believed() {
    let mut exchange = exchange(None, announce(""));
    let request = connect(&mut exchange, 0);
    let good = answer(1, &request, &[0; 12]);
    let mut forged = good.clone();
    forged[7] ^= 1;
    let odd = [
        vec![],
        good[..7].to_vec(),
        forged,
        answer(0, &request, &ID),
        answer(2, &request, &[0; 12]),
        answer(4, &request, &[0; 12]),
        [&[1, 0, 0, 1], &good[4..]].concat(),
    ];
    for bytes in &odd {
        hear(&mut exchange, 1, bytes);
        assert_eq!(exchange.poll_output(), None, "{bytes:?}");
    }
    for other in ["203.0.113.7:6970", "203.0.113.8:6969", "[::1]:6969"] {
        let from = other.parse().expect("an address");
        exchange.handle_input(at(1), Input::Datagram { from, bytes: &good });
        exchange.handle_input(
            at(1),
            Input::Datagram {
                from,
                bytes: &answer(3, &request, b"no"),
            },
        );
        assert_eq!(exchange.poll_output(), None, "{other}");
    }
    let mut heard = exchange.clone();
    // The form in which a dual-stack socket reports the address.
    let from = "[::ffff:203.0.113.7]:6969".parse().expect("an address");
    heard.handle_input(at(1), Input::Datagram { from, bytes: &good });
    assert!(done(&mut heard).is_ok());
    exchange.handle_input(at(30), Input::Timeout);
    let strange = 13;
    assert_eq!(
        done(&mut exchange),
        Err(UdpError::Silent {
            seconds: 30,
            strange
        })
    );
}

#[test]
fn a_flood_does_not_stop_the_clock() {
    let mut exchange = exchange(None, announce(""));
    sent(&mut exchange);
    let mut repeated = 0;
    for ms in 0..=30_000_u64 {
        let now = Instant::from_nanos(ms * 1_000_000);
        exchange.handle_input(
            now,
            Input::Datagram {
                from: tracker(),
                bytes: b"rubbish!",
            },
        );
        match exchange.poll_output() {
            Some(Output::Send(_)) => repeated += 1,
            Some(Output::Done(result)) => {
                assert_eq!((ms, repeated), (30_000, 2));
                let error = result.expect_err("rubbish is no answer");
                assert_eq!(
                    error.to_string(),
                    "the tracker did not answer within 30 s: 30001 datagrams came that answer \
                     nothing we asked"
                );
            }
            None => (),
        }
    }
    assert_eq!(exchange.poll_timeout(), None);
    let ended = exchange.clone();
    hear(&mut exchange, 31, b"after the end");
    assert_eq!(format!("{exchange:?}"), format!("{ended:?}"));
}

/// Answers from the tracker itself with an invalid length.
#[test]
fn damaged_answers_end_the_exchange() {
    let mut first = exchange(None, announce(""));
    let request = sent(&mut first);
    hear(&mut first, 0, &answer(0, &request, &ID[..7]));
    assert!(matches!(done(&mut first), Err(UdpError::Damaged(_))));
    for length in [0, 11, 13, 17, 19, 23] {
        let mut exchange = exchange(None, announce(""));
        let request = connect(&mut exchange, 0);
        hear(&mut exchange, 0, &answer(1, &request, &vec![1; length]));
        assert!(
            matches!(done(&mut exchange), Err(UdpError::Damaged(_))),
            "{length}"
        );
    }
    let mut exchange = exchange(None, Question::Scrape(vec![InfoHash([1; 20]); 2]));
    let request = connect(&mut exchange, 0);
    hear(&mut exchange, 0, &answer(2, &request, &[1; 23]));
    assert!(matches!(done(&mut exchange), Err(UdpError::Damaged(_))));
}

#[test]
fn refusals_are_told_in_words_that_are_safe_to_print() {
    for (words, told) in [
        (&b"not \x1b[2Jwelcome"[..], "not _[2Jwelcome"),
        (b"", "without saying why"),
        (b"  ", "without saying why"),
    ] {
        let mut exchange = exchange(None, announce(""));
        let request = connect(&mut exchange, 0);
        hear(&mut exchange, 0, &answer(3, &request, words));
        assert_eq!(done(&mut exchange), Err(UdpError::Refused(told.into())));
    }
}

/// BEP 15, *Time outs*, with shorter waits. A repeated request has the same transaction id, so a
/// late answer to the first request counts.
#[test]
fn what_is_lost_is_repeated() {
    let mut exchange = exchange(None, announce(""));
    let first = sent(&mut exchange);
    for due in [5, 15] {
        assert_eq!(exchange.poll_timeout(), Some(at(due)));
        exchange.handle_input(at(due - 1), Input::Timeout);
        assert_eq!(exchange.poll_output(), None, "too early");
        exchange.handle_input(at(due), Input::Timeout);
        assert_eq!(sent(&mut exchange), first);
    }
    assert_eq!(exchange.poll_timeout(), Some(at(30)));
    hear(&mut exchange, 29, &answer(0, &first, &ID));
    sent(&mut exchange);
    exchange.handle_input(at(30), Input::Timeout);
    assert_eq!(
        done(&mut exchange),
        Err(UdpError::Silent {
            seconds: 30,
            strange: 0
        })
    );
}

/// BEP 15: "A client can use a connection ID until one minute after it has received it."
#[test]
fn connection_ids_are_used_for_a_minute() {
    let mut first = exchange(None, announce(""));
    let request = connect(&mut first, 10);
    hear(&mut first, 11, &answer(1, &request, &[0; 12]));
    assert!(done(&mut first).is_ok());
    let known = first.connection();
    let rng = || Streams::new(2).stream(Purpose::Tracker, 0);
    let start = |s| Exchange::new(at(s), tracker(), announce(""), known, PATIENCE, rng());
    let mut second = start(69);
    let request = sent(&mut second);
    assert_eq!(request[..8], ID, "no connect request");
    // The connection id expires while we wait.
    second.handle_input(at(74), Input::Timeout);
    assert_eq!(sent(&mut second).len(), 16, "a connect request");
    assert_eq!(sent(&mut start(70)).len(), 16, "a connect request");
}

/// After a restart, a tracker no longer knows the connection ids that it assigned.
#[test]
fn a_forgotten_connection_id_is_asked_for_again_once() {
    let mut first = exchange(None, announce(""));
    connect(&mut first, 0);
    let mut second = exchange(first.connection(), announce(""));
    let request = sent(&mut second);
    hear(
        &mut second,
        1,
        &answer(3, &request, b"Connection ID missmatch"),
    );
    assert_eq!(sent(&mut second).len(), 16, "a connect request");
    let mut second = exchange(first.connection(), announce(""));
    let request = sent(&mut second);
    hear(&mut second, 1, &answer(3, &request, b"no"));
    let request = connect(&mut second, 1);
    hear(&mut second, 1, &answer(3, &request, b"no"));
    assert_eq!(done(&mut second), Err(UdpError::Refused("no".into())));
}

/// BEP 15, *Scrape request*: counts in the order of the torrents.
#[test]
fn scrapes() {
    let torrents = vec![InfoHash([1; 20]), InfoHash([2; 20])];
    let mut exchange = exchange(None, Question::Scrape(torrents));
    let request = connect(&mut exchange, 0);
    assert_eq!(request[8..12], [0, 0, 0, 2]);
    assert_eq!(request[16..], [[1; 20], [2; 20]].concat());
    let body = [
        0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4, 0, 0, 0, 5, 0, 0, 0, 6, 0xff,
    ];
    hear(&mut exchange, 0, &answer(2, &request, &body));
    let counts = |complete, downloaded, incomplete| ScrapeCounts {
        complete,
        incomplete,
        downloaded,
    };
    let expected = vec![counts(1, 2, 3), counts(4, 5, 6)];
    assert_eq!(done(&mut exchange), Ok(Answer::Scrape(expected)));
}

#[test]
#[should_panic(expected = "one datagram holds no more")]
fn a_scrape_has_room_for_so_many() {
    exchange(
        None,
        Question::Scrape(vec![InfoHash([1; 20]); MAX_SCRAPE + 1]),
    );
}

proptest! {
    /// Whatever arrives from any address, we send only a few datagrams, and the exchange ends in
    /// time.
    #[test]
    fn nothing_that_comes_does_harm(
        steps in prop::collection::vec(
            (0..4_000_u64, any::<bool>(), 0..5_u8, any::<bool>(), prop::collection::vec(any::<u8>(), 0..60)),
            0..200,
        ),
        reused in any::<bool>(),
    ) {
        let mut first = exchange(None, announce(""));
        connect(&mut first, 0);
        let known = first.connection().filter(|_| reused);
        let mut exchange = exchange(known, announce("/x"));
        let (mut ms, mut out, mut ends, mut last) = (0, 0, 0, vec![0; 16]);
        for (wait, timeout, action, right, body) in steps {
            ms += wait;
            let now = Instant::from_nanos(ms * 1_000_000);
            let mut bytes = answer(action, &last, &body);
            if !right {
                bytes.truncate(usize::from(action) * 3);
            }
            let datagram = Input::Datagram {
                from: tracker(),
                bytes: &bytes,
            };
            exchange.handle_input(now, if timeout { Input::Timeout } else { datagram });
            while let Some(output) = exchange.poll_output() {
                match output {
                    Output::Send(datagram) => {
                        last = datagram;
                        out += 1;
                    }
                    Output::Done(_) => ends += 1,
                }
            }
        }
        prop_assert!(out <= 10, "{} datagrams", out);
        exchange.handle_input(at(1_000_000), Input::Timeout);
        while let Some(output) = exchange.poll_output() {
            ends += u32::from(matches!(output, Output::Done(_)));
        }
        prop_assert_eq!(ends, 1);
        prop_assert_eq!(exchange.poll_timeout(), None);
    }
}
