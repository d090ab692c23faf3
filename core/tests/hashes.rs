//! Hash requests between a peer with the piece layers and a peer with only the info dictionary. BEP
//! 52, *peer messages*.

use std::sync::Arc;
use std::time::Duration;

use unchoke_core::geometry::{BLOCK_BYTES, Geometry};
use unchoke_core::hashes::{Fetch, Serve, Violation};
use unchoke_core::ids::{PeerKey, PieceIndex};
use unchoke_core::merkle::{self, Hash};
use unchoke_core::message::{HashRequest, Hashes, Message};
use unchoke_core::metainfo::{Builder, Format, Metainfo, NewFile, PieceDigests, Version2};
use unchoke_core::time::Instant;

const SEED: PeerKey = PeerKey(4);

/// Builds a torrent of files with these numbers of blocks.
fn builder(blocks: &[u32], piece_bytes: u32) -> Builder {
    let files = blocks.iter().enumerate().map(|(index, count)| NewFile {
        path: vec![format!("{index:03}")],
        length: u64::from(*count) * u64::from(BLOCK_BYTES),
    });
    Builder {
        format: Format::Version2,
        name: "root".into(),
        files: Some(files.collect()),
        piece_bytes,
        ..Builder::default()
    }
}

/// The torrent whose pieces have these roots.
fn finish(builder: &Builder, roots: Vec<Hash>) -> Metainfo {
    let digests = PieceDigests {
        version_1: Vec::new(),
        version_2: roots,
    };
    let torrent = builder.encode_digests(&digests).expect("a torrent");
    Metainfo::parse(&torrent).expect("our own")
}

/// A torrent of files with these numbers of blocks in pieces of four blocks, and the hashes of the blocks
/// of each piece.
fn with_blocks(blocks: &[u32]) -> (Metainfo, Vec<Vec<Hash>>) {
    let builder = builder(blocks, 4 * BLOCK_BYTES);
    let leaf = |file: usize, block: u32| {
        merkle::leaf(&[&file.to_be_bytes()[..], &block.to_be_bytes()[..]].concat())
    };
    let leaves = blocks.iter().enumerate();
    let leaves = leaves.map(|(file, count)| (0..*count).map(|it| leaf(file, it)).collect());
    let leaves: Vec<Vec<Hash>> = leaves.collect();
    let pieces: Vec<Vec<Hash>> = leaves
        .iter()
        .flat_map(|it| it.chunks(4).map(<[Hash]>::to_vec))
        .collect();
    let roots = pieces
        .iter()
        .zip(builder.heights())
        .map(|(blocks, height)| {
            let mut tree = merkle::Growing::default();
            for block in blocks {
                tree.push(*block);
            }
            tree.root(0, height)
        });
    let roots = roots.collect();
    (finish(&builder, roots), pieces)
}

/// A torrent whose files have these numbers of pieces, with its layers and without.
fn both(pieces: &[u32]) -> (Arc<Version2>, Arc<Version2>) {
    let all: u32 = pieces.iter().sum();
    let hashes = (0..all).map(|it| merkle::leaf(&it.to_be_bytes()));
    let whole = finish(&builder(pieces, BLOCK_BYTES), hashes.collect());
    let bare = [b"d4:info".as_slice(), &whole.info, b"e"].concat();
    let bare = Metainfo::parse_without_layers(&bare).expect("a torrent");
    let trees = |it: Metainfo| it.version_2.expect("version 2");
    (trees(whole), trees(bare))
}

/// The geometry of a torrent from [`both`].
fn geometry(version_2: &Version2) -> Geometry {
    let pieces = version_2.hashes().len() as u64;
    Geometry::new(pieces * u64::from(BLOCK_BYTES), BLOCK_BYTES).expect("a torrent")
}

/// A request for the first `length` hashes below `root`, without proofs.
fn first(root: Hash, length: u32) -> HashRequest {
    HashRequest {
        root,
        base: 0,
        index: 0,
        length,
        proofs: 0,
    }
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
    let mut serve = Serve::new(Arc::clone(&whole), geometry(&whole));
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
    let mut serve = Serve::new(Arc::clone(&whole), geometry(&whole));
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
    let mut serve = Serve::new(Arc::clone(&whole), geometry(&whole));
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
        proofs: 9,
        ..first(root, 512)
    };
    let small = whole.trees()[1].root;
    let mut serve = Serve::new(Arc::clone(&whole), geometry(&whole));
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
    let request = first(whole.trees()[0].root, 2);
    let mut serve = Serve::new(Arc::clone(&whole), geometry(&whole));
    let mut count = |now: Instant| {
        let answers = (0..2000).map(|_| serve.answer(now, &request));
        answers
            .filter(|it| matches!(it, Message::Hashes(_)))
            .count()
    };
    assert_eq!(count(Instant::START), 512);
    assert_eq!(count(Instant::START.after(Duration::from_secs(1))), 250);
}

/// Each part of the blocks of a piece is proven up to the root of its file.
#[test]
fn hashes_of_blocks_are_proven() {
    let counts = [1, 2, 3, 4, 5, 9, 16, 33];
    let (torrent, pieces) = with_blocks(&counts);
    let version_2 = torrent.version_2.as_ref().expect("version 2");
    let mut serve = Serve::new(Arc::clone(version_2), torrent.geometry.clone());
    let mut answers = 0;
    for tree in version_2.trees() {
        let height = merkle::height(tree.block_count);
        for power in 1..=height.min(2) {
            for index in (0..tree.block_count).step_by(1 << power) {
                for proofs in 0..=height {
                    let request = HashRequest {
                        index,
                        proofs,
                        ..first(tree.root, 1 << power)
                    };
                    // Long after the request before, so that the limit does not matter.
                    answers += 1;
                    let now = Instant::from_secs(answers * 60);
                    let piece = serve.blocks_for(now, &request).expect("a piece");
                    assert_eq!(piece, PieceIndex(tree.first_piece + index / 4));
                    let blocks = &pieces[piece.0 as usize];
                    let Message::Hashes(found) = serve.answer_blocks(&request, blocks) else {
                        panic!("{request:?} is rejected");
                    };
                    let uncles = (proofs + 1).min(height).saturating_sub(power);
                    assert_eq!(u32::try_from(found.hashes.len()), Ok((1 << power) + uncles));
                    if proofs + 1 >= height {
                        let root = merkle::proven_root(&found.hashes, index, 1 << power);
                        assert_eq!(root, Some(tree.root), "{request:?}");
                    }
                }
            }
        }
    }
    assert!(answers > 100, "{answers}");
}

#[test]
fn requests_for_blocks_that_cannot_be_answered_are_rejected() {
    let (torrent, pieces) = with_blocks(&[9, 3]);
    let version_2 = torrent.version_2.as_ref().expect("version 2");
    let mut serve = Serve::new(Arc::clone(version_2), torrent.geometry.clone());
    let tree = version_2.trees()[0];
    let good = HashRequest {
        index: 4,
        proofs: 3,
        ..first(tree.root, 4)
    };
    let bad = [
        HashRequest {
            root: [1; 32],
            ..good
        },
        HashRequest { base: 1, ..good },
        HashRequest { length: 3, ..good },
        HashRequest { length: 1, ..good },
        // More than one piece.
        HashRequest {
            index: 0,
            length: 8,
            ..good
        },
        HashRequest { index: 6, ..good },
        HashRequest { index: 12, ..good },
        HashRequest {
            index: u32::MAX - 3,
            ..good
        },
    ];
    for request in bad {
        assert_eq!(
            serve.blocks_for(Instant::START, &request),
            None,
            "{request:?}"
        );
        let rejected = serve.answer_blocks(&request, &pieces[1]);
        assert!(matches!(rejected, Message::HashReject(_)), "{request:?}");
    }
    // More proofs than layers, and blocks that are no longer those of the torrent.
    for proofs in [5, u32::MAX] {
        let request = HashRequest { proofs, ..good };
        let rejected = serve.answer_blocks(&request, &pieces[1]);
        assert!(matches!(rejected, Message::HashReject(_)), "{request:?}");
    }
    let rejected = serve.answer_blocks(&good, &pieces[0]);
    assert!(matches!(rejected, Message::HashReject(_)));
}

/// Reading pieces for peers must not displace the payload.
#[test]
fn only_so_many_pieces_are_read_for_hashes_of_blocks() {
    let (torrent, _) = with_blocks(&[400]);
    let version_2 = torrent.version_2.as_ref().expect("version 2");
    let mut serve = Serve::new(Arc::clone(version_2), torrent.geometry.clone());
    let request = first(version_2.trees()[0].root, 4);
    let mut count_at = |seconds| {
        let now = Instant::from_secs(seconds);
        let all = std::iter::from_fn(|| serve.blocks_for(now, &request));
        all.take(100_000).count()
    };
    // 64 MiB at once in pieces of 64 KiB, and 16 MiB per second later.
    assert_eq!(count_at(0), 1025);
    assert_eq!(count_at(1), 256);
    assert_eq!(count_at(100), 1025);
}

/// Number of answers at one moment to requests for the first part of these files in turn, until the
/// first reject.
fn answers_in_turn(serve: &mut Serve, version_2: &Version2, files: &[usize]) -> usize {
    let roots: Vec<Hash> = version_2.trees().iter().map(|it| it.root).collect();
    let request = |turn: usize| first(roots[files[turn % files.len()]], 512);
    let is_answered = |turn: &usize| {
        matches!(
            serve.answer(Instant::START, &request(*turn)),
            Message::Hashes(_)
        )
    };
    (0..1000).take_while(is_answered).count()
}

/// Making the layers of a large file costs more than an answer. They are kept for a while.
#[test]
fn files_that_are_asked_for_in_turn_keep_nobody_busy() {
    let (whole, _) = both(&[4096, 4096]);
    let serve = || Serve::new(Arc::clone(&whole), geometry(&whole));
    // A burst has 512 answers, and to make the layers of a file costs four.
    assert_eq!(answers_in_turn(&mut serve(), &whole, &[0]), 508);
    assert_eq!(answers_in_turn(&mut serve(), &whole, &[0, 1]), 504);
    // The layers of three such files are more than are kept. Each is made again, for 64 answers.
    let (whole, _) = both(&[1 << 16; 3]);
    let mut serve = Serve::new(Arc::clone(&whole), geometry(&whole));
    assert_eq!(answers_in_turn(&mut serve, &whole, &[0, 1, 2]), 8);
}
