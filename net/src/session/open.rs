//! Prepares a session: files, sockets, and the data on disk.

use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::mpsc::{Sender, UnboundedSender, channel, unbounded_channel};
use tokio::time::Instant as Clock;
use unchoke_core::bitfield::Bitfield;
use unchoke_core::client;
use unchoke_core::ids::PeerId;
use unchoke_core::torrent::Config;
use unchoke_core::wire::Decoder;

use super::announce::Trackers;
use super::damage::Damage;
use super::dictionary::{Dictionary, HashServer};
use super::end::Saving;
use super::explain::Told;
use super::finders::Finders;
use super::finished::Finished;
use super::found::open_files;
use super::gateway::Gateway;
use super::limits::{InForce, Reached};
use super::peers::Peers;
use super::showing::Showing;
use super::status::Progress;
use super::web_seeds::{self, WebSeeds};
use super::{Goal, Notice, Session, SessionError, Settings, hello};
use crate::buffers::Pool;
use crate::connection::{Event, Identity, Link, SEND_CREDIT, Shared};
use crate::dht::Dht;
use crate::disk::{Disk, Gathering, PieceHashes};
use crate::listen::listen;
use crate::record::{Origin, Recorder, base_config};
use crate::shares::Good;
use crate::storage::StorageError;
use crate::transport::Transports;

/// Most queued events for the torrent.
const EVENTS: usize = 256;
/// Most queued new connections.
const ARRIVALS: usize = 16;
/// Most web seeds that may each be filling a block: more than run at a time.
const WEB_SEEDS: usize = 8;
/// Most blocks waiting to be written, besides one being received on each connection: 4 MiB.
const BLOCKS_IN_FLIGHT: usize = 256;

impl Session {
    /// Opens the files and the listening socket, and finds the verified pieces. Without valid
    /// resume data this takes as long as hashing all data.
    pub async fn open(
        settings: Settings,
        notices: UnboundedSender<Notice>,
    ) -> Result<Self, SessionError> {
        let began = Clock::now();
        let metainfo = Arc::clone(&settings.metainfo);
        let geometry = &metainfo.geometry;
        // Check the policy first: an error must not come only after hashing for an hour.
        let name = crate::chance::peer_id();
        origin(&settings, Bitfield::empty(geometry.piece_count()), 0, name).torrent()?;
        let (listener, port) = listen_for(&settings)?;
        let showing = Showing::new(&settings);
        let (storage, resume, have) = open_files(&settings, &notices).await?;
        let finished = Finished::new(&storage, &have, geometry.piece_bytes());
        let origin = origin(&settings, have.clone(), port, name);
        let mut client = origin.client()?;
        client.watch(showing.is_on());
        let recorder = recorder(&settings, &origin)?;
        let (reporter, reports) = unbounded_channel();
        let hashes = PieceHashes::of(&metainfo);
        let started = Disk::start(&storage, geometry, &hashes, &have, &reporter);
        let (disk, workers) = started.map_err(|source| SessionError::Io {
            action: "start the disk threads",
            source,
        })?;
        let (sender, events) = channel(EVENTS);
        let shared = shared(&settings, disk.clone(), sender);
        let identity = identity(&settings, name);
        let (arriving, arrivals) = channel(ARRIVALS);
        let peers = |transports| Peers::new(identity, transports, shared, arriving);
        let peers = listen_on(&settings, listener, port, client.config().dial, peers)?;
        let trackers = Trackers::new(&settings, identity, port);
        let finders = Finders::new(&settings, port);
        let gateway = Gateway::new(&settings, port, peers.transports());
        let epoch = Clock::now();
        Ok(Self {
            progress: Progress::new(epoch, client.torrent().have_count()),
            saving: Saving::new(epoch, client.torrent().have_count()),
            resume: (settings.goal != Goal::Seed).then_some(resume),
            web_seeds: WebSeeds::new(&settings),
            in_force: InForce::new(&settings, epoch),
            settings,
            port,
            client: Box::new(client),
            began,
            epoch,
            recorder,
            storage,
            disk,
            gathering: Gathering::new(BLOCKS_IN_FLIGHT / 2),
            workers: Some(workers),
            reports,
            events,
            arrivals,
            peers,
            trackers,
            finders,
            gateway,
            notices,
            pending: None,
            failure: None,
            damage: Damage::default(),
            finished,
            dictionary: Dictionary::new(&metainfo),
            hashes: HashServer::new(&metainfo),
            told: Told::default(),
            showing,
            reached: Reached::default(),
        })
    }
}

/// Accepts connections by each transport that the user allows, at `listener` or at the shared port.
fn listen_on(
    settings: &Settings,
    listener: Option<TcpListener>,
    port: u16,
    dial: Duration,
    peers: impl FnOnce(Transports) -> Peers,
) -> Result<Peers, SessionError> {
    let ours = settings.dht.as_ref().map(Dht::ports);
    let dht_ports = settings.dht_ports.as_ref().or(ours.as_ref());
    let (route, utp) = (&settings.route, settings.utp);
    let failed = |source| SessionError::Listen { port, source };
    let started = match (listener, &settings.entrance) {
        (Some(listener), _) => Transports::start(route, utp, listener, dht_ports, dial),
        (None, entrance) => {
            let entrance = entrance
                .as_ref()
                .expect("a port of its own, or a shared one");
            let place = entrance.enter(settings.metainfo.info_hashes(), dht_ports);
            place.map(|it| Transports::share(route, utp, it.utp, it.arrivals, dial))
        }
    };
    let (transports, incoming) = started.map_err(failed)?;
    let mut peers = peers(transports);
    peers.listen(incoming);
    Ok(peers)
}

fn identity(settings: &Settings, name: PeerId) -> Identity {
    let trees = settings.metainfo.version_2.as_ref();
    Identity {
        info_hash: settings.metainfo.info_hash,
        version_2: trees.map(|it| it.info_hash.truncated()),
        peer_id: name,
        encryption: settings.encryption,
        dht: Finders::uses_dht(settings),
    }
}

/// What all connections share.
fn shared(settings: &Settings, disk: Disk, events: Sender<(Link, Event)>) -> Shared {
    let share = settings.share.as_ref();
    let most = share.and_then(|it| it.most(Good::Connections));
    let most = most.and_then(|it| u16::try_from(it).ok());
    // Those on trial count: slow readers may hold all the buffers that are due to them.
    let connections = client::Config::new(most.unwrap_or(settings.max_connections)).most();
    Shared {
        decoder: Decoder::new(settings.metainfo.geometry.piece_count()),
        incoming: Pool::new(connections + WEB_SEEDS + BLOCKS_IN_FLIGHT),
        outgoing: Pool::new(connections * SEND_CREDIT),
        disk,
        events,
    }
}

/// The listening socket, unless the port is shared, and the port, which the system may have chosen.
fn listen_for(settings: &Settings) -> Result<(Option<TcpListener>, u16), SessionError> {
    if let Some(entrance) = &settings.entrance {
        return Ok((None, entrance.port()));
    }
    let failed = |source| SessionError::Listen {
        port: settings.port,
        source,
    };
    let listener = listen(settings.port, &settings.route).map_err(failed)?;
    let port = listener.local_addr().map_err(failed)?.port();
    Ok((Some(listener), port))
}

fn origin(settings: &Settings, have: Bitfield, port: u16, name: PeerId) -> Origin {
    let base = base_config(settings.metainfo.geometry.clone());
    Origin {
        config: Arc::new(Config {
            upload_cap: settings.upload_cap,
            download_cap: settings.download_cap,
            hello: Some(hello(
                port,
                &settings.metainfo,
                settings.tuning.peer_exchange,
            )),
            wanted: settings.choice.wanted(),
            ..settings.tuning.torrent(base, settings.metainfo.info_hash)
        }),
        have,
        policy: settings.policy.clone(),
        parameters: settings.parameters.clone(),
        picker: settings.picker.clone(),
        run_seed: settings.run_seed,
        run_peer: settings.run_peer,
        connections: settings.max_connections,
        tuning: settings.tuning,
        private: settings.metainfo.private,
        name,
        tiers: Trackers::tiers(settings),
        web_seeds: u16::try_from(web_seeds::urls(settings).len()).expect("at most MAX_URLS"),
    }
}

fn recorder(settings: &Settings, origin: &Origin) -> Result<Option<Recorder>, StorageError> {
    let recorder = settings.record.as_ref().map(|path| {
        Recorder::create(path, origin)
            .map_err(|source| StorageError::new("create recording", path, source))
    });
    recorder.transpose()
}
