//! `lab live`: the paired interval of a live experiment.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::iter;
use std::path::PathBuf;

use clap::Args;
use serde::Deserialize;

use super::{Exit, Failure, print};
use crate::findings::stats::bounds::Bounds;
use crate::findings::stats::math::{exp, ln};
use crate::findings::verdict::{Direction, Time};
use crate::show::words::interval;

/// Largest growth of the time that counts as kept, as in the built-in plan.
const TIME_MARGIN: f64 = 0.05;

/// `lab live`.
#[derive(Args, Clone, Debug)]
pub(super) struct LiveArgs {
    /// What `unchoke bench FILE.torrent --rounds N --json` printed.
    file: PathBuf,
}

/// The part of the output that counts here.
#[derive(Debug, Deserialize)]
struct Bench {
    schema_version: u32,
    naive: Side,
    optimized: Side,
    rounds: Vec<Round>,
}

#[derive(Debug, Deserialize)]
struct Side {
    policy: String,
    parameters: BTreeMap<String, u64>,
}

impl Side {
    /// The policy with its parameters: both sides may run the same policy.
    fn label(&self) -> String {
        let parameters = self.parameters.iter();
        let parameters = parameters.map(|it| format!("{}={}", it.0, it.1));
        let words: Vec<_> = iter::once(self.policy.clone()).chain(parameters).collect();
        words.join(" ")
    }
}

/// A pair of downloads.
#[derive(Debug, Deserialize)]
struct Round {
    naive: Run,
    optimized: Run,
}

#[derive(Debug, Deserialize)]
struct Run {
    seconds: f64,
    received_bytes: f64,
    sent_bytes: f64,
    wasted_bytes: f64,
}

/// A quantity of a run: its name and its value.
type Quantity = (&'static str, fn(&Run) -> f64);

const BYTES: [Quantity; 3] = [
    ("bytes both ways", |it| it.received_bytes + it.sent_bytes),
    ("received", |it| it.received_bytes),
    ("sent", |it| it.sent_bytes),
];

pub(super) fn live(args: &LiveArgs) -> Result<Exit, Failure> {
    let shown = args.file.display();
    let text = std::fs::read_to_string(&args.file)
        .map_err(|it| Failure::usage(format!("{shown}: {it}")))?;
    let bench: Bench = serde_json::from_str(&text).map_err(|it| {
        Failure::usage(format!(
            "{shown}: it is not the output of `unchoke bench --json` ({it})"
        ))
    })?;
    if bench.schema_version != 1 {
        let version = bench.schema_version;
        return Err(Failure::usage(format!(
            "{shown}: it has schema version {version}, and this program knows 1"
        )));
    }
    print(&report(&bench))?;
    Ok(Exit::Done)
}

/// Log ratios of optimized over naive, one for each round. Rounds without bytes on a side have none.
fn logs(bench: &Bench, value: fn(&Run) -> f64) -> Vec<f64> {
    let pairs = bench.rounds.iter();
    let pairs = pairs.map(|it| (value(&it.optimized), value(&it.naive)));
    let positive = pairs.filter(|it| it.0 > 0.0 && it.1 > 0.0);
    positive.map(|it| ln(it.0 / it.1)).collect()
}

fn report(bench: &Bench) -> String {
    let mut text = String::new();
    let mut line = |it: String| writeln!(text, "{it}").expect("text grows");
    let (ours, theirs) = (bench.optimized.label(), bench.naive.label());
    let count = bench.rounds.len();
    line(format!(
        "{ours} against {theirs}, {count} rounds in pairs; savings of bytes and the ratio of times, with \
         95 % intervals (Student's t of log ratios)"
    ));
    for (name, value) in BYTES {
        let logs = logs(bench, value);
        if logs.len() < count {
            line(format!("{name:<16} not defined: some rounds have none"));
            continue;
        }
        let saving = Bounds::t_of(&logs).estimate().map(|it| 1.0 - exp(it));
        line(format!("{name:<16} {}", interval(&saving)));
    }
    line(format!("{:<16} {}", "time", time_ratio(bench)));
    let waste = |run: fn(&Round) -> &Run| {
        let sum = |value: fn(&Run) -> f64| bench.rounds.iter().map(run).map(value).sum::<f64>();
        100.0 * sum(|it| it.wasted_bytes) / sum(|it| it.received_bytes).max(1.0)
    };
    line(format!(
        "{:<16} {:.1} % of what was received, naive {:.1} %",
        "wasted",
        waste(|it| &it.optimized),
        waste(|it| &it.naive)
    ));
    line(format!("{:<16} {}", "verdict", verdict(bench)));
    line(
        "One machine and one swarm: the peers of a live swarm differ between two downloads. The \
         simulator repeats the swarm itself."
            .to_owned(),
    );
    text
}

/// The time of optimized over that of naive: `0.981 [0.900, 1.070]`.
fn time_ratio(bench: &Bench) -> String {
    let ratio = Bounds::t_of(&logs(bench, |it| it.seconds))
        .estimate()
        .map(exp);
    let (low, high) = ratio.ci95;
    if low.is_finite() && high.is_finite() {
        format!("{:.3} [{low:.3}, {high:.3}] of that of naive", ratio.value)
    } else {
        format!("{:.3} [?] of that of naive", ratio.value)
    }
}

/// The words of the simulator's reports, for bytes both ways and the time.
fn verdict(bench: &Bench) -> &'static str {
    let bytes = Bounds::t_of(&logs(bench, BYTES[0].1));
    let time = Bounds::t_of(&logs(bench, |it| it.seconds));
    let time = Time::of([(&time, TIME_MARGIN)], 1);
    // A bound of the saving at level p is one of the cost at level 1 - p.
    Direction::of(|p| 1.0 - exp(bytes.at(1.0 - p)), time, 1).word()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bench(pairs: &[(f64, f64)]) -> Bench {
        let run = |bytes: f64| Run {
            seconds: 10.0,
            received_bytes: bytes,
            sent_bytes: 1.0,
            wasted_bytes: bytes / 10.0,
        };
        let side = |policy: &str| Side {
            policy: policy.to_owned(),
            parameters: BTreeMap::new(),
        };
        Bench {
            schema_version: 1,
            naive: side("unchoke_all"),
            optimized: side("tit_for_tat"),
            rounds: pairs
                .iter()
                .map(|it| Round {
                    naive: run(it.0),
                    optimized: run(it.1),
                })
                .collect(),
        }
    }

    #[test]
    fn a_clear_saving_has_an_interval_and_a_verdict() {
        let clear = bench(&[
            (1000.0, 800.0),
            (1010.0, 812.0),
            (990.0, 790.0),
            (1005.0, 801.0),
        ]);
        let text = report(&clear);
        assert!(
            text.contains("received         20.0 % [19.5, 20.5]"),
            "{text}"
        );
        assert!(text.contains("verdict          saves\n"), "{text}");
        assert!(text.contains("wasted           10.0 %"), "{text}");
        let other = bench(&[(800.0, 1000.0), (812.0, 1010.0), (790.0, 990.0)]);
        assert_eq!(verdict(&other), "costs");
    }

    /// The file is what `unchoke bench --rounds 4 --json` printed for two settings of one policy, with
    /// a seed on the same machine.
    #[test]
    fn the_output_of_the_client_is_read_with_its_parameters() {
        let file = include_str!("../../tests/live/bench.json");
        let bench: Bench = serde_json::from_str(file).expect("output of unchoke bench");
        let text = report(&bench);
        assert!(
            text.starts_with("tit_for_tat slots=8 against tit_for_tat, 4 rounds in pairs"),
            "{text}"
        );
        assert!(text.contains("received         0.0 % [0.0, 0.0]"), "{text}");
        assert!(text.contains("time             1.115 ["), "{text}");
        assert!(text.contains("verdict          no saving shown"), "{text}");
    }

    /// A single time has the whole 5 %: a growth that is shown at 5 % and not at 2.5 % degrades.
    #[test]
    fn one_time_is_one_test() {
        let mut slower = bench(&[(1000.0, 800.0); 6]);
        for (at, it) in slower.rounds.iter_mut().enumerate() {
            let noise = [0.85, 0.95, 1.0, 1.0, 1.05, 1.15][at];
            it.optimized.seconds = 11.58 * noise;
        }
        let times = Bounds::t_of(&logs(&slower, |it| it.seconds));
        let margin = ln(1.0 + TIME_MARGIN);
        assert!(times.at(0.05) > margin && times.at(0.025) < margin);
        assert_eq!(verdict(&slower), "saves but degrades");
    }

    #[test]
    fn one_round_proves_nothing() {
        let text = report(&bench(&[(1000.0, 800.0)]));
        assert!(text.contains("received         20.0 % [?]"), "{text}");
        assert!(text.contains("no saving shown"), "{text}");
    }
}
