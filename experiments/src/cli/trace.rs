//! `lab trace`: reads a trace, or a recording of the real client.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{BufReader, Read as _};
use std::path::PathBuf;

use clap::Args;
use unchoke_core::time::Instant;
use unchoke_record::{ReplayError, is_recording};
use unchoke_sim::trace::{Happening, Header, Reader, Sink, TraceError};

use super::look::{Look, LookArgs};
use super::state::seconds;
use super::{Exit, Failure, print};
use crate::against::download::Download;
use crate::run::store::StoreError;

/// `lab trace`.
#[derive(Args, Clone, Debug)]
pub(super) struct TraceArgs {
    /// A trace in either form, or a recording of a real download (`unchoke download --record FILE`).
    file: PathBuf,
    /// Print the scenario of the run as TOML instead. With the seed, it repeats the run.
    #[arg(long)]
    scenario: bool,
    #[command(flatten)]
    look: LookArgs,
}

/// Number of events of each kind, in the order of the schema.
#[derive(Default)]
struct Counts {
    join: u64,
    leave: u64,
    connect: u64,
    disconnect: u64,
    choke: u64,
    unchoke: u64,
    block: u64,
    piece: u64,
    corrupt: u64,
    complete: u64,
}

impl Counts {
    fn add(&mut self, happening: &Happening) {
        let count = match happening {
            Happening::Join { .. } => &mut self.join,
            Happening::Leave { .. } => &mut self.leave,
            Happening::Connect { .. } => &mut self.connect,
            Happening::Disconnect { .. } => &mut self.disconnect,
            Happening::Choke { .. } => &mut self.choke,
            Happening::Unchoke { .. } => &mut self.unchoke,
            Happening::Block { .. } => &mut self.block,
            Happening::Piece { .. } => &mut self.piece,
            Happening::Corrupt { .. } => &mut self.corrupt,
            Happening::Complete { .. } => &mut self.complete,
        };
        *count += 1;
    }

    fn named(&self) -> [(&'static str, u64); 10] {
        [
            ("join", self.join),
            ("leave", self.leave),
            ("connect", self.connect),
            ("disconnect", self.disconnect),
            ("choke", self.choke),
            ("unchoke", self.unchoke),
            ("block", self.block),
            ("piece", self.piece),
            ("corrupt", self.corrupt),
            ("complete", self.complete),
        ]
    }
}

pub(super) fn trace(args: &TraceArgs) -> Result<Exit, Failure> {
    let failed = |it: TraceError| match it {
        TraceError::Io(it) => StoreError::io(&args.file, it).into(),
        it => Failure::usage(format!("{}: {it}", args.file.display())),
    };
    args.look.spare(std::slice::from_ref(&args.file))?;
    let unread = |it| Failure::usage(format!("{}: {it}", args.file.display()));
    let mut beginning = Vec::new();
    let file = File::open(&args.file).map_err(unread)?;
    file.take(16).read_to_end(&mut beginning).map_err(unread)?;
    if is_recording(&beginning) {
        return recording(args);
    }
    let file = File::open(&args.file).map_err(unread)?;
    let mut reader = Reader::open(BufReader::new(file)).map_err(failed)?;
    let header = reader.header().clone();
    if args.scenario {
        print(&header.resolved)?;
        return Ok(Exit::Done);
    }
    let mut look = Look::new(&args.look, || Ok::<_, Failure>(header.clone()))?;
    let until = args.look.until.unwrap_or(Instant::NEVER);
    let mut counts = Counts::default();
    while let Some((at, happening)) = reader.next_event().map_err(failed)? {
        // Keep reading: only the end shows whether the trace is complete.
        if at <= until {
            counts.add(&happening);
            if let Some(sink) = look.sink() {
                sink.record(at, &happening);
            }
        }
    }
    let end = reader.end().expect("it was read to its end");
    let mut text = summary(&header);
    let mut line = |name: &str, value: String| {
        writeln!(text, "{name:<10} {value}").expect("writing to a string does not fail");
    };
    line("ended", format!("{} s", seconds(end.at)));
    line("digest", format!("{:016x}", end.digest));
    if until < end.at {
        line(
            "until",
            format!("{} s: what follows is of the time up to it", seconds(until)),
        );
    }
    for (name, count) in counts.named() {
        line(name, count.to_string());
    }
    text += &look.finish(until.min(end.at))?;
    print(&text)?;
    Ok(Exit::Done)
}

/// Counts events, and passes those up to a time on.
struct Counted<'a, 'b> {
    counts: Counts,
    until: Instant,
    look: &'a mut Look<'b>,
}

impl Sink for Counted<'_, '_> {
    fn record(&mut self, at: Instant, happening: &Happening) {
        if at > self.until {
            return;
        }
        self.counts.add(happening);
        if let Some(sink) = self.look.sink() {
            sink.record(at, happening);
        }
    }
}

/// The same for a recording of the real client.
fn recording(args: &TraceArgs) -> Result<Exit, Failure> {
    let failed = |it: ReplayError| Failure::usage(format!("{}: {it}", args.file.display()));
    if args.scenario {
        return Err(Failure::usage(
            "a recording of a real download has no scenario: leave --scenario out",
        ));
    }
    let mut download = Download::open(&args.file).map_err(failed)?;
    let header = download.header().clone();
    let mut look = Look::new(&args.look, || Ok::<_, Failure>(header.clone()))?;
    let mut counted = Counted {
        counts: Counts::default(),
        until: args.look.until.unwrap_or(Instant::NEVER),
        look: &mut look,
    };
    let mut end = Instant::START;
    while let Some(at) = download.step(&mut counted).map_err(failed)? {
        end = at;
    }
    let (counts, until) = (counted.counts, counted.until);
    let mut text = summary(&header);
    writeln!(text, "{:<10} {} s", "ended", seconds(end)).expect("text grows");
    for (name, count) in counts.named() {
        writeln!(text, "{name:<10} {count}").expect("text grows");
    }
    text += &look.finish(until.min(end))?;
    print(&text)?;
    Ok(Exit::Done)
}

fn summary(header: &Header) -> String {
    let origins = header.nodes.iter().filter(|it| it.origin).count();
    let pieces = header.geometry().map_or(0, |it| it.piece_count());
    let clients: Vec<&str> = header.clients.iter().map(|it| it.name.as_str()).collect();
    format!(
        "scenario   {} v{}, seed {}\npeers      {}, origins {origins}\nclients    {}\n\
         classes    {}\ntorrent    {} bytes in {pieces} pieces of {} bytes\n",
        header.scenario,
        header.version,
        header.seed,
        header.nodes.len(),
        clients.join(", "),
        header.classes.join(", "),
        header.total_bytes,
        header.piece_bytes,
    )
}
