//! The setup of a run: a torrent, its peers, and their random acts with times. One seed determines
//! all of it, so a run can be repeated exactly.

use unchoke_core::choke::REGISTRY;
use unchoke_core::ids::PieceIndex;
use unchoke_core::pick::PICKERS;

use super::acts::{self, Act};
use super::dice::Dice;

pub const BLOCK: u32 = 16_384;

/// The setup of a whole run.
#[derive(Clone, Debug)]
pub struct Setup {
    pub seed: u64,
    pub policy: &'static str,
    pub picker: &'static str,
    pub pieces: u32,
    /// Number of blocks of each piece except the last.
    pub blocks: u32,
    /// The torrent starts complete.
    pub complete: bool,
    /// Otherwise, one piece in `has_every + 1` is there at the start; 0 means none.
    pub has_every: u32,
    pub endgame: bool,
    pub exchange: bool,
    pub super_seed: bool,
    /// Number of pieces allowed under a choke, in both directions; 0 means none.
    pub allows: u8,
    pub peer_ledgers: bool,
    pub upload_cap: Option<u64>,
    pub download_cap: Option<u64>,
    /// One peer for each connection. Its position is its key.
    pub peers: Vec<Peer>,
    /// Each act with its time in milliseconds.
    pub acts: Vec<(u32, Act)>,
}

/// A peer and how it behaves.
#[derive(Clone, Debug)]
pub struct Peer {
    pub nature: Nature,
    pub fast: bool,
    pub extended: bool,
    /// The pieces that the peer has.
    pub has: Has,
    /// Number of corrupt blocks that the peer sends before it behaves by its nature.
    pub spoils: u32,
    /// The peer requests blocks from us.
    pub asks: bool,
    /// The number of queued requests that the peer announces.
    pub request_queue: Option<u32>,
    pub joins_ms: u32,
    /// Time from joining to the first unchoke.
    pub unchokes_ms: u32,
    /// One-way delay, the same in both directions.
    pub delay_ms: u32,
    /// Bytes per second.
    pub rate: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Has {
    Nothing,
    All,
    One(PieceIndex),
    /// A random set, drawn with this seed.
    Some(u64),
}

/// How a peer treats our requests. All but the first two are hostile or broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nature {
    /// The seed that lets every download finish: it has all pieces and stays. Its weaknesses are
    /// those of deployed clients.
    Honest(Honest),
    /// Serves the pieces that it has.
    Serves,
    /// Accepts requests and never answers.
    Silent,
    /// Rejects every request at once. Without BEP 6, it ignores requests.
    Rejects,
    /// Withdraws all its pieces at the first request, and announces them again after this many
    /// milliseconds.
    Withdraws(u32),
    /// Sends one block in this many seconds.
    Drips(u32),
    /// Chokes at the first request, and unchokes this many seconds later.
    Chokes(u32),
    /// Serves, but silently loses every n-th request.
    Loses(u32),
    /// Serves, then disconnects before the piece can be verified. Reconnects this many times.
    Flees(u32),
}

/// Weaknesses of an honest seed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Honest {
    /// Silently loses this many of the first requests, if they come within one second.
    pub loses: u32,
    /// Queues at most this many requests. Further ones are rejected with BEP 6, otherwise lost
    /// silently.
    pub queues: Option<u32>,
    /// Chokes us for five seconds whenever it has unchoked us for this many seconds; 0 means never.
    pub chokes_after: u32,
}

impl Peer {
    pub fn is_honest_seed(&self) -> bool {
        matches!(self.nature, Nature::Honest(_))
    }

    /// Whether the torrent must never blame this peer.
    pub fn is_blameless(&self) -> bool {
        self.is_honest_seed() || self.nature == Nature::Serves && self.spoils == 0
    }

    /// An honest seed of 500 kB/s.
    pub fn honest(weakness: Honest) -> Self {
        Self {
            nature: Nature::Honest(weakness),
            has: Has::All,
            rate: 500_000,
            ..Self::of(Nature::Serves)
        }
    }

    /// A peer with BEP 6 and all pieces that joins at the start.
    pub fn of(nature: Nature) -> Self {
        Self {
            nature,
            fast: true,
            extended: false,
            has: Has::All,
            spoils: 0,
            asks: false,
            request_queue: None,
            joins_ms: 0,
            unchokes_ms: 0,
            delay_ms: 20,
            rate: 100_000,
        }
    }

    fn draw(dice: &mut Dice) -> Self {
        let nature = match dice.below(16) {
            0..3 => Nature::Serves,
            3..6 => Nature::Silent,
            6..8 => Nature::Rejects,
            8 | 9 => Nature::Withdraws(dice.pick(&[300, 5000, 30_000])),
            10 | 11 => Nature::Drips(dice.within(20, 60)),
            12 => Nature::Chokes(dice.within(1, 30)),
            13 | 14 => Nature::Loses(dice.within(2, 9)),
            _ => Nature::Flees(dice.within(1, 4)),
        };
        let has = match dice.below(8) {
            0 => Has::Nothing,
            1 => Has::One(PieceIndex(dice.within(0, 3))),
            2..5 => Has::Some(dice.next()),
            _ => Has::All,
        };
        let spoils = match nature {
            Nature::Serves if dice.one_in(2) => 0,
            _ if dice.one_in(2) => dice.within(1, 6),
            _ => 0,
        };
        Self {
            fast: !dice.one_in(4),
            extended: dice.one_in(2),
            has,
            spoils,
            asks: dice.one_in(3),
            request_queue: dice.one_in(4).then(|| dice.within(0, 20)),
            joins_ms: if dice.one_in(3) {
                dice.within(0, 20_000)
            } else {
                0
            },
            unchokes_ms: if dice.one_in(3) {
                dice.within(0, 10_000)
            } else {
                0
            },
            delay_ms: dice.within(1, 300),
            rate: dice.pick(&[5000, 20_000, 100_000, 1_000_000]),
            ..Self::of(nature)
        }
    }

    fn draw_honest(dice: &mut Dice) -> Self {
        let weakness = Honest {
            loses: if dice.one_in(6) { dice.within(1, 6) } else { 0 },
            queues: dice.one_in(6).then(|| dice.within(4, 40)),
            chokes_after: if dice.one_in(6) {
                dice.within(8, 60)
            } else {
                0
            },
        };
        Self {
            fast: !dice.one_in(3),
            extended: dice.one_in(2),
            joins_ms: if dice.one_in(2) {
                dice.within(0, 60_000)
            } else {
                0
            },
            delay_ms: dice.within(1, 200),
            rate: dice.pick(&[60_000, 300_000, 1_000_000]),
            ..Self::honest(weakness)
        }
    }
}

impl Setup {
    /// A plain download from these peers, without random acts.
    pub fn plain(policy: &'static str, pieces: u32, blocks: u32, peers: Vec<Peer>) -> Self {
        Self {
            seed: 1,
            policy,
            picker: "rarest_first",
            pieces,
            blocks,
            complete: false,
            has_every: 0,
            endgame: true,
            exchange: false,
            super_seed: false,
            allows: 0,
            peer_ledgers: true,
            upload_cap: None,
            download_cap: None,
            peers,
            acts: Vec::new(),
        }
    }

    /// The setup for a seed. Neighbouring seeds cover all policies and all pickers.
    pub fn draw(seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        let number = usize::try_from(seed % (1 << 32)).expect("32 bits");
        let policy = REGISTRY[number % REGISTRY.len()].id;
        let picker = PICKERS[number / REGISTRY.len() % PICKERS.len()];
        let crowd = if dice.one_in(8) { 40 } else { 8 };
        let count = dice.position(crowd);
        let mut peers: Vec<Peer> = (0..count).map(|_| Peer::draw(&mut dice)).collect();
        if crowd == 40 {
            let silent = peers.iter_mut().filter(|_| !dice.clone().one_in(4));
            silent.for_each(|it| it.nature = Nature::Silent);
        }
        let complete = dice.one_in(6);
        peers.insert(dice.position(count + 1), Peer::draw_honest(&mut dice));
        let cap = |dice: &mut Dice| {
            dice.one_in(5)
                .then(|| u64::from(dice.within(40_000, 400_000)))
        };
        let mut setup = Self {
            seed,
            complete,
            has_every: if dice.one_in(3) { dice.within(1, 6) } else { 0 },
            endgame: !dice.one_in(8),
            exchange: dice.one_in(3),
            super_seed: complete && dice.one_in(3),
            peer_ledgers: !dice.one_in(3),
            upload_cap: cap(&mut dice),
            download_cap: cap(&mut dice),
            picker,
            ..Self::plain(policy, dice.within(1, 21), dice.within(1, 9), peers)
        };
        setup.acts = acts::draw(&mut dice, &setup);
        setup.allows = dice.pick(&[0, 1, 5, 30]);
        setup
    }

    pub fn bytes(&self) -> u64 {
        // The last piece is shorter, and so is its last block.
        let whole = u64::from(self.pieces * self.blocks * BLOCK);
        whole - u64::from((self.blocks / 2) * BLOCK) - self.seed % 1000
    }

    /// The latest time, in milliseconds, of a random act or of the first unchoke of a peer.
    fn settles_ms(&self) -> u64 {
        let acts = self.acts.iter().map(|it| it.0);
        let joins = self.peers.iter().map(|it| it.joins_ms + it.unchokes_ms);
        u64::from(acts.chain(joins).max().unwrap_or(0))
    }

    /// The time, in milliseconds, by which the download must be complete.
    pub fn bound_ms(&self) -> u64 {
        let Some(seed) = self.peers.iter().find(|it| it.is_honest_seed()) else {
            return u64::MAX;
        };
        let Nature::Honest(weakness) = seed.nature else {
            unreachable!("just looked for");
        };
        let rate = u64::from(seed.rate).min(self.download_cap.unwrap_or(u64::MAX));
        let ideal = self.bytes() * 1000 / rate;
        let spoilers = self.peers.iter().filter(|it| it.spoils > 0).count() as u64;
        let mut bound = self.settles_ms() + 3 * ideal + 150_000 + spoilers * 150_000;
        // Without an endgame, blocks that are requested from a slow peer are requested from no
        // other.
        let drips = |it: &Peer| matches!(it.nature, Nature::Drips(_));
        if !self.endgame && self.peers.iter().any(drips) {
            bound += 300_000;
        }
        // Two seeds disconnect from each other. If one then loses a piece, it must wait for the
        // other.
        if self.acts.iter().any(|it| matches!(it.1, Act::LosePiece(_))) {
            bound += 60_000;
        }
        if weakness.loses > 0 || weakness.queues.is_some() {
            bound += 150_000;
        }
        if weakness.chokes_after > 0 {
            bound *= 2;
        }
        bound
    }
}
