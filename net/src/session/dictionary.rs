//! Serves the info dictionary to peers that only have its hash, and the hashes of version 2. BEP 9,
//! 52.

use std::collections::BTreeMap;
use std::sync::Arc;

use unchoke_core::hashes::Serve as HashServe;
use unchoke_core::ids::{PeerKey, PieceIndex};
use unchoke_core::merkle::Hash;
use unchoke_core::message::{Extended, HashRequest, Message, MetadataMessage};
use unchoke_core::metadata::Serve;
use unchoke_core::metainfo::Metainfo;
use unchoke_core::time::Instant;
use unchoke_core::wire::METADATA_NAME;

use super::{Session, SessionError};
use crate::connection::Link;

/// The dictionary, and the ids that peers use for messages about it.
#[derive(Debug)]
pub(super) struct Dictionary {
    /// `None` for a private torrent, as in Transmission: its peers have it from the site of their
    /// tracker.
    serve: Option<Serve>,
    ids: BTreeMap<PeerKey, u8>,
}

impl Dictionary {
    pub(super) fn new(metainfo: &Metainfo) -> Self {
        let shared = (!metainfo.private).then_some(&metainfo.info);
        Self {
            serve: shared.and_then(|it| Serve::new(it)),
            ids: BTreeMap::new(),
        }
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.serve.as_ref().and_then(Serve::poll_timeout)
    }

    pub(super) fn leave(&mut self, peer: PeerKey) {
        self.ids.remove(&peer);
        if let Some(serve) = &mut self.serve {
            serve.leave(peer);
        }
    }

    /// The immediate answer to `message`, if it requests a piece.
    fn heard(&mut self, peer: PeerKey, message: &MetadataMessage) -> Option<MetadataMessage> {
        let MetadataMessage::Request(piece) = message else {
            return None; // We already have what peers send.
        };
        self.serve.as_mut()?.on_request(peer, *piece)
    }

    fn message(&self, peer: PeerKey, message: MetadataMessage) -> Option<Message> {
        let id = *self.ids.get(&peer)?;
        Some(Message::Extended(Box::new(Extended::Metadata {
            id,
            message,
        })))
    }
}

/// Most requests for hashes of blocks that wait for the disk.
const MOST_WAITING: usize = 64;

/// The hashes of version 2, and the requests that wait for hashes of blocks.
#[derive(Debug)]
pub(super) struct HashServer {
    serve: HashServe,
    waiting: Vec<(PieceIndex, Link, HashRequest)>,
}

impl HashServer {
    /// `None` if we do not have all hashes of pieces.
    pub(super) fn new(metainfo: &Metainfo) -> Option<Box<Self>> {
        let trees = metainfo.version_2.as_ref().filter(|it| it.is_complete())?;
        Some(Box::new(Self {
            serve: HashServe::new(Arc::clone(trees), metainfo.geometry.clone()),
            waiting: Vec::new(),
        }))
    }
}

impl Session {
    /// Handles an extension message. Returns true if it is about the dictionary, so that the
    /// torrent need not see it.
    pub(super) fn on_extended(
        &mut self,
        peer: PeerKey,
        extended: &Extended,
    ) -> Result<bool, SessionError> {
        match extended {
            Extended::Handshake(hello) => {
                match hello.extensions.get(METADATA_NAME) {
                    Some(0) => drop(self.dictionary.ids.remove(&peer)),
                    Some(id) => drop(self.dictionary.ids.insert(peer, *id)),
                    None => {}
                }
                Ok(false)
            }
            Extended::Metadata { message, .. } => {
                if let Some(answer) = self.dictionary.heard(peer, message) {
                    self.give(peer, answer)?;
                }
                self.give_pieces()?;
                Ok(true)
            }
            Extended::Pex { .. } | Extended::Unknown { .. } => Ok(false),
        }
    }

    /// Answers a request for hashes of version 2. BEP 52: every request gets an answer. It is a reject
    /// for a peer that does not read our messages: its requests could fill our memory with answers.
    pub(super) fn on_hash_request(
        &mut self,
        peer: PeerKey,
        request: &HashRequest,
    ) -> Result<(), SessionError> {
        let now = self.now();
        let slot = self.peers.slot(peer);
        let reads = slot.filter(|it| !it.connection.is_behind());
        let link = reads.map(|it| it.link);
        let have = self.client.torrent().have();
        let answer = match (&mut self.hashes, link) {
            (Some(hashes), Some(link)) if hashes.waiting.len() < MOST_WAITING => {
                let piece = hashes.serve.blocks_for(now, request);
                if let Some(piece) = piece.filter(|it| have.has(*it)) {
                    hashes.waiting.push((piece, link, *request));
                    self.disk.hash_blocks(piece);
                    return Ok(());
                }
                hashes.serve.answer(now, request)
            }
            _ => Message::HashReject(Box::new(*request)),
        };
        self.answer(peer, answer)
    }

    /// The disk has hashed the blocks of a piece, or could not.
    pub(super) fn on_hashed_blocks(
        &mut self,
        piece: PieceIndex,
        blocks: Option<&[Hash]>,
    ) -> Result<(), SessionError> {
        while let Some(hashes) = &mut self.hashes
            && let Some(at) = hashes.waiting.iter().position(|it| it.0 == piece)
        {
            let (_, link, request) = hashes.waiting.remove(at);
            let answer = match blocks {
                Some(blocks) => hashes.serve.answer_blocks(&request, blocks),
                None => Message::HashReject(Box::new(request)),
            };
            if self.peers.is_current(link) {
                self.answer(link.peer, answer)?;
            }
        }
        Ok(())
    }

    fn answer(&mut self, peer: PeerKey, answer: Message) -> Result<(), SessionError> {
        match self.send(peer, answer) {
            Some(closed) => self.tell(closed),
            None => Ok(()),
        }
    }

    /// Sends the pieces that are due.
    pub(super) fn give_pieces(&mut self) -> Result<(), SessionError> {
        let now = self.now();
        while let Some((peer, piece)) = self
            .dictionary
            .serve
            .as_mut()
            .and_then(|it| it.poll_answer(now))
        {
            self.give(peer, piece)?;
        }
        Ok(())
    }

    fn give(&mut self, peer: PeerKey, message: MetadataMessage) -> Result<(), SessionError> {
        match self.dictionary.message(peer, message) {
            Some(message) => self.answer(peer, message),
            None => Ok(()),
        }
    }
}
