//! Steady scenarios: finds the peers that meet the swarm in its steady state.

use super::runs::Runs;
use super::window::Window;
use crate::findings::stats::moments::mean;
use crate::findings::stats::warmup::mser5;
use crate::plan::Plan;
use crate::run::outcome::{Outcome, Sample};
use crate::run::unit::pure_mixes;

/// The warm-up of a steady scenario.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Warmup {
    /// Index in the plan's scenarios.
    pub scenario: usize,
    /// Arrival window of the peers that count; `None` if the swarms did not reach a steady state,
    /// and all count.
    pub window: Option<Window>,
}

/// The warm-up of a scenario: the longest that MSER-5 finds for the number of leechers and for the
/// rate under any policy, averaged over the runs. Peers count if they arrive after the warm-up, and
/// before the last arrival by at least the same time: later peers would meet a swarm that dies out.
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

/// Time at which the mean over runs of a value of the series becomes steady, ns.
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
