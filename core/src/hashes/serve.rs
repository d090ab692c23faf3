//! The side that has the hashes.

use alloc::boxed::Box;
use alloc::sync::Arc;
use core::time::Duration;

use super::MAX_LENGTH;
use crate::merkle::{Hash, Layers};
use crate::message::{HashRequest, Hashes, Message};
use crate::metainfo::Version2;
use crate::time::Instant;

/// Most answers to send at once after a pause: 8 MiB.
const BURST: u32 = 512;
/// Time between answers when the burst is used up: 4 MiB/s. So repeated requests cannot displace
/// the payload.
const INTERVAL: Duration = Duration::from_millis(4);

/// Answers requests for piece layers, within a limit for all peers together. Other layers are not
/// kept: peers need the leaves only to find out which block of a piece was wrong.
#[derive(Debug)]
pub struct Serve {
    version_2: Arc<Version2>,
    /// The layers of the file of the last request. The next request is usually about the same file.
    last: Option<(Hash, Layers)>,
    /// When the full burst is available again.
    rested_at: Instant,
}

impl Serve {
    /// For a torrent whose hashes are all known.
    #[must_use]
    pub fn new(version_2: Arc<Version2>) -> Self {
        Self {
            version_2,
            last: None,
            rested_at: Instant::START,
        }
    }

    /// The answer to `request`. Send it at once; every request gets one.
    pub fn answer(&mut self, now: Instant, request: &HashRequest) -> Message {
        match self.hashes(now, request) {
            Some(hashes) => Message::Hashes(Box::new(Hashes {
                request: *request,
                hashes,
            })),
            None => Message::HashReject(Box::new(*request)),
        }
    }

    fn hashes(&mut self, now: Instant, request: &HashRequest) -> Option<alloc::vec::Vec<Hash>> {
        let fine = request.length.is_power_of_two()
            && (2..=MAX_LENGTH).contains(&request.length)
            && request.index.is_multiple_of(request.length)
            && request.base == self.version_2.piece_layer();
        if !fine || !self.may_answer(now) {
            return None;
        }
        let tree = self.version_2.by_root(&request.root)?;
        if tree.piece_count == 1 {
            return None;
        }
        if self.last.as_ref().is_none_or(|it| it.0 != tree.root) {
            let layer = self.version_2.layer(tree);
            self.last = Some((tree.root, Layers::above(layer, request.base)));
        }
        let (_, layers) = self.last.as_ref()?;
        layers.part(request.index, request.length, request.proofs)
    }

    fn may_answer(&mut self, now: Instant) -> bool {
        let burst = INTERVAL.saturating_mul(BURST);
        let used = self.rested_at.max(now).after(INTERVAL);
        let fits = used <= now.after(burst);
        if fits {
            self.rested_at = used;
        }
        fits
    }
}
