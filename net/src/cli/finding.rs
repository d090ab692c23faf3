//! Sources of peers beside trackers, as the user wants them. They are started when the first torrent
//! needs them, and serve all.

use std::sync::OnceLock;

use clap::Args;
use unchoke_core::metainfo::Metainfo;

use super::leaving::Leaving;
use super::peer::parse_peer;
use crate::dht::{Dht, Options, PUBLIC_NODES, default_file};
use crate::lsd::Lsd;
use crate::utp::UtpMode;

/// Which sources to use.
#[derive(Clone, Debug, Args)]
pub(super) struct Finding {
    /// Do not use the distributed hash table (DHT); it is never used for private torrents, nor with
    /// --proxy
    #[arg(long)]
    no_dht: bool,
    /// Ask this node when no other is known, instead of the public ones; may be given several times
    #[arg(long = "dht-node", value_name = "HOST:PORT", value_parser = parse_peer, conflicts_with = "no_dht")]
    dht_nodes: Vec<String>,
    /// Do not look for peers in the local network; nobody does for private torrents, nor with --proxy
    #[arg(long)]
    no_lsd: bool,
    /// Ask the gateway for a port that leads to us: `auto`, not for private torrents; `always`;
    /// `never`. Nobody does with --proxy
    #[arg(
        long,
        default_value = "auto",
        value_name = "WHEN",
        hide_possible_values = true
    )]
    portmap: When,
    /// Connect by uTP, which gives way to others on the line: `off`; `allow`, for peers that want it
    /// or are not reached by TCP; `only`
    #[arg(
        long,
        default_value = "off",
        value_name = "WHEN",
        hide_possible_values = true
    )]
    pub(super) utp: UtpMode,
}

/// When to do something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum When {
    /// Unless the torrent is private.
    Auto,
    Always,
    Never,
}

/// The sources of this run.
pub(super) struct Finders {
    finding: Finding,
    leaving: Leaving,
    port: u16,
    dht: OnceLock<Option<Dht>>,
    lsd: OnceLock<Option<Lsd>>,
}

impl Finders {
    /// Nothing runs yet. `port`: where we listen, 0 if the system chooses.
    pub(super) fn new(finding: &Finding, leaving: &Leaving, port: u16) -> Self {
        Self {
            finding: finding.clone(),
            leaving: leaving.clone(),
            port,
            dht: OnceLock::new(),
            lsd: OnceLock::new(),
        }
    }

    /// The distributed hash table, for a torrent of which nothing is known but its hash.
    pub(super) fn dht(&self) -> Option<Dht> {
        self.dht.get_or_init(|| self.start()).clone()
    }

    /// The same, if this torrent may use it.
    pub(super) fn dht_for(&self, metainfo: &Metainfo) -> Option<Dht> {
        if metainfo.private { None } else { self.dht() }
    }

    /// Announces in the local network, for a torrent of which nothing is known but its hash.
    pub(super) fn lsd(&self) -> Option<Lsd> {
        let start = || {
            let route = self.leaving.route();
            let wanted = !self.finding.no_lsd && !route.has_proxy();
            let started = wanted.then(|| Lsd::start(&route))?;
            // Most often there is no network, which other words will tell.
            let tell = |error: &std::io::Error| tracing::debug!(%error, "no local discovery");
            started.inspect_err(tell).ok()
        };
        self.lsd.get_or_init(start).clone()
    }

    /// The same, if this torrent may use it.
    pub(super) fn lsd_for(&self, metainfo: &Metainfo) -> Option<Lsd> {
        if metainfo.private { None } else { self.lsd() }
    }

    /// Whether to ask the gateway for a port for this torrent. A private torrent speaks to its tracker
    /// and its peers, unless the user says more.
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
            // Who speaks uTP takes the port of that number.
            port: if self.finding.utp == UtpMode::Off {
                self.port
            } else {
                0
            },
            file: default_file(),
            route,
        };
        Dht::start(options)
            .map_err(|error| warn!("DHT: it cannot be used: {error}"))
            .ok()
    }
}

/// What runs ends, and saves what it knows.
impl Drop for Finders {
    fn drop(&mut self) {
        if let Some(Some(dht)) = self.dht.get() {
            dht.close();
        }
    }
}
