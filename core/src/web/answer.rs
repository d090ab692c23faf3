//! Checks whether a server is about to send what was requested. RFC 9110, section 14.

use crate::text::counted;
use alloc::string::String;
use core::ops::Range;

/// The relevant header fields of an answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Head<'a> {
    /// Status code.
    pub status: u16,
    /// `Content-Range`.
    pub range: Option<&'a str>,
    /// `Content-Length`.
    pub length: Option<&'a str>,
    /// `Content-Encoding`.
    pub encoding: Option<&'a str>,
}

/// What is wrong with an answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Lie {
    /// A status that promises neither the requested bytes nor the whole file.
    #[error("it answered with HTTP status {0}")]
    Status(u16),
    /// The whole file instead of a part of it.
    #[error("it sends the whole file instead of the bytes that were asked for")]
    Whole,
    /// Other bytes than requested.
    #[error("it sends `{0}` instead of the bytes that were asked for")]
    Range(String),
    /// It does not say which bytes it sends.
    #[error("it sends a part without saying which (HTTP status 206, no Content-Range)")]
    Unnamed,
    /// A file of another size.
    #[error("its file has {}, that of the torrent {expected}", counted(*got, "byte"))]
    Size {
        /// As the server says.
        got: u64,
        /// As the torrent says.
        expected: u64,
    },
    /// More or fewer bytes than requested.
    #[error("it announces {}, {expected} were asked for", counted(*got, "byte"))]
    Length {
        /// As the server says.
        got: u64,
        /// As requested.
        expected: u64,
    },
    /// Compressed, although we accept only plain bytes.
    #[error("it packs what it sends (`{0}`)")]
    Encoding(String),
    /// The body ended early.
    #[error("it sent {got} of {}", counted(*expected, "byte"))]
    Cut {
        /// Bytes so far.
        got: u64,
        /// As requested.
        expected: u64,
    },
    /// The body goes on after the requested bytes.
    #[error("it sends more than was asked for")]
    Endless,
}

impl Lie {
    /// Whether only the requested file is missing or different, so that other files of the server
    /// may be good.
    #[must_use]
    pub fn is_of_file(&self) -> bool {
        matches!(
            self,
            Self::Status(403 | 404 | 410 | 416 | 451) | Self::Size { .. }
        )
    }

    /// Whether a retry may soon succeed: the server is busy, or the connection broke off.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        matches!(self, Self::Status(408 | 429 | 500..=599) | Self::Cut { .. })
    }
}

/// Most characters of a header to show to the user.
const SHOWN: usize = 60;

/// Whether an answer promises the requested `bytes` of a file of `size` bytes.
pub fn judge(head: &Head<'_>, bytes: &Range<u64>, size: u64) -> Result<(), Lie> {
    let shown = |text: &str| crate::text::printable(text.as_bytes(), SHOWN);
    if let Some(encoding) = head.encoding
        && !matches!(encoding.trim(), "" | "identity")
    {
        return Err(Lie::Encoding(shown(encoding)));
    }
    let expected = bytes.end - bytes.start;
    match head.status {
        206 => {
            let text = head.range.ok_or(Lie::Unnamed)?;
            let wrong = || Lie::Range(shown(text));
            let (sent, of) = content_range(text).ok_or_else(wrong)?;
            if let Some(got) = of.filter(|it| *it != size) {
                return Err(Lie::Size {
                    got,
                    expected: size,
                });
            }
            if sent != *bytes {
                return Err(wrong());
            }
        }
        // A server may send the whole file if all of it was requested.
        200 if expected == size => {}
        200 => return Err(Lie::Whole),
        status => return Err(Lie::Status(status)),
    }
    match head.length.and_then(|it| it.trim().parse().ok()) {
        Some(got) if got != expected => Err(Lie::Length { got, expected }),
        _ => Ok(()),
    }
}

/// Reads `bytes 0-99/1234` or `bytes 0-99/*`: the bytes, and the size if it is there.
fn content_range(text: &str) -> Option<(Range<u64>, Option<u64>)> {
    let (unit, rest) = text.trim().split_once(' ')?;
    if !unit.eq_ignore_ascii_case("bytes") {
        return None;
    }
    let (range, size) = rest.split_once('/')?;
    let (first, last) = range.split_once('-')?;
    let first: u64 = first.trim().parse().ok()?;
    let last: u64 = last.trim().parse().ok()?;
    let size = match size.trim() {
        "*" => None,
        size => Some(size.parse().ok()?),
    };
    Some((first..last.checked_add(1)?, size))
}
