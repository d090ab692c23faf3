//! A measured distribution, given as points of its cumulative distribution function. Between two
//! points it is a straight line.

use std::fmt;

use crate::units::{Decimal, UnitError, is_heading, parse_measured};

/// Largest value of a point: keeps every product within 128 bits.
const MAX_VALUE: u64 = 1_000_000_000;

/// Why a list of points is not a distribution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CdfError {
    /// A line that is not two numbers.
    Line,
    /// Fewer than two points.
    TooFew,
    /// The probabilities do not run from 0 to 1.
    Ends,
    /// A probability that is not above the one before, or a value below the one before.
    Order,
    /// A value of 0, or too large to calculate with.
    Range,
}

impl CdfError {
    /// What is expected instead, as part of a sentence.
    #[must_use]
    pub const fn expected(self) -> &'static str {
        match self {
            Self::Line => "a probability, a comma and a value",
            Self::TooFew => "at least two points",
            Self::Ends => "probabilities from 0 to 1",
            Self::Order => "rising probabilities and values that do not fall",
            Self::Range => "values above 0 and up to 1000000000",
        }
    }
}

impl fmt::Display for CdfError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "expected {}", self.expected())
    }
}

impl std::error::Error for CdfError {}

/// A cumulative distribution function of positive values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cdf {
    points: Vec<(Decimal, Decimal)>,
}

impl Cdf {
    /// Makes a distribution from points (probability, value). On failure, gives the position of the
    /// wrong point.
    pub fn new(points: Vec<(Decimal, Decimal)>) -> Result<Self, (usize, CdfError)> {
        if points.len() < 2 {
            return Err((0, CdfError::TooFew));
        }
        for (i, (probability, value)) in points.iter().enumerate() {
            if value.millionths() == 0 || value.millionths() > MAX_VALUE * 1_000_000 {
                return Err((i, CdfError::Range));
            }
            if i > 0 && (points[i - 1].0 >= *probability || points[i - 1].1 > *value) {
                return Err((i, CdfError::Order));
            }
        }
        if points[0].0 != Decimal::default() {
            return Err((0, CdfError::Ends));
        }
        if points[points.len() - 1].0 != Decimal::ONE {
            return Err((points.len() - 1, CdfError::Ends));
        }
        Ok(Self { points })
    }

    /// Reads lines of `probability,value`, rounded to millionths. Lines that start with `#` and one line
    /// of column names are skipped. On failure, the number of the line at fault, from 1.
    pub fn parse(text: &str) -> Result<Self, (usize, CdfError)> {
        let mut points = Vec::new();
        let mut lines = Vec::new();
        let mut heading_allowed = true;
        for (number, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            match parse_point(line) {
                Ok(point) => {
                    points.push(point);
                    lines.push(number + 1);
                }
                Err(_) if heading_allowed && is_heading(line) => {}
                Err(_) => return Err((number + 1, CdfError::Line)),
            }
            heading_allowed = false;
        }
        Self::new(points).map_err(|(i, error)| (lines.get(i).copied().unwrap_or(1), error))
    }

    /// The points: probability and value.
    #[must_use]
    pub fn points(&self) -> &[(Decimal, Decimal)] {
        &self.points
    }

    /// The value below which `numerator / denominator` of the draws lie. The fraction must be at
    /// most 1, its denominator above 0 and below 2^57.
    #[must_use]
    pub fn quantile(&self, numerator: u64, denominator: u64) -> Decimal {
        assert!(numerator <= denominator && denominator > 0 && denominator < 1 << 57);
        let target = u128::from(numerator) * u128::from(Decimal::ONE.millionths());
        let at = |it: Decimal| u128::from(it.millionths()) * u128::from(denominator);
        let after = self.points.partition_point(|it| at(it.0) <= target);
        if after == self.points.len() {
            return self.points[after - 1].1;
        }
        let ((p0, v0), (p1, v1)) = (self.points[after - 1], self.points[after]);
        let rise = u128::from(v1.millionths() - v0.millionths());
        let part = rise * (target - at(p0)) / (at(p1) - at(p0));
        Decimal::from_millionths(
            v0.millionths() + u64::try_from(part).expect("at most the rise of the segment"),
        )
    }
}

fn parse_point(line: &str) -> Result<(Decimal, Decimal), UnitError> {
    let (probability, value) = line.split_once(',').ok_or(UnitError::UnknownUnit)?;
    let millionths = |text| parse_measured(text, 1_000_000).map(Decimal::from_millionths);
    Ok((millionths(probability)?, millionths(value)?))
}
