//! The terminal: a bar for each torrent at the bottom, and lines of text above the bars.

use std::io::{IsTerminal as _, Stderr, Write, stderr};
use std::sync::LazyLock;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

/// All bars of the process. They are drawn only if standard error is a terminal, at its width, and
/// at most twenty times a second.
static BARS: LazyLock<MultiProgress> = LazyLock::new(MultiProgress::new);

/// Longest shown name of a torrent, in characters.
const MOST_NAME: usize = 20;

/// Whether bars are drawn.
pub(super) fn has_bars() -> bool {
    stderr().is_terminal()
}

/// Runs `print`, which writes lines, while the bars are not on the screen.
pub(super) fn above<R>(print: impl FnOnce() -> R) -> R {
    BARS.suspend(print)
}

/// A new bar below the others. Dropping it removes it from the screen.
pub(super) fn bar(name: &str) -> ProgressBar {
    let bar = BARS.add(ProgressBar::new(1).with_style(style("{prefix} {bar:12} {wide_msg}")));
    bar.set_prefix(short(name));
    bar
}

/// Text of several lines that is redrawn in place. Dropping it removes it from the screen.
pub(super) fn block() -> ProgressBar {
    BARS.add(ProgressBar::no_length().with_style(style("{msg}")))
}

fn style(template: &str) -> ProgressStyle {
    let style = ProgressStyle::with_template(template).expect("the template is valid");
    style.progress_chars("#-")
}

/// The name, cut in the middle if it is long: numbers and extensions are at the end.
fn short(name: &str) -> String {
    let letters: Vec<char> = name.chars().collect();
    if letters.len() <= MOST_NAME {
        return name.to_owned();
    }
    let tail = MOST_NAME / 3;
    let head = MOST_NAME - tail - 1;
    let ends = [&letters[..head], &['…'], &letters[letters.len() - tail..]];
    ends.concat().into_iter().collect()
}

/// Standard error for the log: each record goes above the bars.
#[derive(Debug)]
pub(super) struct Log(Stderr);

impl Log {
    pub(super) fn new() -> Self {
        Self(stderr())
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        above(|| self.0.write(bytes))
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.0.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_name_keeps_its_beginning_and_its_end() {
        assert_eq!(short("debian.iso"), "debian.iso");
        let long = short("A very long name of a season, part 12.mkv");
        assert_eq!(long, "A very long n…12.mkv");
        assert_eq!(long.chars().count(), MOST_NAME);
        assert_eq!(short(&"é".repeat(30)).chars().count(), MOST_NAME);
    }
}
