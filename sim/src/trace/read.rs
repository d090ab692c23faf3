//! Reads a trace in either form. A file can contain anything, so every value is checked.

use std::io::BufRead;

use unchoke_core::geometry::Geometry;
use unchoke_core::ids::BlockRef;
use unchoke_core::time::Instant;

use super::binary::Decoder;
use super::error::Place;
use super::json::Lines;
use super::raw::{Raw, RawEnd};
use super::{BLOCK, Digest, End, Happening, Header, TraceError};

#[derive(Debug)]
enum Source<R> {
    Lines(Lines<R>),
    Binary(Decoder<R>),
}

/// Reads a trace event by event. The memory used does not grow with the number of events.
#[derive(Debug)]
pub struct Reader<R> {
    source: Source<R>,
    header: Header,
    geometry: Geometry,
    digest: Digest,
    now: Instant,
    events: u64,
    end: Option<End>,
}

impl<R: BufRead> Reader<R> {
    /// Reads the header.
    pub fn open(mut from: R) -> Result<Self, TraceError> {
        let first = from.fill_buf()?.first().copied();
        let (source, header) = if first == Some(b'{') {
            let mut lines = Lines::new(from);
            let header = lines.header()?;
            (Source::Lines(lines), header)
        } else {
            let mut decoder = Decoder::new(from);
            let header = decoder.header()?;
            (Source::Binary(decoder), header)
        };
        let place = place(&source);
        let damaged = |what| TraceError::Damaged { place, what };
        let geometry = header.geometry().map_err(|it| damaged(it.to_string()))?;
        if let Some(node) = header.nodes.iter().position(|it| !header.lists(it)) {
            return Err(damaged(format!(
                "node {node} is of a class or client that is not listed"
            )));
        }
        Ok(Self {
            source,
            header,
            geometry,
            digest: Digest::default(),
            now: Instant::START,
            events: 0,
            end: None,
        })
    }

    /// The header of the trace.
    pub const fn header(&self) -> &Header {
        &self.header
    }

    /// Number of events read so far.
    pub const fn events(&self) -> u64 {
        self.events
    }

    /// How the run ended; `None` until every event has been read.
    pub const fn end(&self) -> Option<End> {
        self.end
    }

    /// The next event. Gives `None` after the last one, once the whole trace has been checked.
    pub fn next_event(&mut self) -> Result<Option<(Instant, Happening)>, TraceError> {
        if self.end.is_some() {
            return Ok(None);
        }
        let raw = match &mut self.source {
            Source::Lines(it) => it.next(),
            Source::Binary(it) => it.next(),
        }?;
        match raw {
            None => Err(TraceError::Cut {
                place: place(&self.source),
                events: self.events,
            }),
            Some(Raw::Event(it)) => {
                self.pass(it.at_ns)?;
                self.check(&it.happening)?;
                self.digest.note(self.now, &it.happening);
                self.events += 1;
                Ok(Some((self.now, it.happening)))
            }
            Some(Raw::End(it)) => {
                self.pass(it.at_ns)?;
                self.finish(&it)?;
                Ok(None)
            }
        }
    }

    fn damaged(&self, what: String) -> TraceError {
        let place = place(&self.source);
        TraceError::Damaged { place, what }
    }

    fn pass(&mut self, at_ns: u64) -> Result<(), TraceError> {
        let at = Instant::from_nanos(at_ns);
        if at < self.now {
            return Err(self.damaged("time runs backwards".to_owned()));
        }
        self.now = at;
        Ok(())
    }

    /// Checks that the nodes and pieces of the event exist.
    fn check(&self, happening: &Happening) -> Result<(), TraceError> {
        let (number, node, other, block) = happening.parts();
        let count = self.header.nodes.len();
        if let Some(it) = [node, other].iter().find(|it| **it as usize >= count) {
            return Err(self.damaged(format!("node {it} of {count}")));
        }
        let Some(block) = block else { return Ok(()) };
        let pieces = self.geometry.piece_count();
        if block.piece.0 >= pieces {
            return Err(self.damaged(format!("piece {} of {pieces}", block.piece)));
        }
        if number == BLOCK && !self.geometry.may_request(block) {
            let BlockRef { begin, length, .. } = block;
            return Err(self.damaged(format!("no block has {length} bytes from {begin} on")));
        }
        Ok(())
    }

    fn finish(&mut self, end: &RawEnd) -> Result<(), TraceError> {
        if end.events != self.events {
            let (said, events) = (end.events, self.events);
            return Err(self.damaged(format!("{events} events came, and {said} were written")));
        }
        match &mut self.source {
            Source::Lines(it) => it.finish(),
            Source::Binary(it) => it.finish(self.events),
        }?;
        if end.digest != self.digest.value() {
            return Err(self.damaged("the digest of the events differs".to_owned()));
        }
        self.end = Some(End {
            at: self.now,
            digest: end.digest,
        });
        Ok(())
    }
}

const fn place<R: BufRead>(source: &Source<R>) -> Place {
    match source {
        Source::Lines(it) => it.place(),
        Source::Binary(it) => it.place(),
    }
}
