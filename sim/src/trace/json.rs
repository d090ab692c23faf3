//! JSON Lines: one object a line, each with an `event`.

use std::io::{self, BufRead, Read as _, Write};

use serde::{Deserialize, Serialize};
use unchoke_core::ids::{BlockRef, PieceIndex};
use unchoke_core::time::Instant;

use super::error::Place;
use super::raw::{Raw, RawEnd, RawEvent};
use super::{End, Happening, Header, NodeInfo, SCHEMA, TraceError, WORDS};

/// Longest line that is read, in bytes. The header contains the whole scenario.
const MAX_LINE_BYTES: u64 = 64 << 20;

/// The first line.
#[derive(Serialize, Deserialize)]
struct Opening {
    event: String,
    schema: u64,
    node_count: u32,
    header: Header,
}

/// A line that describes a node.
#[derive(Serialize, Deserialize)]
struct NodeLine {
    event: String,
    node: u32,
    #[serde(flatten)]
    info: NodeInfo,
}

/// Every other line.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EventLine {
    t_ns: u64,
    event: String,
    node: Option<u32>,
    other: Option<u32>,
    piece: Option<u32>,
    begin: Option<u32>,
    length: Option<u32>,
    events: Option<u64>,
    digest: Option<String>,
}

pub(super) fn write_header(out: &mut impl Write, header: &Header) -> io::Result<()> {
    let opening = Opening {
        event: "trace".to_owned(),
        schema: SCHEMA.into(),
        node_count: u32::try_from(header.nodes.len()).map_err(io::Error::other)?,
        header: Header {
            nodes: Vec::new(),
            ..header.clone()
        },
    };
    serde_json::to_writer(&mut *out, &opening)?;
    writeln!(out)?;
    for (node, info) in (0..).zip(&header.nodes) {
        let event = "node".to_owned();
        let info = *info;
        serde_json::to_writer(&mut *out, &NodeLine { event, node, info })?;
        writeln!(out)?;
    }
    Ok(())
}

pub(super) fn write_event(
    out: &mut impl Write,
    at: Instant,
    happening: &Happening,
) -> io::Result<()> {
    let (number, node, other, block) = happening.parts();
    let (at_ns, word) = (at.as_nanos(), WORDS[usize::from(number)]);
    write!(out, r#"{{"t_ns":{at_ns},"event":"{word}","node":{node}"#)?;
    if super::has_other(number) {
        write!(out, r#","other":{other}"#)?;
    }
    if let Some(block) = block {
        write!(out, r#","piece":{}"#, block.piece)?;
        if number == super::BLOCK {
            let BlockRef { begin, length, .. } = block;
            write!(out, r#","begin":{begin},"length":{length}"#)?;
        }
    }
    writeln!(out, "}}")
}

pub(super) fn write_end(out: &mut impl Write, end: &End, events: u64) -> io::Result<()> {
    let (at_ns, digest) = (end.at.as_nanos(), end.digest);
    writeln!(
        out,
        r#"{{"t_ns":{at_ns},"event":"end","events":{events},"digest":"{digest:016x}"}}"#
    )
}

/// Reads the lines of a trace.
#[derive(Debug)]
pub(super) struct Lines<R> {
    from: R,
    line: Vec<u8>,
    number: u64,
}

impl<R: BufRead> Lines<R> {
    pub(super) const fn new(from: R) -> Self {
        Self {
            from,
            line: Vec::new(),
            number: 0,
        }
    }

    pub(super) const fn place(&self) -> Place {
        Place::Line(self.number)
    }

    fn damaged(&self, what: &(impl ToString + ?Sized)) -> TraceError {
        TraceError::Damaged {
            place: self.place(),
            what: what.to_string(),
        }
    }

    /// Reads the next line; false at the end of the file.
    fn next_line(&mut self) -> Result<bool, TraceError> {
        self.line.clear();
        self.number += 1;
        let mut limited = self.from.by_ref().take(MAX_LINE_BYTES);
        limited.read_until(b'\n', &mut self.line)?;
        if self.line.len() as u64 == MAX_LINE_BYTES {
            return Err(self.damaged("a line without end"));
        }
        Ok(self.line.ends_with(b"\n"))
    }

    fn parse<'a, T: Deserialize<'a>>(&'a self) -> Result<T, TraceError> {
        serde_json::from_slice(&self.line).map_err(|it| self.damaged(&it))
    }

    pub(super) fn header(&mut self) -> Result<Header, TraceError> {
        if !self.next_line()? {
            return Err(TraceError::NotATrace);
        }
        let schema: serde_json::Value =
            serde_json::from_slice(&self.line).map_err(|_| TraceError::NotATrace)?;
        match schema["schema"].as_u64() {
            Some(it) if it == u64::from(SCHEMA) => {}
            Some(it) => return Err(TraceError::Schema(it)),
            None => return Err(TraceError::NotATrace),
        }
        let opening: Opening = self.parse()?;
        let mut header = opening.header;
        for node in 0..opening.node_count {
            if !self.next_line()? {
                return Err(TraceError::Cut {
                    place: self.place(),
                    events: 0,
                });
            }
            let it: NodeLine = self.parse()?;
            if it.event != "node" || it.node != node {
                return Err(self.damaged(&format!("expected node {node} of the header")));
            }
            header.nodes.push(it.info);
        }
        Ok(header)
    }

    /// The next event; `None` at the end of the file.
    pub(super) fn next(&mut self) -> Result<Option<Raw>, TraceError> {
        if !self.next_line()? {
            return Ok(None);
        }
        let it: EventLine = self.parse()?;
        let number = WORDS.iter().position(|word| *word == it.event);
        let number =
            number.ok_or_else(|| self.damaged(&format!("no event is called {:?}", it.event)))?;
        if number == 0 {
            let digest = it.digest.and_then(|it| u64::from_str_radix(&it, 16).ok());
            let (Some(events), Some(digest)) = (it.events, digest) else {
                return Err(self.damaged("an end without `events` and `digest`"));
            };
            let at_ns = it.t_ns;
            return Ok(Some(Raw::End(RawEnd {
                at_ns,
                events,
                digest,
            })));
        }
        let block = it.piece.map(|piece| BlockRef {
            piece: PieceIndex(piece),
            begin: it.begin.unwrap_or(0),
            length: it.length.unwrap_or(0),
        });
        let node = it
            .node
            .ok_or_else(|| self.damaged("an event without `node`"))?;
        let number = u8::try_from(number).expect("there are fewer words");
        let happening = Happening::from_parts(number, node, it.other, block);
        let happening = happening.ok_or_else(|| self.damaged("a key is missing"))?;
        let at_ns = it.t_ns;
        Ok(Some(Raw::Event(RawEvent { at_ns, happening })))
    }

    /// Checks that nothing follows the end.
    pub(super) fn finish(&mut self) -> Result<(), TraceError> {
        if self.next_line()? || !self.line.is_empty() {
            return Err(self.damaged("something follows the end"));
        }
        Ok(())
    }
}
