//! An estimate with its intervals.

/// An estimate and its intervals.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// The point estimate.
    pub value: f64,
    /// Two-sided 95 % interval.
    pub ci95: (f64, f64),
    /// Lower and upper one-sided 95 % bounds; together a 90 % interval.
    pub bound95: (f64, f64),
}

impl Estimate {
    /// The estimate transformed by a monotone function. A falling function swaps the ends.
    #[must_use]
    pub fn map(self, change: impl Fn(f64) -> f64) -> Self {
        let order = |(low, high): (f64, f64)| {
            let (a, b) = (change(low), change(high));
            if a <= b { (a, b) } else { (b, a) }
        };
        Self {
            value: change(self.value),
            ci95: order(self.ci95),
            bound95: order(self.bound95),
        }
    }
}
