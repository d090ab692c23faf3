//! Outputs: of the client itself, and those of the torrent, of which some concern the client.

use crate::torrent;

use super::Client;
use super::bans::Offence;
use super::io::{Next, Output};
use super::places::Places;
use super::source::Source;

impl<P: Places> Client<P> {
    /// The next thing to do. Call until `None`.
    #[must_use]
    pub fn poll_output(&mut self) -> Option<Output<P>> {
        Some(match self.poll_next()? {
            Next::Own(output) => output,
            Next::Torrent(torrent::Output::Send { peer, message }) => {
                Output::Send { peer, message }
            }
            Next::Torrent(torrent::Output::Broadcast { have }) => Output::Broadcast { have },
            Next::Torrent(torrent::Output::StoreBlock { peer, block }) => {
                Output::StoreBlock { peer, block }
            }
            Next::Torrent(torrent::Output::VerifyPiece { piece, want_blocks }) => {
                Output::VerifyPiece { piece, want_blocks }
            }
            Next::Torrent(output) => unreachable!("{output:?} is the client's"),
        })
    }

    /// The same without converting the torrent's outputs, for a driver of many clients: so each
    /// output is matched only once.
    #[expect(clippy::inline_always, reason = "an output is moved once")]
    #[inline(always)]
    pub fn poll_next(&mut self) -> Option<Next<P>> {
        loop {
            // Outputs of the client come first: a connection must be announced before messages for
            // it.
            if self.outputs.is_some() {
                return self.poll_own().map(Next::Own);
            }
            let output = self.torrent.poll_output()?;
            if is_passed_on(&output) {
                return Some(Next::Torrent(output));
            }
            if let Some(output) = self.intercept(output) {
                return Some(Next::Own(output));
            }
        }
    }

    #[cold]
    fn poll_own(&mut self) -> Option<Output<P>> {
        let queue = self.outputs.as_mut()?;
        let output = queue.pop_front();
        if queue.is_empty() {
            self.outputs = None;
        }
        output
    }

    /// Something to do for the driver, or to tell it.
    pub(super) fn put(&mut self, output: Output<P>) {
        self.outputs.get_or_insert_default().push_back(output);
    }

    /// Handles an output of the torrent that concerns the client.
    #[cold]
    fn intercept(&mut self, output: torrent::Output) -> Option<Output<P>> {
        match output {
            torrent::Output::Completed => {
                // Trackers count only peers that have all pieces.
                if self.torrent.is_complete() {
                    self.announcer.on_completed(self.now);
                } else {
                    self.announcer.on_partial(self.now);
                }
                self.next = self.now;
                Some(Output::Completed)
            }
            torrent::Output::Disconnect { peer, reason } => {
                self.judge(peer, &reason);
                Some(self.closing(peer, reason))
            }
            torrent::Output::PeersFound { peer, peers } => {
                let peers = peers.into_iter().filter_map(P::of_socket).collect();
                self.on_found(Source::PeerExchange, Some(peer), peers);
                self.next = self.now;
                None
            }
            torrent::Output::Corrupt { peer, piece } => {
                self.condemn(peer, Offence::Corrupt { piece });
                None
            }
            torrent::Output::Send { .. }
            | torrent::Output::Broadcast { .. }
            | torrent::Output::StoreBlock { .. }
            | torrent::Output::VerifyPiece { .. } => unreachable!("passed on"),
        }
    }
}

/// Whether an output of the torrent goes to the driver unchanged.
#[inline]
fn is_passed_on(output: &torrent::Output) -> bool {
    matches!(
        output,
        torrent::Output::Send { .. }
            | torrent::Output::Broadcast { .. }
            | torrent::Output::StoreBlock { .. }
            | torrent::Output::VerifyPiece { .. }
    )
}
