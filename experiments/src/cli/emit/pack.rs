//! Decides the number of tasks and estimates their duration.

use super::Failure;
use crate::plan::count;
use crate::run::unit::Shard;

/// Most tasks that are proposed. Many sites limit an array to about a thousand.
const MAX_TASKS: usize = 1000;

/// How many larger numbers of tasks to try, to find one with tasks of more equal length.
const TRIED: usize = 8;

/// Tasks are equal enough if the longest takes at most this many times the mean.
const FAIR: f64 = 1.1;

/// The units of a plan, divided into tasks.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Packing {
    pub(super) tasks: usize,
    pub(super) units: usize,
    /// `None` if nothing was timed.
    pub(super) time: Option<Time>,
}

/// Estimated duration of the tasks.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Time {
    pub(super) core_hours: f64,
    pub(super) shortest_min: f64,
    pub(super) longest_min: f64,
}

impl Packing {
    /// Divides the units into the given number of tasks.
    pub(super) fn into_tasks(tasks: usize, units: usize, done: usize) -> Result<Self, Failure> {
        if tasks > units {
            return Err(Failure::usage(format!(
                "--tasks {tasks}: the plan has {} ({done} done), and a task needs one at least",
                count(units, "unit")
            )));
        }
        let time = None;
        Ok(Self { tasks, units, time })
    }

    /// Divides the units into tasks of about `minutes` on nodes with `cores` cores, given the
    /// seconds of each unit. Finished units count too, so the script does not depend on the
    /// progress of the plan.
    pub(super) fn by_time(seconds: &[f64], cores: usize, minutes: u32) -> Self {
        let total: f64 = seconds.iter().sum();
        let task = f64::from(minutes) * 60.0 * cores as f64;
        let most = MAX_TASKS.min(seconds.len()).max(1);
        let least = least(total / task, most);
        let candidates = (least..least + TRIED).filter(|it| *it <= most);
        let lengths = candidates.map(|count| (count, lengths(seconds, count, cores)));
        let lengths: Vec<(usize, (f64, f64))> = lengths.collect();
        // If the number of tasks and the number of policies have a common divisor, some tasks get
        // all slow units.
        let unequal = |it: &(usize, (f64, f64))| it.1.1 * (it.0 * cores) as f64 / total;
        let fair = lengths.iter().find(|it| unequal(it) <= FAIR);
        let fairest = lengths
            .iter()
            .min_by(|one, other| unequal(one).total_cmp(&unequal(other)));
        let best = fair.or(fairest).expect("the least number is a candidate");
        let (tasks, (shortest, longest)) = *best;
        Self {
            tasks,
            units: seconds.len(),
            time: Some(Time {
                core_hours: total / 3600.0,
                shortest_min: shortest / 60.0,
                longest_min: longest / 60.0,
            }),
        }
    }
}

/// Number of tasks that fill the time, from one to `most`.
fn least(tasks: f64, most: usize) -> usize {
    (1..most).find(|it| *it as f64 >= tasks).unwrap_or(most)
}

/// Seconds of the shortest and of the longest of `count` tasks.
fn lengths(seconds: &[f64], count: usize, cores: usize) -> (f64, f64) {
    let task = |index: usize| {
        let shard = Shard { index, count };
        let own = || {
            let all = seconds.iter().enumerate();
            all.filter(|it| shard.holds(it.0)).map(|it| *it.1)
        };
        // At least as long as its longest unit, which runs on one core.
        (own().sum::<f64>() / cores as f64).max(own().fold(0.0, f64::max))
    };
    let mut all: Vec<f64> = (1..=count).map(task).collect();
    all.sort_by(f64::total_cmp);
    (all[0], all[count - 1])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tasks_take_about_the_time_that_was_asked_for() {
        // 4 policies in turn, one of them ten times as slow: 1000 units, 130 s per round, 9 core
        // hours.
        let seconds: Vec<f64> = (0..1000)
            .map(|at| [100.0, 10.0, 10.0, 10.0][at % 4])
            .collect();
        let packing = Packing::by_time(&seconds, 2, 30);
        let time = packing.time.clone().expect("timed");
        assert!((time.core_hours - 32_500.0 / 3600.0).abs() < 1e-9);
        // Nine nodes would be enough; a number without a common divisor with 4 gives more equal
        // tasks.
        assert_eq!(packing.tasks % 2, 1, "{packing:?}");
        assert!((9..=17).contains(&packing.tasks), "{packing:?}");
        assert!(time.longest_min < 1.15 * time.shortest_min, "{packing:?}");
        assert!(time.longest_min <= 33.0, "{packing:?}");
    }

    #[test]
    fn a_small_plan_is_one_task_and_a_huge_one_a_thousand() {
        let small = Packing::by_time(&[1.0; 5], 8, 60);
        assert_eq!(small.tasks, 1);
        let huge = Packing::by_time(&vec![3600.0; 5000], 1, 1);
        assert_eq!(huge.tasks, 1000);
    }

    #[test]
    fn more_tasks_than_units_are_refused() {
        let refused = Packing::into_tasks(9, 8, 3).expect_err("refused");
        assert!(refused.message.contains("8 units (3 done)"));
    }
}
