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
use crate::findings::verdict::{CANNOT_TELL, Direction, Time};
use crate::plan::count;
use crate::run::json::fault;
use crate::show::words::{brackets, interval, percent};

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
    useful_bytes: f64,
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
            "{shown}: {}; give a file with the output of `unchoke bench --json`",
            fault(&it)
        ))
    })?;
    if bench.schema_version != 1 {
        let version = bench.schema_version;
        return Err(Failure::usage(format!(
            "{shown}: it has schema version {version}, and this program knows 1"
        )));
    }
    if bench.rounds.is_empty() {
        return Err(Failure::usage(format!(
            "{shown}: it has no round, so there is nothing to compare"
        )));
    }
    print(&report(&bench))?;
    Ok(Exit::Done)
}

/// Log ratios of optimized over naive for each useful byte, one for each round: runs of `--pieces` end with unequal
/// useful bytes. `None` if a round has a zero on a side: the others alone would be a selection.
fn logs(bench: &Bench, value: fn(&Run) -> f64) -> Option<Vec<f64>> {
    let pairs = bench.rounds.iter();
    let each = pairs.map(|Round { naive, optimized }| {
        let parts = [
            value(optimized),
            value(naive),
            naive.useful_bytes,
            optimized.useful_bytes,
        ];
        let [ours, theirs, useful, our_useful] = parts;
        let are_there = parts.iter().all(|it| *it > 0.0);
        are_there.then(|| ln(ours / theirs * (useful / our_useful)))
    });
    each.collect()
}

/// Bounds of the mean log ratio; likewise.
fn bounds(bench: &Bench, value: fn(&Run) -> f64) -> Option<Bounds> {
    logs(bench, value).map(|it| Bounds::t_of(&it))
}

fn report(bench: &Bench) -> String {
    let mut text = String::new();
    let mut line = |it: String| writeln!(text, "{it}").expect("text grows");
    let (ours, theirs) = (bench.optimized.label(), bench.naive.label());
    let rounds = count(bench.rounds.len(), "round");
    line(format!(
        "{ours} against {theirs}, {rounds} in pairs; savings of bytes and the ratio of times, for each useful \
         byte, with 95 % intervals (Student's t of log ratios)"
    ));
    for (name, value) in BYTES {
        let saving = bounds(bench, value).map(|it| it.estimate().map(|log| 1.0 - exp(log)));
        let said = saving.map_or_else(
            || "not defined: some rounds have none".to_owned(),
            |it| interval(&it),
        );
        line(format!("{name:<16} {said}"));
    }
    line(format!("{:<16} {}", "time", time_ratio(bench)));
    let waste = |run: fn(&Round) -> &Run| {
        let sum = |value: fn(&Run) -> f64| bench.rounds.iter().map(run).map(value).sum::<f64>();
        percent(sum(|it| it.wasted_bytes) / sum(|it| it.received_bytes))
    };
    line(format!(
        "{:<16} {} of what was received, naive {}",
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
    let Some(bounds) = bounds(bench, |it| it.seconds) else {
        return "not defined: some rounds took 0 s".to_owned();
    };
    let ratio = bounds.estimate().map(exp);
    let ends = brackets(ratio.ci95, |end| format!("{end:.3}"));
    format!("{:.3} {ends} of that of naive", ratio.value)
}

/// The words of the simulator's reports, for bytes both ways and the time.
fn verdict(bench: &Bench) -> String {
    let both = bounds(bench, BYTES[0].1).zip(bounds(bench, |it| it.seconds));
    let Some((bytes, time)) = both else {
        return format!("{CANNOT_TELL}: some rounds have no bytes or no time");
    };
    let time = Time::of(&[(&time, TIME_MARGIN)], 1);
    // A bound of the saving at level p is one of the cost at level 1 - p. Rounded as it is printed: what is
    // printed as a saving of 0.0 % is none.
    let saving = |p: f64| ((1.0 - exp(bytes.at(1.0 - p))) * 1000.0).round() / 1000.0;
    match Direction::of(saving, time, 1) {
        it @ (Direction::NoSavingShown | Direction::Costs) => {
            format!("{}; time {}", it.word(), time.word())
        }
        // These words say what is known of time.
        it => it.word().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bench(pairs: &[(f64, f64)]) -> Bench {
        let run = |bytes: f64| Run {
            seconds: 10.0,
            received_bytes: bytes,
            sent_bytes: 1.0,
            useful_bytes: 500.0,
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
        assert_eq!(verdict(&other), "costs; time kept");
    }

    /// Runs of `--pieces` end with unequal useful bytes.
    #[test]
    fn more_bytes_for_more_that_is_useful_are_no_cost() {
        let mut twice = bench(&[(1000.0, 2000.0); 3]);
        for it in &mut twice.rounds {
            it.optimized.useful_bytes *= 2.0;
        }
        assert!(report(&twice).contains("received         0.0 % [0.0, 0.0]"));
    }

    /// A saving that is printed as 0.0 % is none, however narrow its interval.
    #[test]
    fn a_saving_of_nothing_is_none() {
        let tiny = bench(&[(100_000.0, 99_990.0); 4]);
        let text = report(&tiny);
        assert!(text.contains("received         0.0 % [0.0, 0.0]"), "{text}");
        assert!(text.contains("verdict          no saving shown"), "{text}");
        let back = bench(&[(99_990.0, 100_000.0); 4]);
        assert_eq!(verdict(&back), "no saving shown; time kept");
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
        let times = bounds(&slower, |it| it.seconds).expect("no time is zero");
        let margin = ln(1.0 + TIME_MARGIN);
        assert!(times.at(0.05) > margin && times.at(0.025) < margin);
        assert_eq!(verdict(&slower), "saves but degrades");
    }

    /// A file of a few blocks may be there at once, and a round may receive nothing.
    #[test]
    fn rounds_without_time_or_bytes_have_no_figure() {
        let mut odd = bench(&[(1000.0, 800.0); 4]);
        odd.rounds[1].optimized.seconds = 0.0;
        let text = report(&odd);
        let none = "time             not defined: some rounds took 0 s\n";
        assert!(text.contains(none), "{text}");
        assert!(text.contains("verdict          cannot tell"), "{text}");
        let text = report(&bench(&[(0.0, 0.0); 4]));
        assert!(text.contains("wasted           unknown of"), "{text}");
        assert!(!text.contains("NaN") && !text.contains("inf"), "{text}");
    }

    #[test]
    fn without_a_round_nothing_is_reported() {
        let empty = r#"{ "schema_version": 1, "rounds": [], "naive": { "policy": "a", "parameters": {} },
                         "optimized": { "policy": "b", "parameters": {} } }"#;
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(&file, empty).expect("written");
        let file = file.path().to_owned();
        let error = live(&LiveArgs { file }).expect_err("nothing to compare");
        assert!(error.message.contains("no round"), "{}", error.message);
        let file = tempfile::NamedTempFile::new().expect("a file");
        let file = file.path().to_owned();
        std::fs::write(&file, "").expect("written");
        let error = live(&LiveArgs { file }).expect_err("nothing to compare");
        let told = ": is empty; give a file with the output of `unchoke bench --json`";
        assert!(error.message.ends_with(told), "{}", error.message);
    }

    #[test]
    fn one_round_proves_nothing() {
        let text = report(&bench(&[(1000.0, 800.0)]));
        assert!(text.contains(", 1 round in pairs;"), "{text}");
        assert!(text.contains("received         20.0 % [?]"), "{text}");
        assert!(text.contains("no saving shown"), "{text}");
    }
}
