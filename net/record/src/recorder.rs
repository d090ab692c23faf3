//! Writes a recording.

use std::fs::File;
use std::io::{self, BufWriter, Write as _};
use std::path::Path;

use unchoke_core::client::{Input, Internet, Output};
use unchoke_core::time::Instant;

use crate::head::{Head, Line};
use crate::line::line_of;
use crate::origin::Origin;

/// Writes a recording.
#[derive(Debug)]
pub struct Recorder {
    file: BufWriter<File>,
    open: Option<Line>,
    /// Whether writing failed. Then nothing more is written.
    failed: bool,
    ends: bool,
    /// The error, if writing failed while the session ended.
    late: Option<io::Error>,
}

impl Recorder {
    /// Starts a recording of a client made from `origin`.
    pub fn create(path: &Path, origin: &Origin) -> io::Result<Self> {
        let mut file = BufWriter::new(File::create(path)?);
        serde_json::to_writer(&mut file, &Head::of(origin))?;
        file.write_all(b"\n")?;
        Ok(Self {
            file,
            open: None,
            failed: false,
            ends: false,
            late: None,
        })
    }

    /// Records an input; its outputs follow. Returns an error once and records nothing afterwards,
    /// so that the session can end normally.
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

    /// Marks the end of the session. A later error is returned by [`Self::finish`], so that it does
    /// not prevent the session from saving.
    pub fn ends(&mut self) {
        self.ends = true;
    }

    /// Records an output.
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

    /// Writes the remaining lines, unless writing has failed before.
    pub fn finish(mut self) -> io::Result<()> {
        if self.failed {
            return self.late.map_or(Ok(()), Err);
        }
        self.close()?;
        self.file.flush()
    }
}
