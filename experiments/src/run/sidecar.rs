//! Records where and how long each unit ran, in files beside the unit files. No hash includes these
//! records, and nothing depends on them.
//!
//! Each process has one file, `hosts/NAME-PID.jsonl`, with one line per unit. Each line is a single
//! write, so killing a process damages at most its last line.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use super::host::{self, Clock};
use super::store::{Store, StoreError};
use super::unit::Unit;

/// Folder of these files, inside the folder of the units.
pub const FOLDER: &str = "hosts";

/// The record of a unit that ran.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Note {
    /// The unit.
    pub unit: String,
    /// Machine that ran it.
    pub host: String,
    /// Elapsed time, seconds.
    pub wall_s: f64,
    /// CPU time in seconds if the system reports it, otherwise elapsed time.
    pub cpu_s: f64,
    /// Peak memory of the whole process until then, bytes.
    pub peak_memory_bytes: Option<u64>,
    /// Job id of the batch system, if there is one.
    pub job: Option<String>,
}

/// The file of this process, created with the first record.
pub(super) struct Sidecar {
    path: PathBuf,
    host: String,
    job: Option<String>,
    file: Mutex<Option<File>>,
}

impl Sidecar {
    pub(super) fn of(store: &Store) -> Self {
        let host = host::name();
        let name = format!("{host}-{}.jsonl", std::process::id());
        Self {
            path: store.folder().join(FOLDER).join(name),
            host,
            job: job(),
            file: Mutex::new(None),
        }
    }

    /// Records a unit that just finished; `clock` was started when it began.
    pub(super) fn note(&self, unit: &Unit, clock: &Clock) -> Result<(), StoreError> {
        let milliseconds = |it: f64| (it * 1e3).round() / 1e3;
        let note = Note {
            unit: unit.id.clone(),
            host: self.host.clone(),
            wall_s: milliseconds(clock.wall_seconds()),
            cpu_s: milliseconds(clock.seconds()),
            peak_memory_bytes: host::peak_memory_bytes(),
            job: self.job.clone(),
        };
        let mut line = serde_json::to_string(&note).expect("numbers and text are JSON");
        line.push('\n');
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let append = |file: &mut Option<File>| -> std::io::Result<()> {
            if file.is_none() {
                fs::create_dir_all(self.path.parent().expect("it is in a folder"))?;
                let mut options = File::options();
                *file = Some(options.create(true).append(true).open(&self.path)?);
            }
            file.as_mut()
                .expect("just opened")
                .write_all(line.as_bytes())
        };
        append(&mut file).map_err(|it| StoreError::io(&self.path, it))
    }
}

/// Job and task of the batch system that started this process.
fn job() -> Option<String> {
    let of = |name: &str| std::env::var(name).ok().filter(|it| it.len() <= 64);
    let array = of("SLURM_ARRAY_JOB_ID").zip(of("SLURM_ARRAY_TASK_ID"));
    let array = array.map(|(job, task)| format!("{job}_{task}"));
    array.or_else(|| of("SLURM_JOB_ID"))
}

/// Sums over all records in a folder of units.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Notes {
    /// Number of finished runs by machine.
    pub hosts: BTreeMap<String, usize>,
    /// Number of runs. A unit that ran twice counts twice.
    pub runs: usize,
    /// CPU time of all runs, seconds.
    pub cpu_s: f64,
    /// The longest run, seconds.
    pub longest_s: f64,
    /// Largest peak memory of a process, bytes.
    pub peak_memory_bytes: u64,
}

/// Adds up the records line by line; truncated lines are skipped.
pub fn notes(units: &Path) -> Result<Notes, StoreError> {
    let mut sum = Notes::default();
    let folder = units.join(FOLDER);
    let entries = match fs::read_dir(&folder) {
        Ok(it) => it,
        Err(it) if it.kind() == std::io::ErrorKind::NotFound => return Ok(sum),
        Err(it) => return Err(StoreError::io(&folder, it)),
    };
    for entry in entries {
        let path = entry.map_err(|it| StoreError::io(&folder, it))?.path();
        let file = File::open(&path).map_err(|it| StoreError::io(&path, it))?;
        for line in BufReader::new(file).split(b'\n') {
            let line = line.map_err(|it| StoreError::io(&path, it))?;
            let Ok(note) = serde_json::from_slice::<Note>(&line) else {
                continue;
            };
            sum.runs += 1;
            sum.cpu_s += note.cpu_s;
            sum.longest_s = sum.longest_s.max(note.cpu_s);
            sum.peak_memory_bytes = sum
                .peak_memory_bytes
                .max(note.peak_memory_bytes.unwrap_or(0));
            *sum.hosts.entry(note.host).or_default() += 1;
        }
    }
    Ok(sum)
}
