//! The stalls that hostile peers once caused, each by itself, for the policies and pickers that
//! matter. The bounds are for 80 blocks, which the honest seed sends in 2.7 s.

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

/// Runs ten pieces of eight blocks, several times; each must be complete after so many seconds.
fn completes_within(seconds: u64, peers: &[Peer]) {
    let mut slow = Vec::new();
    for policy in POLICIES {
        for picker in PICKERS {
            for seed in 1..=3 {
                let setup = Setup {
                    seed,
                    picker,
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

/// Has piece 3 alone, spoils its first block, and then behaves by its nature.
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
    completes_within(75, &[spoiler(Nature::Rejects), honest()]);
}

#[test]
fn who_spoils_a_piece_and_then_takes_back_that_it_has_it_does_not_stall_it() {
    completes_within(75, &[spoiler(Nature::Withdraws(300)), honest()]);
}

#[test]
fn who_spoils_a_piece_and_then_drips_does_not_stall_it() {
    completes_within(150, &[spoiler(Nature::Drips(59)), honest()]);
}

#[test]
fn silent_peers_do_not_hold_up_the_end() {
    for count in [5, 20, 49] {
        completes_within(75, &crowd(count, Nature::Silent));
    }
}

/// After the first five it has not sent anything yet, and may just be slow: it is asked again after
/// two minutes.
#[test]
fn a_lone_seed_that_loses_requests_is_asked_again() {
    for (loses, fast) in [(1, true), (5, true), (5, false)] {
        let peer = Peer {
            fast,
            ..Peer::honest(Honest {
                loses,
                ..Honest::default()
            })
        };
        completes_within(140, &[peer]);
    }
}

/// Its queue is shorter than our pipeline, and it does not say so.
#[test]
fn a_lone_seed_with_a_short_queue_is_asked_again() {
    for fast in [true, false] {
        let peer = Peer {
            fast,
            ..Peer::honest(Honest {
                queues: Some(4),
                ..Honest::default()
            })
        };
        completes_within(150, &[peer]);
    }
}

/// Without BEP 6 a choke drops all requests without a word.
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
