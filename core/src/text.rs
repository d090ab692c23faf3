//! Makes foreign text safe to print and to use in file names.

use alloc::string::String;
use core::fmt::{self, Display};

/// How a character of foreign text is treated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    /// Kept as it is.
    Plain,
    /// Control characters, which can move the cursor or ring the bell.
    Control,
    /// Invisible characters that change how text looks: zero-width and bidirectional ones.
    Invisible,
}

/// The class of `c`.
pub(crate) fn class(c: char) -> Class {
    match c {
        c if c.is_control() => Class::Control,
        '\u{061c}'
        | '\u{200b}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{feff}' => Class::Invisible,
        _ => Class::Plain,
    }
}

/// `bytes` as text of at most `max_bytes` that is safe in a terminal: control characters and
/// invalid UTF-8 become `_`, invisible characters are dropped.
#[must_use]
pub fn printable(bytes: &[u8], max_bytes: usize) -> String {
    let mut out = String::new();
    for chunk in bytes.utf8_chunks() {
        let bad = (!chunk.invalid().is_empty()).then_some('_');
        let clean = chunk.valid().chars().filter_map(|c| match class(c) {
            Class::Plain => Some(c),
            Class::Control => Some('_'),
            Class::Invisible => None,
        });
        for c in clean.chain(bad) {
            if out.len() + c.len_utf8() > max_bytes {
                return out;
            }
            out.push(c);
        }
    }
    out
}

/// `bytes` as text that is safe in a terminal and shows every byte: unusual characters are escaped
/// as in Rust, `\u{202e}` or `\xff`.
#[must_use]
pub fn escaped(bytes: &[u8]) -> String {
    escaped_to(bytes, usize::MAX)
}

/// The same, cut to about `max_bytes` with `...` in place of the rest.
#[must_use]
pub fn escaped_to(bytes: &[u8], max_bytes: usize) -> String {
    let mut out = String::new();
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            if out.len() >= max_bytes {
                return out + "...";
            }
            if class(c) == Class::Plain && c != '\\' {
                out.push(c);
            } else {
                out.extend(c.escape_default());
            }
        }
        for byte in chunk.invalid() {
            if out.len() >= max_bytes {
                return out + "...";
            }
            out.extend(core::ascii::escape_default(*byte).map(char::from));
        }
    }
    out
}

/// A count with its noun: `1 file`, `2 files`, `3 addresses`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counted(u64, &'static str);

/// `count` items whose singular is `one`.
#[must_use]
pub fn counted(count: u64, one: &'static str) -> Counted {
    Counted(count, one)
}

impl Counted {
    /// With its verb: `1 file is`, `2 files are`.
    #[must_use]
    pub fn are(self) -> String {
        let verb = if self.0 == 1 { "is" } else { "are" };
        alloc::format!("{self} {verb}")
    }
}

impl Display for Counted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(count, one) = self;
        let ending = match count {
            1 => "",
            _ if one.ends_with('s') || one.ends_with("sh") => "es",
            _ => "s",
        };
        write!(f, "{count} {one}{ending}")
    }
}
