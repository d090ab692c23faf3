//! `unchoke announce`.

use unchoke_core::text::escaped;
use unchoke_core::tracker::{AnnounceQuery, Event};

use super::options::Announce;
use super::{Failure, read_torrent};
use crate::session::summary;
use crate::tracker::{ANNOUNCE_TIMEOUT, STOP_TIMEOUT, announce as ask, is_http};

/// Announces to each tracker in turn as a peer that wants everything, prints what it says, and
/// takes itself off its list again.
pub(super) fn announce(options: &Announce) -> Result<(), Failure> {
    let metainfo = read_torrent(&options.torrent)?;
    let urls: Vec<&String> = metainfo.trackers.iter().flatten().collect();
    if urls.is_empty() {
        return Err(Failure::bad_input(format!(
            "{}: it names no tracker",
            options.torrent.display()
        )));
    }
    let mut query = AnnounceQuery {
        info_hash: metainfo.info_hash,
        peer_id: crate::chance::peer_id(),
        port: options.port,
        uploaded: 0,
        downloaded: 0,
        left: metainfo.geometry.total_bytes(),
        event: Some(Event::Started),
        wanted: Some(50),
        key: u32::try_from(crate::chance::random_u64() >> 32).expect("32 bits"),
        tracker_id: None,
    };
    let mut answered = 0;
    for url in &urls {
        let shown = escaped(url.as_bytes());
        if !is_http(url) {
            say!("{shown}: not an HTTP tracker, left out");
            continue;
        }
        query.event = Some(Event::Started);
        match ask(url, &query, ANNOUNCE_TIMEOUT) {
            Err(error) => say!("{shown}: {error}"),
            Ok(response) => {
                answered += 1;
                say!("{shown}: {}", summary(&response));
                for peer in &response.peers {
                    say!("  {peer}");
                }
                query.event = Some(Event::Stopped);
                if let Err(error) = ask(url, &query, STOP_TIMEOUT) {
                    say!("{shown}: did not take the farewell: {error}");
                }
            }
        }
    }
    if answered > 0 {
        return Ok(());
    }
    Err(Failure::failed(match &urls[..] {
        [_] => "the tracker gave no list of peers; its line above says why".to_owned(),
        all => format!(
            "none of {} trackers gave a list of peers; their lines above say why",
            all.len()
        ),
    }))
}
