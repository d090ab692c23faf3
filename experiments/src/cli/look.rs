//! Output about the inside of a run, for `lab sim`, `lab replay` and `lab trace`.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use unchoke_core::time::Instant;
use unchoke_sim::trace::{Form, Happening, Header, Sink, Watch, Writer};
use unchoke_sim::units::parse_time;

use super::{Failure, overwrite, state};
use crate::run::store::{StoreError, write_whole};
use crate::show::swarm_replay::{self, Recorder};

/// What to output about the inside of a run.
#[derive(Args, Clone, Debug)]
pub(super) struct LookArgs {
    /// Write every event to this file: as JSON Lines if its name ends in `.jsonl`, in the compact
    /// binary form if it ends in `.trace`.
    #[arg(long, value_name = "FILE")]
    trace: Option<PathBuf>,
    /// Form of the trace, whatever the file name.
    #[arg(long, value_enum, value_name = "FORM", requires = "trace")]
    trace_form: Option<TraceForm>,
    /// Write an HTML page that replays the run.
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Stop at this time of the run, e.g. `120 s`.
    #[arg(long, value_name = "TIME", value_parser = instant)]
    pub(super) until: Option<Instant>,
    /// Print the state of every peer at the end or at the stop.
    #[arg(long)]
    peers: bool,
    /// Print this peer and its connections at that time; may be repeated. Peers are numbered as in
    /// the trace, from 0, origins first.
    #[arg(long, value_name = "N")]
    peer: Vec<u32>,
}

/// Forms of a trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum TraceForm {
    /// JSON Lines.
    Jsonl,
    /// The compact form.
    Binary,
}

fn instant(text: &str) -> Result<Instant, String> {
    let time = parse_time(text).map_err(|it| it.to_string())?;
    Ok(Instant::START.after(time))
}

impl LookArgs {
    /// Whether tables are requested.
    pub(super) const fn prints(&self) -> bool {
        self.peers || !self.peer.is_empty()
    }

    /// Fails if an output file would overwrite an input of the command.
    pub(super) fn spare(&self, inputs: &[PathBuf]) -> Result<(), Failure> {
        let outputs = [
            ("--trace", self.trace.as_deref()),
            ("--html", self.html.as_deref()),
        ];
        if self.trace.is_some() && self.trace == self.html {
            return Err(Failure::usage(
                "--trace and --html name one file; give each a file of its own",
            ));
        }
        overwrite::refuse(inputs, &outputs)
    }

    fn form(&self, path: &Path) -> Result<Form, Failure> {
        match self.trace_form {
            Some(TraceForm::Jsonl) => Ok(Form::JsonLines),
            Some(TraceForm::Binary) => Ok(Form::Binary),
            None => Form::of(path).ok_or_else(|| {
                let path = path.display();
                Failure::usage(format!(
                    "--trace {path}: the name should end in .jsonl or .trace; or choose the form \
                     with --trace-form"
                ))
            }),
        }
    }
}

/// Passes the events of one run to the requested outputs.
pub(super) struct Look<'a> {
    args: &'a LookArgs,
    /// `None` if no output is requested.
    header: Option<Header>,
    writer: Option<Writer<BufWriter<File>>>,
    watch: Option<Watch>,
    recorder: Option<Recorder>,
}

impl<'a> Look<'a> {
    /// Called before the run. Makes the header only if an output is requested, because it may be
    /// large.
    pub(super) fn new<E>(
        args: &'a LookArgs,
        header: impl FnOnce() -> Result<Header, E>,
    ) -> Result<Self, Failure>
    where
        Failure: From<E>,
    {
        let mut it = Self {
            args,
            header: None,
            writer: None,
            watch: None,
            recorder: None,
        };
        if !args.prints() && args.trace.is_none() && args.html.is_none() {
            return Ok(it);
        }
        let header = header()?;
        let count = header.nodes.len();
        if let Some(it) = args.peer.iter().find(|it| **it as usize >= count) {
            let last = count.saturating_sub(1);
            return Err(Failure::usage(format!(
                "--peer {it}: the swarm has the peers 0 to {last}"
            )));
        }
        if let Some(path) = &args.trace {
            let form = args.form(path)?;
            let file = File::create(path).map_err(|it| StoreError::io(path, it))?;
            it.writer = Some(Writer::new(BufWriter::new(file), form, &header));
        }
        if args.html.is_some() {
            let recorder = Recorder::new(&header);
            it.recorder = Some(recorder.map_err(|it| Failure::usage(format!("--html: {it}")))?);
        }
        it.watch = args.prints().then(|| Watch::new(&header));
        it.header = Some(header);
        Ok(it)
    }

    /// The sink for the events of the run; `None`, at no cost, if no output is requested.
    pub(super) fn sink(&mut self) -> Option<&mut dyn Sink> {
        self.header.is_some().then_some(self as &mut dyn Sink)
    }

    /// Called after the run. Completes the files and returns the text to print.
    pub(super) fn finish(self, at: Instant) -> Result<String, Failure> {
        let mut text = String::new();
        if let (Some(mut watch), Some(header)) = (self.watch, &self.header) {
            watch.pass(at);
            if self.args.peers {
                text += &state::all(header, &watch);
            }
            for peer in &self.args.peer {
                text += &state::one(header, &watch, *peer);
            }
        }
        if let (Some(writer), Some(path)) = (self.writer, &self.args.trace) {
            let done = writer.finish(at).and_then(|mut it| it.flush());
            done.map_err(|it| StoreError::io(path, it))?;
            writeln!(text, "trace     {}", path.display()).expect("text grows");
        }
        if let (Some(recorder), Some(path)) = (self.recorder, &self.args.html) {
            let page = swarm_replay::page(recorder.finish(at));
            write_whole(path, page.as_bytes())?;
            writeln!(text, "page      {}", path.display()).expect("text grows");
        }
        Ok(text)
    }
}

impl Sink for Look<'_> {
    fn record(&mut self, at: Instant, happening: &Happening) {
        if let Some(it) = &mut self.writer {
            it.record(at, happening);
        }
        if let Some(it) = &mut self.watch {
            it.record(at, happening);
        }
        if let Some(it) = &mut self.recorder {
            it.record(at, happening);
        }
    }
}
