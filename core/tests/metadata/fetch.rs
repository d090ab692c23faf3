//! Fetching the info dictionary from good, bad and slow peers.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use proptest::prelude::*;
use unchoke_core::ids::{InfoHash, PeerId, PeerKey};
use unchoke_core::message::MetadataMessage;
use unchoke_core::metadata::{Fetch, MAX_METADATA_BYTES, Violation};
use unchoke_core::time::Instant;

use super::{data, dictionary};

const A: PeerKey = PeerKey(0);
const B: PeerKey = PeerKey(1);

fn requests(fetch: &mut Fetch, now: Instant) -> Vec<(PeerKey, u32)> {
    std::iter::from_fn(|| fetch.poll_request(now)).collect()
}

fn size(info: &[u8]) -> u32 {
    u32::try_from(info.len()).expect("small")
}

#[test]
fn peers_share_the_work() {
    let (info, hash) = dictionary(100_000);
    let mut fetch = Fetch::new(hash);
    assert_eq!(fetch.poll_request(Instant::START), None);
    fetch.join(A, 100_000).expect("a size");
    fetch.join(B, 100_000).expect("a size");
    let asked = requests(&mut fetch, Instant::START);
    let expected: Vec<(PeerKey, u32)> = (0..7).map(|it| (PeerKey(it % 2), it)).collect();
    assert_eq!(asked, expected);
    for (peer, piece) in asked {
        assert!(fetch.take_done().is_none());
        let answer = data(&info, piece);
        assert_eq!(fetch.on_message(Instant::START, peer, &answer), Ok(()));
    }
    assert!(fetch.take_done() == Some(info));
    assert_eq!(fetch.take_done(), None);
    assert_eq!(fetch.poll_timeout(), None);
}

/// rtorrent does not look at requests that come with the one it answers.
#[test]
fn rtorrent_is_asked_for_one_piece_at_a_time() {
    let (info, hash) = dictionary(50_000);
    let mut fetch = Fetch::new(hash);
    let mut name = [b'x'; 20];
    name[..8].copy_from_slice(b"-lt0D80-");
    fetch.join(A, 50_000).expect("a size");
    fetch.introduce(A, PeerId(name));
    for piece in 0..4 {
        assert_eq!(requests(&mut fetch, Instant::START), [(A, piece)]);
        let answer = data(&info, piece);
        assert_eq!(fetch.on_message(Instant::START, A, &answer), Ok(()));
    }
    assert!(fetch.take_done() == Some(info));
    // Others are asked for all at once, also libtorrent, whose ids have other letters.
    let mut fetch = Fetch::new(hash);
    name[..8].copy_from_slice(b"-LT2080-");
    fetch.join(A, 50_000).expect("a size");
    fetch.introduce(A, PeerId(name));
    assert_eq!(requests(&mut fetch, Instant::START).len(), 4);
}

#[test]
fn a_size_that_cannot_be_is_refused_and_costs_nothing() {
    let mut fetch = Fetch::new(InfoHash([0; 20]));
    for size in [0, MAX_METADATA_BYTES + 1, u32::MAX] {
        assert_eq!(fetch.join(A, size), Err(Violation::Size(size)));
    }
    fetch.join(A, MAX_METADATA_BYTES).expect("the largest");
    assert_eq!(fetch.join(A, MAX_METADATA_BYTES), Ok(()), "said again");
    let error = Violation::OtherSize(5, MAX_METADATA_BYTES);
    assert_eq!(fetch.join(A, 5), Err(error));
    assert_eq!(fetch.peer_count(), 0);
}

#[test]
fn data_that_is_not_what_was_asked_for_is_a_violation() {
    let (info, hash) = dictionary(40_000);
    let MetadataMessage::Data { bytes, .. } = data(&info, 0) else {
        unreachable!("data is data")
    };
    let answer = |piece, total_bytes, bytes: &[u8]| MetadataMessage::Data {
        piece,
        total_bytes,
        bytes: bytes.into(),
    };
    for (message, violation) in [
        (answer(9, 40_000, &bytes), Violation::Unasked(9)),
        (
            answer(0, 40_001, &bytes),
            Violation::OtherSize(40_001, 40_000),
        ),
        (
            answer(0, 40_000, &bytes[1..]),
            Violation::Length(16_383, 16_384),
        ),
        (answer(0, 40_000, &[]), Violation::Length(0, 16_384)),
        (answer(2, 40_000, &bytes), Violation::Length(16_384, 7232)),
    ] {
        let mut fetch = Fetch::new(hash);
        fetch.join(A, 40_000).expect("a size");
        assert_eq!(requests(&mut fetch, Instant::START).len(), 3);
        assert_eq!(
            fetch.on_message(Instant::START, A, &message),
            Err(violation)
        );
        assert_eq!(fetch.peer_count(), 0, "it is not asked again");
    }
    let mut fetch = Fetch::new(hash);
    let early = fetch.on_message(Instant::START, A, &data(&info, 0));
    assert_eq!(
        early,
        Ok(()),
        "data from a peer that has not joined is ignored"
    );
}

#[test]
fn twice_the_same_answer_is_one_too_many() {
    let (info, hash) = dictionary(40_000);
    let mut fetch = Fetch::new(hash);
    fetch.join(A, 40_000).expect("a size");
    requests(&mut fetch, Instant::START);
    let answer = data(&info, 1);
    assert_eq!(fetch.on_message(Instant::START, A, &answer), Ok(()));
    let again = fetch.on_message(Instant::START, A, &answer);
    assert_eq!(again, Err(Violation::Unasked(1)));
}

#[test]
fn a_lone_liar_is_named_at_once_and_liars_among_others_one_by_one() {
    let (info, hash) = dictionary(100_000);
    let mut wrong = info.clone();
    wrong[20_000] ^= 1;
    let mut fetch = Fetch::new(hash);
    fetch.join(A, 100_000).expect("a size");
    for (peer, piece) in requests(&mut fetch, Instant::START) {
        fetch
            .on_message(Instant::START, peer, &data(&wrong, piece))
            .expect("asked for");
    }
    assert_eq!(fetch.poll_violation(), Some((A, Violation::WrongHash)));
    assert_eq!(fetch.poll_violation(), None);

    let mut fetch = Fetch::new(hash);
    let liars = [PeerKey(2), PeerKey(5)];
    for peer in (0..6).map(PeerKey) {
        fetch.join(peer, 100_000).expect("a size");
    }
    let mut named = BTreeSet::new();
    let done = loop {
        if let Some(done) = fetch.take_done() {
            break done;
        }
        let asked = requests(&mut fetch, Instant::START);
        assert!(!asked.is_empty(), "no peer is asked");
        for (peer, piece) in asked {
            let from = if liars.contains(&peer) { &wrong } else { &info };
            fetch
                .on_message(Instant::START, peer, &data(from, piece))
                .expect("asked for");
        }
        named.extend(std::iter::from_fn(|| fetch.poll_violation()).map(|it| it.0));
    };
    assert!(done == info);
    assert!(named.is_subset(&BTreeSet::from(liars)), "{named:?}");
}

#[test]
fn silence_and_rejection_make_others_be_asked_and_late_answers_count() {
    let (info, hash) = dictionary(40_000);
    let mut fetch = Fetch::new(hash);
    fetch.join(A, 40_000).expect("a size");
    assert_eq!(requests(&mut fetch, Instant::START).len(), 3);
    fetch.join(B, 40_000).expect("a size");
    assert_eq!(requests(&mut fetch, Instant::from_secs(1)), []);
    // After three seconds, another peer is asked, too.
    let due = fetch.poll_timeout().expect("a peer is silent");
    assert_eq!(due, Instant::from_secs(3));
    assert_eq!(requests(&mut fetch, due), [(B, 0), (B, 1), (B, 2)]);
    let reject = MetadataMessage::Reject(0);
    assert_eq!(fetch.on_message(due, B, &reject), Ok(()));
    assert_eq!(requests(&mut fetch, Instant::from_secs(9)), []);
    // After ten seconds, A's requests time out. A late answer still counts.
    assert_eq!(requests(&mut fetch, Instant::from_secs(10)), []);
    for piece in 0..3 {
        let now = Instant::from_secs(11);
        assert_eq!(fetch.on_message(now, A, &data(&info, piece)), Ok(()));
    }
    assert!(fetch.take_done() == Some(info));
}

#[test]
fn who_left_is_not_blamed_under_the_name_of_who_came() {
    let (info, hash) = dictionary(40_000);
    let mut wrong = info.clone();
    wrong[0] ^= 1;
    let mut fetch = Fetch::new(hash);
    fetch.join(A, 40_000).expect("a size");
    requests(&mut fetch, Instant::START);
    for piece in 0..2 {
        fetch
            .on_message(Instant::START, A, &data(&wrong, piece))
            .expect("asked for");
    }
    fetch.leave(A);
    fetch.join(A, 40_000).expect("another one");
    let mut rounds = 0;
    let done = loop {
        for (peer, piece) in requests(&mut fetch, Instant::START) {
            fetch
                .on_message(Instant::START, peer, &data(&info, piece))
                .expect("asked for");
        }
        assert_eq!(fetch.poll_violation(), None);
        if let Some(done) = fetch.take_done() {
            break done;
        }
        rounds += 1;
        assert!(rounds < 3);
    };
    assert!(done == info);
}

/// How a peer behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Manner {
    Honest,
    /// One byte of its dictionary is wrong.
    Wrong,
    Silent,
    Rejects,
    /// Has a dictionary of another size.
    OtherSize,
    /// Answers just before the timeout.
    Slow,
    /// Answers with wrong data just before the timeout.
    SlowWrong,
    /// Disconnects and reconnects every few seconds.
    Fickle,
}

fn manners() -> impl Strategy<Value = Manner> {
    use Manner as M;
    prop_oneof![
        Just(M::Wrong),
        Just(M::Silent),
        Just(M::Rejects),
        Just(M::OtherSize),
        Just(M::Slow),
        Just(M::SlowWrong),
        Just(M::Fickle),
    ]
}

/// The answer of a peer, with its delay in milliseconds.
fn answer(manner: Manner, info: &[u8], wrong: &[u8], piece: u32) -> Option<(u64, MetadataMessage)> {
    match manner {
        Manner::Honest | Manner::Fickle => Some((100, data(info, piece))),
        Manner::Wrong => Some((50, data(wrong, piece))),
        Manner::Silent => None,
        Manner::Rejects => Some((20, MetadataMessage::Reject(piece))),
        Manner::OtherSize => Some((30, data(&wrong[..wrong.len() / 2], piece))),
        Manner::Slow => Some((9_900, data(info, piece))),
        Manner::SlowWrong => Some((9_900, data(wrong, piece))),
    }
}

/// Runs until the dictionary is complete. Returns the time in seconds.
fn run(peers: &[Manner], bytes: usize) -> u64 {
    let (info, hash) = dictionary(bytes);
    let mut wrong = info.clone();
    wrong[bytes / 3] ^= 1;
    let mut fetch = Fetch::new(hash);
    let mut now = Instant::START;
    let mut due: BTreeMap<(Instant, u64), (PeerKey, MetadataMessage)> = BTreeMap::new();
    let mut serial = 0;
    let claim = |manner| match manner {
        Manner::OtherSize => size(&info) / 2,
        _ => size(&info),
    };
    let keys = || (0..).map(PeerKey).zip(peers.iter().copied());
    let mut gone = BTreeSet::new();
    for (peer, manner) in keys() {
        fetch.join(peer, claim(manner)).expect("a size");
    }
    let mut fickle_at = Instant::from_secs(2);
    loop {
        while let Some((peer, piece)) = fetch.poll_request(now) {
            let manner = peers[peer.0 as usize];
            if let Some((ms, message)) = answer(manner, &info, &wrong, piece) {
                serial += 1;
                due.insert(
                    (now.after(Duration::from_millis(ms)), serial),
                    (peer, message),
                );
            }
        }
        while let Some((peer, violation)) = fetch.poll_violation() {
            assert_eq!(violation, Violation::WrongHash);
            let manner = peers[peer.0 as usize];
            let honest = matches!(manner, Manner::Honest | Manner::Slow | Manner::Fickle);
            assert!(!honest, "{manner:?} is blamed");
            gone.insert(peer);
        }
        if let Some(done) = fetch.take_done() {
            assert!(done == info);
            return now.as_secs();
        }
        assert!(now.as_secs() < 100_000, "it never ends: {peers:?}");
        let timer = fetch.poll_timeout();
        assert!(
            timer.is_none_or(|it| it > now),
            "a deadline that has passed"
        );
        let message = due.first_key_value().map(|it| it.0.0);
        now = [timer, message, Some(fickle_at)]
            .into_iter()
            .flatten()
            .min()
            .expect("a time");
        while let Some(entry) = due.first_entry().filter(|it| it.key().0 <= now) {
            let (peer, message) = entry.remove();
            fetch
                .on_message(now, peer, &message)
                .expect("what was asked for, as asked for");
        }
        if now >= fickle_at {
            fickle_at = now.after(Duration::from_secs(2));
            for (peer, _) in keys().filter(|it| it.1 == Manner::Fickle) {
                due.retain(|_, it| it.0 != peer);
                fetch.leave(peer);
                fetch.join(peer, size(&info)).expect("a size");
            }
        }
    }
}

#[test]
fn honest_peers_alone_are_fast() {
    // 62 pieces, eight requests at a time, 100 ms each: less than a second, even less with more
    // peers.
    assert_eq!(run(&[Manner::Honest], 1_000_000), 0);
    assert_eq!(run(&[Manner::Honest; 10], 1_000_000), 0);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    /// Each other peer can waste the time of one whole dictionary requested from it alone, which is
    /// ten seconds for eight pieces, and a pause of a minute. The honest peer's turn comes after
    /// all of them at the latest.
    #[test]
    fn one_honest_peer_is_enough(
        others in proptest::collection::vec(manners(), 0..12),
        place in any::<proptest::sample::Index>(),
        bytes in 1_usize..400_000,
    ) {
        let mut peers = others;
        let at = place.index(peers.len() + 1);
        peers.insert(at, Manner::Honest);
        let bound = 70 + 100 * peers.len() as u64;
        let took = run(&peers, bytes.max(2));
        prop_assert!(took <= bound, "{} s, {:?}", took, peers);
    }
}

#[test]
fn memory_is_bounded_when_every_liar_claims_the_most() {
    let (info, hash) = dictionary(50_000);
    let mut fetch = Fetch::new(hash);
    let honest = PeerKey(100);
    fetch.join(honest, 50_000).expect("a size");
    let mut now = Instant::START;
    let junk: std::sync::Arc<[u8]> = vec![1; 1 << 14].into();
    for peer in 0..6 {
        fetch
            .join(PeerKey(peer), MAX_METADATA_BYTES - peer * 16_384)
            .expect("a size");
    }
    let mut accepted = 0;
    for _ in 0..20_000 {
        let Some((peer, piece)) = fetch.poll_request(now) else {
            break;
        };
        if peer == honest {
            continue;
        }
        let message = MetadataMessage::Data {
            piece,
            total_bytes: MAX_METADATA_BYTES - peer.0 * 16_384,
            bytes: std::sync::Arc::clone(&junk),
        };
        accepted += u32::from(fetch.on_message(now, peer, &message).is_ok());
    }
    // More than two whole dictionaries arrive, but at most two are kept. All pieces of junk share
    // one allocation.
    assert!(accepted > 8192, "{accepted}");
    assert!(std::sync::Arc::strong_count(&junk) <= 8193);
    now = now.after(Duration::from_secs(1));
    for piece in 0..4 {
        let answered = fetch.on_message(now, honest, &data(&info, piece));
        assert_eq!(answered, Ok(()));
    }
    assert!(fetch.take_done() == Some(info));
}
