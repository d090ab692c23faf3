//! Tests choking policies with tables that a reader can check by hand: `tests/choke/*.txt`.
//!
//! A table is a list of cases. `case NAME` starts a case with a fresh policy, named by the file or
//! by `policy ID`. `set NAME VALUE` sets a parameter, `seed` makes us a seed, `now SECONDS` sets
//! the clock, `capacity RATE` and `rate RATE` set our upload capacity and rate. The torrent has 100
//! pieces of 262144 bytes, and we lack half of them. `total BYTES` shortens the last piece, `left
//! BYTES` sets how much we lack.
//!
//! `peer KEY WORD…` adds or replaces a peer. Flags: `interested`, `wanted` (has pieces we want),
//! `unchokes` (unchokes us), `complete`, `snubbed`, `served` (we unchoke it). Rates in bytes/s:
//! `down=`, `up=`. Bytes: `got=`, `gave=` on the connection, `got_round=`, `gave_round=` since the
//! last tick, `gave_since=` since the last unchoke. Times in seconds: `since=` of the connection,
//! `last=` of the last block, `unchoked=` by us. Counts: `have=` pieces, `told=` pieces announced
//! by `have`, `queued=` requests, `unflushed=` blocks. `asks=` is the piece of its next request.
//! The table remembers which peers we unchoke, and since when.
//!
//! `tick N`, `interest KEY`, `connect KEY`, `gone KEY` and `block KEY` call the policy. After that,
//! `expect KEY… [+ N of KEY…]` compares the unchoked peers, `kept N` and `new N` count those that
//! were and were not unchoked before the call, `dropped KEY…` compares the closed connections,
//! `weights KEY=WEIGHT…` and `caps KEY=RATE|none…` compare the latest values for these peers, and
//! `next KEY… is KEY|nobody` says which of the ready peers gets the next block.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use unchoke_core::choke::{
    BoxedPolicy, Decision, Parameters, PeerView, REGISTRY, Scope, Slots, Snapshot, Trigger, build,
};
use unchoke_core::ids::{PeerKey, PieceIndex};
use unchoke_core::rng::{Purpose, Rng, Streams};
use unchoke_core::time::Instant;

struct Case {
    name: String,
    id: String,
    parameters: Parameters,
    policy: Option<BoxedPolicy>,
    rng: Rng,
    am_seed: bool,
    now: Instant,
    upload_capacity: Option<u64>,
    upload_rate: u64,
    total_bytes: u64,
    left_bytes: u64,
    peers: BTreeMap<PeerKey, PeerView>,
    before: Vec<u32>,
    weights: BTreeMap<PeerKey, u32>,
    caps: BTreeMap<PeerKey, Option<u64>>,
    dropped: Vec<PeerKey>,
}

impl Case {
    fn new(name: &str, id: &str, seed: u32) -> Self {
        Self {
            name: name.to_owned(),
            id: id.to_owned(),
            parameters: Parameters::new(),
            policy: None,
            rng: Streams::new(1).stream(Purpose::Choke, seed),
            am_seed: false,
            now: Instant::from_secs(1000),
            upload_capacity: None,
            upload_rate: 0,
            total_bytes: 100 * 262_144,
            left_bytes: 50 * 262_144,
            peers: BTreeMap::new(),
            before: Vec::new(),
            weights: BTreeMap::new(),
            caps: BTreeMap::new(),
            dropped: Vec::new(),
        }
    }

    fn policy(&mut self) -> &mut BoxedPolicy {
        let build = || build(&self.id, &self.parameters).expect("a registered policy");
        self.policy.get_or_insert_with(build)
    }

    fn ask(&mut self, trigger: Trigger) {
        let triggers = self.policy().triggers();
        self.before = self.unchoked();
        let (scope, peer) = match trigger {
            Trigger::Tick(_) => (Scope::All, None),
            Trigger::Interest(peer) => (triggers.interest, Some(peer)),
            Trigger::Connected(peer) => (triggers.connected, Some(peer)),
            Trigger::Disconnected(peer) => (triggers.disconnected, Some(peer)),
            Trigger::Block(peer) => (triggers.block, Some(peer)),
        };
        let choked = peer
            .and_then(|it| self.peers.get(&it))
            .is_some_and(|it| it.am_choking);
        if scope == Scope::Unchoked && choked {
            return;
        }
        let shown = |it: &&PeerView| scope != Scope::Peer || Some(it.peer) == peer;
        let peers: Vec<PeerView> = self.peers.values().filter(shown).copied().collect();
        let snapshot = Snapshot {
            now: self.now,
            am_seed: self.am_seed,
            upload_capacity: self.upload_capacity,
            upload_rate: self.upload_rate,
            piece_count: 100,
            piece_bytes: 262_144,
            total_bytes: self.total_bytes,
            left_bytes: self.left_bytes,
            peers: &peers,
        };
        if scope != Scope::Never {
            let policy = self.policy.as_mut().expect("just made");
            let decision = policy.decide(trigger, &snapshot, &mut self.rng);
            self.obey(decision);
        }
    }

    fn obey(&mut self, decision: Decision) {
        for (key, view) in &mut self.peers {
            let choked = view.am_choking;
            match &decision.slots {
                Slots::Exactly(unchoked) => view.am_choking = !unchoked.contains(key),
                Slots::Unchoke(peer) if peer == key => view.am_choking = false,
                Slots::Choke(peer) if peer == key => view.am_choking = true,
                _ => {}
            }
            if choked && !view.am_choking {
                view.unchoked_at = Some(self.now);
            }
        }
        self.weights.extend(decision.weights);
        self.caps.extend(decision.caps);
        self.dropped = decision.disconnect;
    }

    fn unchoked(&self) -> Vec<u32> {
        self.peers
            .values()
            .filter(|it| !it.am_choking)
            .map(|it| it.peer.0)
            .collect()
    }

    fn set_peer(&mut self, words: &[&str]) {
        let peer = key(words[0]);
        let before = self.peers.get(&peer).copied();
        let mut view = PeerView {
            peer,
            am_choking: true,
            peer_choking: true,
            ..PeerView::default()
        };
        view.am_choking = before.is_none_or(|it| it.am_choking);
        view.unchoked_at = before.and_then(|it| it.unchoked_at);
        for word in &words[1..] {
            let (name, value) = word.split_once('=').unwrap_or((word, "0"));
            let value: u64 = value
                .parse()
                .unwrap_or_else(|_| panic!("{}: {word}", self.name));
            match name {
                "interested" => view.peer_interested = true,
                "wanted" => view.am_interested = true,
                "unchokes" => view.peer_choking = false,
                "complete" => view.is_seed = true,
                "snubbed" => view.snubbed = true,
                "served" => view.am_choking = false,
                "down" => view.down_rate = value,
                "up" => view.up_rate = value,
                "got" => view.down_bytes = value,
                "gave" => view.up_bytes = value,
                "got_round" => view.down_bytes_round = value,
                "gave_round" => view.up_bytes_round = value,
                "gave_since" => view.up_bytes_since_unchoke = value,
                "since" => view.connected_at = Instant::from_secs(value),
                "last" => view.last_block_at = Some(Instant::from_secs(value)),
                "unchoked" => view.unchoked_at = Some(Instant::from_secs(value)),
                "have" => view.have_count = count(value),
                "told" => view.have_messages = count(value),
                "queued" => view.queued_requests = count(value),
                "asks" => view.next_piece = Some(PieceIndex(count(value))),
                "unflushed" => view.unflushed_blocks = count(value),
                _ => panic!("{}: unknown word {word}", self.name),
            }
        }
        self.peers.insert(peer, view);
    }

    /// `1 2 + 1 of 3 4 5`: exactly 1, 2 and one of 3, 4, 5.
    fn expect(&self, words: &[&str]) {
        let mut parts = words.splitn(2, |word| *word == "+");
        let fixed: Vec<u32> = parts
            .next()
            .expect("a part")
            .iter()
            .map(|it| key(it).0)
            .collect();
        let (count, pool) = parts.next().map_or((0, Vec::new()), |words| {
            let pool = words[2..].iter().map(|it| key(it).0).collect();
            (words[0].parse().expect("a count"), pool)
        });
        let unchoked = self.unchoked();
        let (drawn, rest): (Vec<u32>, Vec<u32>) = unchoked
            .iter()
            .partition(|it| pool.contains(it) && !fixed.contains(it));
        assert!(
            drawn.len() == count && rest == fixed,
            "{}: {unchoked:?}, not {words:?}",
            self.name
        );
    }

    fn expect_peers<T: Copy + PartialEq + std::fmt::Debug>(
        &self,
        what: &str,
        words: &[&str],
        has: &BTreeMap<PeerKey, T>,
        parse: impl Fn(&str) -> T,
    ) {
        assert!(!words.is_empty(), "{}: {what} without a peer", self.name);
        for word in words {
            let (peer, value) = word.split_once('=').expect("KEY=VALUE");
            let found = has.get(&key(peer)).copied();
            assert_eq!(found, Some(parse(value)), "{}: {what} {word}", self.name);
        }
    }

    /// `1 2 is 2`: of the ready peers 1 and 2, peer 2 gets the next block.
    fn expect_next(&mut self, words: &[&str]) {
        let at = words.iter().position(|it| *it == "is").expect("is");
        let ready: Vec<PeerView> = words[..at].iter().map(|it| self.peers[&key(it)]).collect();
        let named = self.policy().next_peer(&ready);
        let expected = (words[at + 1] != "nobody").then(|| key(words[at + 1]));
        assert_eq!(named, expected, "{}: next {words:?}", self.name);
    }

    fn line(&mut self, words: &[&str]) {
        let number = || words[1].parse::<u64>().expect("a number");
        match words[0] {
            "policy" => words[1].clone_into(&mut self.id),
            "set" => self
                .parameters
                .set(words[1], words[2].parse().expect("a number")),
            "seed" => self.am_seed = true,
            "capacity" => self.upload_capacity = Some(number()),
            "rate" => self.upload_rate = number(),
            "total" => self.total_bytes = number(),
            "left" => self.left_bytes = number(),
            "now" => self.now = Instant::from_secs(number()),
            "peer" => self.set_peer(&words[1..]),
            "tick" => self.ask(Trigger::Tick(number())),
            "interest" => self.ask(Trigger::Interest(key(words[1]))),
            "connect" => self.ask(Trigger::Connected(key(words[1]))),
            "gone" => {
                self.peers.remove(&key(words[1]));
                self.ask(Trigger::Disconnected(key(words[1])));
            }
            "block" => self.ask(Trigger::Block(key(words[1]))),
            "expect" => self.expect(&words[1..]),
            "kept" | "new" => {
                let was = |it: &&u32| self.before.contains(it) == (words[0] == "kept");
                let found = self.unchoked().iter().filter(was).count() as u64;
                assert_eq!(found, number(), "{}: {words:?}", self.name);
            }
            "weights" => {
                let weight = |it: &str| it.parse().expect("a weight");
                self.expect_peers("weight", &words[1..], &self.weights, weight);
            }
            "caps" => {
                let cap = |it: &str| (it != "none").then(|| it.parse().expect("a rate"));
                self.expect_peers("cap", &words[1..], &self.caps, cap);
            }
            "next" => self.expect_next(&words[1..]),
            "dropped" => {
                let keys: Vec<PeerKey> = words[1..].iter().map(|it| key(it)).collect();
                assert_eq!(self.dropped, keys, "{}: dropped", self.name);
            }
            other => panic!("{}: unknown line {other}", self.name),
        }
    }
}

fn count(value: u64) -> u32 {
    u32::try_from(value).expect("a count")
}

fn key(word: &str) -> PeerKey {
    PeerKey(word.parse().unwrap_or_else(|_| panic!("{word} is no peer")))
}

fn run(id: &str, text: &str, seed: u32) -> usize {
    let (mut case, mut cases) = (None, 0);
    let lines = text
        .lines()
        .map(|line| line.split('#').next().unwrap_or("").trim());
    for line in lines.filter(|line| !line.is_empty()) {
        if let Some(name) = line.strip_prefix("case ") {
            case = Some(Case::new(&format!("{id}: {name}"), id, seed));
            cases += 1;
        } else {
            let words: Vec<&str> = line.split_whitespace().collect();
            case.as_mut().expect("a case comes first").line(&words);
        }
    }
    cases
}

#[test]
fn every_policy_has_a_table_and_keeps_to_it() {
    for entry in REGISTRY {
        let path =
            Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/choke/{}.txt", entry.id));
        let text =
            fs::read_to_string(&path).unwrap_or_else(|_| panic!("no table {}", path.display()));
        // The table holds for every seed.
        let cases: usize = (0..20).map(|seed| run(entry.id, &text, seed)).sum();
        assert!(cases >= 20, "{}: a table without cases", entry.id);
    }
}

#[test]
fn every_table_belongs_to_a_policy() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/choke");
    for file in fs::read_dir(folder).expect("the folder of tables") {
        let path = file.expect("an entry").path();
        let id = path
            .file_stem()
            .expect("a name")
            .to_string_lossy()
            .into_owned();
        assert!(
            REGISTRY.iter().any(|it| it.id == id),
            "no policy for {}",
            path.display()
        );
    }
}

#[test]
fn every_file_of_the_zoo_is_a_policy_of_that_name() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/choke/zoo");
    let files = fs::read_dir(&folder).expect("the folder of policies");
    let mut stems: Vec<String> = files
        .map(|file| file.expect("an entry").path())
        .map(|path| {
            path.file_stem()
                .expect("a name")
                .to_string_lossy()
                .into_owned()
        })
        .collect();
    stems.sort_unstable();
    let mut ids: Vec<&str> = REGISTRY.iter().map(|entry| entry.id).collect();
    ids.sort_unstable();
    assert_eq!(stems, ids);
}

#[test]
fn every_table_tells_of_arrival_interest_and_departure() {
    for entry in REGISTRY {
        let path = format!(
            "{}/tests/choke/{}.txt",
            env!("CARGO_MANIFEST_DIR"),
            entry.id
        );
        let text = fs::read_to_string(path).expect("a table");
        for asked in ["connect ", "interest ", "gone "] {
            let told = text.lines().any(|line| line.starts_with(asked));
            assert!(told, "{}: no case with '{asked}'", entry.id);
        }
    }
}
