//! Hash requests between a peer with the piece layers and a peer with only the info dictionary. BEP
//! 52, *peer messages*.

use std::sync::Arc;
use std::time::Duration;

use unchoke_core::geometry::BLOCK_BYTES;
use unchoke_core::hashes::{Fetch, Serve, Violation};
use unchoke_core::ids::PeerKey;
use unchoke_core::merkle;
use unchoke_core::message::{HashRequest, Hashes, Message};
use unchoke_core::metainfo::{Builder, Format, Metainfo, NewFile, PieceDigests, Version2};
use unchoke_core::time::Instant;

const SEED: PeerKey = PeerKey(4);

/// A torrent whose files have these numbers of pieces, with its layers and without.
fn both(pieces: &[u32]) -> (Arc<Version2>, Arc<Version2>) {
    let files = pieces.iter().enumerate().map(|(index, count)| NewFile {
        path: vec![format!("{index:03}")],
        length: u64::from(*count) * u64::from(BLOCK_BYTES),
    });
    let builder = Builder {
        format: Format::Version2,
        name: "root".into(),
        files: Some(files.collect()),
        piece_bytes: BLOCK_BYTES,
        ..Builder::default()
    };
    let all: u32 = pieces.iter().sum();
    let hashes = (0..all).map(|it| merkle::leaf(&it.to_be_bytes()));
    let digests = PieceDigests {
        version_1: Vec::new(),
        version_2: hashes.collect(),
    };
    let torrent = builder.encode_digests(&digests).expect("a torrent");
    let whole = Metainfo::parse(&torrent).expect("our own");
    let bare = [b"d4:info".as_slice(), &whole.info, b"e"].concat();
    let bare = Metainfo::parse_without_layers(&bare).expect("a torrent");
    let trees = |it: Metainfo| it.version_2.expect("version 2");
    (trees(whole), trees(bare))
}

fn answered(serve: &mut Serve, request: &HashRequest) -> Hashes {
    match serve.answer(Instant::START, request) {
        Message::Hashes(hashes) => *hashes,
        other => panic!("{other:?} for {request:?}"),
    }
}

#[test]
fn all_layers_come_in_parts_that_are_proven() {
    let (whole, bare) = both(&[1, 2, 3, 700, 1025, 512]);
    let mut serve = Serve::new(Arc::clone(&whole));
    let mut fetch = Fetch::new(bare);
    assert_eq!(fetch.progress(), (0, 8));
    assert!(fetch.done().is_none() && fetch.poll_request(Instant::START).is_none());
    fetch.join(SEED);
    while let Some((peer, request)) = fetch.poll_request(Instant::START) {
        assert_eq!(peer, SEED);
        assert!(request.length <= 512 && request.index.is_multiple_of(request.length));
        let hashes = answered(&mut serve, &request);
        fetch.on_hashes(peer, &hashes).expect("good hashes");
    }
    let done = fetch.done().expect("complete");
    assert!(done.is_complete());
    assert_eq!(**done, *whole);
    assert_eq!(done.piece_layers(), whole.piece_layers());
}

#[test]
fn only_so_many_requests_are_under_way_and_lost_ones_go_to_others() {
    let (whole, bare) = both(&[512 * 10]);
    let mut fetch = Fetch::new(bare);
    fetch.join(SEED);
    let mut asked = Vec::new();
    while let Some((_, request)) = fetch.poll_request(Instant::START) {
        asked.push(request);
    }
    assert_eq!(asked.len(), 4);
    let later = fetch.poll_timeout().expect("a deadline");
    assert_eq!(later, Instant::START.after(Duration::from_secs(10)));
    let other = PeerKey(5);
    fetch.join(other);
    let (peer, request) = fetch.poll_request(later).expect("the other is asked");
    assert_eq!((peer, request), (other, asked[0]));
    // A late answer by the first peer still counts.
    let mut serve = Serve::new(whole);
    fetch
        .on_hashes(SEED, &answered(&mut serve, &asked[1]))
        .expect("late");
    fetch.on_reject(later, other, &request);
    assert_eq!(fetch.poll_request(later), None, "both pause");
    assert!(fetch.poll_timeout().is_some_and(|it| it > later));
    fetch.leave(SEED);
    fetch.leave(other);
    assert_eq!(fetch.peer_count(), 0);
    assert_eq!(fetch.progress(), (1, 10));
}

/// Changes an answer.
type Lie = fn(&mut Hashes);

#[test]
fn liars_are_known_at_once() {
    let (whole, bare) = both(&[700]);
    let mut serve = Serve::new(whole);
    let lies: [(Lie, Violation); 5] = [
        (|it| it.hashes[3][0] ^= 1, Violation::Wrong),
        (
            |it| it.hashes.last_mut().expect("a proof")[0] ^= 1,
            Violation::Wrong,
        ),
        (|it| it.hashes.truncate(512), Violation::Count(512, 513)),
        (|it| it.request.index += 512, Violation::Unasked),
        (|it| it.request.root[0] ^= 1, Violation::Unasked),
    ];
    for (lie, violation) in lies {
        let mut fetch = Fetch::new(Arc::clone(&bare));
        fetch.join(SEED);
        let (_, request) = fetch.poll_request(Instant::START).expect("a request");
        let mut hashes = answered(&mut serve, &request);
        lie(&mut hashes);
        assert_eq!(fetch.on_hashes(SEED, &hashes), Err(violation));
        assert_eq!(fetch.peer_count(), 0);
        assert_eq!(fetch.progress().0, 0);
    }
    let mut fetch = Fetch::new(bare);
    let (_, request) = {
        fetch.join(SEED);
        fetch.poll_request(Instant::START).expect("a request")
    };
    let hashes = answered(&mut serve, &request);
    assert_eq!(
        fetch.on_hashes(PeerKey(9), &hashes),
        Err(Violation::Unasked)
    );
    assert_eq!(fetch.on_hashes(SEED, &hashes), Ok(()));
    assert_eq!(
        fetch.on_hashes(SEED, &hashes),
        Err(Violation::Unasked),
        "twice"
    );
}

#[test]
fn what_cannot_be_answered_is_rejected() {
    let (whole, _) = both(&[700, 1]);
    let root = whole.trees()[0].root;
    let good = HashRequest {
        root,
        base: 0,
        index: 0,
        length: 512,
        proofs: 9,
    };
    let small = whole.trees()[1].root;
    let mut serve = Serve::new(whole);
    answered(&mut serve, &good);
    let bad = [
        HashRequest { base: 1, ..good },
        HashRequest { length: 0, ..good },
        HashRequest { length: 1, ..good },
        HashRequest { length: 3, ..good },
        HashRequest {
            length: 1024,
            ..good
        },
        HashRequest {
            length: 1 << 31,
            ..good
        },
        HashRequest { index: 1, ..good },
        HashRequest {
            index: 1024,
            ..good
        },
        HashRequest {
            index: u32::MAX - 511,
            ..good
        },
        HashRequest { proofs: 11, ..good },
        HashRequest {
            proofs: u32::MAX,
            ..good
        },
        HashRequest {
            root: [0; 32],
            ..good
        },
        HashRequest {
            root: small,
            ..good
        },
    ];
    for request in bad {
        let answer = serve.answer(Instant::START, &request);
        assert_eq!(answer, Message::HashReject(Box::new(request)));
    }
}

#[test]
fn answers_are_limited_in_rate() {
    let (whole, _) = both(&[2]);
    let request = HashRequest {
        root: whole.trees()[0].root,
        base: 0,
        index: 0,
        length: 2,
        proofs: 0,
    };
    let mut serve = Serve::new(whole);
    let mut count = |now: Instant| {
        let answers = (0..2000).map(|_| serve.answer(now, &request));
        answers
            .filter(|it| matches!(it, Message::Hashes(_)))
            .count()
    };
    assert_eq!(count(Instant::START), 512);
    assert_eq!(count(Instant::START.after(Duration::from_secs(1))), 250);
}
