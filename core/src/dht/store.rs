//! What a node keeps for others: announced peers, and tokens. Also limits on the questions of
//! others.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::net::{IpAddr, SocketAddr};
use core::time::Duration;

use sha1::{Digest as _, Sha1};

use crate::client::{Internet, Places as _};
use crate::ids::InfoHash;
use crate::rng::Rng;
use crate::time::Instant;

/// Most torrents with announced peers, and most peers of each.
const MAX_TORRENTS: usize = 500;
const MAX_PEERS: usize = 100;
/// A peer that does not announce itself again is forgotten after this time. Clients do it about
/// every 15 minutes.
const PEER_LIFE: Duration = Duration::from_mins(30);
/// BEP 5: a secret changes every five minutes, and tokens of the previous one are still valid.
const SECRET_LIFE: Duration = Duration::from_mins(5);
/// Bytes of a token.
const TOKEN_BYTES: usize = 8;

/// Announced peers.
#[derive(Clone, Debug, Default)]
pub struct Store {
    torrents: BTreeMap<InfoHash, Vec<(SocketAddr, Instant)>>,
}

impl Store {
    /// A peer announces that it has the torrent.
    pub fn announce(&mut self, now: Instant, info_hash: InfoHash, peer: SocketAddr) {
        if !self.torrents.contains_key(&info_hash) && self.torrents.len() >= MAX_TORRENTS {
            // Drop the torrent with the fewest peers. So a flood of announces for one torrent
            // displaces little.
            let least = self.torrents.iter().min_by_key(|it| (it.1.len(), it.0));
            if let Some(least) = least.map(|it| *it.0) {
                self.torrents.remove(&least);
            }
        }
        let peers = self.torrents.entry(info_hash).or_default();
        // One peer per host, so that no host fills the list alone. Local hosts may share an
        // address.
        let same = |it: SocketAddr| {
            let host = Internet::host(it);
            it == peer || host == Internet::host(peer) && !Internet::is_shared(host)
        };
        peers.retain(|it| !same(it.0) && now - it.1 < PEER_LIFE);
        if peers.len() >= MAX_PEERS {
            peers.remove(0);
        }
        peers.push((peer, now));
    }

    /// Some of the peers of a torrent.
    pub fn peers(&self, now: Instant, info_hash: InfoHash, rng: &mut Rng) -> Vec<SocketAddr> {
        let all = self.torrents.get(&info_hash).map_or(&[][..], |it| it);
        let fresh = all.iter().filter(|it| now - it.1 < PEER_LIFE);
        let mut peers: Vec<SocketAddr> = fresh.map(|it| it.0).collect();
        rng.shuffle(&mut peers);
        peers
    }
}

/// Tokens, which prove that the sender of an announce can receive datagrams at its address.
#[derive(Clone, Debug)]
pub struct Tokens {
    secrets: [u64; 2],
    change_at: Instant,
}

impl Tokens {
    /// Takes its secrets from `rng`.
    pub fn new(now: Instant, rng: &mut Rng) -> Self {
        Self {
            secrets: [rng.next_u64(), rng.next_u64()],
            change_at: now.after(SECRET_LIFE),
        }
    }

    /// The present token for `ip`.
    pub fn token(&mut self, now: Instant, ip: IpAddr, rng: &mut Rng) -> Vec<u8> {
        self.turn(now, rng);
        token(self.secrets[0], ip)
    }

    /// Whether `ip` was given this token.
    pub fn is_good(&mut self, now: Instant, ip: IpAddr, given: &[u8], rng: &mut Rng) -> bool {
        self.turn(now, rng);
        self.secrets
            .iter()
            .any(|secret| token(*secret, ip) == given)
    }

    fn turn(&mut self, now: Instant, rng: &mut Rng) {
        if now < self.change_at {
            return;
        }
        // After a long pause the previous secret has expired, too.
        let old = now - self.change_at >= SECRET_LIFE;
        let before = if old { rng.next_u64() } else { self.secrets[0] };
        self.secrets = [rng.next_u64(), before];
        self.change_at = now.after(SECRET_LIFE);
    }
}

fn token(secret: u64, ip: IpAddr) -> Vec<u8> {
    let mut hash = Sha1::new();
    hash.update(secret.to_be_bytes());
    match ip {
        IpAddr::V4(ip) => hash.update(ip.octets()),
        IpAddr::V6(ip) => hash.update(ip.octets()),
    }
    hash.finalize()[..TOKEN_BYTES].to_vec()
}

/// Most questions of one host in [`WINDOW`]; a host that asks more is ignored for [`BLOCK`].
/// libtorrent `dht_block_ratelimit`: 5 a second, over 10 s, and 5 minutes.
const MOST_ASKED: u32 = 50;
const WINDOW: Duration = Duration::from_secs(10);
const BLOCK: Duration = Duration::from_mins(5);
/// Most hosts to watch.
const MAX_WATCHED: usize = 1000;
/// Bytes of answers per second, and in a burst. libtorrent `dht_upload_rate_limit`: 8000.
const ANSWER_RATE: u64 = 8000;
const ANSWER_BURST: u64 = 16_000;

#[derive(Clone, Copy, Debug)]
struct Watched {
    since: Instant,
    asked: u32,
    blocked: bool,
}

/// Limits the questions of others.
#[derive(Clone, Debug)]
pub struct Limiter {
    hosts: BTreeMap<IpAddr, Watched>,
    /// In billionths of a byte, so that rounding loses nothing.
    credit: u64,
    at: Instant,
}

impl Limiter {
    /// Starts with the whole burst.
    #[must_use]
    pub fn new(now: Instant) -> Self {
        Self {
            hosts: BTreeMap::new(),
            credit: ANSWER_BURST * 1_000_000_000,
            at: now,
        }
    }

    /// Whether to process a question from `ip`.
    pub fn may_ask(&mut self, now: Instant, ip: IpAddr) -> bool {
        let host = Internet::host((ip, 0).into());
        if !self.hosts.contains_key(&host) && self.hosts.len() >= MAX_WATCHED {
            self.hosts
                .retain(|_, it| it.blocked && now - it.since < BLOCK);
            if self.hosts.len() >= MAX_WATCHED {
                self.hosts.clear();
            }
        }
        let new = Watched {
            since: now,
            asked: 0,
            blocked: false,
        };
        let watched = self.hosts.entry(host).or_insert(new);
        let over = now - watched.since >= if watched.blocked { BLOCK } else { WINDOW };
        if over {
            *watched = new;
        }
        watched.asked += 1;
        if watched.asked > MOST_ASKED && !watched.blocked && !Internet::is_shared(host) {
            (watched.blocked, watched.since) = (true, now);
        }
        !watched.blocked
    }

    /// Whether an answer of this size may be sent. Counts it if so.
    pub fn may_answer(&mut self, now: Instant, bytes: usize) -> bool {
        let gone = u64::try_from((now - self.at).as_nanos()).unwrap_or(u64::MAX);
        self.at = now;
        let full = ANSWER_BURST * 1_000_000_000;
        self.credit = self
            .credit
            .saturating_add(gone.saturating_mul(ANSWER_RATE))
            .min(full);
        let cost = (bytes as u64).saturating_mul(1_000_000_000);
        let may = cost <= self.credit;
        if may {
            self.credit -= cost;
        }
        may
    }
}
