//! A swarm computed by formulas instead of simulation, for testing everything that uses an engine's
//! results.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng as _, SeedableRng as _};
use unchoke_core::ledger::Ledger;

use crate::plan::{Changes, Plan, load};
use crate::run::engine::{Engine, EngineError};
use crate::run::outcome::{Node, Outcome, Sample};
use crate::run::unit::{Mix, Unit};

/// Effects that tests give to the candidate.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Toy {
    /// Upload of an adopter, in per cent of a baseline peer's.
    pub(crate) upload: u64,
    /// Completion time of an adopter, in per cent of a baseline peer's.
    pub(crate) time: u64,
    /// Noise between runs, in per cent.
    pub(crate) noise: u64,
}

pub(crate) const PLAN: &str = r#"name = "toy"
question = "Does the toy save?"
expectation = "As much as it was told to."
adoption = ["one", "50 %", "100 %"]
seeds = { master = 7, count = 24 }
statistics = { bootstrap = 500 }
margins.claim = "40 %"
[candidate]
policy = "tit_for_tat"
max_connections = 5

[[baseline]]
policy = "unchoke_all"

[[baseline]]
policy = "bep3"

[[scenario]]
source = "flash-homog"
set = { peers = 8 }

[[scenario]]
name = "slow"
source = "flash-hetero"
"#;

pub(crate) fn plan() -> Plan {
    load("toy.toml", PLAN, &Changes::default()).expect("the plan is right")
}

const SECOND: u64 = 1_000_000_000;

impl Engine for Toy {
    fn version(&self) -> String {
        "toy".to_owned()
    }

    fn identity(&self, plan: &Plan, unit: &Unit) -> Result<String, EngineError> {
        let scenario = &plan.scenarios[unit.scenario];
        Ok(format!(
            "{self:?} {scenario:?} {:?} {}",
            unit.mix, unit.run_seed
        ))
    }

    fn run(&self, plan: &Plan, unit: &Unit) -> Result<Outcome, EngineError> {
        let mut rng = ChaCha8Rng::seed_from_u64(unit.run_seed);
        let adopters = match unit.mix {
            Mix::Baseline(_) => 0,
            Mix::Candidate => 8,
            Mix::Mixed(_, adoption) => adoption.of(8),
        };
        // Noise that differs between policies comes from a stream of the mix.
        let mut own = ChaCha8Rng::seed_from_u64(unit.run_seed);
        own.set_stream(match unit.mix {
            Mix::Baseline(at) => 1 + at as u64,
            Mix::Candidate => 100,
            Mix::Mixed(at, _) => 200 + at as u64,
        });
        let mut outcome = Outcome {
            horizon_ns: 1000 * SECOND,
            ended_ns: 200 * SECOND,
            file_bytes: 1_000_000,
            digest: own.next_u64(),
            classes: vec!["origin".to_owned(), "slow".to_owned(), "fast".to_owned()],
            class_matrix: vec![0, 50, 60, 0, 100, 20, 0, 30, 200],
            ..Outcome::default()
        };
        let origin = Node {
            origin: true,
            sent_bytes: 2_000_000,
            up_rate: 1,
            ..Node::default()
        };
        outcome.nodes.push(origin);
        for peer in 0..8 {
            let adopter = peer < adopters;
            let percent = |it: u64| if adopter { it } else { 100 };
            let base = 50_000 + rng.next_u64() % 10_000;
            let noise = 10_000 + own.next_u64() % (100 * self.noise + 1);
            let milliseconds = base * percent(self.time) * noise / 1_000_000;
            let upload = 800_000 * percent(self.upload) / 100 * noise / 10_000;
            outcome.nodes.push(Node {
                class: 1 + u16::from(peer >= 4),
                adopter,
                up_rate: 1000 * (1 + peer as u64),
                completed_ns: Some(milliseconds * 1_000_000),
                useful_bytes: 1_000_000,
                payload_sent_bytes: upload,
                sent_bytes: upload + 10_000,
                received_bytes: 1_020_000,
                ..Node::default()
            });
        }
        outcome.total = total(&outcome);
        outcome.series = (0..20)
            .map(|it| sample(&outcome, it * 5 * SECOND))
            .collect();
        let _ = plan;
        Ok(outcome)
    }
}

fn total(outcome: &Outcome) -> Ledger {
    let mut total = Ledger {
        payload_useful: 8_000_000,
        payload_sent: 8_100_000,
        ..Ledger::default()
    };
    total.payload_wasted[0] = 100_000;
    total.protocol[0].sent = 80_000 + outcome.nodes[1].sent_bytes / 100;
    total
}

fn sample(outcome: &Outcome, at_ns: u64) -> Sample {
    let done = |it: &&Node| it.completed_ns.is_some_and(|end| end <= at_ns);
    let seeds = outcome.nodes.iter().filter(done).count() as u64;
    Sample {
        at_ns,
        leechers: 8 - seeds,
        seeds: seeds + 1,
        down_rate: 160_000 * (8 - seeds),
    }
}
