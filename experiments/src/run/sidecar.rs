//! Where and how long each unit ran, beside the unit files: no hash includes it, and nothing needs it.
//!
//! One file a process, `hosts/NAME-PID.jsonl`, one line a unit. A line is one write, so that a killed
//! process cuts its last line at most.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use super::host::{self, Clock};
use super::store::{Store, StoreError};
use super::unit::Unit;

/// Folder of the files, in that of the units.
pub const FOLDER: &str = "hosts";

/// What is noted of a unit that ran.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Note {
    /// The unit.
    pub unit: String,
    /// Machine that ran it.
    pub host: String,
    /// Time that passed, seconds.
    pub wall_s: f64,
    /// Time on a processor, seconds, where the system tells; else the time that passed.
    pub cpu_s: f64,
    /// Most memory of the process until then, bytes, of all its threads together.
    pub peak_memory_bytes: Option<u64>,
    /// Job of the batch system, if there is one.
    pub job: Option<String>,
}

/// The file of this process. Made with the first note.
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

    /// Notes a unit that has just run since `clock` started.
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

/// What all notes in a folder of units add up to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Notes {
    /// Runs that ended on each machine.
    pub hosts: BTreeMap<String, usize>,
    /// Runs, those that were made twice counted twice.
    pub runs: usize,
    /// Time on processors, seconds.
    pub cpu_s: f64,
    /// The longest run, seconds.
    pub longest_s: f64,
    /// Most memory of a process, bytes.
    pub peak_memory_bytes: u64,
}

/// Adds up the notes, line by line; lines that were cut are passed over.
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
