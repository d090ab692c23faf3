//! Serving the info dictionary: every peer gets it, up to a limit for each connection.

use std::time::Duration;

use unchoke_core::ids::PeerKey;
use unchoke_core::message::MetadataMessage;
use unchoke_core::metadata::{MAX_METADATA_BYTES, Serve};
use unchoke_core::time::Instant;

use super::{data, dictionary};

const PEER: PeerKey = PeerKey(3);

#[test]
fn every_piece_is_served_whole_and_in_turn() {
    let (info, _) = dictionary(40_000);
    let mut serve = Serve::new(&info).expect("not too large");
    assert_eq!(serve.total_bytes(), 40_000);
    for piece in [0, 2, 1] {
        assert_eq!(serve.on_request(PEER, piece), None);
        assert_eq!(serve.on_request(PeerKey(9), piece), None);
    }
    let mut answers = Vec::new();
    while let Some(answer) = serve.poll_answer(Instant::START) {
        answers.push(answer);
    }
    let expected: Vec<_> = [0, 2, 1]
        .into_iter()
        .flat_map(|piece| [(PEER, data(&info, piece)), (PeerKey(9), data(&info, piece))])
        .collect();
    assert!(answers == expected, "the answers differ");
    assert_eq!(serve.poll_timeout(), None);
}

#[test]
fn what_is_not_there_is_rejected() {
    let (info, _) = dictionary(40_000);
    let mut serve = Serve::new(&info).expect("not too large");
    for piece in [3, u32::MAX] {
        let reject = Some(MetadataMessage::Reject(piece));
        assert_eq!(serve.on_request(PEER, piece), reject);
    }
    assert_eq!(serve.poll_answer(Instant::START), None);
    assert!(Serve::new(&[]).is_none());
    assert!(Serve::new(&vec![0; MAX_METADATA_BYTES as usize + 1]).is_none());
}

#[test]
fn a_connection_gets_two_copies_then_rejections_then_nothing() {
    let (info, _) = dictionary(20 << 14);
    let mut serve = Serve::new(&info).expect("not too large");
    let (mut sent, mut rejected, mut now) = (0, 0, Instant::START);
    for request in 0..10_000 {
        rejected += u32::from(serve.on_request(PEER, request % 20).is_some());
        now = now.after(Duration::from_millis(100));
        sent += u32::from(serve.poll_answer(now).is_some());
    }
    assert_eq!((sent, rejected), (40, 40));
    // A new connection has a limit of its own.
    serve.leave(PEER);
    assert_eq!(serve.on_request(PEER, 0), None);
    assert!(serve.poll_answer(now).is_some());
}

#[test]
fn a_queue_is_bounded_and_goes_with_its_connection() {
    let (info, _) = dictionary(200 << 14);
    let mut serve = Serve::new(&info).expect("not too large");
    let rejected = (0..200).filter(|it| serve.on_request(PEER, *it).is_some());
    assert_eq!(rejected.count(), 200 - 64);
    serve.leave(PEER);
    assert_eq!(serve.poll_answer(Instant::START), None);
}

#[test]
fn all_together_are_slowed_down_to_a_rate() {
    let (info, _) = dictionary(4000 << 14);
    let mut serve = Serve::new(&info).expect("not too large");
    let (mut now, mut sent) = (Instant::START, [0_u64; 11]);
    let second = |s: usize| Instant::from_secs(s as u64);
    let mut next = 0;
    while now < second(10) {
        for peer in (0..50).map(PeerKey) {
            serve.on_request(peer, next % 4000);
        }
        next += 1;
        while let Some((_, MetadataMessage::Data { bytes, .. })) = serve.poll_answer(now) {
            sent[usize::try_from(now.as_secs()).expect("small")] += bytes.len() as u64;
        }
        let soon = now.after(Duration::from_millis(1));
        let due = serve.poll_timeout().unwrap_or(soon);
        assert!(due > now, "the timeout must be in the future");
        now = due;
    }
    let mib = sent.map(|it| it >> 20);
    assert_eq!(mib[0], 8, "4 MiB at once and 4 MiB/s: {sent:?}");
    assert!(mib[1..10].iter().all(|it| (3..=4).contains(it)), "{sent:?}");
}
