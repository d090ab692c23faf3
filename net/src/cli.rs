//! The `unchoke` command: what it understands, and how it ends.
//!
//! Exit status: 0 it worked; 1 it did not; 2 wrong usage or bad input; 5 a file, a folder or the
//! system failed; 130 and 143 stopped by Ctrl-C or a termination signal, with everything saved.

/// Prints a line on standard output. Whoever reads it may have gone, which must not stop the work.
macro_rules! say {
    ($($text:tt)*) => {
        drop(std::io::Write::write_fmt(
            &mut std::io::stdout().lock(),
            format_args!("{}\n", format_args!($($text)*)),
        ))
    };
}

/// The same on standard error.
macro_rules! warn {
    ($($text:tt)*) => {
        drop(std::io::Write::write_fmt(
            &mut std::io::stderr().lock(),
            format_args!("{}\n", format_args!($($text)*)),
        ))
    };
}

mod announce;
mod bench;
mod choosing;
mod command;
mod create;
mod explain;
mod finding;
mod inspect;
mod leaving;
mod manner;
mod manual;
mod options;
mod parameters;
mod part;
mod peer;
mod printer;
mod run;
mod seeding;
mod several;
mod show;
mod signals;
mod source;
mod store;
mod transfer;
mod url;
mod web;
mod whole;

use std::fmt::Display;
use std::fs::{File, Metadata};
use std::io::Read as _;
use std::os::unix::fs::FileTypeExt as _;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use clap::{CommandFactory as _, Parser as _};
use flate2::read::MultiGzDecoder;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use unchoke_core::bencode::Limits;
use unchoke_core::choke::Entry;
use unchoke_core::metainfo::Metainfo;

use crate::policies;
use crate::session::SessionError;
use command::{Command, Options};

/// Why a command ended without success: one sentence, and the exit status.
#[derive(Debug)]
struct Failure {
    status: u8,
    sentence: String,
}

impl Failure {
    fn failed(sentence: impl Display) -> Self {
        Self::new(1, sentence)
    }

    fn bad_input(sentence: impl Display) -> Self {
        Self::new(2, sentence)
    }

    fn io(sentence: impl Display) -> Self {
        Self::new(5, sentence)
    }

    /// Stopped by a signal: the user knows why.
    fn silent(status: u8) -> Self {
        Self::new(status, "")
    }

    fn new(status: u8, sentence: impl Display) -> Self {
        Self {
            status,
            sentence: sentence.to_string(),
        }
    }
}

impl From<SessionError> for Failure {
    fn from(error: SessionError) -> Self {
        match error {
            SessionError::Origin(_) | SessionError::Incomplete { .. } => Self::bad_input(error),
            _ => Self::io(error),
        }
    }
}

/// Runs the command that the arguments ask for.
#[must_use]
pub fn main() -> ExitCode {
    main_with(&[])
}

/// The same with these policies beside those of the house: `--policy` and recordings name them like any
/// other. A policy must be a function of its memory, the snapshot and its random stream.
#[must_use]
pub fn main_with(own: &[&'static Entry]) -> ExitCode {
    let added = policies::add(own).map_err(Failure::bad_input);
    // The help lists them.
    let done = added.and_then(|()| carry_out(Options::parse().command));
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            if !failure.sentence.is_empty() {
                warn!("unchoke: {}", failure.sentence);
            }
            ExitCode::from(failure.status)
        }
    }
}

fn carry_out(command: Command) -> Result<(), Failure> {
    start_logging()?;
    match command {
        Command::Download(it) => several::download(&it),
        Command::Seed(it) => transfer::seed(&it),
        Command::Run(it) => run::run(&it),
        Command::Bench(it) => bench::bench(&it),
        Command::Create(it) => create::create(&it),
        Command::Show(it) => show::show(&it),
        Command::Check(it) => inspect::check(&it),
        Command::Announce(it) => announce::announce(&it),
        Command::Completions(it) => manual::completions(&it, Options::command()),
        Command::Man(it) => manual::man(&it, Options::command()),
    }
}

/// What happens inside is logged to standard error when `UNCHOKE_LOG` asks for it, for example
/// `UNCHOKE_LOG=debug`.
fn start_logging() -> Result<(), Failure> {
    let targets = match std::env::var_os("UNCHOKE_LOG") {
        None => Targets::new().with_default(LevelFilter::WARN),
        Some(asked) => {
            let asked = asked.to_string_lossy();
            asked.parse().map_err(|_| {
                Failure::bad_input(format!(
                    "UNCHOKE_LOG is `{asked}`: give a level such as `debug`, or targets with levels such \
                     as `unchoke_net::session=trace`"
                ))
            })?
        }
    };
    tracing_subscriber::registry()
        .with(tracing_subscriber::fmt::layer().with_writer(std::io::stderr))
        .with(targets)
        .init();
    Ok(())
}

/// Runs `work` to its end. What is still under way then, such as a request to a tracker that does
/// not answer, is not waited for.
fn block_on(work: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| Failure::io(format!("cannot start: {error}")))?;
    let done = runtime.block_on(work);
    runtime.shutdown_background();
    done
}

fn read_bytes(path: &Path) -> Result<Vec<u8>, Failure> {
    source::refuse_link(path)?;
    let cannot = |error| Failure::bad_input(format!("cannot read {}: {error}", path.display()));
    let file = File::open(path).map_err(cannot)?;
    if file.metadata().is_ok_and(|it| it.is_dir()) {
        return Err(Failure::bad_input(format!(
            "cannot read {}: it is a folder; give the .torrent file itself",
            path.display()
        )));
    }
    let mut bytes = Vec::new();
    // One byte more than a torrent may have: the parser then says that it is too long.
    let most = u64::from(Limits::TORRENT_FILE.bytes) + 1;
    file.take(most).read_to_end(&mut bytes).map_err(cannot)?;
    unpacked(bytes).map_err(cannot)
}

/// What is in `bytes` if they are gzip, as much of it as a torrent may have; else `bytes`.
fn unpacked(bytes: Vec<u8>) -> std::io::Result<Vec<u8>> {
    if !bytes.starts_with(&[0x1f, 0x8b]) {
        return Ok(bytes);
    }
    let mut inflated = Vec::new();
    let most = u64::from(Limits::TORRENT_FILE.bytes) + 1;
    let reader = MultiGzDecoder::new(&bytes[..]).take(most);
    { reader }.read_to_end(&mut inflated)?;
    Ok(inflated)
}

/// The torrent in `bytes`; `shown` is where they come from.
fn parse_torrent(bytes: &[u8], shown: &impl Display) -> Result<Metainfo, Failure> {
    let parsed = Metainfo::parse(bytes);
    parsed.map_err(|error| Failure::bad_input(format!("{shown}: {error}")))
}

/// A file that is there already is not written over: it may be the torrent, or what it is about.
fn spare(path: &Path, option: &str) -> Result<(), Failure> {
    if path.exists() {
        return Err(Failure::bad_input(format!(
            "{} exists already; remove it or choose another {option}",
            path.display()
        )));
    }
    Ok(())
}

/// The same for a recording. A device has nothing to lose.
fn spare_recording(path: &Path) -> Result<(), Failure> {
    let is_device = |found: Metadata| found.file_type().is_char_device();
    if path.metadata().is_ok_and(is_device) {
        return Ok(());
    }
    spare(path, "--record")
}

fn read_torrent(path: &Path) -> Result<Arc<Metainfo>, Failure> {
    let bytes = read_bytes(path)?;
    parse_torrent(&bytes, &path.display()).map(Arc::new)
}
