//! Writes a trace in either form.

use std::io::{self, Write};
use std::path::Path;

use unchoke_core::time::Instant;

use super::binary::Encoder;
use super::{Digest, End, Happening, Header, Sink, json};

/// How a trace is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// One JSON object a line.
    JsonLines,
    /// Binary; about a tenth of the size.
    Binary,
}

impl Form {
    /// The form for a file name by its extension: `.jsonl`, `.ndjson` or `.json`; or `.trace`.
    #[must_use]
    pub fn of(path: &Path) -> Option<Self> {
        match path.extension()?.to_str()? {
            "jsonl" | "ndjson" | "json" => Some(Self::JsonLines),
            "trace" => Some(Self::Binary),
            _ => None,
        }
    }
}

/// Writes a trace while its events happen. The memory used does not grow with the number of events.
#[derive(Debug)]
pub struct Writer<W> {
    out: W,
    /// `None` for JSON Lines.
    encoder: Option<Encoder>,
    events: u64,
    digest: Digest,
    failed: Option<io::Error>,
}

impl<W: Write> Writer<W> {
    /// Writes to `out`, which should be buffered. [`Writer::finish`] reports errors.
    pub fn new(out: W, form: Form, header: &Header) -> Self {
        let mut it = Self {
            out,
            encoder: (form == Form::Binary).then(Encoder::new),
            events: 0,
            digest: Digest::default(),
            failed: None,
        };
        let written = match &mut it.encoder {
            Some(encoder) => encoder.header(&mut it.out, header),
            None => json::write_header(&mut it.out, header),
        };
        it.failed = written.err();
        it
    }

    /// Ends the trace of a run that ended at `at`. Returns the first write error.
    pub fn finish(mut self, at: Instant) -> io::Result<W> {
        let digest = self.digest.value();
        let end = &End { at, digest };
        if let Some(it) = self.failed {
            return Err(it);
        }
        match &mut self.encoder {
            Some(encoder) => encoder.end(&mut self.out, end, self.events)?,
            None => json::write_end(&mut self.out, end, self.events)?,
        }
        self.out.flush()?;
        Ok(self.out)
    }
}

impl<W: Write> Sink for Writer<W> {
    fn record(&mut self, at: Instant, happening: &Happening) {
        if self.failed.is_some() {
            return;
        }
        self.events += 1;
        self.digest.note(at, happening);
        let written = match &mut self.encoder {
            Some(encoder) => encoder.event(&mut self.out, at, happening),
            None => json::write_event(&mut self.out, at, happening),
        };
        self.failed = written.err();
    }
}
