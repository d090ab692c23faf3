//! Stalls that hostile peers once caused, one test for each, with the policies and pickers that
//! matter. The time limits are for 80 blocks, which the honest seed sends in 2.7 s. They are a little
//! above the measured times: with a limit of 75 s a fault passed that made five silent peers cost
//! eleven times the time.

use unchoke_core::ids::PieceIndex;

use super::setup::{Has, Honest, Nature, Peer, Setup};
use super::shrink::attempt;

const POLICIES: [&str; 6] = [
    "tit_for_tat",
    "bep3",
    "libtorrent_fixed",
    "transmission",
    "fairtorrent",
    "unchoke_all",
];
const PICKERS: [&str; 2] = ["rarest_first", "duplicate"];

/// Repeatedly downloads ten pieces of eight blocks. Each download must finish within `seconds`.
fn completes_within(seconds: u64, peers: &[Peer]) {
    with_endgame(true, seconds, peers);
}

fn with_endgame(endgame: bool, seconds: u64, peers: &[Peer]) {
    let mut slow = Vec::new();
    for policy in POLICIES {
        for picker in PICKERS {
            for seed in 1..=3 {
                let setup = Setup {
                    seed,
                    picker,
                    endgame,
                    ..Setup::plain(policy, 10, 8, peers.to_vec())
                };
                match attempt(&setup).map(|it| it.complete_ms) {
                    Ok(ms) if ms <= seconds * 1000 => {}
                    outcome => slow.push(format!("{policy}, {picker}, {seed}: {outcome:?} ms")),
                }
            }
        }
    }
    assert!(
        slow.is_empty(),
        "not within {seconds} s:\n{}",
        slow.join("\n")
    );
}

/// A peer that has only piece 3, sends its first block corrupt, and then behaves by its nature.
fn spoiler(nature: Nature) -> Peer {
    Peer {
        has: Has::One(PieceIndex(3)),
        spoils: 1,
        ..Peer::of(nature)
    }
}

fn honest() -> Peer {
    Peer::honest(Honest::default())
}

fn crowd(count: usize, nature: Nature) -> Vec<Peer> {
    let mut peers = vec![Peer::of(nature); count];
    peers.push(honest());
    peers
}

#[test]
fn alone_the_seed_is_as_fast_as_its_link() {
    completes_within(4, &[honest()]);
}

#[test]
fn who_spoils_a_piece_and_then_rejects_does_not_stall_it() {
    completes_within(4, &[spoiler(Nature::Rejects), honest()]);
}

#[test]
fn who_spoils_a_piece_and_then_takes_back_that_it_has_it_does_not_stall_it() {
    completes_within(4, &[spoiler(Nature::Withdraws(300)), honest()]);
}

#[test]
fn who_spoils_a_piece_and_then_drips_does_not_stall_it() {
    completes_within(25, &[spoiler(Nature::Drips(59)), honest()]);
}

#[test]
fn silent_peers_do_not_hold_up_the_end() {
    // Forty-nine are asked for everything; the seed is asked when that was in vain.
    for (count, seconds) in [(5, 4), (20, 4), (49, 40)] {
        completes_within(seconds, &crowd(count, Nature::Silent));
    }
}

/// The first peers are asked for all blocks. When they do not deliver, the torrent must ask a peer
/// that joined later before it asks the first ones again.
#[test]
fn silent_peers_keep_nothing_from_who_comes_later() {
    // 16 peers are asked for five blocks each, which are all. The next 16 are asked 30 s later.
    for (count, seconds) in [(2, 30), (16, 36), (40, 90)] {
        let mut peers = crowd(count, Nature::Silent);
        peers[count].joins_ms = 25_000;
        with_endgame(false, seconds, &peers);
    }
}

/// A peer that rejects at once must not be asked for the same block again and again, while the peer
/// that lost the request waits for its turn.
#[test]
fn who_rejects_keeps_nothing_from_who_lost_a_request() {
    let loses = |loses| {
        Peer::honest(Honest {
            loses,
            ..Honest::default()
        })
    };
    for count in [1, 4] {
        let mut peers = vec![Peer::of(Nature::Rejects)];
        peers.push(loses(count));
        completes_within(15, &peers);
    }
}

/// The seed loses the first requests, before it has sent any block.
#[test]
fn a_lone_seed_that_loses_requests_is_asked_again() {
    for (loses, fast, seconds) in [(1, true, 12), (5, true, 40), (5, false, 40)] {
        let peer = Peer {
            fast,
            ..Peer::honest(Honest {
                loses,
                ..Honest::default()
            })
        };
        completes_within(seconds, &[peer]);
    }
}

/// The seed's queue is shorter than our pipeline, and the seed does not announce its length.
#[test]
fn a_lone_seed_with_a_short_queue_is_asked_again() {
    for (fast, seconds) in [(true, 4), (false, 48)] {
        let peer = Peer {
            fast,
            ..Peer::honest(Honest {
                queues: Some(4),
                ..Honest::default()
            })
        };
        completes_within(seconds, &[peer]);
    }
}

/// Seeds of random runs that failed once, and the fault of each.
const FAILED: [(&str, &[u64]); 5] = [
    (
        "silent peers were asked before peers that had not been asked yet",
        &[2005, 2293, 3614, 3619, 3855, 3904, 4032, 4693],
    ),
    (
        "requests on a closing connection counted when their piece was started again",
        &[2420],
    ),
    (
        "a peer that rejected a block was asked for it again and again",
        &[13_495, 15_141, 16_443, 18_249, 19_816],
    ),
    (
        "the answer to a repeated request counted for the first request, and we kept waiting for lost \
         requests in between",
        &[2017, 7460, 16_254, 18_910],
    ),
    (
        "a late block did not show that later requests would be answered, too",
        &[9341, 16_377],
    ),
];

#[test]
fn seeds_that_failed_once_pass() {
    for (wrong, seeds) in FAILED {
        for seed in seeds {
            let outcome = attempt(&Setup::draw(*seed));
            assert!(outcome.is_ok(), "seed {seed} ({wrong}): {outcome:?}");
        }
    }
}

/// Without BEP 6, a choke silently drops all requests.
#[test]
fn a_lone_seed_that_chokes_now_and_then_is_asked_again() {
    for fast in [true, false] {
        let peer = Peer {
            fast,
            rate: 60_000,
            ..Peer::honest(Honest {
                chokes_after: 8,
                ..Honest::default()
            })
        };
        completes_within(60, &[peer]);
    }
}
