//! `unchoke announce`.

use unchoke_core::ids::InfoHash;
use unchoke_core::text::counted;
use unchoke_core::tracker::{AnnounceQuery, Event};

use super::options::Announce;
use super::{Failure, block_on, read_torrent};
use crate::session::summary;
use crate::text::shown_url;
use crate::tracker::{ANNOUNCE_TIMEOUT, Agent, STOP_TIMEOUT, TrackerUrl};

/// Announces to each tracker in turn as a leecher that has nothing yet, prints the answers, and
/// then announces `stopped` so that the tracker removes us from its list.
pub(super) fn announce(options: &Announce) -> Result<(), Failure> {
    let metainfo = read_torrent(&options.torrent)?;
    let urls: Vec<&String> = metainfo.trackers.iter().flatten().collect();
    if urls.is_empty() {
        return Err(Failure::bad_input(format!(
            "{}: it names no tracker that can be asked: none by http, https or udp whose address \
             has no blanks",
            options.torrent.display()
        )));
    }
    let query = AnnounceQuery {
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
    block_on(async {
        let agent = Agent::new(options.leaving.route());
        let mut answered = 0;
        for url in &urls {
            let answers = if options.scrape {
                scrape(&agent, url, metainfo.info_hash).await
            } else {
                ask(&agent, url, &query).await
            };
            answered += usize::from(answers);
        }
        if answered > 0 {
            return Ok(());
        }
        let wanted = if options.scrape {
            "counts"
        } else {
            "list of peers"
        };
        Err(Failure::failed(match &urls[..] {
            [_] => format!("the tracker gave no {wanted}; its line above says why"),
            all => format!(
                "none of {} trackers gave a {wanted}; their lines above say why",
                all.len()
            ),
        }))
    })
}

/// Prints the scrape counts of a tracker. Returns whether the tracker sent them.
async fn scrape(agent: &Agent, url: &str, info_hash: InfoHash) -> bool {
    let shown = shown_url(url.trim_ascii());
    let counts = match TrackerUrl::parse(url) {
        Ok(url) => agent.scrape(&url, info_hash, ANNOUNCE_TIMEOUT).await,
        Err(why) => Err(why.into()),
    };
    match counts {
        Ok(Some(it)) => say!(
            "{shown}: {}, {}, {} completed",
            counted(it.complete.into(), "seed"),
            counted(it.incomplete.into(), "leecher"),
            it.downloaded
        ),
        Ok(None) => say!("{shown}: it does not know the torrent"),
        Err(error) => {
            say!("{shown}: {error}");
            return false;
        }
    }
    true
}

/// Prints the peer list of a tracker. Returns whether the tracker sent one.
async fn ask(agent: &Agent, url: &str, query: &AnnounceQuery) -> bool {
    let shown = shown_url(url.trim_ascii());
    let url = match TrackerUrl::parse(url) {
        Ok(url) => url,
        Err(why) => {
            say!("{shown}: {why}; left out");
            return false;
        }
    };
    let response = match agent.announce(&url, query, ANNOUNCE_TIMEOUT).await {
        Ok(response) => response,
        Err(error) => {
            say!("{shown}: {error}");
            return false;
        }
    };
    say!("{shown}: {}", summary(&response));
    for peer in &response.peers {
        say!("  {peer}");
    }
    let farewell = AnnounceQuery {
        event: Some(Event::Stopped),
        tracker_id: response.tracker_id,
        ..query.clone()
    };
    if let Err(error) = agent.announce(&url, &farewell, STOP_TIMEOUT).await {
        say!("{shown}: the announce `stopped` failed: {error}");
    }
    true
}
