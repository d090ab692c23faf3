//! Web seeds of a client: used while pieces are missing, dropped after they sent wrong data.

use alloc::boxed::Box;

use super::bans::Offence;
use super::redial::Ended;
use super::web_seeds::WebSeeds;
use super::{Client, Output, Places, Why};
use crate::ids::PeerKey;
use crate::time::Instant;
use crate::torrent::{Input, PeerLink};

impl<P: Places> Client<P> {
    /// Adds `count` web seeds (BEP 19), which are used while pieces are missing.
    #[must_use]
    pub fn with_web_seeds(mut self, count: u16) -> Self {
        self.web_seeds = (count > 0).then(|| Box::new(WebSeeds::new(count)));
        self
    }

    /// Number of web seeds in use.
    #[must_use]
    pub fn web_seeds_in_use(&self) -> usize {
        self.web_seeds.as_ref().map_or(0, |it| it.in_use())
    }

    /// Starts to use as many web seeds as allowed, if pieces are missing. Closes those that have no
    /// piece that we need, because they lack files: others may have them.
    pub(super) fn use_web_seeds(&mut self, now: Instant) {
        if self.torrent.is_done() {
            return;
        }
        for peer in self.web_seeds.iter().flat_map(|it| it.open()) {
            if !self.torrent.is_of_use(peer) {
                self.torrent.close(peer);
            }
        }
        while let Some(web_seeds) = &mut self.web_seeds
            && let Some((seed, peer)) = web_seeds.poll(now, || self.seats.keep())
        {
            self.put(Output::UseWebSeed { seed, peer });
            let link = PeerLink {
                web: true,
                outgoing: true,
                returning: true,
                ..PeerLink::default()
            };
            self.torrent
                .handle_input(now, Input::PeerConnected { peer, link });
        }
    }

    /// When another web seed may be used.
    pub(super) fn next_web_seed(&self) -> Instant {
        match &self.web_seeds {
            Some(web_seeds) if !self.torrent.is_done() => web_seeds.poll_timeout(),
            _ => Instant::NEVER,
        }
    }

    pub(super) fn closing_web_seed(&mut self, peer: PeerKey, why: &Why) {
        if let Some(web_seeds) = &mut self.web_seeds
            && let Some(seed) = web_seeds.of(peer)
        {
            web_seeds.closing(seed, why.ended());
        }
    }

    /// The web seed sent corrupt data.
    pub(super) fn leave_web_seed(&mut self, peer: PeerKey, offence: Offence) {
        if let Some(web_seeds) = &mut self.web_seeds
            && let Some(seed) = web_seeds.of(peer)
            && web_seeds.leave(seed)
        {
            let offence = Some(offence);
            self.put(Output::LeftWebSeed { seed, offence });
        }
    }

    pub(super) fn web_seed_ended(&mut self, now: Instant, peer: PeerKey, how: Ended) {
        let Some(web_seeds) = &mut self.web_seeds else {
            return;
        };
        let Some(seed) = web_seeds.of(peer) else {
            return;
        };
        let left = web_seeds.ended(now, seed, how);
        self.torrent
            .handle_input(now, Input::PeerDisconnected { peer });
        if left && how == Ended::Garbage {
            let offence = None;
            self.put(Output::LeftWebSeed { seed, offence });
        }
    }
}
