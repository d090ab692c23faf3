//! The lines of a recording: the head, with all settings, and one line for each input.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use unchoke_core::bitfield::Bitfield;
use unchoke_core::choke::Parameters;
use unchoke_core::geometry::Geometry;
use unchoke_core::ids::{InfoHash, PeerId};
use unchoke_core::torrent::Config;
use unchoke_core::wanted::{RANKS, Wanted};
use unchoke_core::wire::{decode_extended_handshake, encode_extended_handshake};

use crate::line::InputLine;
use crate::origin::{Origin, base_config};
use crate::tuning::Tuning;

/// Format 2 added inputs and outputs of the client to those of its torrent. Format 3 added the
/// settings of the profile.
const FORMAT: u32 = 3;

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Head {
    format: u32,
    total_bytes: u64,
    piece_bytes: u32,
    /// Version 2: the lengths of the files, each of which begins at a piece, and the end of the
    /// last piece.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    aligned: Option<(Vec<u64>, u64)>,
    have: String,
    policy: String,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    parameters: BTreeMap<String, u64>,
    picker: String,
    run_seed: u64,
    #[serde(default)]
    run_peer: u32,
    upload_cap: Option<u64>,
    download_cap: Option<u64>,
    hello: Option<String>,
    /// The pieces of each priority, if not all are wanted equally.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    wanted: Option<Vec<String>>,
    connections: u16,
    #[serde(default)]
    tuning: Tuning,
    info_hash: String,
    private: bool,
    name: String,
    tiers: Vec<usize>,
    #[serde(default)]
    web_seeds: u16,
    /// The debug text of the whole configuration. A replay rejects a recording made with other
    /// defaults.
    pub(crate) config: String,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Line {
    pub(crate) at: u64,
    #[serde(rename = "in")]
    pub(crate) input: InputLine,
    pub(crate) out: Vec<String>,
}

impl Head {
    pub(crate) fn of(origin: &Origin) -> Self {
        let config = &origin.config;
        Self {
            format: FORMAT,
            total_bytes: config.geometry.total_bytes(),
            piece_bytes: config.geometry.piece_bytes(),
            aligned: config
                .geometry
                .aligned_lengths()
                .map(|it| (it, config.geometry.end())),
            have: hex::encode(origin.have.to_wire()),
            policy: origin.policy.clone(),
            parameters: origin
                .parameters
                .iter()
                .map(|(name, value)| (name.to_owned(), value))
                .collect(),
            picker: origin.picker.clone(),
            run_seed: origin.run_seed,
            run_peer: origin.run_peer,
            upload_cap: config.upload_cap,
            download_cap: config.download_cap,
            hello: config
                .hello
                .as_ref()
                .map(|it| hex::encode(encode_extended_handshake(it))),
            wanted: config.wanted.as_ref().map(|it| ranks_of(it)),
            connections: origin.connections,
            tuning: origin.tuning,
            info_hash: hex::encode(config.allowed_fast.info_hash.0),
            private: origin.private,
            name: hex::encode(origin.name.0),
            tiers: origin.tiers.clone(),
            web_seeds: origin.web_seeds,
            config: origin.text(),
        }
    }

    /// `None` if a value is impossible, or if the format is another one.
    pub(crate) fn origin(&self) -> Option<Origin> {
        if self.format != FORMAT {
            return None;
        }
        let geometry = match &self.aligned {
            None => Geometry::new(self.total_bytes, self.piece_bytes),
            Some((lengths, end)) => {
                Geometry::aligned(lengths.iter().copied(), self.piece_bytes, Some(*end))
            }
        };
        let geometry = geometry.ok()?;
        let hello = match &self.hello {
            Some(hex) => Some(decode_extended_handshake(&hex::decode(hex).ok()?)?),
            None => None,
        };
        let wanted = match &self.wanted {
            Some(ranks) => Some(Arc::new(wanted_of(ranks, geometry.piece_count())?)),
            None => None,
        };
        let info_hash = InfoHash(hex::decode(&self.info_hash).ok()?.try_into().ok()?);
        let mut parameters = Parameters::new();
        for (name, value) in &self.parameters {
            parameters.set(name, *value);
        }
        Some(Origin {
            config: Arc::new(Config {
                upload_cap: self.upload_cap,
                download_cap: self.download_cap,
                hello,
                wanted,
                ..self
                    .tuning
                    .torrent(base_config(geometry.clone()), info_hash)
            }),
            have: Bitfield::from_wire(&hex::decode(&self.have).ok()?, geometry.piece_count())?,
            policy: self.policy.clone(),
            parameters,
            picker: self.picker.clone(),
            run_seed: self.run_seed,
            run_peer: self.run_peer,
            connections: self.connections,
            tuning: self.tuning,
            private: self.private,
            name: PeerId(hex::decode(&self.name).ok()?.try_into().ok()?),
            tiers: self.tiers.clone(),
            web_seeds: self.web_seeds,
        })
    }
}

fn ranks_of(wanted: &Wanted) -> Vec<String> {
    let ranks = wanted.ranks().map(|(_, set)| hex::encode(set.to_wire()));
    ranks.collect()
}

fn wanted_of(ranks: &[String], pieces: u32) -> Option<Wanted> {
    let mut wanted = Wanted::nothing(pieces);
    for (priority, set) in RANKS.into_iter().zip(ranks) {
        let set = Bitfield::from_wire(&hex::decode(set).ok()?, pieces)?;
        set.iter().for_each(|piece| wanted.add(piece, priority));
    }
    Some(wanted)
}
