//! Where a tracker tells of a torrent without an announce. BEP 48.

use alloc::format;
use alloc::string::String;

/// What a tracker knows of a torrent. BEP 48; BEP 15.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ScrapeCounts {
    /// Seeds.
    pub complete: u32,
    /// Leechers.
    pub incomplete: u32,
    /// How often the torrent was completed.
    pub downloaded: u32,
}

/// The scrape URL of an announce URL: the text behind the last `/` must begin with `announce`, and
/// that word becomes `scrape`. `None`: this tracker has no scrape. UDP URLs stay as they are.
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
