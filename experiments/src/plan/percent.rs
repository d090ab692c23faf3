//! Shares written as text: `"50 %"`.

use std::fmt;
use std::str::FromStr;

/// A share in hundredths of a percent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Percent {
    basis_points: u32,
}

impl Percent {
    /// Nothing.
    pub const ZERO: Self = Self { basis_points: 0 };

    /// A twentieth.
    pub const FIVE: Self = Self { basis_points: 500 };

    /// Half.
    pub const FIFTY: Self = Self { basis_points: 5000 };

    /// Everything.
    pub const HUNDRED: Self = Self {
        basis_points: 10_000,
    };

    /// The share as a fraction of one.
    #[must_use]
    pub fn fraction(self) -> f64 {
        f64::from(self.basis_points) / 10_000.0
    }

    /// This share of `count`, rounded down.
    #[must_use]
    pub fn of(self, count: usize) -> usize {
        let share = count as u128 * u128::from(self.basis_points) / 10_000;
        usize::try_from(share).unwrap_or(usize::MAX)
    }
}

impl FromStr for Percent {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let expected = || format!("\"{text}\" is not a percentage such as \"50 %\"");
        let number = text.trim().strip_suffix('%').ok_or_else(expected)?.trim();
        let (whole, part) = number.split_once('.').unwrap_or((number, ""));
        let digits = |it: &str| it.bytes().all(|b| b.is_ascii_digit());
        if whole.is_empty() || part.len() > 2 || !digits(whole) || !digits(part) {
            return Err(expected());
        }
        let whole: u32 = whole.parse().map_err(|_| expected())?;
        let part: u32 = format!("{part:0<2}").parse().map_err(|_| expected())?;
        let basis_points = whole.checked_mul(100).and_then(|it| it.checked_add(part));
        let basis_points = basis_points.ok_or_else(expected)?;
        Ok(Self { basis_points })
    }
}

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, part) = (self.basis_points / 100, self.basis_points % 100);
        match part {
            0 => write!(f, "{whole} %"),
            it if it % 10 == 0 => write!(f, "{whole}.{} %", it / 10),
            it => write!(f, "{whole}.{it:02} %"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_it_writes() {
        for text in ["0 %", "5 %", "12.5 %", "33.33 %", "100 %", "0.05 %"] {
            assert_eq!(text.parse::<Percent>().expect(text).to_string(), text);
        }
        assert_eq!("50%".parse::<Percent>().expect("no blank").of(7), 3);
        for text in [
            "",
            "50",
            "%",
            "-5 %",
            "1e2 %",
            "5.123 %",
            "99999999999 %",
            ". %",
        ] {
            assert!(text.parse::<Percent>().is_err(), "{text}");
        }
    }
}
