//! Quantities as text: `"10 Mbit/s"`, `"128 KB/s"`, `"256 KiB"`, `"30 s"`, `"20 %"`.
//!
//! A number, an optional space, and a unit. Decimals are read exactly, without floats. A value that
//! is not a whole number of bytes, bytes/s or nanoseconds is an error; it is not rounded. Measured
//! numbers in files written by programs are rounded.

use std::fmt;
use std::time::Duration;

/// Highest rate of a link, bytes/s. The link solver cannot calculate higher ones (see
/// `link::flow`).
pub const MAX_RATE: u64 = 16_000_000_000;

/// Why a text is not a quantity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnitError {
    /// It does not start with digits.
    #[error("no number")]
    NoNumber,
    /// The unit is unknown, or there is none.
    #[error("unknown unit")]
    UnknownUnit,
    /// Not a whole number of bytes, bytes/s or nanoseconds.
    #[error("not a whole number of the smallest unit")]
    NotWhole,
    /// The value does not fit its type.
    #[error("too large")]
    TooLarge,
}

/// A unit: its name, and its size in the smallest unit as numerator and denominator.
struct Unit(&'static str, u64, u64);

const TIMES: &[Unit] = &[
    Unit("ns", 1, 1),
    Unit("us", 1_000, 1),
    Unit("µs", 1_000, 1),
    Unit("ms", 1_000_000, 1),
    Unit("s", 1_000_000_000, 1),
    Unit("min", 60_000_000_000, 1),
    Unit("h", 3_600_000_000_000, 1),
    Unit("d", 86_400_000_000_000, 1),
];

const SIZES: &[Unit] = &[
    Unit("B", 1, 1),
    Unit("kB", 1_000, 1),
    Unit("KB", 1_000, 1),
    Unit("MB", 1_000_000, 1),
    Unit("GB", 1_000_000_000, 1),
    Unit("TB", 1_000_000_000_000, 1),
    Unit("KiB", 1 << 10, 1),
    Unit("MiB", 1 << 20, 1),
    Unit("GiB", 1 << 30, 1),
    Unit("TiB", 1 << 40, 1),
];

const BIT_RATES: &[Unit] = &[
    Unit("bit/s", 1, 8),
    Unit("kbit/s", 1_000, 8),
    Unit("Mbit/s", 1_000_000, 8),
    Unit("Gbit/s", 1_000_000_000, 8),
    Unit("Tbit/s", 1_000_000_000_000, 8),
];

/// Millionths in one.
const MILLION: u64 = 1_000_000;

/// A number in decimal notation: `digits / 10^scale`.
#[derive(Clone, Copy)]
struct Number {
    digits: u128,
    scale: u32,
}

impl Number {
    /// Reads the number at the start of `text`; also returns the rest of the text.
    fn split(text: &str) -> Result<(Self, &str), UnitError> {
        let text = text.trim();
        let end = text
            .find(|c: char| !(c.is_ascii_digit() || c == '.' || c == '_'))
            .unwrap_or(text.len());
        let (number, rest) = text.split_at(end);
        let (whole, fraction) = match number.split_once('.') {
            Some((whole, fraction)) => (whole, Some(fraction)),
            None => (number, None),
        };
        let numeric = |part: &str| part.starts_with(|c: char| c.is_ascii_digit());
        if !numeric(whole) || fraction.is_some_and(|it| !numeric(it) || it.contains('.')) {
            return Err(UnitError::NoNumber);
        }
        let fraction = fraction.unwrap_or("");
        let scale = fraction.chars().filter(char::is_ascii_digit).count();
        if scale > 18 {
            return Err(UnitError::NotWhole);
        }
        let digits = whole.chars().chain(fraction.chars());
        let digits = digits
            .filter_map(|c| c.to_digit(10))
            .try_fold(0_u64, |sum, digit| {
                sum.checked_mul(10)?.checked_add(u64::from(digit))
            });
        let number = Self {
            digits: u128::from(digits.ok_or(UnitError::TooLarge)?),
            scale: u32::try_from(scale).expect("at most 18"),
        };
        Ok((number, rest.trim_start()))
    }

    /// The number times `numerator / denominator`. An error if the result is not whole or does not
    /// fit.
    fn times(self, numerator: u64, denominator: u64) -> Result<u64, UnitError> {
        let product = self.digits * u128::from(numerator);
        let divisor = 10_u128.pow(self.scale) * u128::from(denominator);
        if !product.is_multiple_of(divisor) {
            return Err(UnitError::NotWhole);
        }
        u64::try_from(product / divisor).map_err(|_| UnitError::TooLarge)
    }
}

fn parse(text: &str, units: &[Unit]) -> Result<u64, UnitError> {
    let (number, name) = Number::split(text)?;
    let unit = units.iter().find(|it| it.0 == name);
    let Unit(_, numerator, denominator) = unit.ok_or(UnitError::UnknownUnit)?;
    number.times(*numerator, *denominator)
}

/// Decimals of a measured number that are used. An error in the 18th is too small to matter.
const MEASURED_SCALE: i32 = 18;

/// Reads a plain number as programs write it (`0.3333333333333333`, `1.5e-3`). The result is in
/// units of `1 / parts`, rounded to the nearest.
pub fn parse_measured(text: &str, parts: u64) -> Result<u64, UnitError> {
    let text = text.trim();
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => {
            let exponent: i32 = exponent.parse().map_err(|_| UnitError::NoNumber)?;
            (mantissa, exponent)
        }
        None => (text, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = whole.chars().chain(fraction.chars());
    if whole.is_empty() || !digits.clone().all(|it| it.is_ascii_digit()) {
        return Err(UnitError::NoNumber);
    }
    // The number as a multiple of 10^-MEASURED_SCALE; further digits are dropped.
    let places = i32::try_from(fraction.len()).map_err(|_| UnitError::TooLarge)?;
    let shift = exponent
        .saturating_sub(places)
        .saturating_add(MEASURED_SCALE);
    let kept = usize::try_from(shift.min(0).unsigned_abs()).expect("32 bits");
    let kept = (whole.len() + fraction.len()).saturating_sub(kept);
    let ten = |sum: u128, digit: u32| sum.checked_mul(10)?.checked_add(u128::from(digit));
    let number = digits.filter_map(|it| it.to_digit(10)).take(kept);
    let zeros = usize::try_from(shift.clamp(0, 99)).expect("clamped");
    let number = number.chain(std::iter::repeat_n(0, zeros)).try_fold(0, ten);
    let one = 10_u128.pow(MEASURED_SCALE.unsigned_abs());
    let scaled = number.and_then(|it| it.checked_mul(u128::from(parts)));
    let rounded = scaled.map(|it| (it + one / 2) / one);
    let fits = rounded.and_then(|it| u64::try_from(it).ok());
    fits.ok_or(UnitError::TooLarge)
}

/// Whether a line contains column names: it starts with a letter, quoted or not.
pub(crate) fn is_heading(line: &str) -> bool {
    let first = line.trim_start_matches(['"', '\'', ' ']).chars().next();
    first.is_some_and(char::is_alphabetic)
}

/// Reads a time, for example `"30 s"`; result in ns.
pub fn parse_nanos(text: &str) -> Result<u64, UnitError> {
    parse(text, TIMES)
}

/// Reads a time, for example `"30 s"`.
pub fn parse_time(text: &str) -> Result<Duration, UnitError> {
    parse_nanos(text).map(Duration::from_nanos)
}

/// Reads a size, for example `"256 KiB"` or `"100 MB"`; result in bytes.
pub fn parse_size(text: &str) -> Result<u64, UnitError> {
    parse(text, SIZES)
}

/// Reads a rate in bits (`"10 Mbit/s"`) or bytes (`"128 KB/s"`); result in bytes/s.
pub fn parse_rate(text: &str) -> Result<u64, UnitError> {
    let rate = match text.trim_end().strip_suffix("/s") {
        Some(size) if !size.ends_with("bit") => parse(size, SIZES),
        _ => parse(text, BIT_RATES),
    }?;
    if rate > MAX_RATE {
        return Err(UnitError::TooLarge);
    }
    Ok(rate)
}

/// A share, in millionths: `"12.5 %"` is 125 000.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Share(u32);

impl Share {
    /// 0 %.
    pub const NONE: Self = Self(0);
    /// 100 %.
    pub const ALL: Self = Self(1_000_000);

    /// This many millionths; `None` if that is more than 100 %.
    #[must_use]
    pub const fn from_millionths(millionths: u32) -> Option<Self> {
        if millionths <= Self::ALL.0 {
            Some(Self(millionths))
        } else {
            None
        }
    }

    /// The share in millionths.
    #[must_use]
    pub const fn millionths(self) -> u32 {
        self.0
    }

    /// Reads `"20 %"`, at most `"100 %"`.
    pub fn parse(text: &str) -> Result<Self, UnitError> {
        let millionths = parse(text, &[Unit("%", 10_000, 1)])?;
        let share = u32::try_from(millionths)
            .ok()
            .and_then(Self::from_millionths);
        share.ok_or(UnitError::TooLarge)
    }

    /// This share of `count`, rounded to the nearest.
    #[must_use]
    pub fn of(self, count: u32) -> u32 {
        share_of(u64::from(self.0), count)
    }
}

/// This many millionths of `count`, rounded to the nearest, at most `count`.
pub(crate) fn share_of(millionths: u64, count: u32) -> u32 {
    let part = (millionths * u64::from(count) + MILLION / 2) / MILLION;
    u32::try_from(part.min(u64::from(count))).expect("at most count")
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} %", Decimal(u64::from(self.0) * 100))
    }
}

/// A plain number with up to six decimals, in millionths.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Decimal(u64);

impl Decimal {
    /// 1.
    pub const ONE: Self = Self(MILLION);

    /// This many millionths.
    #[must_use]
    pub const fn from_millionths(millionths: u64) -> Self {
        Self(millionths)
    }

    /// The number in millionths.
    #[must_use]
    pub const fn millionths(self) -> u64 {
        self.0
    }

    /// Reads `"0.6"`.
    pub fn parse(text: &str) -> Result<Self, UnitError> {
        parse(text, &[Unit("", MILLION, 1)]).map(Self)
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, mut part) = (self.0 / MILLION, self.0 % MILLION);
        if part == 0 {
            return write!(f, "{whole}");
        }
        let mut width = 6;
        while part.is_multiple_of(10) {
            (part, width) = (part / 10, width - 1);
        }
        write!(f, "{whole}.{part:0width$}")
    }
}

/// `value` in the largest of `units` in which it is a whole number.
fn shortest(value: u64, units: &[(&str, u64)]) -> String {
    let whole = |it: &&(&str, u64)| value.is_multiple_of(it.1) && value >= it.1;
    let (name, size) = units.iter().find(whole).unwrap_or(&units[units.len() - 1]);
    format!("{} {name}", value / size)
}

/// A time as text that [`parse_time`] reads back.
#[must_use]
pub fn show_time(time: Duration) -> String {
    let units = [
        ("h", 3_600_000_000_000),
        ("min", 60_000_000_000),
        ("s", 1_000_000_000),
        ("ms", 1_000_000),
        ("us", 1_000),
        ("ns", 1),
    ];
    shortest(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX), &units)
}

/// A size as text that [`parse_size`] reads back.
#[must_use]
pub fn show_size(bytes: u64) -> String {
    let units = [
        ("GiB", 1 << 30),
        ("MiB", 1 << 20),
        ("KiB", 1 << 10),
        ("B", 1),
    ];
    shortest(bytes, &units)
}

/// A rate in bytes/s as text that [`parse_rate`] reads back.
#[must_use]
pub fn show_rate(bytes_per_s: u64) -> String {
    format!("{bytes_per_s} B/s")
}
