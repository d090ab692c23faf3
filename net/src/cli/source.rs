//! Finds the torrent that the user named: a file, a web address, or a magnet link.

use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use unchoke_core::text::counted;

use serde_json::json;
use tokio::sync::mpsc::unbounded_channel;
use tokio::time::Instant as Clock;
use unchoke_core::bencode::Limits;
use unchoke_core::client::source::Source as Origin;
use unchoke_core::magnet::Magnet;
use unchoke_core::metainfo::{Metainfo, MetainfoError};
use url::Url;

use super::finding::Finders;
use super::manner::{CONNECTIONS, DOWNLOAD_POLICY};
use super::names::look_up;
use super::options::Download;
use super::printer::{Style, print_json};
use super::signals::Signals;
use super::{Failure, read_torrent, whole};
use crate::entrance::Entrance;
use crate::http::fetch_torrent;
use crate::metadata::{Found, Notice, Status, Wanted, fetch};
use crate::route::Route;
use crate::session::only_web_torrent;
use crate::storage::read_regular;
use crate::text::{clock, shown_url};

/// Time between two plain lines about the search.
const SAID_EVERY: Duration = Duration::from_secs(5);
/// Time limit for downloading a .torrent file from the web.
const FETCH_PATIENCE: Duration = Duration::from_mins(5);

/// A torrent, and what was learnt while it was searched.
pub(super) struct Source {
    pub(super) metainfo: Arc<Metainfo>,
    /// Peers that were useful in the search, and then those of the link, with who named them.
    pub(super) peers: Vec<(Origin, SocketAddr)>,
    /// The port that was announced to trackers.
    pub(super) port: Option<u16>,
    /// Duration of the search.
    pub(super) took: Duration,
    /// Indices of the files that a link selects. BEP 53.
    pub(super) files: Option<Vec<RangeInclusive<u32>>>,
}

impl Source {
    /// Finds the torrent that `options` name. `named` are the peers given by the user; `entrance` is
    /// the port that several torrents share.
    pub(super) async fn find(
        options: &Download,
        torrent: &Path,
        named: &[SocketAddr],
        finders: &Finders,
        entrance: Option<&Entrance>,
        signals: &Signals,
    ) -> Result<Self, Failure> {
        let began = Clock::now();
        let text = torrent.to_str().unwrap_or_default();
        let finding = async {
            if Magnet::is_meant(text) {
                let magnet = Magnet::parse(text).map_err(Failure::bad_input)?;
                let search = Search::new(options, &magnet, finders, entrance);
                search.run(named).await
            } else if let Some(url) = web_address(text) {
                let route = options.transfer.leaving.route();
                from_web(&url, route).await.map(Arc::new).map(Self::of)
            } else {
                read(torrent, options.timeout).await.map(Self::of)
            }
        };
        let mut source = signals.or_stop(finding).await?;
        source.took = began.elapsed();
        Ok(source)
    }

    fn of(metainfo: Arc<Metainfo>) -> Self {
        Self {
            metainfo,
            peers: Vec::new(),
            port: None,
            took: Duration::ZERO,
            files: None,
        }
    }
}

/// The URL, if `text` is an HTTP or HTTPS URL.
pub(super) fn web_address(text: &str) -> Option<Url> {
    let url = Url::parse(text).ok()?;
    matches!(url.scheme(), "http" | "https").then_some(url)
}

/// Reads a file, which may be a pipe that nobody ever writes to.
async fn read(path: &Path, limit: Option<Duration>) -> Result<Arc<Metainfo>, Failure> {
    let limit = limit.unwrap_or(Duration::MAX);
    let whole = path.to_owned();
    let reading = tokio::task::spawn_blocking(move || read_torrent(&whole));
    let read = tokio::time::timeout(limit, reading).await;
    let read = read.map_err(|_| {
        let (path, limit) = (path.display(), clock(limit));
        Failure::failed(format!(
            "gave up after {limit}: {path} is not read yet (--timeout)"
        ))
    })?;
    read.map_err(|error| Failure::failed(format!("the thread that reads failed: {error}")))?
}

async fn from_web(url: &Url, route: Route) -> Result<Metainfo, Failure> {
    let shown = shown_url(url.as_str());
    let fetched = fetch_torrent(url.clone(), route, FETCH_PATIENCE).await;
    let bytes = fetched.map_err(|error| Failure::failed(format!("{shown}: {error}")))?;
    let bytes =
        super::unpacked(bytes).map_err(|error| Failure::failed(format!("{shown}: {error}")))?;
    super::parse_torrent(&bytes, &shown)
}

/// Fails for an unknown policy or picker now, and not only after a long search.
fn check_words(options: &Download) -> Result<(), Failure> {
    let manner = &options.manner;
    manner.behaviour(options.picker(), None, DOWNLOAD_POLICY)?;
    match &options.record {
        Some(path) => super::spare_recording(path),
        None => Ok(()),
    }
}

/// The search from a magnet link to its torrent.
struct Search<'a> {
    options: &'a Download,
    magnet: &'a Magnet,
    finders: &'a Finders,
    entrance: Option<&'a Entrance>,
    style: Style,
    began: Clock,
    said_at: Option<Clock>,
    pieces: (u32, u32),
}

impl<'a> Search<'a> {
    fn new(
        options: &'a Download,
        magnet: &'a Magnet,
        finders: &'a Finders,
        entrance: Option<&'a Entrance>,
    ) -> Self {
        Self {
            options,
            magnet,
            finders,
            entrance,
            style: Style::of(options.reporting),
            began: Clock::now(),
            said_at: None,
            pieces: (0, 0),
        }
    }

    /// Path where the torrent is kept, so that the next start needs no peers for it.
    fn kept_at(&self) -> PathBuf {
        let name = format!(".{}.torrent", self.magnet.info_hash);
        self.options.out.join(name)
    }

    async fn run(mut self, named: &[SocketAddr]) -> Result<Source, Failure> {
        check_words(self.options)?;
        let of_link = self.look_up().await.into_iter();
        let of_link: Vec<_> = of_link.map(|it| (Origin::Link, it)).collect();
        if let Some(kept) = self.kept() {
            return Ok(Source {
                peers: of_link,
                files: self.magnet.files.clone(),
                ..Source::of(Arc::new(kept))
            });
        }
        let named = named.iter().map(|it| (Origin::User, *it));
        let all = named.chain(of_link.iter().copied()).collect();
        let found = self.search(all).await?;
        let torrent = self.magnet.torrent_file(&found.info, found.piece_layers);
        let metainfo = self.parse(&torrent).map_err(|error| {
            Failure::failed(format!("the torrent of the link is invalid: {error}"))
        })?;
        self.keep(&torrent);
        self.line(&format!("{}: the torrent is known", metainfo.name));
        Ok(Source {
            metainfo: Arc::new(metainfo),
            peers: found.peers.into_iter().chain(of_link).collect(),
            port: Some(found.port),
            took: Duration::ZERO,
            files: self.magnet.files.clone(),
        })
    }

    /// Addresses of the peers in the link. Names that cannot be resolved are ignored.
    async fn look_up(&self) -> Vec<SocketAddr> {
        // A look-up would bypass the proxy.
        let by_address_only = self.options.transfer.leaving.route().has_proxy();
        let is_address = |peer: &str| peer.parse::<SocketAddr>().is_ok();
        let peers = self.magnet.peers.iter().map(String::as_str);
        let peers = peers.filter(|it| !by_address_only || is_address(it));
        let mut found = Vec::new();
        for addresses in look_up(peers, self.options.timeout).await {
            match addresses {
                Ok(addresses) => found.extend(addresses),
                Err(error) => tracing::debug!(%error, "a peer of the link is not found"),
            }
        }
        found
    }

    /// The torrent kept by an earlier start.
    fn kept(&self) -> Option<Metainfo> {
        let (mut bytes, most) = (Vec::new(), Limits::TORRENT_FILE.bytes);
        read_regular(&self.kept_at(), most.into(), &mut bytes).ok()?;
        let kept = self.parse(&bytes).ok()?;
        let expected = self.magnet.expected();
        let second = kept.version_2.as_ref().map(|it| it.info_hash);
        let same = expected.version_1.is_none_or(|it| it == kept.info_hash)
            && expected.version_2.is_none_or(|it| Some(it) == second);
        same.then_some(kept)
    }

    /// A hybrid that the link names by its version 1 hash may lack the piece layers of version 2.
    fn parse(&self, torrent: &[u8]) -> Result<Metainfo, MetainfoError> {
        let bare = Metainfo::parse_without_layers(torrent)?;
        if bare.is_hybrid() && self.magnet.expected().version_1.is_some() {
            return Ok(bare);
        }
        Metainfo::parse(torrent)
    }

    fn keep(&mut self, torrent: &[u8]) {
        let path = self.kept_at();
        let kept = std::fs::create_dir_all(&self.options.out).and_then(|()| {
            // An existing file is damaged, otherwise it would have been used.
            drop(std::fs::remove_file(&path));
            whole::write_new(&path, torrent)
        });
        if let Err(error) = kept {
            let path = path.display();
            self.line(&format!(
                "cannot keep the torrent as {path}: {error}; going on"
            ));
        }
    }

    async fn search(&mut self, peers: Vec<(Origin, SocketAddr)>) -> Result<Found, Failure> {
        let transfer = &self.options.transfer;
        let (dht, lsd) = (self.finders.dht(), self.finders.lsd());
        let all = &self.magnet.trackers[..];
        let all = if transfer.no_tracker { &[] } else { all };
        let unusable = only_web_torrent(all, (dht.is_some(), lsd.is_some()));
        let trackers = all.iter().flatten().filter(|_| unusable.is_none());
        let trackers: Vec<String> = trackers.cloned().collect();
        if let Some(sentence) = unusable {
            self.line(&sentence);
        } else if trackers.is_empty() && peers.is_empty() && dht.is_none() {
            self.line(
                "the link names no tracker and no peer: waiting for peers that connect to us",
            );
        }
        let wanted = Wanted {
            info_hash: self.magnet.info_hash,
            expected: self.magnet.expected(),
            trackers,
            peers,
            port: transfer.port,
            entrance: self.entrance.cloned(),
            max_connections: transfer.limits.connections().unwrap_or(CONNECTIONS),
            encryption: transfer.encryption,
            route: transfer.leaving.route(),
            utp: transfer.finding.utp,
            dht,
            lsd,
        };
        let (notices, mut heard) = unbounded_channel();
        let mut fetching = pin!(fetch(wanted, notices));
        let began = self.began;
        let mut useful_at = Clock::now();
        loop {
            let limits = [
                self.options.timeout.map(|it| (began + it, it, "--timeout")),
                self.options
                    .idle_timeout
                    .map(|it| (useful_at + it, it, "--idle-timeout")),
            ];
            let limit = limits.into_iter().flatten().min_by_key(|it| it.0);
            let far = Clock::now() + Duration::from_hours(1);
            tokio::select! {
                found = &mut fetching => return found.map_err(Failure::io),
                Some(notice) = heard.recv() => {
                    let before = self.pieces;
                    self.show(notice);
                    if self.pieces != before {
                        useful_at = Clock::now();
                    }
                }
                () = tokio::time::sleep_until(limit.map_or(far, |it| it.0)) => {
                    if let Some((_, after, option)) = limit {
                        let after = clock(after);
                        return Err(Failure::failed(format!(
                            "gave up after {after}: no peer sent the info dictionary of the link ({option})"
                        )));
                    }
                }
            }
        }
    }

    fn show(&mut self, notice: Notice) {
        match notice {
            Notice::Status(status) => self.status(status),
            Notice::Tracker(text) if self.style == Style::Json => {
                print_json(&json!({ "event": "tracker", "text": text }));
            }
            Notice::Tracker(text) => self.line(&format!("tracker {text}")),
            Notice::Source(text) if self.style == Style::Json => {
                print_json(&json!({ "event": "source", "text": text }));
            }
            Notice::Source(text) => self.line(&text),
            Notice::Dropped(peer, why) if self.style == Style::Json => {
                let peer = peer.to_string();
                print_json(&json!({ "event": "dropped", "peer": peer, "reason": why }));
            }
            Notice::Dropped(peer, why) => self.line(&format!("dropped {peer}: {why}")),
        }
    }

    fn status(&mut self, status: Status) {
        self.pieces = status.pieces;
        let (here, all) = status.pieces;
        if self.style == Style::Json {
            return print_json(&json!({
                "event": "metadata", "known_peers": status.known, "peers": status.connected,
                "having": status.having, "have_pieces": here, "pieces": all,
            }));
        }
        let now = Clock::now();
        if self.said_at.is_some_and(|at| now < at + SAID_EVERY) {
            return;
        }
        self.said_at = Some(now);
        let progress = match all {
            0 => String::new(),
            _ => format!(", {here} of {} of it here", counted(all.into(), "piece")),
        };
        self.line(&format!(
            "looking for the torrent: {}, {}, {} with it{progress}",
            counted(status.known as u64, "address"),
            counted(status.connected as u64, "peer"),
            status.having
        ));
    }

    fn line(&self, text: &str) {
        if matches!(self.style, Style::Plain | Style::Terminal) {
            warn!("{text}");
        }
    }
}

/// The error for a command that needs a .torrent file but was given `path`.
pub(super) fn refuse_link(path: &Path) -> Result<(), Failure> {
    let text = path.to_str().unwrap_or_default();
    let kind = if Magnet::is_meant(text) {
        "a magnet link"
    } else if web_address(text).is_some() && !path.exists() {
        "a web address"
    } else {
        return Ok(());
    };
    Err(Failure::bad_input(format!(
        "this is {kind}, which only `unchoke download` takes; give a .torrent file"
    )))
}
