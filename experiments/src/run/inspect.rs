//! Checks unit files without reading their rows: fast, and one file at a time.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Read as _, Seek as _, SeekFrom};
use std::path::Path;

use rayon::prelude::*;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use super::store::{Store, StoreError};
use super::unit::{SCHEMA, Unit};

/// How much of a file to check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// The first line and the trailer only.
    Ends,
    /// Every byte: the hash in the trailer must match the file.
    Whole,
}

/// State of the file of a unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It is valid.
    Done,
    /// There is no file.
    Missing,
    /// It was truncated or changed.
    Damaged,
    /// Another version of the engine wrote it.
    OtherEngine,
}

/// Units by state, and other files in the folder.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Number of units with a valid file.
    pub done: usize,
    /// Ids of units without a file.
    pub missing: Vec<String>,
    /// Ids of units with a file that was truncated or changed.
    pub damaged: Vec<String>,
    /// Number of units with a file from another version of the engine.
    pub other_engine: usize,
    /// Files that belong to none of the units.
    pub beside: Beside,
    /// Total size of the unit files in bytes.
    pub bytes: u64,
}

impl Tally {
    /// Number of units.
    #[must_use]
    pub fn units(&self) -> usize {
        self.done + self.missing.len() + self.damaged.len() + self.other_engine
    }
}

/// Files in a folder of units that belong to none of the units of a plan, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Beside {
    /// Results that differ from an earlier result of the same unit.
    pub conflicts: Vec<String>,
    /// Temporary files of programs that were killed.
    pub temporary: Vec<String>,
    /// Unit files of another plan, or of this one with other settings.
    pub foreign: Vec<String>,
}

impl Beside {
    /// The files in `folder` beside those of `units`. There are none if there is no folder.
    pub fn of(folder: &Path, units: &[&Unit]) -> Result<Self, StoreError> {
        let mut found = Self::default();
        let entries = match fs::read_dir(folder) {
            Ok(it) => it,
            Err(it) if it.kind() == std::io::ErrorKind::NotFound => return Ok(found),
            Err(it) => return Err(StoreError::io(folder, it)),
        };
        let own: BTreeSet<&str> = units.iter().map(|it| it.id.as_str()).collect();
        for entry in entries {
            let name = entry.map_err(|it| StoreError::io(folder, it))?.file_name();
            let name = name.to_string_lossy().into_owned();
            match name.rsplit_once('.') {
                Some((_, "conflict")) => found.conflicts.push(name),
                Some((_, "tmp")) if name.starts_with('.') => found.temporary.push(name),
                Some((unit, "jsonl")) if !own.contains(unit) => found.foreign.push(name),
                _ => {}
            }
        }
        // The system lists a folder in any order.
        for names in [
            &mut found.conflicts,
            &mut found.temporary,
            &mut found.foreign,
        ] {
            names.sort();
        }
        Ok(found)
    }
}

#[derive(Deserialize)]
struct Head {
    schema: u32,
    engine: String,
    unit: String,
    nodes: usize,
    samples: usize,
}

#[derive(Deserialize)]
struct Trailer {
    lines: usize,
    sha256: String,
}

/// Longest first line. It contains the class names and their matrix, for at most some thousand
/// classes.
const MAX_HEAD_BYTES: u64 = 64 << 20;

/// Longest trailer.
const MAX_TRAILER_BYTES: u64 = 256;

/// Looks at the files of `units`, on all cores.
pub fn tally(store: &Store, units: &[&Unit], depth: Depth) -> Result<Tally, StoreError> {
    let states: Vec<(State, u64)> = units
        .par_iter()
        .map(|it| look(store, it, depth))
        .collect::<Result<_, _>>()?;
    let mut tally = Tally {
        beside: Beside::of(store.folder(), units)?,
        ..Tally::default()
    };
    for (unit, (state, bytes)) in units.iter().zip(states) {
        tally.bytes += bytes;
        match state {
            State::Done => tally.done += 1,
            State::Missing => tally.missing.push(unit.id.clone()),
            State::Damaged => tally.damaged.push(unit.id.clone()),
            State::OtherEngine => tally.other_engine += 1,
        }
    }
    Ok(tally)
}

/// State and length of the file of `unit`.
fn look(store: &Store, unit: &Unit, depth: Depth) -> Result<(State, u64), StoreError> {
    let path = store.path(unit);
    let read = |it: File| -> std::io::Result<(State, u64)> {
        let bytes = it.metadata()?.len();
        Ok((state(it, bytes, store, unit, depth)?, bytes))
    };
    match File::open(&path).and_then(read) {
        Ok(it) => Ok(it),
        Err(it) if it.kind() == std::io::ErrorKind::NotFound => Ok((State::Missing, 0)),
        Err(it) => Err(StoreError::io(&path, it)),
    }
}

fn state(
    file: File,
    bytes: u64,
    store: &Store,
    unit: &Unit,
    depth: Depth,
) -> std::io::Result<State> {
    let mut reader = BufReader::new(file);
    let mut first = Vec::new();
    reader
        .by_ref()
        .take(MAX_HEAD_BYTES)
        .read_until(b'\n', &mut first)?;
    let Ok(head) = serde_json::from_slice::<Head>(&first) else {
        return Ok(State::Damaged);
    };
    let Some((trailer, length)) = trailer(&mut reader, bytes)? else {
        return Ok(State::Damaged);
    };
    let lines = head.nodes.saturating_add(head.samples).saturating_add(1);
    if head.unit != unit.id || head.schema != SCHEMA || trailer.lines != lines {
        return Ok(State::Damaged);
    }
    if depth == Depth::Whole {
        reader.seek(SeekFrom::Start(0))?;
        if hash(&mut reader, bytes - length)? != trailer.sha256 {
            return Ok(State::Damaged);
        }
    }
    Ok(if head.engine == store.engine() {
        State::Done
    } else {
        State::OtherEngine
    })
}

/// The last line of a file of this length, and its own length; `None` if it is not a trailer.
fn trailer(reader: &mut BufReader<File>, bytes: u64) -> std::io::Result<Option<(Trailer, u64)>> {
    reader.seek(SeekFrom::Start(bytes.saturating_sub(MAX_TRAILER_BYTES)))?;
    let mut end = Vec::new();
    reader
        .by_ref()
        .take(MAX_TRAILER_BYTES)
        .read_to_end(&mut end)?;
    let Some(body) = end.strip_suffix(b"\n") else {
        return Ok(None);
    };
    let Some(start) = body.iter().rposition(|it| *it == b'\n') else {
        return Ok(None);
    };
    let length = u64::try_from(end.len() - start - 1).expect("shorter than a trailer may be");
    let trailer = serde_json::from_slice(&body[start + 1..]).ok();
    Ok(trailer.map(|it| (it, length)))
}

/// Hash of the next `bytes` bytes.
fn hash(reader: &mut BufReader<File>, bytes: u64) -> std::io::Result<String> {
    let mut sum = Sha256::new();
    let (mut left, mut part) = (bytes, vec![0; 1 << 16]);
    while left > 0 {
        let most = usize::try_from(left).map_or(part.len(), |it| it.min(part.len()));
        let read = reader.read(&mut part[..most])?;
        if read == 0 {
            break;
        }
        sum.update(&part[..read]);
        left -= read as u64;
    }
    Ok(hex::encode(sum.finalize()))
}
