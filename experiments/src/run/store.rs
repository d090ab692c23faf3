//! Unit files: written completely or not at all, and checked when read.
//!
//! The format is JSON Lines: a header, one line per node, one line per sample, and a trailer with
//! the number of lines and the SHA-256 of everything before it.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use unchoke_core::ledger::{BothWays, Kind, Ledger, Waste};

use crate::plan::policies;
use crate::run::outcome::{Node, Outcome, Sample};
use crate::run::unit::{SCHEMA, Unit};

/// Locked while a file is written, so that a signal cannot leave a temporary file behind.
pub static WRITING: Mutex<()> = Mutex::new(());

/// A folder of unit files.
#[derive(Clone, Debug)]
pub struct Store {
    folder: PathBuf,
    engine: String,
}

/// State of the file of a unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// There is no file.
    Missing,
    /// It was truncated or changed: the hash does not match.
    Corrupt,
    /// Another version of the engine wrote it.
    OtherEngine(String),
    /// The result.
    Valid(Box<Outcome>),
}

/// Why a unit was not stored.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A file operation failed.
    #[error("{path}: {source}")]
    Io {
        /// File or folder.
        path: String,
        /// The system's error.
        source: std::io::Error,
    },
    /// The same unit gave two different results.
    #[error(
        "unit {unit} gave another result than the one in {path}: the engine is not deterministic; \
         both are kept, the new one as {path}.conflict"
    )]
    Conflict {
        /// The unit.
        unit: String,
        /// File of the first result.
        path: String,
    },
}

impl StoreError {
    /// An I/O error with the path that it belongs to.
    #[must_use]
    pub fn io(path: &Path, source: std::io::Error) -> Self {
        Self::Io {
            path: path.display().to_string(),
            source,
        }
    }
}

#[derive(Deserialize, Serialize)]
struct Header {
    schema: u32,
    engine: String,
    unit: String,
    run_seed: u64,
    replica: u8,
    ended_ns: u64,
    horizon_ns: u64,
    file_bytes: u64,
    bound_ns: Option<u64>,
    in_flight_bytes: u64,
    lost_bytes: u64,
    transport_sent_bytes: u64,
    blocks: u64,
    events: u64,
    digest: String,
    payload_useful: u64,
    payload_sent: u64,
    payload_wasted: [u64; Waste::COUNT],
    protocol_sent: [u64; Kind::COUNT],
    protocol_received: [u64; Kind::COUNT],
    classes: Vec<String>,
    class_matrix: Vec<u64>,
    nodes: usize,
    samples: usize,
}

#[derive(Deserialize, Serialize)]
struct Trailer {
    lines: usize,
    sha256: String,
}

/// Role of a node whose policy the scenario sets. Adopters have 1, all others 0.
const OUTSIDER: u8 = 2;

type NodeLine = (u16, u8, u8, u64, u64, Option<u64>, u64, u64, u64, u64);
type SampleLine = (u64, u64, u64, u64);

impl Store {
    /// Opens the store in `folder` for results of this engine version. Creates the folder.
    pub fn open(folder: &Path, engine: &str) -> Result<Self, StoreError> {
        fs::create_dir_all(folder).map_err(|it| StoreError::io(folder, it))?;
        // Unit files are many and can be made again, so version control ignores them.
        let ignore = folder.join(".gitignore");
        if !ignore.exists() {
            fs::write(&ignore, "*\n").map_err(|it| StoreError::io(&ignore, it))?;
        }
        Ok(Self::at(folder, engine))
    }

    /// Like [`Store::open`], but creates nothing.
    #[must_use]
    pub fn at(folder: &Path, engine: &str) -> Self {
        Self {
            folder: folder.to_owned(),
            engine: policies::version(engine),
        }
    }

    /// The folder of the files.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The engine version whose results are valid here.
    #[must_use]
    pub fn engine(&self) -> &str {
        &self.engine
    }

    /// The file of a unit.
    #[must_use]
    pub fn path(&self, unit: &Unit) -> PathBuf {
        self.folder.join(file_name(&unit.id))
    }

    /// Reads what the store has for `unit`.
    pub fn read(&self, unit: &Unit) -> Result<Found, StoreError> {
        let path = self.path(unit);
        match fs::read_to_string(&path) {
            Ok(text) => Ok(self.parse(unit, &text)),
            Err(it) if it.kind() == std::io::ErrorKind::NotFound => Ok(Found::Missing),
            Err(it) if it.kind() == std::io::ErrorKind::InvalidData => Ok(Found::Corrupt),
            Err(it) => Err(StoreError::io(&path, it)),
        }
    }

    fn parse(&self, unit: &Unit, text: &str) -> Found {
        let Some((header, outcome)) = decode(text) else {
            return Found::Corrupt;
        };
        if header.unit != unit.id || header.schema != SCHEMA {
            return Found::Corrupt;
        }
        if header.engine != self.engine {
            return Found::OtherEngine(header.engine);
        }
        Found::Valid(Box::new(outcome))
    }

    /// Writes the result of `unit`. An equal result that exists already is fine. A different result
    /// of the same engine is a [`StoreError::Conflict`]; the existing file is kept.
    pub fn write(&self, unit: &Unit, outcome: &Outcome) -> Result<(), StoreError> {
        let path = self.path(unit);
        let text = encode(&self.engine, unit, outcome);
        if let Found::Valid(before) = self.read(unit)?
            && *before != *outcome
        {
            let beside = path.with_extension("jsonl.conflict");
            write_whole(&beside, text.as_bytes())?;
            return Err(StoreError::Conflict {
                unit: unit.id.clone(),
                path: path.display().to_string(),
            });
        }
        write_whole(&path, text.as_bytes())
    }
}

/// Name of the file of the unit with this id.
#[must_use]
pub fn file_name(id: &str) -> String {
    format!("{id}.jsonl")
}

/// Writes a file under a temporary name, syncs it, and renames it.
pub fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let _guard = WRITING
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    let write = || -> std::io::Result<()> {
        let mut file = tempfile::Builder::new()
            .prefix(".")
            .suffix(".tmp")
            .tempfile_in(folder)?;
        file.write_all(bytes)?;
        file.as_file().sync_data()?;
        // Temporary files are readable by their owner only; results should have the usual
        // permissions.
        share(file.as_file())?;
        file.persist(path).map_err(|it| it.error)?;
        Ok(())
    };
    write().map_err(|it| StoreError::io(path, it))
}

#[cfg(unix)]
fn share(file: &fs::File) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    file.set_permissions(fs::Permissions::from_mode(0o644))
}

#[cfg(not(unix))]
fn share(_: &fs::File) -> std::io::Result<()> {
    Ok(())
}

fn encode(engine: &str, unit: &Unit, outcome: &Outcome) -> String {
    let header = Header {
        schema: SCHEMA,
        engine: engine.to_owned(),
        unit: unit.id.clone(),
        run_seed: unit.run_seed,
        replica: unit.replica,
        ended_ns: outcome.ended_ns,
        horizon_ns: outcome.horizon_ns,
        file_bytes: outcome.file_bytes,
        bound_ns: outcome.bound_ns,
        in_flight_bytes: outcome.in_flight_bytes,
        lost_bytes: outcome.lost_bytes,
        transport_sent_bytes: outcome.transport_sent_bytes,
        blocks: outcome.blocks,
        events: outcome.events,
        digest: format!("{:016x}", outcome.digest),
        payload_useful: outcome.total.payload_useful,
        payload_sent: outcome.total.payload_sent,
        payload_wasted: outcome.total.payload_wasted,
        protocol_sent: outcome.total.protocol_sent(),
        protocol_received: outcome.total.protocol_received(),
        classes: outcome.classes.clone(),
        class_matrix: outcome.class_matrix.clone(),
        nodes: outcome.nodes.len(),
        samples: outcome.series.len(),
    };
    let mut text = line(&header);
    for it in &outcome.nodes {
        let (adopter, origin) = (u8::from(it.adopter), u8::from(it.origin));
        let role = if it.outsider { OUTSIDER } else { adopter };
        let row: NodeLine = (
            it.class,
            role,
            origin,
            it.up_rate,
            it.arrived_ns,
            it.completed_ns,
            it.useful_bytes,
            it.payload_sent_bytes,
            it.sent_bytes,
            it.received_bytes,
        );
        text.push_str(&line(&row));
    }
    for it in &outcome.series {
        let row: SampleLine = (it.at_ns, it.leechers, it.seeds, it.down_rate);
        text.push_str(&line(&row));
    }
    let trailer = Trailer {
        lines: 1 + outcome.nodes.len() + outcome.series.len(),
        sha256: hex::encode(Sha256::digest(text.as_bytes())),
    };
    text.push_str(&line(&trailer));
    text
}

fn line(row: &impl Serialize) -> String {
    let mut text = serde_json::to_string(row).expect("numbers and text are JSON");
    text.push('\n');
    text
}

fn decode(text: &str) -> Option<(Header, Outcome)> {
    let body = text.strip_suffix('\n')?;
    let end = body.rfind('\n')? + 1;
    let trailer: Trailer = serde_json::from_str(&body[end..]).ok()?;
    if trailer.sha256 != hex::encode(Sha256::digest(&text.as_bytes()[..end])) {
        return None;
    }
    let mut lines = text[..end].lines();
    let header: Header = serde_json::from_str(lines.next()?).ok()?;
    if trailer.lines != 1 + header.nodes + header.samples {
        return None;
    }
    let mut nodes = Vec::new();
    for row in lines.by_ref().take(header.nodes) {
        nodes.push(node(serde_json::from_str(row).ok()?));
    }
    let mut series = Vec::new();
    for row in lines {
        let (at_ns, leechers, seeds, down_rate): SampleLine = serde_json::from_str(row).ok()?;
        series.push(Sample {
            at_ns,
            leechers,
            seeds,
            down_rate,
        });
    }
    let whole = nodes.len() == header.nodes && series.len() == header.samples;
    let outcome = Outcome {
        ended_ns: header.ended_ns,
        horizon_ns: header.horizon_ns,
        file_bytes: header.file_bytes,
        bound_ns: header.bound_ns,
        in_flight_bytes: header.in_flight_bytes,
        lost_bytes: header.lost_bytes,
        transport_sent_bytes: header.transport_sent_bytes,
        blocks: header.blocks,
        events: header.events,
        digest: u64::from_str_radix(&header.digest, 16).ok()?,
        total: Ledger {
            payload_useful: header.payload_useful,
            payload_wasted: header.payload_wasted,
            payload_sent: header.payload_sent,
            protocol: std::array::from_fn(|kind| BothWays {
                received: header.protocol_received[kind],
                sent: header.protocol_sent[kind],
            }),
        },
        classes: header.classes.clone(),
        class_matrix: header.class_matrix.clone(),
        nodes,
        series,
    };
    whole.then_some((header, outcome))
}

fn node(row: NodeLine) -> Node {
    let (class, role, origin, up_rate, arrived_ns, completed_ns, useful, payload, sent, received) =
        row;
    Node {
        class,
        adopter: role == 1,
        outsider: role == OUTSIDER,
        origin: origin == 1,
        up_rate,
        arrived_ns,
        completed_ns,
        useful_bytes: useful,
        payload_sent_bytes: payload,
        sent_bytes: sent,
        received_bytes: received,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::unit::Mix;

    fn unit() -> Unit {
        Unit {
            id: "00ff".to_owned(),
            scenario: 0,
            seed_index: 3,
            run_seed: 99,
            mix: Mix::Candidate,
            replica: 0,
        }
    }

    fn outcome() -> Outcome {
        let node = Node {
            useful_bytes: 7,
            completed_ns: Some(5),
            origin: true,
            ..Node::default()
        };
        Outcome {
            ended_ns: 10,
            digest: u64::MAX,
            classes: vec!["dsl, \"slow\"\n".to_owned()],
            class_matrix: vec![4],
            nodes: vec![node, Node::default()],
            series: vec![Sample {
                at_ns: 1,
                leechers: 2,
                seeds: 3,
                down_rate: 4,
            }],
            ..Outcome::default()
        }
    }

    #[test]
    fn reads_what_it_wrote() {
        let folder = tempfile::tempdir().expect("folder");
        let store = Store::open(folder.path(), "v1").expect("store");
        assert_eq!(store.read(&unit()).expect("read"), Found::Missing);
        store.write(&unit(), &outcome()).expect("write");
        assert_eq!(
            store.read(&unit()).expect("read"),
            Found::Valid(Box::new(outcome()))
        );
        store.write(&unit(), &outcome()).expect("the same again");
        let names: Vec<_> = fs::read_dir(folder.path())
            .expect("list")
            .flatten()
            .collect();
        assert_eq!(
            names.len(),
            2,
            "the file and .gitignore, no temporary file: {names:?}"
        );
    }

    #[test]
    fn a_different_result_is_kept_beside_and_refused() {
        let folder = tempfile::tempdir().expect("folder");
        let store = Store::open(folder.path(), "v1").expect("store");
        store.write(&unit(), &outcome()).expect("write");
        let other = Outcome {
            events: 1,
            ..outcome()
        };
        let refused = store.write(&unit(), &other);
        assert!(
            matches!(refused, Err(StoreError::Conflict { .. })),
            "{refused:?}"
        );
        assert_eq!(
            store.read(&unit()).expect("read"),
            Found::Valid(Box::new(outcome()))
        );
    }

    #[test]
    fn every_cut_and_every_changed_byte_is_noticed() {
        let folder = tempfile::tempdir().expect("folder");
        let store = Store::open(folder.path(), "v1").expect("store");
        let text = encode("v1", &unit(), &outcome());
        for length in 0..text.len() {
            assert_eq!(
                store.parse(&unit(), &text[..length]),
                Found::Corrupt,
                "cut at {length}"
            );
        }
        for at in 0..text.len() - 1 {
            let mut bytes = text.clone().into_bytes();
            bytes[at] ^= 1;
            if let Ok(changed) = String::from_utf8(bytes) {
                assert_eq!(store.parse(&unit(), &changed), Found::Corrupt, "byte {at}");
            }
        }
    }

    #[test]
    fn another_engine_is_told_apart() {
        let folder = tempfile::tempdir().expect("folder");
        let old = Store::open(folder.path(), "v1").expect("store");
        old.write(&unit(), &outcome()).expect("write");
        let new = Store::open(folder.path(), "v2").expect("store");
        assert_eq!(
            new.read(&unit()).expect("read"),
            Found::OtherEngine("v1".to_owned())
        );
        new.write(
            &unit(),
            &Outcome {
                events: 1,
                ..outcome()
            },
        )
        .expect("replaces the old one");
    }
}
