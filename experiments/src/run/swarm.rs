//! The connection to the simulator: turns a unit into a scenario with populations, and its result
//! into an outcome.

use std::path::Path;

use unchoke_core::choke::Parameters;
use unchoke_core::ledger::Ledger;
use unchoke_core::rng::{Purpose, Streams};
use unchoke_core::time::Instant;
use unchoke_sim::result::RunResult;
use unchoke_sim::scenario::{Part, Population, Scenario, expand};
use unchoke_sim::spec::{self, ClientSpec, NodeSpec, SwarmSpec};
use unchoke_sim::trace::{Header, Sink};
use unchoke_sim::world;

use crate::plan::{Contender, Plan};
use crate::run::engine::{Engine, EngineError};
use crate::run::outcome::{Node, Outcome, Sample};
use crate::run::unit::{Mix, Unit};

/// Entity number of the draw that spreads adopters. No node has it, and no other draw for all
/// peers.
const SPREAD: u32 = u32::MAX - 16;

/// The simulator with the scenarios of a plan.
#[derive(Clone, Debug)]
pub struct Swarms {
    scenarios: Vec<Scenario>,
}

impl Swarms {
    /// Reads the scenarios of `plan`. File names are relative to `folder`.
    pub fn of(plan: &Plan, folder: &Path) -> Result<Self, EngineError> {
        let builtin = Scenario::list();
        let read = |source: &str, set: &[String]| {
            if builtin.iter().any(|it| it.name == source) {
                Scenario::builtin(source, set)
            } else {
                Scenario::from_file(&folder.join(source), set)
            }
        };
        let each = plan.scenarios.iter().map(|it| read(&it.source, &it.set));
        let scenarios = each.collect::<Result<Vec<Scenario>, _>>();
        let scenarios = scenarios.map_err(|it| EngineError(it.to_string()))?;
        for (it, scenario) in plan.scenarios.iter().zip(&scenarios) {
            let in_windows = scenario.network.engine == spec::Engine::Windows;
            if in_windows && !it.is_in_windows() {
                return Err(EngineError(format!(
                    "scenario {}: its file sets network.engine to windows; set it in the plan instead, \
                     so that reports say so",
                    it.name
                )));
            }
        }
        Ok(Self { scenarios })
    }

    /// The scenario of a unit with the unit's policies. Populations of the scenario with a share or
    /// a count stay as they are; the policies run on all other peers.
    fn scenario(&self, plan: &Plan, unit: &Unit) -> Result<Scenario, EngineError> {
        let scenario = &self.scenarios[unit.scenario];
        let mut populations = outsiders(scenario);
        let free = free(scenario, &populations)?;
        let (adopting, all) = match unit.mix {
            Mix::Candidate => (None, client(scenario, &plan.candidate)),
            Mix::Baseline(at) => (None, client(scenario, &plan.baselines[at])),
            Mix::Mixed(at, adoption) => {
                let adopters =
                    u32::try_from(adoption.of(free)).expect("at most the number of peers");
                let (candidate, baseline) = plan.pair(at);
                let adopting = (Part::Count(adopters), client(scenario, candidate));
                (Some(adopting), client(scenario, baseline))
            }
        };
        populations.extend(adopting.map(|(part, client)| Population {
            part,
            class: None,
            client,
        }));
        populations.push(Population {
            part: Part::Rest,
            class: None,
            client: all.clone(),
        });
        let mut scenario = scenario.clone();
        let origin = plan.origin.as_ref().map(|it| client(&scenario, it));
        for origins in &mut scenario.origins {
            origins.client = ClientSpec {
                name: "origin".to_owned(),
                ..origin.as_ref().unwrap_or(&all).clone()
            };
        }
        let mixed = scenario.with_populations(populations);
        mixed.map_err(|it| EngineError(it.to_string()))
    }

    /// The swarm of a unit.
    pub fn spec(&self, plan: &Plan, unit: &Unit) -> Result<SwarmSpec, EngineError> {
        let scenario = self.scenario(plan, unit)?;
        if scenario.peers.rejoins > 0 {
            // With rejoining peers, who joins and when would depend on the policy, so runs could
            // not be paired.
            let name = &plan.scenarios[unit.scenario].name;
            return Err(EngineError(format!(
                "scenario {name}: peers join in the place of others, so that two policies would \
                 have different peers; set `peers.rejoins` to 0"
            )));
        }
        let mut spec = expand(&scenario, unit.run_seed);
        if matches!(unit.mix, Mix::Mixed(..)) {
            let outsiders = outsiders(&self.scenarios[unit.scenario]).len();
            spread_adopters(&mut spec, outsiders);
        }
        let late = spec
            .nodes
            .iter()
            .filter(|it| it.arrives_at >= spec.horizon)
            .count();
        if late > 0 {
            let name = &plan.scenarios[unit.scenario].name;
            return Err(EngineError(format!(
                "scenario {name}, seed {}: {late} peers arrive after the horizon; raise `horizon`",
                unit.run_seed
            )));
        }
        Ok(spec)
    }

    /// The header for a trace of a unit.
    pub fn header(&self, plan: &Plan, unit: &Unit) -> Result<Header, EngineError> {
        let scenario = self.scenario(plan, unit)?;
        Ok(Header::new(&scenario, &self.spec(plan, unit)?))
    }

    /// Runs a unit until `until` at the latest, and passes its events to a sink.
    pub fn replay(
        &self,
        plan: &Plan,
        unit: &Unit,
        until: Option<Instant>,
        sink: Option<&mut dyn Sink>,
    ) -> Result<Outcome, EngineError> {
        let mut spec = self.spec(plan, unit)?;
        spec.horizon = spec.horizon.min(until.unwrap_or(Instant::NEVER));
        // Two cases, so that the lifetime of the sink can be shortened to that of the spec.
        let result = match sink {
            Some(sink) => world::run(&spec, Some(sink)),
            None => world::run(&spec, None),
        };
        let result = result.map_err(|it| EngineError(it.to_string()))?;
        let outsiders = outsiders(&self.scenarios[unit.scenario]).len();
        let candidate = match unit.mix {
            Mix::Mixed(at, _) => plan.pair(at).0,
            Mix::Candidate | Mix::Baseline(_) => &plan.candidate,
        };
        Ok(outcome(&candidate.name, &spec, outsiders, &result))
    }
}

impl Engine for Swarms {
    fn version(&self) -> String {
        env!("UNCHOKE_ENGINE").to_owned()
    }

    fn identity(&self, plan: &Plan, unit: &Unit) -> Result<String, EngineError> {
        let scenario = self.scenario(plan, unit)?;
        Ok(format!(
            "{}\nseed = {}\n",
            scenario.to_toml(),
            unit.run_seed
        ))
    }

    fn run(&self, plan: &Plan, unit: &Unit) -> Result<Outcome, EngineError> {
        self.replay(plan, unit, None, None)
    }
}

/// Assigns the adopters' client to the same number of peers as before, but spread evenly over
/// capacities: in the order of capacity every n-th peer adopts, with a random start. Every peer is
/// equally likely to adopt, and every seed has adopters in all classes, so seeds differ less. The
/// first `outsiders` clients do not belong to the plan; the next one is the adopters', the one
/// after it that of the others.
fn spread_adopters(spec: &mut SwarmSpec, outsiders: usize) {
    let adopting = u16::try_from(outsiders).expect("few populations");
    let free = |it: &NodeSpec| !it.origin && (adopting..=adopting + 1).contains(&it.client);
    let numbered = spec.nodes.iter().enumerate();
    let mut peers: Vec<usize> = numbered.filter(|it| free(it.1)).map(|it| it.0).collect();
    peers.sort_by_key(|it| (spec.nodes[*it].up, *it));
    let adopters = peers
        .iter()
        .filter(|it| spec.nodes[**it].client == adopting);
    let (adopters, count) = (adopters.count() as u64, peers.len() as u64);
    let mut rng = Streams::new(spec.seed).stream(Purpose::Adoption, SPREAD);
    let start = rng.below(count.max(1));
    for (rank, peer) in (0..).zip(&peers) {
        // Each peer adds the number of adopters to a running sum. A peer adopts when the sum passes
        // a multiple of the number of peers.
        let before = (start + rank * adopters) / count;
        let after = (start + (rank + 1) * adopters) / count;
        spec.nodes[*peer].client = if after > before {
            adopting
        } else {
            adopting + 1
        };
    }
}

/// Populations that the scenario sets, with their sizes as numbers: those with a share, a count or a class.
fn outsiders(scenario: &Scenario) -> Vec<Population> {
    let counts = scenario.population_counts();
    let all = scenario.populations.iter().zip(counts);
    let fixed = all.filter(|(it, _)| it.part != Part::Rest || it.class.is_some());
    fixed
        .map(|(it, count)| Population {
            part: Part::Count(count),
            class: it.class.clone(),
            client: it.client.clone(),
        })
        .collect()
}

/// Number of peers that are left for the plan's policies.
fn free(scenario: &Scenario, outsiders: &[Population]) -> Result<usize, EngineError> {
    let taken = outsiders.iter().map(|it| match it.part {
        Part::Count(count) => count,
        Part::Share(_) | Part::Rest => 0,
    });
    match scenario.peers.count - taken.sum::<u32>() {
        0 => Err(EngineError(format!(
            "scenario {}: its populations take every peer and leave none for the plan's policies; \
             leave one population without share, count and class",
            scenario.name
        ))),
        left => Ok(left as usize),
    }
}

fn client(scenario: &Scenario, it: &Contender) -> ClientSpec {
    let mut parameters = Parameters::new();
    for (name, value) in &it.parameters {
        parameters.set(name, *value);
    }
    let profiled = it.profile.map(|it| scenario.client.as_profile(it));
    let base = profiled.as_ref().unwrap_or(&scenario.client);
    let mut client = base.with_policy(&it.name, &it.policy, &parameters);
    if let Some(most) = it.max_connections {
        client.max_connections = most;
    }
    if let Some(picker) = &it.picker {
        client.picker.clone_from(picker);
    }
    client
}

/// Makes the outcome. The first `outsiders` clients do not belong to the plan.
fn outcome(candidate: &str, spec: &SwarmSpec, outsiders: usize, result: &RunResult) -> Outcome {
    let mut total = Ledger::default();
    for it in &result.nodes {
        total += it.ledger;
    }
    let adopts = |client: usize| spec.clients[client].name == candidate;
    let outside = |client: usize| client < outsiders;
    let nodes = spec.nodes.iter().zip(&result.nodes).map(|(spec, it)| Node {
        class: it.class,
        adopter: !it.origin && !outside(it.client.into()) && adopts(it.client.into()),
        outsider: !it.origin && outside(it.client.into()),
        origin: it.origin,
        up_rate: spec.up,
        arrived_ns: spec.arrives_at.as_nanos(),
        completed_ns: it.completed_at.map(Instant::as_nanos),
        useful_bytes: it.ledger.payload_useful,
        payload_sent_bytes: it.ledger.payload_sent,
        sent_bytes: it.ledger.sent(),
        received_bytes: it.ledger.received(),
    });
    let samples = result.series.iter().map(|it| Sample {
        at_ns: it.at.as_nanos(),
        leechers: u64::from(it.leechers),
        seeds: u64::from(it.seeds),
        down_rate: it.down_rate,
    });
    let bound = result.bound.map(|it| it.time().as_nanos());
    Outcome {
        ended_ns: result.ended_at.as_nanos(),
        horizon_ns: spec.horizon.as_nanos(),
        file_bytes: spec.geometry.total_bytes(),
        bound_ns: bound.and_then(|it| u64::try_from(it).ok()),
        in_flight_bytes: result.bytes_in_flight,
        lost_bytes: result.bytes_dropped,
        transport_sent_bytes: result.nodes.iter().map(|it| it.transport_sent).sum(),
        blocks: result.blocks_transferred,
        events: result.events,
        digest: result.digest,
        total,
        classes: spec.classes.clone(),
        class_matrix: result.class_matrix.clone(),
        nodes: nodes.collect(),
        series: samples.collect(),
    }
}
