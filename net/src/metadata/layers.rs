//! After the info dictionary, the piece layers of version 2, which are not part of it. BEP 52.

use unchoke_core::hashes::Fetch;
use unchoke_core::ids::PeerKey;
use unchoke_core::message::Message;
use unchoke_core::metainfo::Metainfo;
use unchoke_core::time::Instant;

use super::Finder;
use crate::connection::Introduced;

impl Finder {
    /// Takes the dictionary and its piece layers if both are complete.
    pub(super) fn take_done(&mut self) -> Option<(Vec<u8>, Option<Vec<u8>>)> {
        if let Some(info) = self.fetch.take_done() {
            let Some(mut layers) = self.lacking(&info) else {
                return Some((info, None));
            };
            for (key, _) in self.peers.iter().filter(|it| it.1.speaks_version_2()) {
                layers.join(*key);
            }
            self.layers = Some((info, layers));
        }
        let done = self.layers.as_ref().and_then(|it| it.1.done());
        let layers = done.and_then(|it| it.piece_layers())?;
        let (info, _) = self.layers.take()?;
        Some((info, Some(layers)))
    }

    /// What else must be fetched for this dictionary. A hybrid named by its version 1 hash can be
    /// verified without layers, and peers of version 1 do not have them. An invalid dictionary
    /// needs nothing here: the caller reports the error.
    fn lacking(&self, info: &[u8]) -> Option<Fetch> {
        let torrent = [b"d4:info", info, b"e"].concat();
        let torrent = Metainfo::parse_without_layers(&torrent).ok()?;
        let needed = !torrent.is_hybrid() || self.expected.version_1.is_none();
        let trees = torrent.version_2.filter(|_| needed)?;
        Some(Fetch::new(trees))
    }

    pub(super) fn on_connected(&mut self, key: PeerKey, introduced: Introduced) {
        self.search.met(key);
        if let Some(peer) = self.peers.get_mut(&key) {
            peer.introduced = Some(introduced);
        }
        let layers = self.layers.as_mut();
        if let Some((_, layers)) = layers.filter(|_| introduced.version_2) {
            layers.join(key);
            self.search.note_having(key, true);
        }
    }

    pub(super) fn ask_for_layers(&mut self, now: Instant) {
        while let Some((_, layers)) = &mut self.layers
            && let Some((key, request)) = layers.poll_request(now)
        {
            let message = Message::HashRequest(Box::new(request));
            if !self.peers.get(&key).is_some_and(|it| it.send(message)) {
                self.search.unread(now, key);
                self.drop_for(key, "it does not read our messages");
            }
        }
    }

    /// Handles a message about hashes.
    pub(super) fn on_hashes(&mut self, key: PeerKey, message: Message) {
        let now = self.now();
        match message {
            // We have no hashes to serve yet.
            Message::HashRequest(request) => {
                if let Some(peer) = self.peers.get(&key) {
                    // If the peer does not read, that is noticed when a request is sent.
                    let _ = peer.send(Message::HashReject(request));
                }
            }
            Message::HashReject(request) => {
                if let Some((_, layers)) = &mut self.layers {
                    layers.on_reject(now, key, &request);
                }
            }
            Message::Hashes(hashes) => {
                let Some((_, layers)) = &mut self.layers else {
                    return self.blame(key, "hashes that were not asked for");
                };
                match layers.on_hashes(key, &hashes) {
                    Err(violation) => self.blame(key, &violation.to_string()),
                    Ok(()) => self.search.note_useful(key),
                }
            }
            _ => {}
        }
    }
}
