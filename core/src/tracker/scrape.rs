//! Scrapes: asking a tracker for the counts of a torrent without an announce. BEP 48.

use alloc::format;
use alloc::string::String;

use super::TrackerError;
use super::request::percent_encode;
use super::response::{count, dictionary};
use crate::ids::InfoHash;

/// Counts of a torrent. BEP 48; BEP 15.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ScrapeCounts {
    /// Number of seeds.
    pub complete: u32,
    /// Number of leechers.
    pub incomplete: u32,
    /// How often the torrent was completed.
    pub downloaded: u32,
}

/// The argument of an HTTP scrape, to be appended after the `?` or `&` of the scrape URL.
#[must_use]
pub fn scrape_argument(info_hash: InfoHash) -> String {
    let mut text = String::from("info_hash=");
    percent_encode(&mut text, &info_hash.0);
    text
}

/// The counts of a torrent in the body of an answer; `None` if the tracker does not know it.
pub fn parse_scrape(
    body: &[u8],
    info_hash: InfoHash,
) -> Result<Option<ScrapeCounts>, TrackerError> {
    let document = dictionary(body)?;
    let root = document.root().as_dict();
    let files = root.and_then(|it| it.get(b"files")?.as_dict());
    let files = files.ok_or(TrackerError::Malformed("it has no `files`"))?;
    let file = files.get(&info_hash.0).and_then(|it| it.as_dict());
    Ok(file.map(|it| {
        let count = |key: &[u8]| count(&it, key).unwrap_or_default();
        ScrapeCounts {
            complete: count(b"complete"),
            incomplete: count(b"incomplete"),
            downloaded: count(b"downloaded"),
        }
    }))
}

/// The scrape URL of an announce URL. The text after the last `/` must begin with `announce`, and
/// that word is replaced by `scrape`. `None` if the tracker has no scrape. UDP URLs stay unchanged.
#[must_use]
pub fn scrape_url(announce: &str) -> Option<String> {
    if announce
        .get(..6)
        .is_some_and(|it| it.eq_ignore_ascii_case("udp://"))
    {
        return Some(announce.into());
    }
    let path_end = announce.find(['?', '#']).unwrap_or(announce.len());
    let slash = announce[..path_end].rfind('/')?;
    let rest = announce[slash + 1..].strip_prefix("announce")?;
    Some(format!("{}scrape{rest}", &announce[..=slash]))
}
