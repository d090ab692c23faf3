//! Records a session and replays it into a new client. The same inputs must give the same outputs;
//! otherwise the outputs depend on something besides the inputs.
//!
//! The format is JSON Lines: first the settings of the client, then one line for each input with
//! its outputs. Messages are in wire form; outputs are debug text.

mod line;
mod possible;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead as _, BufReader, BufWriter, Write as _};
use std::path::Path;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use unchoke_core::bitfield::Bitfield;
use unchoke_core::choke::{self, Parameters};
use unchoke_core::client::{self, Client, Input, Internet, Output};
use unchoke_core::geometry::Geometry;
use unchoke_core::ids::{InfoHash, PeerId};
use unchoke_core::pick;
use unchoke_core::rng::Streams;
use unchoke_core::time::Instant;
use unchoke_core::torrent::{Config, Torrent};
use unchoke_core::wanted::{RANKS, Wanted};
use unchoke_core::wire::{Decoder, decode_extended_handshake, encode_extended_handshake};

use crate::tuning::Tuning;
use line::{InputLine, input_of, line_of};
use possible::Possible;

/// Format 2 added inputs and outputs of the client to those of its torrent. Format 3 added the
/// settings of the profile.
const FORMAT: u32 = 3;

/// Everything that a client and its torrent are made from.
#[derive(Clone, Debug)]
pub struct Origin {
    /// The configuration of the torrent.
    pub config: Arc<Config>,
    /// The pieces at the start.
    pub have: Bitfield,
    /// The id of the choking policy.
    pub policy: String,
    /// The policy parameters that are set; the others have their defaults.
    pub parameters: Parameters,
    /// The id of the picker.
    pub picker: String,
    /// The seed of the random streams.
    pub run_seed: u64,
    /// The number of this client among those that share the seed.
    pub run_peer: u32,
    /// Most connections.
    pub connections: u16,
    /// Other settings of the client profile.
    pub tuning: Tuning,
    /// Whether the torrent is private: peers come from trackers only. BEP 27.
    pub private: bool,
    /// The peer id of the client.
    pub name: PeerId,
    /// Number of trackers in each tier.
    pub tiers: Vec<usize>,
    /// Number of web seeds.
    pub web_seeds: u16,
}

/// Why the settings are invalid.
#[derive(Debug, thiserror::Error)]
pub enum OriginError {
    /// The policy or one of its parameters does not exist.
    #[error("{0}")]
    Policy(#[from] choke::ParameterError),
    /// The picker does not exist.
    #[error("there is no piece picker '{0}'; known are: {known}", known = pick::PICKERS.join(", "))]
    Picker(String),
}

impl Origin {
    /// Makes the torrent, at time zero.
    pub fn torrent(&self) -> Result<Torrent, OriginError> {
        let policy = crate::policies::all().build(&self.policy, &self.parameters)?;
        let picker =
            pick::build(&self.picker).ok_or_else(|| OriginError::Picker(self.picker.clone()))?;
        Ok(Torrent::new(
            Arc::clone(&self.config),
            self.have.clone(),
            policy,
            picker,
            Streams::new(self.run_seed),
            self.run_peer,
            Instant::START,
        ))
    }

    /// The configuration of the client around the torrent; the same for every session with these
    /// settings.
    fn client_config(&self) -> client::Config {
        let config = client::Config {
            private: self.private,
            ..client::Config::new(self.connections)
        };
        self.tuning.around(config)
    }

    /// Makes the client, at time zero.
    pub fn client(&self) -> Result<Client<Internet>, OriginError> {
        let client = Client::new(
            self.client_config(),
            self.torrent()?,
            self.name,
            self.tiers.iter().copied(),
            Streams::new(self.run_seed),
            self.run_peer,
            Instant::START,
        );
        Ok(client.with_web_seeds(self.web_seeds))
    }

    /// The debug text of the whole configuration.
    fn text(&self) -> String {
        format!("{:?} {:?}", self.config, self.client_config())
    }
}

/// Whether a file that begins like this is a recording, of any version of the format.
#[must_use]
pub fn is_recording(beginning: &[u8]) -> bool {
    // The version is the first key of the head.
    beginning.starts_with(b"{\"format\":")
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
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
    config: String,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    at: u64,
    #[serde(rename = "in")]
    input: InputLine,
    out: Vec<String>,
}

/// Writes a recording.
#[derive(Debug)]
pub struct Recorder {
    file: BufWriter<File>,
    open: Option<Line>,
    /// Whether writing failed. Then nothing more is written.
    failed: bool,
    ends: bool,
    /// The error, if writing failed while the session ended.
    late: Option<io::Error>,
}

impl Recorder {
    /// Starts a recording of a client made from `origin`.
    pub fn create(path: &Path, origin: &Origin) -> io::Result<Self> {
        let config = &origin.config;
        let head = Head {
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
        };
        let mut file = BufWriter::new(File::create(path)?);
        serde_json::to_writer(&mut file, &head)?;
        file.write_all(b"\n")?;
        Ok(Self {
            file,
            open: None,
            failed: false,
            ends: false,
            late: None,
        })
    }

    /// Records an input; its outputs follow. Returns an error once and records nothing afterwards,
    /// so that the session can end normally.
    pub fn input(&mut self, at: Instant, input: &Input<Internet>) -> io::Result<()> {
        if self.failed {
            return Ok(());
        }
        if let Err(error) = self.close() {
            self.failed = true;
            if !self.ends {
                return Err(error);
            }
            self.late = Some(error);
            return Ok(());
        }
        self.open = Some(Line {
            at: at.as_nanos(),
            input: line_of(input),
            out: Vec::new(),
        });
        Ok(())
    }

    /// Marks the end of the session. A later error is returned by [`Self::finish`], so that it does
    /// not prevent the session from saving.
    pub fn ends(&mut self) {
        self.ends = true;
    }

    /// Records an output.
    pub fn output(&mut self, output: &Output<Internet>) {
        if let Some(line) = &mut self.open {
            line.out.push(format!("{output:?}"));
        }
    }

    fn close(&mut self) -> io::Result<()> {
        if let Some(line) = self.open.take() {
            serde_json::to_writer(&mut self.file, &line)?;
            self.file.write_all(b"\n")?;
        }
        Ok(())
    }

    /// Writes the remaining lines, unless writing has failed before.
    pub fn finish(mut self) -> io::Result<()> {
        if self.failed {
            return self.late.map_or(Ok(()), Err);
        }
        self.close()?;
        self.file.flush()
    }
}

/// Why a replay failed.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// The file could not be read.
    #[error("cannot read the recording: {0}")]
    Io(#[from] io::Error),
    /// The file is not a recording, or it is damaged.
    #[error("line {line} of the recording is not understood: {why}")]
    Line {
        /// The line number, starting at 1.
        line: usize,
        /// The reason.
        why: String,
    },
    /// The recording was made by a version with other defaults.
    #[error("the recording was made with another configuration: {recorded}")]
    OtherConfig {
        /// The recorded configuration.
        recorded: String,
    },
    /// The client could not be made.
    #[error("{0}")]
    Origin(#[from] OriginError),
    /// The outputs differ.
    #[error("line {line}: recorded outputs {recorded:?}, replayed {replayed:?}")]
    Differs {
        /// The line number, starting at 1.
        line: usize,
        /// The recorded outputs.
        recorded: Vec<String>,
        /// The outputs of the replay.
        replayed: Vec<String>,
    },
}

/// One input of a recording, with the outputs of the client.
#[derive(Debug)]
pub struct Step {
    /// When it came.
    pub at: Instant,
    /// The input.
    pub input: Input<Internet>,
    /// What the client answered, now as in the session.
    pub outputs: Vec<Output<Internet>>,
}

/// Replays a recording into a new client, step by step.
#[derive(Debug)]
pub struct Replay {
    origin: Origin,
    client: Client<Internet>,
    possible: Possible,
    decoder: Decoder,
    lines: std::io::Lines<BufReader<File>>,
    /// The number of the last line read.
    number: usize,
}

impl Replay {
    /// Opens a recording and makes its client.
    pub fn open(path: &Path) -> Result<Self, ReplayError> {
        let mut lines = BufReader::new(File::open(path)?).lines();
        let understood = |why: &dyn ToString| ReplayError::Line {
            line: 1,
            why: why.to_string(),
        };
        let first = lines.next().ok_or_else(|| understood(&"it is empty"))?;
        let head: Head = serde_json::from_str(&first?).map_err(|it| understood(&it))?;
        let origin = origin_of(&head).ok_or_else(|| understood(&"impossible values"))?;
        if origin.text() != head.config {
            return Err(ReplayError::OtherConfig {
                recorded: head.config,
            });
        }
        Ok(Self {
            client: origin.client()?,
            decoder: Decoder::new(origin.config.geometry.piece_count()),
            origin,
            possible: Possible::new(),
            lines,
            number: 1,
        })
    }

    /// What the client was made from.
    #[must_use]
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// The next step; `None` at the end. Fails if the outputs differ from the recorded ones.
    pub fn step(&mut self) -> Result<Option<Step>, ReplayError> {
        let Some(text) = self.lines.next() else {
            return Ok(None);
        };
        self.number += 1;
        let understood = |why: &dyn ToString| ReplayError::Line {
            line: self.number,
            why: why.to_string(),
        };
        let line: Line = serde_json::from_str(&text?).map_err(|it| understood(&it))?;
        let at = Instant::from_nanos(line.at);
        let input = input_of(&line.input, self.decoder)
            .filter(|it| self.possible.admits(at, it))
            .ok_or_else(|| understood(&"an impossible input"))?;
        self.client.handle_input(at, input.clone());
        let outputs: Vec<_> = std::iter::from_fn(|| self.client.poll_output()).collect();
        for it in &outputs {
            self.possible.note(it);
        }
        let replayed: Vec<String> = outputs.iter().map(|it| format!("{it:?}")).collect();
        if replayed != line.out {
            return Err(ReplayError::Differs {
                line: self.number,
                recorded: line.out,
                replayed,
            });
        }
        Ok(Some(Step { at, input, outputs }))
    }
}

/// Replays a recording into a new client. Returns the number of inputs if all outputs are the same.
pub fn replay(path: &Path) -> Result<usize, ReplayError> {
    let mut replay = Replay::open(path)?;
    let mut count = 0;
    while replay.step()?.is_some() {
        count += 1;
    }
    Ok(count)
}

/// The configuration that every session starts from. Recordings depend on it.
#[must_use]
pub fn base_config(geometry: Geometry) -> Config {
    Config::new(geometry)
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

fn origin_of(head: &Head) -> Option<Origin> {
    if head.format != FORMAT {
        return None;
    }
    let geometry = match &head.aligned {
        None => Geometry::new(head.total_bytes, head.piece_bytes),
        Some((lengths, end)) => {
            Geometry::aligned(lengths.iter().copied(), head.piece_bytes, Some(*end))
        }
    };
    let geometry = geometry.ok()?;
    let hello = match &head.hello {
        Some(hex) => Some(decode_extended_handshake(&hex::decode(hex).ok()?)?),
        None => None,
    };
    let wanted = match &head.wanted {
        Some(ranks) => Some(Arc::new(wanted_of(ranks, geometry.piece_count())?)),
        None => None,
    };
    let info_hash = InfoHash(hex::decode(&head.info_hash).ok()?.try_into().ok()?);
    let mut parameters = Parameters::new();
    for (name, value) in &head.parameters {
        parameters.set(name, *value);
    }
    Some(Origin {
        config: Arc::new(Config {
            upload_cap: head.upload_cap,
            download_cap: head.download_cap,
            hello,
            wanted,
            ..head
                .tuning
                .torrent(base_config(geometry.clone()), info_hash)
        }),
        have: Bitfield::from_wire(&hex::decode(&head.have).ok()?, geometry.piece_count())?,
        policy: head.policy.clone(),
        parameters,
        picker: head.picker.clone(),
        run_seed: head.run_seed,
        run_peer: head.run_peer,
        connections: head.connections,
        tuning: head.tuning,
        private: head.private,
        name: PeerId(hex::decode(&head.name).ok()?.try_into().ok()?),
        tiers: head.tiers.clone(),
        web_seeds: head.web_seeds,
    })
}
