//! `--ratio` and `--seed-time`: when seeding ends.

use std::time::Duration;

use clap::Args;

use crate::session::{Earlier, Seeding};
use crate::text::parse_duration;

/// Options that end seeding.
#[derive(Clone, Copy, Debug, Default, Args)]
pub(super) struct Enough {
    /// Seed until this multiple of the size of the wanted files was uploaded, for example `1.5`
    #[arg(long, value_name = "N", value_parser = parse_ratio)]
    ratio: Option<u64>,
    /// Seed for this time, for example `2 h`; with --ratio, until the first of both limits is
    /// reached
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    seed_time: Option<Duration>,
}

impl Enough {
    /// Whether one of the options is set.
    pub(super) fn is_set(&self) -> bool {
        self.ratio.is_some() || self.seed_time.is_some()
    }

    pub(super) fn after(self, earlier: Earlier) -> Seeding {
        Seeding {
            ratio_permille: self.ratio,
            time: self.seed_time,
            earlier,
        }
    }
}

/// Parses a ratio, in thousandths.
fn parse_ratio(text: &str) -> Result<u64, String> {
    let bad =
        || "write a number such as 2 or 1.5, at most 1000, with at most three decimals".to_owned();
    let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |it: &str| !it.is_empty() && it.bytes().all(|it| it.is_ascii_digit());
    if !digits(whole) || !digits(part) || part.len() > 3 {
        return Err(bad());
    }
    let whole: u64 = whole.parse().map_err(|_| bad())?;
    let part: u64 = format!("{part:0<3}").parse().map_err(|_| bad())?;
    if whole > 1000 {
        return Err(bad());
    }
    Ok(whole * 1000 + part)
}

#[cfg(test)]
mod tests {
    use super::parse_ratio;

    #[test]
    fn a_ratio_has_thousandths() {
        for (text, ratio) in [
            ("2", 2000),
            ("1.5", 1500),
            ("0.001", 1),
            ("1000", 1_000_000),
            ("0", 0),
        ] {
            assert_eq!(parse_ratio(text), Ok(ratio), "{text}");
        }
        for text in [
            "",
            ".",
            "1.",
            ".5",
            "1.2345",
            "-1",
            "x",
            "1001",
            "99999999999999999999",
        ] {
            assert!(parse_ratio(text).is_err(), "{text}");
        }
    }
}
