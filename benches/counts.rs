//! Instruction counts, the tools that they depend on, and their comparison.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::process::Command;

use serde::{Deserialize, Serialize};

/// Largest rise of a count allowed, and smallest fall that counts as faster, %.
pub const LIMIT_PERCENT: u64 = 5;

/// Instructions by measurement.
pub type Counts = BTreeMap<String, u64>;

/// The tools that counts depend on, besides the code.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Toolchain {
    /// Output of `rustc --version`.
    pub compiler: String,
    /// Target triple of the machine.
    pub target: String,
    /// Name and version. Its allocator and copy routines are part of the counts.
    pub c_library: String,
    /// Output of `valgrind --version`.
    pub valgrind: String,
    /// Vector units by which the C library chooses its routines.
    pub cpu_vectors: String,
}

/// `instructions.toml`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Baseline {
    /// The tools with which the counts were measured.
    pub toolchain: Toolchain,
    /// The counts.
    pub instructions: Counts,
}

impl Toolchain {
    /// Asks the machine for its tools. An error is one sentence.
    pub fn here() -> Result<Self, String> {
        let compiler = said("rustc", &["--version", "--verbose"])?;
        let field = |name: &str| compiler.lines().find_map(|it| it.strip_prefix(name));
        let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let flags = cpu.lines().find(|it| it.starts_with("flags")).unwrap_or("");
        let has = |name: &&str| flags.split_whitespace().any(|it| it == *name);
        let vectors: Vec<&str> = ["sse4_2", "avx", "avx2"].into_iter().filter(has).collect();
        Ok(Self {
            compiler: compiler.lines().next().unwrap_or("").to_owned(),
            target: field("host: ").unwrap_or("").to_owned(),
            c_library: said("getconf", &["GNU_LIBC_VERSION"]).unwrap_or_default(),
            valgrind: said("valgrind", &["--version"])?,
            cpu_vectors: vectors.join(" "),
        })
    }

    /// The differences from the file, one per line.
    #[must_use]
    pub fn differences(&self, file: &Self) -> String {
        let mut text = String::new();
        for (what, here, there) in [
            ("compiler", &self.compiler, &file.compiler),
            ("target", &self.target, &file.target),
            ("C library", &self.c_library, &file.c_library),
            ("valgrind", &self.valgrind, &file.valgrind),
            ("vector units", &self.cpu_vectors, &file.cpu_vectors),
        ] {
            if here != there {
                writeln!(text, "  {what}: {here} here, {there} in the file").expect("text grows");
            }
        }
        text
    }
}

/// Standard output of a program.
fn said(program: &str, arguments: &[&str]) -> Result<String, String> {
    let output = Command::new(program).args(arguments).output();
    let output = output.map_err(|it| format!("{program}: {it}; it must be installed"))?;
    if !output.status.success() {
        return Err(format!("{program} {}: failed", arguments.join(" ")));
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// The table, and whether all counts are within the limit.
#[must_use]
pub fn compare(before: &Counts, now: &Counts) -> (String, bool) {
    let mut text = format!("{:<52} {:>13} {:>13}\n", "instructions", "file", "now");
    let mut passes = true;
    let names: BTreeSet<&String> = before.keys().chain(now.keys()).collect();
    for name in names {
        let (old, new) = (before.get(name), now.get(name));
        let (word, fine) = match (old, new) {
            (Some(old), Some(new)) => change(*old, *new),
            (None, _) => ("not in the file".to_owned(), false),
            (_, None) => ("no longer measured".to_owned(), false),
        };
        passes &= fine;
        let number = |it: Option<&u64>| it.map_or_else(|| "-".to_owned(), u64::to_string);
        let (old, new) = (number(old), number(new));
        writeln!(text, "{name:<52} {old:>13} {new:>13}  {word}").expect("text grows");
    }
    (text, passes)
}

/// The change in words, and whether it is within the limit.
fn change(old: u64, new: u64) -> (String, bool) {
    let change = i128::from(new) - i128::from(old);
    let beyond = change.abs() * 100 > i128::from(old) * i128::from(LIMIT_PERCENT);
    // In hundredths of a per cent, so that integers are enough.
    let share = change.abs() * 10_000 / i128::from(old).max(1);
    let sign = if change < 0 { '-' } else { '+' };
    let word = match (beyond, change > 0) {
        (true, true) => "  SLOWER",
        (true, false) => "  faster",
        (false, _) => "",
    };
    let text = format!("{sign}{}.{:02} %{word}", share / 100, share % 100);
    (text, !beyond || change < 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(each: &[(&str, u64)]) -> Counts {
        each.iter().map(|it| (it.0.to_owned(), it.1)).collect()
    }

    #[test]
    fn a_rise_beyond_the_limit_fails_and_is_named() {
        let before = counts(&[("codec", 1_000_000), ("picker", 2_000)]);
        for (now, passes, words) in [
            (1_000_000, true, "+0.00 %\n"),
            (1_050_000, true, "+5.00 %\n"),
            (1_050_001, false, "+5.00 %  SLOWER\n"),
            (2_000_000, false, "+100.00 %  SLOWER\n"),
            (950_000, true, "-5.00 %\n"),
            (949_999, true, "-5.00 %  faster\n"),
        ] {
            let (table, fine) = compare(&before, &counts(&[("codec", now), ("picker", 2_000)]));
            assert_eq!(fine, passes, "{now}");
            let line = table.lines().find(|it| it.starts_with("codec"));
            assert!(
                format!("{}\n", line.expect("a row")).ends_with(words),
                "{table}"
            );
        }
    }

    #[test]
    fn what_only_one_side_has_fails() {
        let (one, two) = (
            counts(&[("codec", 1)]),
            counts(&[("codec", 1), ("picker", 1)]),
        );
        let (table, fine) = compare(&one, &two);
        assert!(!fine && table.contains("not in the file"), "{table}");
        let (table, fine) = compare(&two, &one);
        assert!(!fine && table.contains("no longer measured"), "{table}");
    }

    #[test]
    fn another_toolchain_is_named() {
        let here = Toolchain {
            compiler: "rustc 1.95.0".to_owned(),
            target: "x86_64-unknown-linux-gnu".to_owned(),
            c_library: "glibc 2.36".to_owned(),
            valgrind: "valgrind-3.19.0".to_owned(),
            cpu_vectors: "avx avx2".to_owned(),
        };
        assert_eq!(here.differences(&here), "");
        let file = Toolchain {
            compiler: "rustc 1.94.0".to_owned(),
            ..here.clone()
        };
        let text = "  compiler: rustc 1.95.0 here, rustc 1.94.0 in the file\n";
        assert_eq!(here.differences(&file), text);
    }
}
