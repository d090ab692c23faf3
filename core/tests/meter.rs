//! Compares rate estimators with the rates that they estimate.

use unchoke_core::meter::{Estimator, Meter};
use unchoke_core::time::Instant;

const WINDOW: Estimator = Estimator::Window { window_ms: 2000 };

fn at(ms: u64) -> Instant {
    Instant::from_nanos(ms * 1_000_000)
}

/// Adds 1000 bytes every 10 ms from 0 to `end_ms`.
fn steady(estimator: Estimator, end_ms: u64) -> Meter {
    let mut meter = Meter::new(estimator, Instant::START);
    for ms in (0..end_ms).step_by(10) {
        meter.add(estimator, at(ms), 1000);
    }
    meter
}

#[test]
fn a_window_reads_a_steady_rate_at_any_phase() {
    for end_ms in (4000..9000).step_by(370) {
        let rate = steady(WINDOW, end_ms).rate(WINDOW, at(end_ms));
        assert!(
            rate.abs_diff(100_000) < 1000,
            "{rate} bytes/s after {end_ms} ms"
        );
    }
}

#[test]
fn a_window_forgets_what_lies_two_windows_back() {
    let meter = steady(WINDOW, 6000);
    let falling: Vec<u64> = [6000, 7000, 8000, 10_000]
        .iter()
        .map(|ms| meter.rate(WINDOW, at(*ms)))
        .collect();
    // A new span begins at 6 s. The previous span counts fully at first, then by half, then not at
    // all.
    assert_eq!(falling, [100_000, 50_000, 0, 0]);
}

#[test]
fn a_new_window_starts_from_zero() {
    let mut meter = Meter::new(WINDOW, at(500));
    assert_eq!(meter.rate(WINDOW, at(600)), 0);
    meter.add(WINDOW, at(700), 4000);
    assert_eq!(meter.rate(WINDOW, at(700)), 2000, "4000 bytes in 2 s");
}

#[test]
fn the_estimators_agree_on_a_long_steady_rate() {
    for estimator in [WINDOW, Estimator::EMA_10_S, Estimator::MAINLINE_20_S] {
        let rate = steady(estimator, 120_000).rate(estimator, at(120_000));
        assert!(rate.abs_diff(100_000) < 2000, "{estimator:?}: {rate}");
    }
}

/// After months, a seed must rank peers by their current rates.
#[test]
fn a_rate_is_right_after_the_milliseconds_have_come_round() {
    for estimator in [WINDOW, Estimator::EMA_10_S, Estimator::MAINLINE_20_S] {
        let start = (1 << 32) - 300_000;
        let mut meter = Meter::new(estimator, at(start));
        for ms in (start..start + 600_000).step_by(100) {
            meter.add(estimator, at(ms), 10_000);
        }
        let rate = meter.rate(estimator, at(start + 600_000));
        assert!(rate.abs_diff(100_000) < 2000, "{estimator:?}: {rate}");
        let later = meter.rate(estimator, at(start + 900_000));
        assert!(later < 10_000, "{estimator:?}: {later} after five minutes");
    }
}
