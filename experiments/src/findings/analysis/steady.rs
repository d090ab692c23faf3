//! Steady scenarios: which peers count once the swarm has filled.

use super::runs::Runs;
use super::window::Window;
use crate::findings::stats::moments::mean;
use crate::findings::stats::warmup::mser5;
use crate::plan::Plan;
use crate::run::outcome::{Outcome, Sample};
use crate::run::unit::pure_mixes;

/// What was found of the warm-up of a steady scenario.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Warmup {
    /// Position in the plan's scenarios.
    pub scenario: usize,
    /// Who counts; `None` if the swarms did not come to rest: then all do.
    pub window: Option<Window>,
}

/// The warm-up of a scenario: the longest that MSER-5 finds for the leechers and the rate of any
/// policy, averaged over its runs. Peers count that arrive after it, and as long before the last
/// arrival: later ones meet a swarm that dies out.
pub(super) fn warmup(plan: &Plan, scenario: usize, runs: &Runs) -> Warmup {
    let all = || runs.iter().map(|it| &it.1);
    let last = all().map(last_arrival).min().unwrap_or(0);
    let mut longest = Some(0);
    for mix in pure_mixes(plan) {
        let outcomes: Vec<&Outcome> = runs.of_mix(mix).collect();
        for value in [|it: &Sample| it.leechers, |it: &Sample| it.down_rate] {
            let found = rest_of(&outcomes, last, value);
            longest = longest.zip(found).map(|(a, b): (u64, u64)| a.max(b));
        }
    }
    let window = longest.map(|from_ns| Window {
        from_ns,
        until_ns: last.saturating_sub(from_ns),
    });
    Warmup {
        scenario,
        window: window.filter(|it| it.from_ns < it.until_ns),
    }
}

fn last_arrival(outcome: &Outcome) -> u64 {
    let peers = outcome.nodes.iter().filter(|it| !it.origin);
    peers.map(|it| it.arrived_ns).max().unwrap_or(0)
}

/// When the mean over runs of a value of the series comes to rest, ns.
fn rest_of(outcomes: &[&Outcome], last_ns: u64, value: fn(&Sample) -> u64) -> Option<u64> {
    let within = |it: &&Outcome| it.series.partition_point(|at| at.at_ns <= last_ns);
    let length = outcomes.iter().map(within).min()?;
    let at = |moment: usize| {
        let each = outcomes.iter().map(|it| value(&it.series[moment]) as f64);
        mean(&each.collect::<Vec<f64>>())
    };
    let series: Vec<f64> = (0..length).map(at).collect();
    let cut = mser5(&series)?;
    Some(outcomes.first()?.series[cut].at_ns)
}
