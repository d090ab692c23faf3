//! Axes: convert values to pixels, and choose round tick marks.

/// A linear axis.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Axis {
    pub(super) from: f64,
    pub(super) to: f64,
    pub(super) start: f64,
    pub(super) end: f64,
}

impl Axis {
    /// An axis with the values `from` to `to` at the pixels `start` to `end`.
    pub(super) fn new(values: (f64, f64), pixels: (f64, f64)) -> Self {
        let (from, to) = values;
        // An empty range would divide by zero.
        let to = if to > from { to } else { from + 1.0 };
        Self {
            from,
            to,
            start: pixels.0,
            end: pixels.1,
        }
    }

    pub(super) fn at(&self, value: f64) -> f64 {
        self.start + (value - self.from) / (self.to - self.from) * (self.end - self.start)
    }

    /// Like [`Axis::at`], but not beyond the ends.
    pub(super) fn within(&self, value: f64) -> f64 {
        self.at(value.clamp(self.from, self.to))
    }

    /// About `count` round values.
    pub(super) fn ticks(&self, count: f64) -> Vec<f64> {
        let step = round_step((self.to - self.from) / count);
        let first = (self.from / step).ceil();
        let mut ticks = Vec::new();
        let mut number = first;
        while number * step <= self.to + step * 1e-9 {
            ticks.push(number * step);
            number += 1.0;
        }
        ticks
    }
}

/// The smallest 1, 2 or 5 times a power of ten that is at least `least`.
fn round_step(least: f64) -> f64 {
    let mut power = 1.0;
    while power > least {
        power /= 10.0;
    }
    while power * 10.0 <= least {
        power *= 10.0;
    }
    let step = [1.0, 2.0, 5.0].into_iter().find(|it| it * power >= least);
    step.unwrap_or(10.0) * power
}

/// A tick value without superfluous digits.
pub(super) fn label(value: f64) -> String {
    format!(
        "{}",
        crate::findings::stats::math::round9((value * 1e6).round() / 1e6)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_inside() {
        let axis = Axis::new((0.0, 47.0), (0.0, 100.0));
        assert_eq!(axis.ticks(5.0), [0.0, 10.0, 20.0, 30.0, 40.0]);
        let labels: Vec<String> = Axis::new((-0.31, 0.62), (0.0, 1.0))
            .ticks(5.0)
            .into_iter()
            .map(label)
            .collect();
        assert_eq!(labels, ["-0.2", "0", "0.2", "0.4", "0.6"]);
        assert!((axis.at(23.5) - 50.0).abs() < 1e-12);
        assert!((axis.within(99.0) - 100.0).abs() < 1e-12);
        assert_eq!(Axis::new((3.0, 3.0), (0.0, 1.0)).ticks(1.0), [3.0, 4.0]);
    }
}
