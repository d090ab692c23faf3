//! Rechoke times: each torrent at a phase of its own, or all peers together.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use unchoke_core::choke::{ChokePolicy, Decision, Scope, Snapshot, Trigger, Triggers};
use unchoke_core::geometry::Geometry;
use unchoke_core::meter::Estimator;
use unchoke_core::pick;
use unchoke_core::rng::{Rng, Streams};
use unchoke_core::time::Instant;
use unchoke_core::torrent::{Config, Input, Torrent};

const TICK: Duration = Duration::from_secs(10);

/// A policy that records the times of its calls.
#[derive(Clone, Debug, Default)]
struct Clock(Arc<Mutex<Vec<Instant>>>);

impl ChokePolicy for Clock {
    fn triggers(&self) -> Triggers {
        Triggers {
            tick: Some(TICK),
            interest: Scope::Never,
            connected: Scope::Never,
            disconnected: Scope::Never,
            block: Scope::Never,
        }
    }

    fn estimator(&self) -> Estimator {
        Estimator::EMA_10_S
    }

    fn decide(&mut self, _: Trigger, snapshot: &Snapshot<'_>, _: &mut Rng) -> Decision {
        self.0.lock().expect("one thread").push(snapshot.now);
        Decision::default()
    }
}

/// The first three rechokes of a torrent that starts after 13 s.
fn rechokes(aligned: bool, entity: u32) -> Vec<Instant> {
    let mut config = Config::new(Geometry::new(1 << 20, 1 << 16).expect("a torrent"));
    config.aligned_ticks = aligned;
    let (clock, now) = (Clock::default(), Instant::from_secs(13));
    let nothing = config.nothing();
    let mut torrent = Torrent::new(
        Arc::new(config),
        nothing,
        Box::new(clock.clone()),
        pick::build("random").expect("a picker"),
        Streams::new(1),
        entity,
        now,
    );
    while clock.0.lock().expect("one thread").len() < 3 {
        let next = torrent.poll_timeout().expect("a timer");
        torrent.handle_input(next, Input::Timeout);
    }
    let times = clock.0.lock().expect("one thread");
    times.clone()
}

#[test]
fn aligned_torrents_rechoke_together_and_others_at_a_phase_of_their_own() {
    for entity in 0..3 {
        assert_eq!(rechokes(true, entity), [20, 30, 40].map(Instant::from_secs));
    }
    let own: Vec<Instant> = (0..3).map(|entity| rechokes(false, entity)[0]).collect();
    assert!(own[0] != own[1] && own[1] != own[2], "{own:?}");
    assert!(own.iter().all(|it| *it - Instant::from_secs(13) < TICK));
    assert_eq!(
        Instant::from_secs(20).next_multiple_of(TICK),
        Instant::from_secs(20)
    );
}
