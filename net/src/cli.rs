//! The `unchoke` command: its subcommands and exit statuses.
//!
//! Exit status: 0 success; 1 failure; 2 wrong usage or bad input; 5 error of a file, a folder or
//! the system; 130 and 143 stopped by Ctrl-C or a termination signal, after everything was saved.

/// Prints a line on standard output. If the reader is gone, the command goes on.
macro_rules! say {
    ($($text:tt)*) => {
        drop($crate::cli::screen::above(|| std::io::Write::write_fmt(
            &mut std::io::stdout().lock(),
            format_args!("{}\n", format_args!($($text)*)),
        )))
    };
}

/// The same on standard error.
macro_rules! warn {
    ($($text:tt)*) => {
        drop($crate::cli::screen::above(|| std::io::Write::write_fmt(
            &mut std::io::stderr().lock(),
            format_args!("{}\n", format_args!($($text)*)),
        )))
    };
}

mod announce;
mod bench;
mod choosing;
mod command;
mod config;
mod create;
mod descriptors;
mod explain;
mod finding;
mod inspect;
mod keeping;
mod leaving;
mod limits;
mod manner;
mod manual;
mod names;
mod options;
mod parameters;
mod part;
mod peer;
mod printer;
mod run;
mod screen;
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

use clap::CommandFactory as _;
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

/// Why a command failed: one sentence, and the exit status.
#[derive(Debug)]
struct Failure {
    status: u8,
    sentence: String,
    /// Whether another process has the files, so that the command may succeed later.
    locked: bool,
    /// The torrent of the same command that has its name or its hash, as the user named it.
    held_by: Option<String>,
}

impl Failure {
    /// Exit status for an error of a file, a folder or the system.
    const OF_SYSTEM: u8 = 5;

    fn failed(sentence: impl Display) -> Self {
        Self::new(1, sentence)
    }

    fn bad_input(sentence: impl Display) -> Self {
        Self::new(2, sentence)
    }

    fn io(sentence: impl Display) -> Self {
        Self::new(Self::OF_SYSTEM, sentence)
    }

    /// Stopped by a signal. The user needs no message.
    fn silent(status: u8) -> Self {
        Self::new(status, "")
    }

    fn new(status: u8, sentence: impl Display) -> Self {
        Self {
            status,
            sentence: sentence.to_string(),
            locked: false,
            held_by: None,
        }
    }
}

impl From<SessionError> for Failure {
    fn from(error: SessionError) -> Self {
        match error {
            SessionError::Origin(_) | SessionError::Incomplete { .. } => Self::bad_input(error),
            SessionError::InUse(_) => Self {
                locked: true,
                ..Self::io(error)
            },
            _ => Self::io(error),
        }
    }
}

/// Runs the command given by the arguments.
#[must_use]
pub fn main() -> ExitCode {
    main_with(&[])
}

/// Like [`main`], with these policies in addition to the built-in ones: `--policy` and recordings
/// can name them. The decisions of a policy must depend only on its own memory, the snapshot and
/// its random stream.
#[must_use]
pub fn main_with(own: &[&'static Entry]) -> ExitCode {
    let added = policies::add(own).map_err(Failure::bad_input);
    // Set before parsing, because `--help` lists the policies.
    let options = added.and_then(|()| config::options(|it: &Options| &it.choice));
    let done = options.and_then(carry_out);
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

fn carry_out(options: Options) -> Result<(), Failure> {
    start_logging()?;
    descriptors::raise_limit();
    match options.command {
        Command::Download(it) => several::download(&it),
        Command::Seed(it) => transfer::seed(&it),
        Command::Run(it) => run::run(&it),
        Command::Bench(it) => bench::bench(&it),
        Command::Create(it) => create::create(&it),
        Command::Show(it) => show::show(&it),
        Command::Check(it) => inspect::check(&it),
        Command::Announce(it) => announce::announce(&it),
        Command::Config(it) => config::show(&it, &options.choice, Options::command()),
        Command::Completions(it) => manual::completions(&it, Options::command()),
        Command::Man(it) => manual::man(&it, Options::command()),
    }
}

/// Logs internal events to standard error if `UNCHOKE_LOG` is set, for example `UNCHOKE_LOG=debug`.
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
        .with(tracing_subscriber::fmt::layer().with_writer(screen::Log::new))
        .with(targets)
        .init();
    Ok(())
}

/// Runs `work` to its end. Does not wait for other tasks, for example a request to a tracker that
/// does not answer.
fn block_on(work: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    // One thread for all connections. Disk access and hashing have threads of their own. With a second
    // thread for connections, the two would wake each other for each block.
    let runtime = tokio::runtime::Builder::new_current_thread()
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
    // Read one byte more than allowed, so that the parser reports a file that is too long.
    let most = u64::from(Limits::TORRENT_FILE.bytes) + 1;
    file.take(most).read_to_end(&mut bytes).map_err(cannot)?;
    unpacked(bytes).map_err(cannot)
}

/// Decompresses `bytes` if they are gzip, up to one byte over the limit for torrents; otherwise
/// returns `bytes`.
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

/// Parses the torrent in `bytes`; `shown` names its origin in messages.
fn parse_torrent(bytes: &[u8], shown: &impl Display) -> Result<Metainfo, Failure> {
    let parsed = Metainfo::parse(bytes);
    parsed.map_err(|error| Failure::bad_input(format!("{shown}: {error}")))
}

/// The sentence of a failure with the name of its torrent, which it may have already.
fn about(shown: &str, sentence: &str) -> String {
    let named = [format!("{shown}: "), format!("cannot read {shown}")];
    if named.iter().any(|it| sentence.starts_with(it)) {
        return sentence.to_owned();
    }
    format!("{shown}: {sentence}")
}

/// Fails if the file exists: overwriting it could destroy the torrent or its payload.
fn spare(path: &Path, option: &str) -> Result<(), Failure> {
    if path.exists() {
        return Err(Failure::bad_input(format!(
            "{} exists already; remove it or choose another {option}",
            path.display()
        )));
    }
    Ok(())
}

/// The same for a recording, except for devices: writing to them overwrites nothing.
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
