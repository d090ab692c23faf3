//! `--incomplete-suffix` and `--preallocate`: incomplete files on disk.

use clap::Args;

use crate::storage::{Allocation, Keeping};

/// Longest suffix, in bytes: a name has at most 255.
const MOST_BYTES: usize = 32;

/// The option for the names.
#[derive(Clone, Debug, Default, Args)]
pub(super) struct Suffix {
    /// Add this to the name of a file while it is incomplete, for example `.part`; give the same in the next
    /// run
    #[arg(long, value_name = "SUFFIX", value_parser = parse_suffix)]
    incomplete_suffix: Option<String>,
}

/// Options for incomplete files.
#[derive(Clone, Debug, Args)]
pub(super) struct Kept {
    #[command(flatten)]
    suffix: Suffix,
    /// Allocate the space of files: `sparse`, as data arrives, with their full length from the start;
    /// `full`, before the download starts; `none`, as data arrives, and they grow
    #[arg(
        long,
        default_value = "sparse",
        value_name = "HOW",
        hide_possible_values = true
    )]
    preallocate: Allocation,
}

impl Suffix {
    pub(super) fn keeping(&self) -> Keeping {
        Keeping {
            suffix: self.incomplete_suffix.as_ref().map(Into::into),
            ..Keeping::default()
        }
    }
}

impl Kept {
    pub(super) fn keeping(&self) -> Keeping {
        Keeping {
            allocation: self.preallocate,
            ..self.suffix.keeping()
        }
    }
}

fn parse_suffix(text: &str) -> Result<String, String> {
    let good = |it: char| it != '/' && !it.is_control();
    if (1..=MOST_BYTES).contains(&text.len()) && text.chars().all(good) {
        return Ok(text.to_owned());
    }
    Err(format!(
        "write 1 to {MOST_BYTES} bytes without `/` and control characters, for example `.part`"
    ))
}

#[cfg(test)]
mod tests {
    use super::parse_suffix;

    #[test]
    fn a_suffix_stays_in_the_folder_of_its_file() {
        for good in [".part", ".!qB", "~", "-é"] {
            assert_eq!(parse_suffix(good).as_deref(), Ok(good));
        }
        for bad in ["", "/x", "a/../b", "a\0", "\n", &"x".repeat(33)] {
            assert!(parse_suffix(bad).is_err(), "{bad}");
        }
    }
}
