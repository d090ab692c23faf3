//! One web seed (BEP 19): requests of the torrent become requests for bytes of files, and what comes
//! becomes blocks. What is asked for, and whether it is asked at all, is decided by the core.

use std::net::IpAddr;
use std::sync::Arc;

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::AbortHandle;
use unchoke_core::ids::BlockRef;
use unchoke_core::message::Message;
use unchoke_core::metainfo::{FileKind, Metainfo};
use unchoke_core::tracker::guard::{Reach, Refusal, judge_web_seed};
use unchoke_core::web::{Requests, Run, file_url};
use url::Url;

use crate::buffers::Buffer;
use crate::connection::{CloseReason, Event, Link, Shared, WebSeedError};
use crate::http::{Client, Gate, HttpError, Part, Ranges};

/// What padding consists of.
const ZEROS: [u8; 4096] = [0; 4096];

/// What a web seed may be, and where its redirects may lead.
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

/// A web seed in use. Dropping it ends everything.
#[derive(Debug)]
pub(crate) struct WebSeed {
    /// What the torrent says. As much as it has requests outstanding, and twice that with cancels.
    messages: UnboundedSender<Message>,
    task: AbortHandle,
}

impl WebSeed {
    /// Begins to serve what it is told to.
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
            metainfo,
            ranges: Ranges::new(client),
            requests: Requests::default(),
            heard,
            link,
            shared,
        };
        let task = tokio::spawn(server.run()).abort_handle();
        Self { messages, task }
    }

    /// Takes a request or its cancellation; all else is of no interest to a server.
    pub(crate) fn send(&self, message: Message) {
        // If it has ended, it has said so.
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
                passing: error.is_passing(),
            });
            // The session may be over already.
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
            Message::Request(block) => self.requests.push(*block),
            Message::Cancel(block) => self.requests.cancel(*block),
            _ => {}
        }
    }

    /// Fetches a run from as many files as it lies in.
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
            let url = file_url(&self.base, &metainfo, segment.file);
            let url = Url::parse(&url.ok_or(WebSeedError::Name(segment.file + 1))?)?;
            let bytes = segment.offset..segment.offset + u64::from(segment.length);
            let part = self.ranges.get(&url, &WebSeedGate, bytes, file.length);
            let mut part: Part = part.await?;
            while let Some(bytes) = part.next().await? {
                self.take(&mut blocks, &bytes).await;
            }
        }
        Ok(())
    }

    /// Puts bytes behind those that came before, and hands over each block that is whole.
    async fn take(&self, blocks: &mut Blocks<'_>, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let Some((block, rest)) = blocks.left.split_first() else {
                return; // No more was asked for than the blocks hold.
            };
            if blocks.buffer.is_none() {
                // Waits while the disk is behind.
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
            // The session may be over already.
            drop(self.shared.events.send((self.link, event)).await);
        }
    }
}

/// The blocks of a run, as they fill up.
struct Blocks<'a> {
    left: &'a [BlockRef],
    /// Of the first that is left, once something of it came.
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
