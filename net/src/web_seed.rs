//! One web seed (BEP 19): turns block requests into requests for bytes of files, and the answers
//! into blocks. The core decides which blocks are requested.

use std::net::IpAddr;
use std::sync::Arc;

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::AbortHandle;
use unchoke_core::bitfield::Bitfield;
use unchoke_core::ids::{BlockRef, PieceIndex};
use unchoke_core::message::Message;
use unchoke_core::metainfo::{FileKind, Metainfo, Segment};
use unchoke_core::tracker::guard::{Reach, Refusal, judge_web_seed};
use unchoke_core::web::{Requests, Run, file_url};
use url::Url;

use crate::buffers::Buffer;
use crate::connection::{CloseReason, Event, Link, Shared, WebSeedError};
use crate::http::{Client, Gate, HttpError, Part, Ranges};

/// A block of zeros, for padding.
const ZEROS: [u8; 4096] = [0; 4096];

/// The rules for web seed addresses and their redirects.
struct WebSeedGate;

impl Gate for WebSeedGate {
    fn url(&self, _: &Url) -> Result<(), HttpError> {
        Ok(())
    }

    fn address(
        &self,
        url: &Url,
        ip: IpAddr,
        reach: Reach,
        before: Option<Reach>,
    ) -> Result<(), Refusal> {
        judge_web_seed(ip, reach, url.query().is_some(), before)
    }
}

/// A running web seed. Dropping it stops it.
#[derive(Debug)]
pub(crate) struct WebSeed {
    /// Messages of the torrent. The queue is bounded by the outstanding requests and their cancels.
    messages: UnboundedSender<Message>,
    task: AbortHandle,
}

impl WebSeed {
    /// Starts a task that serves requests.
    pub(crate) fn spawn(
        base: String,
        metainfo: Arc<Metainfo>,
        client: Client,
        link: Link,
        shared: Shared,
    ) -> Self {
        let (messages, heard) = unbounded_channel();
        let server = Server {
            base,
            ranges: Ranges::new(client),
            requests: Requests::default(),
            lacking: Bitfield::empty(metainfo.geometry.piece_count()),
            metainfo,
            heard,
            link,
            shared,
        };
        let task = tokio::spawn(server.run()).abort_handle();
        Self { messages, task }
    }

    /// Queues a request or a cancel. Other messages are ignored.
    pub(crate) fn send(&self, message: Message) {
        // Sending fails if the task has ended; it has reported why.
        drop(self.messages.send(message));
    }
}

impl Drop for WebSeed {
    fn drop(&mut self) {
        self.task.abort();
    }
}

struct Server {
    base: String,
    metainfo: Arc<Metainfo>,
    ranges: Ranges,
    requests: Requests,
    /// The pieces of missing files.
    lacking: Bitfield,
    heard: UnboundedReceiver<Message>,
    link: Link,
    shared: Shared,
}

impl Server {
    async fn run(mut self) {
        if let Err(error) = self.serve().await {
            self.ranges.hang_up();
            let closed = Event::Closed(CloseReason::Server {
                why: error.to_string(),
                how: error.ended(),
            });
            // Sending fails if the session has ended.
            drop(self.shared.events.send((self.link, closed)).await);
        }
    }

    async fn serve(&mut self) -> Result<(), WebSeedError> {
        loop {
            if self.requests.is_empty() {
                match self.heard.recv().await {
                    Some(message) => self.note(&message),
                    None => return Ok(()),
                }
            }
            while let Ok(message) = self.heard.try_recv() {
                self.note(&message);
            }
            if let Some(run) = self.requests.next_run(&self.metainfo.geometry) {
                self.fetch(&run).await?;
            }
        }
    }

    fn note(&mut self, message: &Message) {
        match message {
            // The core may have requested it before it heard that the file is missing.
            Message::Request(block) if self.lacking.has(block.piece) => {}
            Message::Request(block) => self.requests.push(*block),
            Message::Cancel(block) => self.requests.cancel(*block),
            _ => {}
        }
    }

    /// Fetches a run of bytes from all files that it spans.
    async fn fetch(&mut self, run: &Run) -> Result<(), WebSeedError> {
        let metainfo = Arc::clone(&self.metainfo);
        let mut blocks = Blocks::of(run);
        for segment in metainfo.layout.segments(run.offset, run.length) {
            let file = &metainfo.layout.files()[segment.file];
            if file.kind == FileKind::Padding {
                let mut left = segment.length as usize;
                while left > 0 {
                    let count = left.min(ZEROS.len());
                    self.take(&mut blocks, &ZEROS[..count]).await;
                    left -= count;
                }
                continue;
            }
            let mut part = match self.request(&metainfo, segment).await {
                Err(error) if error.is_of_file() => {
                    self.lacks(&metainfo, segment.file, &error, &blocks).await;
                    return Ok(());
                }
                part => part?,
            };
            while let Some(bytes) = part.next().await? {
                self.take(&mut blocks, &bytes).await;
            }
        }
        Ok(())
    }

    /// Requests a part of a file.
    async fn request(
        &mut self,
        metainfo: &Metainfo,
        segment: Segment,
    ) -> Result<Part, WebSeedError> {
        let url = file_url(&self.base, metainfo, segment.file).ok_or(WebSeedError::Name)?;
        let url = Url::parse(&url)?;
        let bytes = segment.offset..segment.offset + u64::from(segment.length);
        let size = metainfo.layout.files()[segment.file].length;
        Ok(self.ranges.get(&url, &WebSeedGate, bytes, size).await?)
    }

    /// The server lacks a file: drops all requests for pieces of this file, and queues the other
    /// blocks of the run again.
    async fn lacks(
        &mut self,
        metainfo: &Metainfo,
        file: usize,
        error: &WebSeedError,
        blocks: &Blocks<'_>,
    ) {
        for piece in metainfo.pieces_of(file) {
            self.lacking.insert(PieceIndex(piece));
        }
        let all = self.requests.take_all();
        let wanted = blocks.left.iter().copied().chain(all);
        let wanted = wanted.filter(|it| !self.lacking.has(it.piece));
        wanted.for_each(|it| self.requests.push(it));
        let why = error.to_string();
        // Sending fails if the session has ended.
        let event = (self.link, Event::Lacks { file, why });
        drop(self.shared.events.send(event).await);
    }

    /// Appends bytes to the current block, and reports each complete block.
    async fn take(&self, blocks: &mut Blocks<'_>, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let Some((block, rest)) = blocks.left.split_first() else {
                return; // The blocks cover all requested bytes.
            };
            if blocks.buffer.is_none() {
                // Wait for a free buffer while the disk is slow.
                blocks.buffer = Some(self.shared.incoming.take(block.length as usize).await);
            }
            let Some(buffer) = &mut blocks.buffer else {
                return;
            };
            let count = bytes.len().min(buffer.len() - blocks.filled);
            buffer[blocks.filled..blocks.filled + count].copy_from_slice(&bytes[..count]);
            blocks.filled += count;
            bytes = &bytes[count..];
            if blocks.filled < buffer.len() {
                continue;
            }
            let Some(buffer) = blocks.buffer.take() else {
                return;
            };
            (blocks.left, blocks.filled) = (rest, 0);
            let event = Event::Block(*block, buffer);
            // Sending fails if the session has ended.
            drop(self.shared.events.send((self.link, event)).await);
        }
    }
}

/// The blocks of a run, and how much of them has arrived.
struct Blocks<'a> {
    left: &'a [BlockRef],
    /// The buffer of the first block in `left`, once bytes of it have arrived.
    buffer: Option<Buffer>,
    filled: usize,
}

impl<'a> Blocks<'a> {
    fn of(run: &'a Run) -> Self {
        Self {
            left: &run.blocks,
            buffer: None,
            filled: 0,
        }
    }
}
