//! How far a figure moved, and whether that is for the better.

use super::{Row, State};
use crate::findings::stats::bounds::Bounds;
use crate::findings::stats::math::{exp, ln};
use crate::findings::stats::moments::standard_deviation;

/// How far a figure moved.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Difference {
    /// More (positive) or less than registered: of a saving the difference, of a ratio the share.
    pub value: f64,
    /// Its two-sided 95 % interval.
    pub ci95: (f64, f64),
    /// It is of the differences seed by seed.
    pub paired: bool,
}

impl Difference {
    pub(super) fn between(before: &Row, now: &Row) -> Option<Self> {
        let scale = |it: f64| if before.is_ratio { ln(it) } else { it };
        let back = |it: f64| if before.is_ratio { exp(it) - 1.0 } else { it };
        let value = scale(now.estimate?) - scale(before.estimate?);
        let paired = paired(before, now, value);
        let (low, high) = paired.or_else(|| independent(before, now, scale))?;
        (low.is_finite() && high.is_finite()).then(|| Self {
            value: back(value),
            ci95: (back(low), back(high)),
            paired: paired.is_some(),
        })
    }

    /// The tolerance is absolute for a saving, relative for a ratio.
    pub(super) fn judge(self, less_is_better: bool, tolerance: f64) -> State {
        let (low, high) = self.ci95;
        let (above, below) = (low > tolerance, high < -tolerance);
        let (better, worse) = if less_is_better {
            (below, above)
        } else {
            (above, below)
        };
        if worse {
            State::Regressed
        } else if better {
            State::Improved
        } else if low >= -tolerance && high <= tolerance {
            State::NoChange
        } else {
            State::Inconclusive
        }
    }
}

/// The interval of a difference from the differences seed by seed, if both have the same seeds.
fn paired(before: &Row, now: &Row, value: f64) -> Option<(f64, f64)> {
    let ((old_seed, old), (new_seed, new)) = (&before.by_seed, &now.by_seed);
    if old_seed != new_seed || old.len() != new.len() || old.len() < 2 {
        return None;
    }
    let moved: Vec<f64> = new.iter().zip(old).map(|(new, old)| new - old).collect();
    let error = standard_deviation(&moved) / (moved.len() as f64).sqrt();
    Some(Bounds::t_about(value, error, moved.len()).estimate().ci95)
}

/// The interval of a difference from the intervals of both, as if they were independent, by the method
/// of variance estimates recovery (Zou and Donner, Statistics in Medicine 27, 2008, 1693-1702).
fn independent(before: &Row, now: &Row, scale: impl Fn(f64) -> f64) -> Option<(f64, f64)> {
    let (old, new) = (scale(before.estimate?), scale(now.estimate?));
    let (old_low, old_high) = before.interval?;
    let (new_low, new_high) = now.interval?;
    let wide = |a: f64, b: f64| (a * a + b * b).sqrt();
    let below = wide(new - scale(new_low), scale(old_high) - old);
    let above = wide(scale(new_high) - new, old - scale(old_low));
    Some((new - old - below, new - old + above))
}
