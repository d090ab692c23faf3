//! Sources of peers besides trackers, as set by the user. They are started when the first torrent
//! needs them, and serve all torrents.

use std::sync::{Arc, OnceLock};

use clap::Args;
use unchoke_core::metainfo::Metainfo;

use super::leaving::Leaving;
use super::peer::parse_peer;
use crate::dht::{Dht, Options, PUBLIC_NODES, Ports, default_file};
use crate::lsd::Lsd;
use crate::utp::UtpMode;

/// Options for the sources of peers.
#[derive(Clone, Debug, Args)]
pub(super) struct Finding {
    /// Do not use the distributed hash table (DHT); it is never used for private torrents, nor with
    /// --proxy
    #[arg(long)]
    no_dht: bool,
    /// Ask this DHT node while no other is known, instead of the public ones; may be given several
    /// times
    #[arg(long = "dht-node", value_name = "HOST:PORT", value_parser = parse_peer, conflicts_with = "no_dht")]
    dht_nodes: Vec<String>,
    /// Do not look for peers in the local network; this is always off for private torrents and with
    /// --proxy
    #[arg(long)]
    no_lsd: bool,
    /// Ask the gateway to forward a port to us: `auto`, except for private torrents; `always`;
    /// `never`. Always off with --proxy
    #[arg(
        long,
        default_value = "auto",
        value_name = "WHEN",
        hide_possible_values = true
    )]
    portmap: When,
    /// Connect by uTP, which yields to other traffic on the line: `off`; `allow`, for peers that
    /// use it or cannot be reached by TCP; `only`. Always off with --proxy
    #[arg(
        long,
        default_value = "allow",
        value_name = "WHEN",
        hide_possible_values = true
    )]
    pub(super) utp: UtpMode,
}

/// Whether to do something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum When {
    /// Yes, unless the torrent is private.
    Auto,
    Always,
    Never,
}

/// The running sources.
pub(super) struct Finders {
    finding: Finding,
    leaving: Leaving,
    port: u16,
    dht: Arc<OnceLock<Option<Dht>>>,
    lsd: OnceLock<Option<Lsd>>,
}

impl Finders {
    /// Starts nothing yet. `port` is our listening port, and that of the distributed hash table; 0 if
    /// the system chooses, which gives them different ones.
    pub(super) fn new(finding: &Finding, leaving: &Leaving, port: u16) -> Self {
        Self {
            finding: finding.clone(),
            leaving: leaving.clone(),
            port,
            dht: Arc::default(),
            lsd: OnceLock::new(),
        }
    }

    /// The distributed hash table, for a torrent of which only the hash is known.
    pub(super) fn dht(&self) -> Option<Dht> {
        self.dht.get_or_init(|| self.start()).clone()
    }

    /// The distributed hash table, if this torrent may use it.
    pub(super) fn dht_for(&self, metainfo: &Metainfo) -> Option<Dht> {
        if metainfo.private { None } else { self.dht() }
    }

    /// The ports of the distributed hash table, also if another torrent starts it later.
    pub(super) fn dht_ports(&self) -> Ports {
        Ports(Arc::clone(&self.dht))
    }

    /// The local service discovery, for a torrent of which only the hash is known.
    pub(super) fn lsd(&self) -> Option<Lsd> {
        let start = || {
            let route = self.leaving.route();
            let wanted = !self.finding.no_lsd && !route.has_proxy();
            let started = wanted.then(|| Lsd::start(&route))?;
            // The usual cause is a missing network, and other messages report that.
            let tell = |error: &std::io::Error| tracing::debug!(%error, "no local discovery");
            started.inspect_err(tell).ok()
        };
        self.lsd.get_or_init(start).clone()
    }

    /// The local service discovery, if this torrent may use it.
    pub(super) fn lsd_for(&self, metainfo: &Metainfo) -> Option<Lsd> {
        if metainfo.private { None } else { self.lsd() }
    }

    /// Whether to ask the gateway to forward a port for this torrent. By default a private torrent
    /// contacts only its tracker and its peers.
    pub(super) fn portmap_for(&self, metainfo: &Metainfo) -> bool {
        match self.finding.portmap {
            When::Auto => !metainfo.private,
            When::Always => true,
            When::Never => false,
        }
    }

    fn start(&self) -> Option<Dht> {
        let route = self.leaving.route();
        if self.finding.no_dht || route.has_proxy() {
            return None;
        }
        let named = &self.finding.dht_nodes;
        let options = Options {
            bootstrap: if named.is_empty() {
                PUBLIC_NODES.map(String::from).to_vec()
            } else {
                named.clone()
            },
            // A session that listens on this port shares it for uTP.
            port: self.port,
            file: default_file(),
            route,
        };
        Dht::start(options)
            .map_err(|error| warn!("DHT: it cannot be used: {error}"))
            .ok()
    }
}

/// Stops the sources, which save what they know.
impl Drop for Finders {
    fn drop(&mut self) {
        if let Some(Some(dht)) = self.dht.get() {
            dht.close();
        }
    }
}
