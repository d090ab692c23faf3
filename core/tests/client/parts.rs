//! Bans, redialling and the replacement of connections, each by itself.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use unchoke_core::choke::PeerView;
use unchoke_core::client::Internet;
use unchoke_core::client::bans::Bans;
use unchoke_core::client::redial::{Ended, Fate, after, after_failure};
use unchoke_core::client::source::Source;
use unchoke_core::client::turnover::{
    Against, Chances, exchanged, least_useful, spared, was_of_use,
};
use unchoke_core::ids::PeerKey;
use unchoke_core::time::Instant;

fn host(number: u32) -> IpAddr {
    Ipv4Addr::from(0x0100_0000 + number).into()
}

#[test]
fn bans_end_and_grow_longer() {
    let (mut bans, now) = (Bans::<Internet>::default(), Instant::START);
    assert!(bans.corrupt(now, host(1)));
    assert!(!bans.corrupt(now, host(1)), "it is banned already");
    let hour = Instant::from_secs(3600);
    assert!(bans.is_banned(Instant::from_secs(3599), host(1)) && !bans.is_banned(hour, host(1)));
    assert!(bans.corrupt(hour, host(1)));
    assert_eq!(bans.until(host(1)) - hour, Duration::from_hours(2));
    let mut at = hour;
    for _ in 0..20 {
        at = bans.until(host(1));
        assert!(bans.corrupt(at, host(1)));
    }
    assert_eq!(bans.until(host(1)) - at, Duration::from_hours(24));
}

#[test]
fn violations_fade() {
    let mut bans = Bans::<Internet>::default();
    for round in 0..100 {
        let now = Instant::from_secs(round * 601);
        // One violation in ten minutes adds up; one in more than an hour does not.
        assert_eq!(
            bans.violation(now, host(1)).is_some(),
            round == 7,
            "{round}"
        );
        assert_eq!(
            bans.violation(Instant::from_secs(round * 3601), host(2)),
            None
        );
        if round == 7 {
            break;
        }
    }
}

#[test]
fn the_record_is_bounded_and_keeps_the_longest_bans() {
    let mut bans = Bans::<Internet>::default();
    bans.corrupt(Instant::START, host(0));
    let again = bans.until(host(0));
    bans.corrupt(again, host(0));
    for number in 1..5000 {
        bans.violation(again, host(number));
        bans.corrupt(again, host(10_000 + number));
        assert!(bans.len() <= 1000);
    }
    assert!(bans.is_banned(again, host(0)), "its ban lasts longest");
    assert!(bans.is_banned(again, host(14_999)));
}

#[test]
fn one_table_says_when_to_dial_again() {
    let again = |s| Fate::Again(Duration::from_secs(s));
    for (ended, source, fate) in [
        (Ended::ByPeer, Source::User, again(15)),
        (Ended::ByPeer, Source::Tracker, again(60)),
        (Ended::Policy, Source::User, again(60)),
        (Ended::Turnover, Source::Tracker, again(300)),
        (Ended::Violation, Source::User, again(600)),
        (Ended::BothSeeds, Source::User, Fate::Seed),
    ] {
        assert_eq!(after(ended, source), fate, "{ended:?} {source:?}");
    }
    for (failures, others, named, of_link) in [
        (1, again(15), again(15), again(15)),
        (2, again(30), again(30), again(30)),
        (4, again(120), again(60), again(120)),
        (5, Fate::Forgotten, again(60), again(240)),
        (u8::MAX, Fate::Forgotten, again(60), again(600)),
    ] {
        assert_eq!(
            after_failure(failures, Source::Tracker),
            others,
            "{failures}"
        );
        assert_eq!(after_failure(failures, Source::User), named, "{failures}");
        assert_eq!(after_failure(failures, Source::Link), of_link, "{failures}");
    }
}

/// A connection made at `since`, with our interest, the peer's interest, and the bytes received and
/// sent.
fn view(key: u32, since: u64, [ours, theirs]: [bool; 2], [down, up]: [u64; 2]) -> PeerView {
    PeerView {
        peer: PeerKey(key),
        am_choking: true,
        am_interested: ours,
        peer_choking: true,
        peer_interested: theirs,
        is_seed: false,
        snubbed: false,
        connected_at: Instant::from_secs(since),
        last_block_at: None,
        unchoked_at: None,
        down_rate: 0,
        up_rate: 0,
        down_bytes: down,
        up_bytes: up,
        down_bytes_round: 0,
        up_bytes_round: 0,
        up_bytes_since_unchoke: 0,
        queued_requests: 0,
        next_piece: None,
        unflushed_blocks: 0,
        have_count: 0,
        have_messages: 0,
        wanted_count: 0,
    }
}

#[test]
fn the_least_useful_go_first() {
    let views = [
        view(0, 0, [true, false], [100, 0]),
        view(1, 0, [true, true], [0, 100]),
        view(2, 0, [false, true], [500, 500]),
        view(3, 0, [false, false], [900, 900]),
        view(4, 9, [false, false], [900, 900]),
    ];
    let order = |am_seed, against: &dyn Fn(u32) -> Against| {
        let against = |it: &PeerView| against(it.peer.0);
        let order = least_useful(&mut views.clone(), am_seed, 5, against);
        order.iter().map(|it| it.0).collect::<Vec<_>>()
    };
    let (none, nothing) = (Against::default(), |_| Against::default());
    assert_eq!(order(false, &nothing), [4, 3, 2, 1, 0]);
    assert_eq!(order(true, &nothing), [4, 3, 0, 1, 2]);
    let crowded = |it| Against {
        crowded: it == 0,
        ..none
    };
    assert_eq!(order(false, &crowded), [0, 4, 3, 2, 1]);
    let missed = |it| Against {
        missed: it == 1,
        in_vain: if it == 0 { 3 } else { 0 },
        ..none
    };
    assert_eq!(order(false, &missed), [4, 3, 1, 0, 2]);
    let spared = |it| Against {
        spared: it == 1 || it == 4,
        missed: it == 1,
        crowded: it == 4,
        ..none
    };
    assert_eq!(
        order(false, &spared),
        [3, 2, 0, 4, 1],
        "spared before all else"
    );
}

#[test]
fn who_alone_has_a_piece_is_spared_up_to_half_of_the_connections() {
    let views: Vec<PeerView> = (0..7)
        .map(|key| view(key, 0, [true, true], [u64::from(key % 4) * 100, 0]))
        .collect();
    let lone = |keys: &[u32]| keys.iter().map(|it| PeerKey(*it)).collect::<Vec<_>>();
    assert_eq!(spared(&views, &[], 5), []);
    assert_eq!(
        spared(&views, &lone(&[0, 9]), 5),
        lone(&[0]),
        "9 is not up for closing"
    );
    assert_eq!(spared(&views, &lone(&[0, 1, 2]), 5), lone(&[2, 1, 0]));
    assert_eq!(
        spared(&views, &lone(&[0, 1, 2, 3, 4, 5]), 5),
        lone(&[3, 2, 1])
    );
    assert_eq!(
        spared(&views, &lone(&[0, 1, 2, 3, 4, 5]), 6),
        lone(&[3, 2, 1])
    );
    assert_eq!(spared(&views, &lone(&[4, 0]), 1), lone(&[0]), "ties by key");
}

#[test]
fn a_chance_is_missed_by_who_asks_for_nothing_and_not_by_who_is_slow() {
    let unchoked = PeerView {
        am_choking: false,
        unchoked_at: Some(Instant::from_secs(10)),
        ..view(0, 0, [false, true], [0, 0])
    };
    let after = |seconds: u64, looks: &dyn Fn(u64) -> PeerView| {
        let mut chances = Chances::default();
        for second in 10..10 + seconds {
            chances.look(Instant::from_secs(second), &looks(second));
        }
        chances.are_missed()
    };
    assert!(!after(6, &|_| unchoked), "the first request takes a while");
    assert!(after(7, &|_| unchoked));
    let choked = PeerView {
        am_choking: true,
        ..unchoked
    };
    assert!(!after(900, &|_| choked), "it was choked all the time");
    let sated = PeerView {
        peer_interested: false,
        ..unchoked
    };
    assert!(!after(900, &|_| sated), "it is not interested");
    let slow = PeerView {
        unflushed_blocks: 1,
        ..unchoked
    };
    assert!(!after(900, &|_| slow), "a block is on its way all the time");
    let every = |n: u64| move |it: u64| if it.is_multiple_of(n) { slow } else { unchoked };
    assert!(!after(900, &every(2)) && !after(900, &every(4)));
    assert!(after(900, &every(10)), "one block in ten seconds is a drip");

    let mut missed = Chances::default();
    (20..40).for_each(|it| missed.look(Instant::from_secs(it), &unchoked));
    let took = |bytes| view(0, 0, [false, true], [0, bytes]);
    assert!(!was_of_use(&took(100_000), Chances::default()));
    assert!(was_of_use(&took(300_000), Chances::default()));
    assert!(!was_of_use(&took(300_000), missed));
    assert!(was_of_use(&view(0, 0, [false, true], [1, 0]), missed));
}

#[test]
fn a_full_client_exchanges_a_few() {
    let views: Vec<PeerView> = (0..50)
        .map(|it| view(it, 0, [true, true], [0, 0]))
        .collect();
    let now = Instant::from_secs(300);
    assert_eq!(exchanged(now, &views, 50, 100), 2, "4 % of 50");
    assert_eq!(
        exchanged(now, &views, 50, 1),
        1,
        "no more than the number of waiting addresses"
    );
    assert_eq!(
        exchanged(now, &views[..44], 50, 100),
        0,
        "below 90 % there is room"
    );
    assert_eq!(exchanged(now, &views[..10], 10, 100), 1, "at least one");
    let idle: Vec<PeerView> = (0..50)
        .map(|it| view(it, 0, [false, false], [0, 0]))
        .collect();
    assert_eq!(exchanged(now, &idle, 50, 100), 2);
    let later = Instant::from_secs(600);
    assert_eq!(exchanged(later, &idle, 50, 100), 50, "no data for 600 s");
}
