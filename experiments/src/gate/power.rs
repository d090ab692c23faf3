//! Power of the gate: the smallest change of a row that fails a check, and the number of seeds that would halve it.

use super::{Key, Row};
use crate::findings::stats::distribution::t_quantile;
use crate::findings::stats::math::{exp, ln};
use crate::plan::{ALL_SCENARIOS, Tolerance, Tolerances};

/// Largest number of seeds that is considered.
const MOST_SEEDS: usize = 1_000_000;

/// The changes of a row that a check can detect.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Power {
    /// Paired seeds of the row.
    pub seeds: usize,
    /// Half-width of the 95 % interval of the difference between two results with this number of seeds. For a
    /// saving: a part of one; for a ratio: a relative change. It treats the two results as independent. A check
    /// that pairs them by seed usually has a narrower interval.
    pub noise: f64,
    /// Smallest change for the worse whose whole interval is beyond the tolerance, in the same unit. A check
    /// detects a change of exactly this size in half of all cases.
    pub sees: f64,
    /// Number of seeds that detects half of that change. `None` if the tolerance alone is larger than half, or
    /// if a million seeds are not enough.
    pub seeds_for_half: Option<usize>,
}

/// Half-width of the 95 % interval of the difference between two independent results like this row: of a saving, or of
/// the logarithm of a ratio. `None` if the row has no interval.
fn noise(row: &Row) -> Option<f64> {
    let (low, high) = row.interval?;
    let scale = |it: f64| if row.is_ratio { ln(it) } else { it };
    let noise = (scale(high) - scale(low)) / 2.0 * std::f64::consts::SQRT_2;
    noise.is_finite().then_some(noise)
}

/// Tolerated change for the worse: of a saving as a part of one, of a ratio as a relative change. 0 if the tolerance is
/// in units of the noise and the noise is unknown.
pub(super) fn allowed(key: &Key, row: &Row, tolerances: &Tolerances) -> f64 {
    match tolerances.of(&key.quantity) {
        Tolerance::Share(share) => share.fraction(),
        Tolerance::Detectable(units) => {
            let noise = noise(row).unwrap_or(0.0) * units;
            if row.is_ratio {
                exp(noise) - 1.0
            } else {
                noise
            }
        }
    }
}

/// Power of a check of this row with this tolerance. `None` for rows over all scenarios, which register only a verdict,
/// and for rows without an interval or with one of width zero.
#[must_use]
pub fn power(key: &Key, row: &Row, tolerances: &Tolerances) -> Option<Power> {
    let seeds = row.runs.filter(|it| *it >= 2)?;
    if key.scenario == ALL_SCENARIOS {
        return None;
    }
    let back = |it: f64| if row.is_ratio { exp(it) - 1.0 } else { it };
    let tolerance = allowed(key, row, tolerances);
    let allowed = if row.is_ratio {
        ln(1.0 + tolerance)
    } else {
        tolerance
    };
    let noise = noise(row).filter(|it| *it > 0.0)?;
    let change = back(allowed + noise);
    let half = scale_of_half(change, row.is_ratio);
    // A tolerance in units of the noise shrinks with it.
    let wanted = match tolerances.of(&key.quantity) {
        Tolerance::Share(_) => half - allowed,
        Tolerance::Detectable(units) => half / (1.0 + units),
    };
    Some(Power {
        seeds,
        noise: back(noise),
        sees: change,
        seeds_for_half: seeds_for(seeds, wanted / noise),
    })
}

/// Half of a change, on the scale on which intervals add up.
fn scale_of_half(change: f64, is_ratio: bool) -> f64 {
    if is_ratio {
        ln(1.0 + change / 2.0)
    } else {
        change / 2.0
    }
}

/// Seeds with which Student's interval has this part of the width that it has with `seeds`.
fn seeds_for(seeds: usize, part: f64) -> Option<usize> {
    if part <= 0.0 {
        return None;
    }
    let width = |n: usize| t_quantile(0.975, (n - 1) as f64) / (n as f64).sqrt();
    let wanted = width(seeds) * part;
    let (mut few, mut enough) = (seeds, MOST_SEEDS);
    if width(enough) > wanted {
        return None;
    }
    while enough - few > 1 {
        let middle = few.midpoint(enough);
        if width(middle) > wanted {
            few = middle;
        } else {
            enough = middle;
        }
    }
    Some(enough)
}

#[cfg(test)]
mod tests {
    use super::super::tests::rows;
    use super::*;

    fn share(text: &str) -> Tolerances {
        Tolerances::all(Tolerance::Share(text.parse().expect("a share")))
    }

    fn of(row: &str, runs: usize, tolerances: &Tolerances) -> Option<Power> {
        let rows = rows(&format!("s,bep3,one,adopters,{row}"));
        let (key, row) = rows.iter().next().expect("a row");
        let runs = Some(runs);
        power(
            key,
            &Row {
                runs,
                ..row.clone()
            },
            tolerances,
        )
    }

    #[test]
    fn half_the_change_takes_about_four_times_the_seeds() {
        let it =
            of("E1,saving,true,0.30,0.28,0.32,,,", 20, &share("0 %")).expect("it has an interval");
        assert!((it.noise - 0.02 * std::f64::consts::SQRT_2).abs() < 1e-9);
        assert_eq!(it.sees.to_bits(), it.noise.to_bits());
        // Fewer than 80: the quantile falls too.
        assert_eq!(it.seeds_for_half, Some(73));
    }

    #[test]
    fn where_the_tolerance_is_the_limit_no_seeds_help() {
        let it =
            of("E1,saving,true,0.30,0.28,0.32,,,", 20, &share("5 %")).expect("it has an interval");
        assert!((it.sees - 0.05 - it.noise).abs() < 1e-9);
        assert_eq!(it.seeds_for_half, None);
    }

    #[test]
    fn of_a_ratio_the_change_is_a_share() {
        let it =
            of("time,ratio,false,1.00,0.8,1.25,,,", 10, &share("5 %")).expect("it has an interval");
        let noise = 1.25_f64.powf(std::f64::consts::SQRT_2);
        assert!((it.noise - (noise - 1.0)).abs() < 1e-9);
        assert!((it.sees - (noise * 1.05 - 1.0)).abs() < 1e-9);
        assert_eq!(it.seeds_for_half, Some(36));
    }

    #[test]
    fn nothing_is_said_where_nothing_is_known() {
        assert_eq!(of("E1,saving,true,0,0,0,,,", 20, &share("5 %")), None);
        assert_eq!(of("E1,saving,true,0.3,,,,,", 20, &share("5 %")), None);
        assert_eq!(of("E1,saving,true,0.3,0.2,0.4,,,", 1, &share("5 %")), None);
    }
}
