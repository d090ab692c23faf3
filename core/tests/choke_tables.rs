//! Choking policies against tables that a reader can check by hand: `tests/choke/*.txt`.
//!
//! A table is a list of cases. `case NAME` starts one with a fresh policy named by the file (or by
//! `policy ID`), `set NAME VALUE` sets a parameter, `seed` makes us a seed, `now SECONDS` sets the
//! clock, `peer KEY WORD…` adds or replaces a peer (`interested`, `wanted` = has pieces we want,
//! `down=RATE`, `up=RATE`, `got=BYTES`, `gave=BYTES`, `since=SECONDS` of the connection).
//! `tick N`, `interest KEY`, `connect KEY`, `gone KEY` and `block KEY` ask the policy;
//! `expect KEY… [+ N of KEY…]` compares who is unchoked afterwards, `dropped KEY…` who is closed.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use unchoke_core::choke::{
    BoxedPolicy, Decision, Parameters, PeerView, REGISTRY, Scope, Slots, Snapshot, Trigger, build,
};
use unchoke_core::ids::PeerKey;
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
    peers: BTreeMap<PeerKey, PeerView>,
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
            peers: BTreeMap::new(),
            dropped: Vec::new(),
        }
    }

    fn ask(&mut self, trigger: Trigger) {
        let build = || build(&self.id, &self.parameters).expect("a registered policy");
        let policy = self.policy.get_or_insert_with(build);
        let triggers = policy.triggers();
        let (scope, peer) = match trigger {
            Trigger::Tick(_) => (Scope::All, None),
            Trigger::Interest(peer) => (triggers.interest, Some(peer)),
            Trigger::Connected(peer) => (triggers.connected, Some(peer)),
            Trigger::Disconnected(peer) => (triggers.disconnected, Some(peer)),
            Trigger::Block(peer) => (triggers.block, Some(peer)),
        };
        let shown = |it: &&PeerView| scope == Scope::All || Some(it.peer) == peer;
        let peers: Vec<PeerView> = self.peers.values().filter(shown).copied().collect();
        let snapshot = Snapshot {
            now: self.now,
            am_seed: self.am_seed,
            upload_capacity: None,
            upload_rate: 0,
            piece_count: 100,
            piece_bytes: 262_144,
            peers: &peers,
        };
        if scope != Scope::Never {
            let decision = policy.decide(trigger, &snapshot, &mut self.rng);
            self.obey(decision);
        }
    }

    fn obey(&mut self, decision: Decision) {
        for (key, view) in &mut self.peers {
            match &decision.slots {
                Slots::Exactly(unchoked) => view.am_choking = !unchoked.contains(key),
                Slots::Unchoke(peer) if peer == key => view.am_choking = false,
                Slots::Choke(peer) if peer == key => view.am_choking = true,
                _ => {}
            }
        }
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
        for word in &words[1..] {
            let (name, value) = word.split_once('=').unwrap_or((word, "0"));
            let value: u64 = value
                .parse()
                .unwrap_or_else(|_| panic!("{}: {word}", self.name));
            match name {
                "interested" => view.peer_interested = true,
                "wanted" => view.am_interested = true,
                "down" => view.down_rate = value,
                "up" => view.up_rate = value,
                "got" => view.down_bytes = value,
                "gave" => view.up_bytes = value,
                "since" => view.connected_at = Instant::from_secs(value),
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

    fn line(&mut self, words: &[&str]) {
        let number = || words[1].parse::<u64>().expect("a number");
        match words[0] {
            "policy" => words[1].clone_into(&mut self.id),
            "set" => self
                .parameters
                .set(words[1], words[2].parse().expect("a number")),
            "seed" => self.am_seed = true,
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
            "dropped" => {
                let keys: Vec<PeerKey> = words[1..].iter().map(|it| key(it)).collect();
                assert_eq!(self.dropped, keys, "{}: dropped", self.name);
            }
            other => panic!("{}: unknown line {other}", self.name),
        }
    }
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
        // Whatever the dice say, the table holds.
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
