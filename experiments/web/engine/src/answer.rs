//! Answers requests.

use serde::{Deserialize, Serialize};
use serde_json::json;
use unchoke_core::choke;
use unchoke_core::ledger::{Kind, Ledger, Waste};
use unchoke_core::time::Instant;
use unchoke_replay::Recorder;
use unchoke_sim::result::RunResult;
use unchoke_sim::scenario::{Scenario, expand};
use unchoke_sim::spec::SwarmSpec;
use unchoke_sim::trace::{Happening, Header, Sink};
use unchoke_sim::world;

/// A request from the page.
#[derive(Deserialize)]
#[serde(tag = "ask", rename_all = "lowercase", deny_unknown_fields)]
enum Request {
    /// Asks for the lists of scenarios and policies.
    Catalogue,
    /// Asks for one run, like `lab sim SCENARIO --seed N --set KEY=VALUE`.
    Run {
        scenario: String,
        /// As digits, because numbers in JavaScript have 53 bits.
        seed: String,
        #[serde(default)]
        set: Vec<String>,
    },
    /// Asks for the same run as a page with its replay.
    Watch {
        scenario: String,
        seed: String,
        #[serde(default)]
        set: Vec<String>,
    },
}

/// One node at the end of a run.
#[derive(Serialize)]
struct Node {
    class: u16,
    origin: bool,
    arrived_ns: Option<u64>,
    completed_ns: Option<u64>,
    sent_bytes: u64,
    received_bytes: u64,
}

/// The answer to a request. `progress` receives thousandths of the run.
pub(crate) fn answer(request: &[u8], progress: &dyn Fn(u32)) -> Vec<u8> {
    let said = serde_json::from_slice(request)
        .map_err(|it| format!("this is no request: {it}"))
        .and_then(|it| match it {
            Request::Catalogue => Ok(catalogue()),
            Request::Run {
                scenario,
                seed,
                set,
            } => {
                let task = Task::new(&scenario, &seed, &set)?;
                let result = task.run(progress, None)?;
                Ok(report(&task, &result))
            }
            Request::Watch {
                scenario,
                seed,
                set,
            } => Task::new(&scenario, &seed, &set)?.film(progress),
        });
    let said = said.unwrap_or_else(|it| json!({ "error": it }));
    serde_json::to_vec(&said).expect("a value is JSON")
}

fn catalogue() -> serde_json::Value {
    let scenarios: Vec<_> = Scenario::list()
        .iter()
        .map(|it| json!({ "name": it.name, "about": it.about }))
        .collect();
    let parameter = |it: &choke::Parameter| json!({ "name": it.name, "default": it.default.to_string(), "meaning": it.meaning });
    let policies: Vec<_> = choke::REGISTRY
        .iter()
        .map(|it| {
            let parameters: Vec<_> = it.parameters.iter().map(parameter).collect();
            json!({ "id": it.id, "summary": it.summary, "parameters": parameters })
        })
        .collect();
    json!({ "scenarios": scenarios, "policies": policies })
}

/// Reports progress by pieces received, and passes events on.
struct Meter<'a> {
    pieces: u64,
    all: u64,
    told: u32,
    progress: &'a dyn Fn(u32),
    recorder: Option<&'a mut Recorder>,
}

impl Sink for Meter<'_> {
    fn record(&mut self, at: Instant, happening: &Happening) {
        if let Some(it) = &mut self.recorder {
            it.record(at, happening);
        }
        if let Happening::Piece { .. } = happening {
            self.pieces += 1;
            let part = u32::try_from(self.pieces * 1000 / self.all.max(1)).unwrap_or(1000);
            if part > self.told {
                self.told = part;
                (self.progress)(part.min(1000));
            }
        }
    }
}

/// The run of a request.
struct Task {
    scenario: Scenario,
    spec: SwarmSpec,
    seed: u64,
}

impl Task {
    fn new(name: &str, seed: &str, set: &[String]) -> Result<Self, String> {
        let seed: u64 = seed
            .parse()
            .map_err(|_| format!("seed \"{seed}\" is no whole number from 0 to 2^64 - 1"))?;
        let scenario = Scenario::builtin(name, set).map_err(|it| it.to_string())?;
        let spec = expand(&scenario, seed);
        Ok(Self {
            scenario,
            spec,
            seed,
        })
    }

    fn run(
        &self,
        progress: &dyn Fn(u32),
        recorder: Option<&mut Recorder>,
    ) -> Result<RunResult, String> {
        let leechers = self.spec.nodes.iter().filter(|it| !it.origin).count() as u64;
        let mut meter = Meter {
            pieces: 0,
            all: leechers * u64::from(self.spec.geometry.piece_count()),
            told: 0,
            progress,
            recorder,
        };
        world::run(&self.spec, Some(&mut meter)).map_err(|it| it.to_string())
    }

    /// The page with the replay of the run.
    fn film(&self, progress: &dyn Fn(u32)) -> Result<serde_json::Value, String> {
        let header = Header::new(&self.scenario, &self.spec);
        let mut recorder = Recorder::new(&header).map_err(|it| it.to_string())?;
        let result = self.run(progress, Some(&mut recorder))?;
        let film = recorder.finish(result.ended_at);
        // The page needs JavaScript anyway, so there is no still picture.
        let page = unchoke_replay::page::page(film, |_, _| String::new());
        Ok(json!({ "page": page, "digest": format!("{:016x}", result.digest) }))
    }
}

fn report(task: &Task, result: &RunResult) -> serde_json::Value {
    let Task {
        scenario,
        spec,
        seed,
    } = task;
    let mut total = Ledger::default();
    for it in &result.nodes {
        total += it.ledger;
    }
    let nodes: Vec<Node> = result
        .nodes
        .iter()
        .map(|it| Node {
            class: it.class,
            origin: it.origin,
            arrived_ns: it.arrived_at.map(Instant::as_nanos),
            completed_ns: it.completed_at.map(Instant::as_nanos),
            sent_bytes: it.ledger.sent(),
            received_bytes: it.ledger.received(),
        })
        .collect();
    let series: Vec<_> = result
        .series
        .iter()
        .map(|it| (it.at.as_nanos(), it.leechers, it.seeds, it.down_rate))
        .collect();
    let wasted: serde_json::Map<_, _> = Waste::ALL
        .iter()
        .zip(total.payload_wasted)
        .map(|(waste, bytes)| (waste.name().to_owned(), bytes.into()))
        .collect();
    let sent: serde_json::Map<_, _> = Kind::ALL
        .iter()
        .zip(total.protocol_sent())
        .map(|(kind, bytes)| (kind.name().to_owned(), bytes.into()))
        .collect();
    json!({
        "scenario": scenario.name,
        "seed": seed.to_string(),
        "digest": format!("{:016x}", result.digest),
        "events": result.events,
        "ended_ns": result.ended_at.as_nanos(),
        "file_bytes": spec.geometry.total_bytes(),
        "classes": spec.classes,
        "nodes": nodes,
        "series": series,
        "class_matrix": result.class_matrix,
        "payload_useful": total.payload_useful,
        "payload_sent": total.payload_sent,
        "payload_wasted": wasted,
        "protocol_sent": sent,
    })
}
