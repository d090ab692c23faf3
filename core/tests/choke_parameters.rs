//! Parameters of policies: values out of range are refused, and accepted values cause no fault.

use std::panic::catch_unwind;

use unchoke_core::choke::{
    Parameter, ParameterError, Parameters, PeerView, REGISTRY, Snapshot, Trigger, build,
};
use unchoke_core::ids::PeerKey;
use unchoke_core::rng::{Purpose, Streams};
use unchoke_core::time::Instant;

fn one(name: &str, value: u64) -> Parameters {
    let mut parameters = Parameters::new();
    parameters.set(name, value);
    parameters
}

#[test]
fn what_makes_no_sense_is_refused_with_a_sentence() {
    let refused = |id: &str, name: &str, value| {
        let error = build(id, &one(name, value)).expect_err("refused");
        error.to_string()
    };
    assert_eq!(
        refused("libtorrent_fixed", "seed_rule", 3),
        "parameter 'seed_rule' of choking policy 'libtorrent_fixed' is 3, but must be at most 2"
    );
    assert_eq!(
        refused("libtorrent_fixed", "slots", 0),
        "parameter 'slots' of choking policy 'libtorrent_fixed' is 0, but must be at least 1"
    );
    assert_eq!(
        refused("freerider", "slots", 1),
        "choking policy 'freerider' has no parameter 'slots'; it has: "
    );
    let error = build("no_such", &Parameters::new()).expect_err("refused");
    assert!(matches!(error, ParameterError::UnknownPolicy(..)));
}

#[test]
fn defaults_are_in_range_and_ids_and_names_are_unique() {
    for entry in REGISTRY {
        let same_id = |it: &&unchoke_core::choke::Entry| it.id == entry.id;
        assert_eq!(REGISTRY.iter().filter(same_id).count(), 1, "{}", entry.id);
        assert!(!entry.summary.is_empty(), "{}", entry.id);
        for it in entry.parameters {
            let what = format!("{}: {}", entry.id, it.name);
            assert!((it.min..=it.max).contains(&it.default), "{what}");
            assert!(!it.meaning.is_empty(), "{what}");
            let same_name = |other: &&Parameter| other.name == it.name;
            let count = entry.parameters.iter().filter(same_name).count();
            assert_eq!(count, 1, "{what}");
        }
    }
}

/// Twelve rounds with peers that connect, send, receive and disconnect.
fn exercise(id: &str, parameters: &Parameters, am_seed: bool, capacity: Option<u64>) {
    let mut policy = build(id, parameters).expect("in range");
    let mut rng = Streams::new(1).stream(Purpose::Choke, 0);
    let mut peers = Vec::new();
    let mut ask = |trigger, peers: &[PeerView], round: u64| {
        let snapshot = Snapshot {
            now: Instant::from_secs(100 + round * 10),
            am_seed,
            upload_capacity: capacity,
            upload_rate: u64::MAX,
            piece_count: 100,
            piece_bytes: 262_144,
            total_bytes: 100 * 262_144,
            left_bytes: 50 * 262_144,
            peers,
        };
        policy.decide(trigger, &snapshot, &mut rng);
        policy.next_peer(peers);
    };
    for round in 0..12_u64 {
        let key = PeerKey(u32::try_from(round).expect("few"));
        let many = u64::MAX >> (round * 4);
        peers.push(PeerView {
            peer: key,
            am_choking: round % 2 == 0,
            am_interested: true,
            peer_choking: round % 3 == 0,
            peer_interested: round % 5 > 0,
            unchoked_at: Some(Instant::from_secs(round)),
            last_block_at: (round % 4 > 0).then(|| Instant::from_secs(90 + round)),
            down_rate: many,
            up_rate: many,
            down_bytes: many,
            up_bytes: many / 2,
            down_bytes_round: many,
            up_bytes_round: many / 3,
            have_messages: u32::MAX,
            ..PeerView::default()
        });
        ask(Trigger::Connected(key), &peers, round);
        ask(Trigger::Interest(key), &peers, round);
        ask(Trigger::Tick(round), &peers, round);
        ask(Trigger::Block(key), &peers, round);
    }
    let gone = peers.remove(3).peer;
    ask(Trigger::Disconnected(gone), &peers, 12);
    ask(Trigger::Tick(u64::MAX - 1), &peers, 13);
}

#[test]
fn any_value_in_range_is_harmless() {
    for entry in REGISTRY {
        let values = entry.parameters.iter().flat_map(|it| {
            let middle = it.min.midpoint(it.max);
            [it.min, middle, it.max].map(|value| one(it.name, value))
        });
        for parameters in values.chain([Parameters::new()]) {
            for am_seed in [false, true] {
                for capacity in [None, Some(0), Some(1_000_000), Some(u64::MAX)] {
                    let run = || exercise(entry.id, &parameters, am_seed, capacity);
                    catch_unwind(run).unwrap_or_else(|_| {
                        panic!("{} with {parameters:?}, seed: {am_seed}", entry.id)
                    });
                }
            }
        }
    }
}
