//! Recording a session, and replaying it into a fresh client: the same inputs must give the same
//! outputs, or something outside the inputs has a say.
//!
//! JSON Lines: first how the client was made, then one line for each input with its outputs.
//! Messages are in their wire form, outputs as the debug text.

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

use crate::text::{from_hex, to_hex};
use crate::tuning::Tuning;
use line::{InputLine, input_of, line_of};
use possible::Possible;

/// 2: what a client takes and gives, not only its torrent. 3: with what its profile says.
const FORMAT: u32 = 3;

/// Everything that a client and its torrent are made from.
#[derive(Clone, Debug)]
pub struct Origin {
    /// Its settings.
    pub config: Arc<Config>,
    /// What it has at the start.
    pub have: Bitfield,
    /// Id of the choking policy.
    pub policy: String,
    /// What is set of its parameters; the others have their defaults.
    pub parameters: Parameters,
    /// Id of the picker.
    pub picker: String,
    /// Seed of its random streams.
    pub run_seed: u64,
    /// Which of the peers that share the seed it is.
    pub run_peer: u32,
    /// Connections at most.
    pub connections: u16,
    /// What else client profiles say.
    pub tuning: Tuning,
    /// Whether peers come from the tracker only. BEP 27.
    pub private: bool,
    /// What the client calls itself.
    pub name: PeerId,
    /// How many trackers each tier has.
    pub tiers: Vec<usize>,
    /// How many web seeds it may use.
    pub web_seeds: u16,
}

/// Why there is no torrent of these settings.
#[derive(Debug, thiserror::Error)]
pub enum OriginError {
    /// The policy is not known, or has no such parameters.
    #[error("{0}")]
    Policy(#[from] choke::ParameterError),
    /// The picker is not known.
    #[error("there is no piece picker '{0}'; known are: {known}", known = pick::PICKERS.join(", "))]
    Picker(String),
}

impl Origin {
    /// The torrent, at time zero.
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

    /// How the client behaves around the torrent; the same for every session of these settings.
    fn client_config(&self) -> client::Config {
        let config = client::Config {
            private: self.private,
            ..client::Config::new(self.connections)
        };
        self.tuning.around(config)
    }

    /// The client, at time zero.
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

    /// Debug text of the whole configuration.
    fn text(&self) -> String {
        format!("{:?} {:?}", self.config, self.client_config())
    }
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    format: u32,
    total_bytes: u64,
    piece_bytes: u32,
    /// Version 2: lengths of files that each begin with a piece, and where the last piece ends.
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
    /// The pieces of each rank, if not all are wanted alike.
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
    /// Debug text of the whole configuration: replay refuses a recording made with other defaults.
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
    /// Nothing more is written.
    failed: bool,
    ends: bool,
    /// Why, if it failed while the session ended.
    late: Option<io::Error>,
}

impl Recorder {
    /// A new recording of a client made from `origin`.
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
            have: to_hex(&origin.have.to_wire()),
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
                .map(|it| to_hex(&encode_extended_handshake(it))),
            wanted: config.wanted.as_ref().map(|it| ranks_of(it)),
            connections: origin.connections,
            tuning: origin.tuning,
            info_hash: to_hex(&config.allowed_fast.info_hash.0),
            private: origin.private,
            name: to_hex(&origin.name.0),
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

    /// An input is handed in. Its outputs follow. Fails once: after that nothing is recorded, so that
    /// the session can end as it should.
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

    /// The session ends. A failure from now on is for [`Self::finish`] to tell: it must not keep the
    /// session from saving.
    pub fn ends(&mut self) {
        self.ends = true;
    }

    /// The client asked for something.
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

    /// Writes what is left, unless that failed already.
    pub fn finish(mut self) -> io::Result<()> {
        if self.failed {
            return self.late.map_or(Ok(()), Err);
        }
        self.close()?;
        self.file.flush()
    }
}

/// Why a recording could not be replayed, or was not the same.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// The file cannot be read.
    #[error("cannot read the recording: {0}")]
    Io(#[from] io::Error),
    /// The file is not a recording, or a damaged one.
    #[error("line {line} of the recording is not understood: {why}")]
    Line {
        /// Counted from 1.
        line: usize,
        /// What is wrong.
        why: String,
    },
    /// The recording was made by a version with other defaults.
    #[error("the recording was made with another configuration: {recorded}")]
    OtherConfig {
        /// As recorded.
        recorded: String,
    },
    /// The client cannot be made.
    #[error("{0}")]
    Origin(#[from] OriginError),
    /// The outputs differ.
    #[error("line {line}: recorded outputs {recorded:?}, replayed {replayed:?}")]
    Differs {
        /// Counted from 1.
        line: usize,
        /// As recorded.
        recorded: Vec<String>,
        /// As they are now.
        replayed: Vec<String>,
    },
}

/// Replays a recording into a fresh client. The number of inputs, if all outputs are the same.
pub fn replay(path: &Path) -> Result<usize, ReplayError> {
    let mut lines = (1..).zip(BufReader::new(File::open(path)?).lines());
    let understood = |line: usize, why: &dyn ToString| ReplayError::Line {
        line,
        why: why.to_string(),
    };
    let (_, first) = lines.next().ok_or_else(|| understood(1, &"it is empty"))?;
    let head: Head = serde_json::from_str(&first?).map_err(|it| understood(1, &it))?;
    let origin = origin_of(&head).ok_or_else(|| understood(1, &"impossible values"))?;
    if origin.text() != head.config {
        return Err(ReplayError::OtherConfig {
            recorded: head.config,
        });
    }
    let decoder = Decoder::new(origin.config.geometry.piece_count());
    let mut client = origin.client()?;
    let mut possible = Possible::new();
    let mut count = 0;
    for (number, text) in lines {
        let line: Line = serde_json::from_str(&text?).map_err(|it| understood(number, &it))?;
        let at = Instant::from_nanos(line.at);
        let input = input_of(&line.input, decoder)
            .filter(|it| possible.admits(at, it))
            .ok_or_else(|| understood(number, &"an impossible input"))?;
        client.handle_input(at, input);
        let outputs = std::iter::from_fn(|| client.poll_output());
        let outputs = outputs.inspect(|it| possible.note(it));
        let replayed: Vec<String> = outputs.map(|it| format!("{it:?}")).collect();
        if replayed != line.out {
            return Err(ReplayError::Differs {
                line: number,
                recorded: line.out,
                replayed,
            });
        }
        count += 1;
    }
    Ok(count)
}

/// The configuration that every session starts from; recordings rely on it.
#[must_use]
pub fn base_config(geometry: Geometry) -> Config {
    Config::new(geometry)
}

fn ranks_of(wanted: &Wanted) -> Vec<String> {
    let ranks = wanted.ranks().map(|(_, set)| to_hex(&set.to_wire()));
    ranks.collect()
}

fn wanted_of(ranks: &[String], pieces: u32) -> Option<Wanted> {
    let mut wanted = Wanted::nothing(pieces);
    for (priority, set) in RANKS.into_iter().zip(ranks) {
        let set = Bitfield::from_wire(&from_hex(set)?, pieces)?;
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
        Some(hex) => Some(decode_extended_handshake(&from_hex(hex)?)?),
        None => None,
    };
    let wanted = match &head.wanted {
        Some(ranks) => Some(Arc::new(wanted_of(ranks, geometry.piece_count())?)),
        None => None,
    };
    let info_hash = InfoHash(from_hex(&head.info_hash)?.try_into().ok()?);
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
        have: Bitfield::from_wire(&from_hex(&head.have)?, geometry.piece_count())?,
        policy: head.policy.clone(),
        parameters,
        picker: head.picker.clone(),
        run_seed: head.run_seed,
        run_peer: head.run_peer,
        connections: head.connections,
        tuning: head.tuning,
        private: head.private,
        name: PeerId(from_hex(&head.name)?.try_into().ok()?),
        tiers: head.tiers.clone(),
        web_seeds: head.web_seeds,
    })
}
