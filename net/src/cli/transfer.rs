//! `unchoke download` and `unchoke seed`.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use unchoke_core::client;
use unchoke_core::metainfo::Metainfo;

use super::choosing::choose;
use super::finding::Finders;
use super::manner::{CONNECTIONS, DOWNLOAD_POLICY, SEED_POLICY};
use super::names::look_up;
use super::options::{Download, Seed, Transfer};
use super::part::Part;
use super::printer::{Printer, Reporting, Style};
use super::signals::Signals;
use super::source::Source;
use super::store::Store;
use super::{Failure, block_on, read_torrent, spare_recording};
use crate::entrance::{self, Entrance};
use crate::session::board::Board;
use crate::session::{Earlier, End, Goal, Notice, Outcome, Session, SessionError, Settings};
use crate::text::shown_url;

/// The session settings that both commands share, with the addresses of the peers given by the user.
pub(super) fn settings(
    metainfo: Arc<Metainfo>,
    folder: &Path,
    transfer: &Transfer,
    peers: Vec<SocketAddr>,
) -> Settings {
    let defaults = Settings::new(metainfo, folder.to_path_buf());
    let [upload_cap, download_cap] = transfer.limits.caps();
    Settings {
        peers,
        port: transfer.port,
        max_connections: transfer.limits.connections().unwrap_or(CONNECTIONS),
        encryption: transfer.encryption,
        route: transfer.leaving.route(),
        utp: transfer.finding.utp,
        upload_cap,
        download_cap,
        trackers: !transfer.no_tracker,
        web_seeds: !transfer.no_web_seed,
        run_seed: transfer.run_seed.unwrap_or(defaults.run_seed),
        run_peer: transfer.run_peer.unwrap_or(defaults.run_peer),
        ..defaults
    }
}

/// Addresses of the peers given by the user. `limit` is the time limit of the command.
pub(super) async fn named_peers(
    transfer: &Transfer,
    limit: Option<Duration>,
) -> Result<Vec<SocketAddr>, Failure> {
    for peer in &transfer.peers {
        if transfer.leaving.route().has_proxy() && peer.parse::<SocketAddr>().is_err() {
            // A name look-up would bypass the proxy and show where we connect to.
            return Err(Failure::bad_input(format!(
                "peer `{peer}`: with --proxy give its IP address, because a name look-up would bypass \
                 the proxy"
            )));
        }
    }
    let mut peers: Vec<SocketAddr> = Vec::new();
    let found = look_up(transfer.peers.iter().map(String::as_str), limit).await;
    for (peer, found) in transfer.peers.iter().zip(found) {
        let found = found.map_err(|error| Failure::bad_input(format!("peer `{peer}`: {error}")))?;
        peers.extend(found);
    }
    Ok(peers)
}

/// Opens a session and runs it until its goal or the first signal. `None` if it was stopped before
/// it ran.
pub(super) async fn run(
    settings: Settings,
    notices: UnboundedSender<Notice>,
    signals: &Signals,
) -> Result<Option<Outcome>, SessionError> {
    let session = tokio::select! {
        opened = Session::open(settings, notices) => opened?,
        () = signals.clone().stop() => return Ok(None),
    };
    session.run(signals.clone().stop()).await.map(Some)
}

/// What the torrents of one command share.
#[derive(Clone, Copy)]
pub(super) struct Around<'a> {
    /// Addresses of the peers given by the user.
    pub(super) named: &'a [SocketAddr],
    pub(super) finders: &'a Finders,
    /// The port that they share.
    pub(super) entrance: Option<&'a Entrance>,
    pub(super) signals: &'a Signals,
    /// The board on which the torrents show their figures.
    pub(super) board: Option<&'a Board>,
    /// The records of earlier runs.
    pub(super) store: Option<&'a Store>,
}

/// Opens the port that the torrents of a command share, for as many connections of all torrents
/// together.
pub(super) fn open_entrance(transfer: &Transfer, connections: u16) -> Result<Entrance, Failure> {
    let port = transfer.port;
    let options = entrance::Options {
        port,
        route: transfer.leaving.route(),
        encryption: transfer.encryption,
        utp: transfer.finding.utp,
        connections: transfer.limits.connections_all(connections).into(),
    };
    Entrance::open(options).map_err(|source| SessionError::Listen { port, source }.into())
}

/// Finds the first torrent of `options`, and reserves its name if it is one of several.
async fn find(
    options: &Download,
    around: Around<'_>,
    part: &mut Option<Part<'_>>,
) -> Result<Source, Failure> {
    let Around {
        named,
        finders,
        entrance,
        signals,
        ..
    } = around;
    let torrent = &options.torrents[0];
    let found = Source::find(options, torrent, named, finders, entrance, signals).await;
    let Some(part) = part else { return found };
    // A torrent that is not found has its turn, too.
    let _turn = std::mem::take(&mut part.turn).come().await;
    let source = found?;
    part.taken.take(&source.metainfo, &shown_url(part.shown))?;
    Ok(source)
}

/// Downloads the first torrent of `options`; `part` says if it is one of several.
pub(super) async fn fetch(
    options: &Download,
    around: Around<'_>,
    mut part: Option<Part<'_>>,
) -> Result<(), Failure> {
    let Around {
        named,
        finders,
        entrance,
        signals,
        board,
        store,
    } = around;
    let source = find(options, around, &mut part).await?;
    let metainfo = source.metainfo;
    let common = settings(
        Arc::clone(&metainfo),
        &options.out,
        &options.transfer,
        named.to_vec(),
    );
    let several = part.is_some();
    let waited = part.as_ref().is_some_and(|it| it.waited);
    let limits = &options.transfer.limits;
    let connections = match &part {
        Some(_) => limits.connections_each(),
        None => limits.connections(),
    };
    let share = part.map_or_else(|| limits.shares(None, None).join(), |it| it.share);
    let share = Arc::new(share);
    let earlier = store.map(|it| it.load(&metainfo.info_hash.to_string()));
    let settings = Settings {
        found: source.peers,
        port: source.port.unwrap_or(common.port),
        entrance: entrance.cloned(),
        dht: finders.dht_for(&metainfo),
        dht_ports: Some(finders.dht_ports()),
        lsd: finders.lsd_for(&metainfo),
        portmap: finders.portmap_for(&metainfo),
        goal: goal(options),
        choice: choose(&options.choosing, &metainfo, source.files.as_deref())?,
        timeout: options.timeout,
        spent: source.took,
        idle_timeout: options.idle_timeout,
        recheck: options.recheck,
        overwrite: options.overwrite,
        keeping: options.kept.keeping(),
        explain: options.explain,
        board: board.cloned(),
        record: options.record.clone(),
        share: Some(Arc::clone(&share)),
        seeding: options.enough.after(earlier.unwrap_or_default()),
        ..common
    };
    let manner = &options.manner;
    let behaviour = manner.behaviour(options.picker(), connections, DOWNLOAD_POLICY)?;
    let settings = limits.put_into(behaviour.put_into(settings), &share)?;
    let shown = Shown {
        reporting: options.reporting,
        several,
        waited,
    };
    Box::pin(report(&metainfo, &options.out, settings, shown, signals)).await
}

/// When the download ends.
fn goal(options: &Download) -> Goal {
    match options.pieces {
        Some(pieces) => Goal::Pieces(pieces),
        None if options.seed || options.enough.is_set() => Goal::CompleteAndSeed,
        None => Goal::Complete,
    }
}

/// How to show a session.
#[derive(Clone, Copy, Debug)]
struct Shown {
    reporting: Reporting,
    /// Whether several torrents are shown. Then every line names its torrent.
    several: bool,
    /// Whether the user knows that another process has the files.
    waited: bool,
}

pub(super) fn seed(options: &Seed) -> Result<(), Failure> {
    let metainfo = read_torrent(&options.torrent)?;
    block_on(async {
        let signals = Signals::listen()?;
        let transfer = &options.transfer;
        let finders = Finders::new(&transfer.finding, &transfer.leaving, transfer.port);
        let named = signals
            .or_stop(named_peers(transfer, options.timeout))
            .await?;
        let common = settings(Arc::clone(&metainfo), &options.data, transfer, named);
        let page = options.web.start(options.reporting).await?;
        let settings = Settings {
            board: page.as_ref().map(|it| it.board.clone()),
            goal: Goal::Seed,
            seeding: options.enough.after(Earlier::default()),
            choice: choose(&options.choosing, &metainfo, None)?,
            dht: finders.dht_for(&metainfo),
            dht_ports: Some(finders.dht_ports()),
            lsd: finders.lsd_for(&metainfo),
            portmap: finders.portmap_for(&metainfo),
            timeout: options.timeout,
            recheck: options.recheck,
            record: options.record.clone(),
            ..common
        };
        let limits = &transfer.limits;
        let behaviour = options
            .manner
            .behaviour(None, limits.connections(), SEED_POLICY)?;
        let share = limits.shares(None, None).join();
        let settings = limits.put_into(behaviour.put_into(settings), &share)?;
        let shown = Shown {
            reporting: options.reporting,
            several: false,
            waited: false,
        };
        Box::pin(report(&metainfo, &options.data, settings, shown, &signals)).await
    })
}

/// Runs a session, prints its progress, and returns an exit status according to its end.
async fn report(
    metainfo: &Metainfo,
    folder: &Path,
    settings: Settings,
    Shown {
        reporting,
        several,
        waited,
    }: Shown,
    signals: &Signals,
) -> Result<(), Failure> {
    if let Some(path) = &settings.record {
        spare_recording(path)?;
    }
    let is_used = |source: client::source::Source| source.is_allowed(metainfo.private);
    let none_found = !settings.found.iter().any(|it| is_used(it.0));
    if settings.peers.is_empty() && none_found && settings.goal != Goal::Seed {
        let no_tracker = !settings.trackers || metainfo.trackers.is_empty();
        let no_web_seed = !settings.web_seeds || metainfo.web_seeds.is_empty();
        let silent = reporting.quiet || waited;
        if no_tracker && no_web_seed && settings.dht.is_none() && !silent {
            warn!("no tracker and no --peer: waiting for peers that connect to us");
        }
    }
    let goal = settings.goal;
    let seeding = goal == Goal::Seed;
    let (notices, heard) = unbounded_channel();
    let style = Style::of(reporting);
    let mut printer = Printer::new(style, metainfo, seeding, settings.explain);
    if several {
        printer.beside_others();
    }
    let printing = tokio::spawn(printer.run(heard));
    let ended = run(settings, notices, signals).await;
    let mut printer = printing.await.map_err(|error| {
        Failure::failed(format!("the task that prints the progress failed: {error}"))
    })?;
    let outcome = match ended {
        Ok(Some(outcome)) => outcome,
        Ok(None) => return Err(Failure::silent(signals.status().unwrap_or(1))),
        Err(error) => {
            let failure = Failure::from(error);
            if !(waited && failure.locked) {
                printer.error(&failure.sentence);
            }
            return Err(failure);
        }
    };
    printer.finish(&outcome, folder);
    match outcome.end {
        End::Done => Ok(()),
        End::Stopped => Err(Failure::silent(signals.status().unwrap_or(1))),
        // A seed that reached its time limit has succeeded.
        End::GaveUp(_) if seeding => Ok(()),
        End::GaveUp(_) if goal == Goal::CompleteAndSeed && outcome.done => Ok(()),
        End::GaveUp(why) | End::Damaged(why) => Err(Failure::failed(why)),
    }
}
