//! Reads a recording and replays it into a new client.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader};
use std::path::Path;

use unchoke_core::client::{Client, Input, Internet, Output};
use unchoke_core::time::Instant;
use unchoke_core::wire::Decoder;

use crate::head::{Head, Line};
use crate::line::input_of;
use crate::origin::{Origin, OriginError};
use crate::possible::Possible;

/// Why a replay failed.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// The file could not be read.
    #[error("cannot read the recording: {0}")]
    Io(#[from] io::Error),
    /// The file is not a recording, or it is damaged.
    #[error("line {line} of the recording is not understood: {why}")]
    Line {
        /// The line number, starting at 1.
        line: usize,
        /// The reason.
        why: String,
    },
    /// The recording was made by a version with other defaults.
    #[error("the recording was made with another configuration: {recorded}")]
    OtherConfig {
        /// The recorded configuration.
        recorded: String,
    },
    /// The client could not be made.
    #[error("{0}")]
    Origin(#[from] OriginError),
    /// The outputs differ.
    #[error("line {line}: recorded outputs {recorded:?}, replayed {replayed:?}")]
    Differs {
        /// The line number, starting at 1.
        line: usize,
        /// The recorded outputs.
        recorded: Vec<String>,
        /// The outputs of the replay.
        replayed: Vec<String>,
    },
}

/// One input of a recording, with the outputs of the client.
#[derive(Debug)]
pub struct Step {
    /// When it came.
    pub at: Instant,
    /// The input.
    pub input: Input<Internet>,
    /// What the client answered, now as in the session.
    pub outputs: Vec<Output<Internet>>,
}

/// Replays a recording into a new client, step by step.
#[derive(Debug)]
pub struct Replay {
    origin: Origin,
    client: Client<Internet>,
    possible: Possible,
    decoder: Decoder,
    lines: std::io::Lines<BufReader<File>>,
    /// The number of the last line read.
    number: usize,
}

impl Replay {
    /// Opens a recording and makes its client.
    pub fn open(path: &Path) -> Result<Self, ReplayError> {
        let mut lines = BufReader::new(File::open(path)?).lines();
        let understood = |why: &dyn ToString| ReplayError::Line {
            line: 1,
            why: why.to_string(),
        };
        let first = lines.next().ok_or_else(|| understood(&"it is empty"))?;
        let head: Head = serde_json::from_str(&first?).map_err(|it| understood(&it))?;
        let origin = head
            .origin()
            .ok_or_else(|| understood(&"impossible values"))?;
        if origin.text() != head.config {
            return Err(ReplayError::OtherConfig {
                recorded: head.config,
            });
        }
        Ok(Self {
            client: origin.client()?,
            decoder: Decoder::new(origin.config.geometry.piece_count()),
            origin,
            possible: Possible::new(),
            lines,
            number: 1,
        })
    }

    /// What the client was made from.
    #[must_use]
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// The next step; `None` at the end. Fails if the outputs differ from the recorded ones.
    pub fn step(&mut self) -> Result<Option<Step>, ReplayError> {
        let Some(text) = self.lines.next() else {
            return Ok(None);
        };
        self.number += 1;
        let understood = |why: &dyn ToString| ReplayError::Line {
            line: self.number,
            why: why.to_string(),
        };
        let line: Line = serde_json::from_str(&text?).map_err(|it| understood(&it))?;
        let at = Instant::from_nanos(line.at);
        let input = input_of(&line.input, self.decoder)
            .filter(|it| self.possible.admits(at, it))
            .ok_or_else(|| understood(&"an impossible input"))?;
        self.client.handle_input(at, input.clone());
        let outputs: Vec<_> = std::iter::from_fn(|| self.client.poll_output()).collect();
        for it in &outputs {
            self.possible.note(it);
        }
        let replayed: Vec<String> = outputs.iter().map(|it| format!("{it:?}")).collect();
        if replayed != line.out {
            return Err(ReplayError::Differs {
                line: self.number,
                recorded: line.out,
                replayed,
            });
        }
        Ok(Some(Step { at, input, outputs }))
    }
}

/// Replays a recording into a new client. Returns the number of inputs if all outputs are the same.
pub fn replay(path: &Path) -> Result<usize, ReplayError> {
    let mut replay = Replay::open(path)?;
    let mut count = 0;
    while replay.step()?.is_some() {
        count += 1;
    }
    Ok(count)
}
