//! Creates the clients that nodes run, with the scenario's settings.

use std::collections::BTreeMap;
use std::sync::Arc;

use unchoke_core::allowed_fast::AllowedFast;
use unchoke_core::client::announcer::Schedule;
use unchoke_core::client::{self, Client};
use unchoke_core::ids::InfoHash;
use unchoke_core::pick;
use unchoke_core::torrent::{Claims, Config, Torrent};

use super::World;
use super::engine::Engine;
use crate::places::{Nodes, hello};
use crate::spec::{ClientSpec, SwarmSpec};

/// A torrent first reserves memory for this many connections.
const CONNECTIONS_AT_A_TIME: u16 = 64;

/// Settings that clients of the same kind share.
#[derive(Debug)]
pub(super) struct Configs {
    /// Index: client in the spec.
    clients: Vec<Arc<client::Config>>,
    /// Key: client, uplink and claims.
    torrents: BTreeMap<(u16, u64, Claims), Arc<Config>>,
}

impl Configs {
    pub(super) fn new(spec: &SwarmSpec) -> Self {
        let clients = spec.clients.iter().map(|it| Arc::new(around(it, spec)));
        Self {
            clients: clients.collect(),
            torrents: BTreeMap::new(),
        }
    }
}

/// Settings of a client around its torrent.
fn around(client: &ClientSpec, spec: &SwarmSpec) -> client::Config {
    client::Config {
        // The scenario decides how many peers an answer of the tracker holds.
        wanted: spec.tracker.numwant,
        schedule: Schedule {
            floor: client.rerequest_interval,
            ..Schedule::default()
        },
        ..client.around()
    }
}

/// The info-hash of a run; it differs between seeds.
fn info_hash(seed: u64) -> InfoHash {
    let mut hash = [0; 20];
    hash[..8].copy_from_slice(&seed.to_be_bytes());
    InfoHash(hash)
}

impl<E: Engine> World<'_, E> {
    /// Makes the client of `node`, which arrives now.
    pub(super) fn client(&mut self, node: u32) -> Client<Nodes> {
        let client = usize::from(self.spec.nodes[node as usize].client);
        let config = Arc::clone(&self.configs.clients[client]);
        let (torrent, trackers) = (self.torrent(node), [1]);
        let (name, streams) = (self.address(node), self.randomness);
        Client::new(config, torrent, name, trackers, streams, node, self.now)
    }

    /// Makes the torrent of `node`, which arrives now.
    fn torrent(&mut self, node: u32) -> Torrent {
        let it = &self.spec.nodes[node as usize];
        let client = &self.spec.clients[usize::from(it.client)];
        let key = (it.client, it.up, it.claims);
        let (geometry, seed) = (&self.spec.geometry, self.spec.seed);
        let config = self.configs.torrents.entry(key).or_insert_with(|| {
            let mut config = Config::new(geometry.clone());
            config.pipeline = client.pipeline;
            // All peers queue equally many requests, so they need not announce the number.
            config.request_queue = u16::try_from(config.limits.queued_requests).unwrap_or(u16::MAX);
            config.snub_after = client.snub_after;
            config.limits = client.timers.limits(config.limits);
            config.endgame = client.endgame;
            config.allowed_fast = AllowedFast {
                info_hash: info_hash(seed),
                ..client.allowed_fast
            };
            config.aligned_ticks = client.aligned_ticks;
            config.super_seed = client.super_seed;
            config.hello = client.peer_exchange.then(hello);
            config.claims = it.claims;
            config.upload_cap = client.upload_cap;
            config.download_cap = client.download_cap;
            config.connections = client.max_connections.min(CONNECTIONS_AT_A_TIME);
            config.upload_capacity = Some(it.up);
            Arc::new(config)
        });
        let config = Arc::clone(config);
        let have = if it.origin {
            config.everything()
        } else {
            config.nothing()
        };
        let policy = client.build_policy().expect("checked at the start");
        let picker = pick::build(&client.picker).expect("checked at the start");
        Torrent::new(
            config,
            have,
            policy,
            picker,
            self.randomness,
            node,
            self.now,
        )
    }
}
