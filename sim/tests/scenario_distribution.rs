//! Compares integer draws with the formulas in floats.
#![expect(
    clippy::cast_precision_loss,
    reason = "the formulas that the integers are held against are in floats"
)]

use std::time::Duration;

use proptest::prelude::*;
use unchoke_core::rng::{Purpose, Rng, Streams};
use unchoke_sim::distribution::{Cdf, CdfError, exponential, unit_exponential, weibull};
use unchoke_sim::units::Decimal;

const DRAWS: usize = 200_000;

fn rng(seed: u64) -> Rng {
    Streams::new(seed).stream(Purpose::Arrival, 0)
}

fn decimal(text: &str) -> Decimal {
    Decimal::parse(text).expect("a decimal")
}

/// The value of the formula for the next 64 bits of the same stream.
fn formula(rng: &mut Rng) -> f64 {
    -(rng.next_u64().max(1) as f64 / 2_f64.powi(64)).ln()
}

proptest! {
    #[test]
    fn an_exponential_is_minus_the_logarithm(seed: u64) {
        let unit = unit_exponential(&mut rng(seed)) as f64 / 2_f64.powi(48);
        // A float close to 1 loses the last bits of the draw, so the tolerance has an absolute
        // part.
        let exact = formula(&mut rng(seed));
        prop_assert!((unit - exact).abs() < 1e-12 + exact * 1e-12, "{unit} {exact}");
    }

    #[test]
    fn a_weibull_is_a_power_of_an_exponential(seed: u64, millionths in 200_000..5_000_000_u64) {
        let shape = Decimal::from_millionths(millionths);
        let scale = Duration::from_secs(1000);
        let drawn = weibull(scale, shape, &mut rng(seed)).as_secs_f64();
        let exact = 1000.0 * formula(&mut rng(seed)).powf(1e6 / millionths as f64);
        prop_assert!((drawn - exact).abs() < 2e-9 + exact * 1e-9, "{drawn} {exact}");
    }

    #[test]
    fn extreme_parameters_saturate(seed: u64, millionths in 1..u64::MAX, ns: u64) {
        let time = Duration::from_nanos(ns);
        weibull(time, Decimal::from_millionths(millionths), &mut rng(seed));
        exponential(time, &mut rng(seed));
    }
}

#[test]
fn the_first_draws_are_the_same_everywhere() {
    let mut rng = rng(1);
    let mean = Duration::from_secs(10);
    let draws: Vec<u128> = (0..3)
        .map(|_| exponential(mean, &mut rng).as_nanos())
        .collect();
    let stays: Vec<u128> = (0..3)
        .map(|_| weibull(mean, decimal("0.6"), &mut rng).as_nanos())
        .collect();
    assert_eq!(draws, [9_100_958_009, 25_209_437_485, 5_165_751_524]);
    assert_eq!(stays, [20_032_689_989, 14_696_373_840, 1_669_536_409]);
}

#[test]
fn mean_and_quantiles_of_the_exponential() {
    let mut rng = rng(2);
    let mut draws: Vec<f64> = (0..DRAWS)
        .map(|_| exponential(Duration::from_secs(1), &mut rng).as_secs_f64())
        .collect();
    draws.sort_by(f64::total_cmp);
    let mean = draws.iter().sum::<f64>() / DRAWS as f64;
    // Standard error of the mean: 1/sqrt(200 000) = 0.0022.
    assert!((mean - 1.0).abs() < 0.01, "mean {mean}");
    for percent in [1, 10, 25, 50, 75, 90, 99_usize] {
        let p = percent as f64 / 100.0;
        let below = -(1.0 - p).ln();
        let share = draws.partition_point(|it| *it < below) as f64 / DRAWS as f64;
        assert!((share - p).abs() < 0.005, "{share} below the {p} quantile");
    }
}

#[test]
fn mean_and_median_of_the_weibull() {
    let mut rng = rng(3);
    let shape = decimal("0.6");
    let mut draws: Vec<f64> = (0..DRAWS)
        .map(|_| weibull(Duration::from_secs(1), shape, &mut rng).as_secs_f64())
        .collect();
    draws.sort_by(f64::total_cmp);
    // Mean: Gamma(1 + 1/0.6) = 1.504575; standard deviation 2.645, so standard error 0.0059.
    let mean = draws.iter().sum::<f64>() / DRAWS as f64;
    assert!((mean - 1.504_575).abs() < 0.03, "mean {mean}");
    let median = 2_f64.ln().powf(1.0 / 0.6);
    let below = draws.partition_point(|it| *it < median) as f64 / DRAWS as f64;
    assert!((below - 0.5).abs() < 0.005, "{below} below the median");
}

#[test]
fn quantiles_lie_on_straight_lines_between_the_points() {
    let cdf = Cdf::parse("# note\np,rate\n0,10\n0.5,20\n\n1,120.5\n").expect("a distribution");
    for (numerator, denominator, value) in [
        (0, 1, "10"),
        (1, 4, "15"),
        (1, 2, "20"),
        (3, 4, "70.25"),
        (1, 1, "120.5"),
        (1, 3, "16.666666"),
    ] {
        assert_eq!(cdf.quantile(numerator, denominator), decimal(value));
    }
}

#[test]
fn points_that_are_no_distribution() {
    for (text, line, error) in [
        ("", 1, CdfError::TooFew),
        ("0,1\n", 1, CdfError::TooFew),
        ("0.1,1\n1,2\n", 1, CdfError::Ends),
        ("0,1\n# note\n0.9,2\n", 3, CdfError::Ends),
        ("0,1\n0,2\n1,3\n", 2, CdfError::Order),
        ("0,2\n1,1\n", 2, CdfError::Order),
        ("0,0\n1,1\n", 1, CdfError::Range),
        ("0,1\n1,2000000000\n", 2, CdfError::Range),
        ("0,1\n0.5;2\n1,3\n", 2, CdfError::Line),
        ("0,1\nx,2\n1,3\n", 2, CdfError::Line),
        ("p,v\nq,w\n0,1\n1,3\n", 2, CdfError::Line),
    ] {
        assert_eq!(Cdf::parse(text), Err((line, error)), "{text:?}");
    }
}

/// Median and top of the measured upload capacities, Piatek et al. 2007, Fig. 1.
#[test]
fn the_measured_distribution_has_the_quantiles_of_its_figure() {
    let cdf = Cdf::parse(include_str!("../data/bittyrant_fig1_cdf.csv")).expect("our own file");
    assert_eq!(cdf.quantile(1, 2), decimal("77.4"));
    assert_eq!(cdf.quantile(0, 2), decimal("43"));
    assert_eq!(cdf.quantile(2, 2), decimal("12398.9"));
    let sum: u64 = (0..100_000)
        .map(|i| cdf.quantile(2 * i + 1, 200_000).millionths())
        .sum();
    let mean_kb = sum / 100_000 / 1_000_000;
    assert!((415..=435).contains(&mean_kb), "mean {mean_kb} KB/s");
}
