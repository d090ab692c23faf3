//! Makes a comparison: pairs of runs, then figures, then verdicts.

use super::comparison::{Comparison, Finding, Key, LogRatio, Sides, Verdicts};
use super::quantity::Quantity;
use super::runs::Runs;
use crate::findings::measure::{Group, GroupMeasure, measure_group, measure_swarm};
use crate::findings::stats::bootstrap::{Resamples, jackknife_error, pseudo_values};
use crate::findings::stats::bounds::Bounds;
use crate::findings::stats::estimate::Estimate;
use crate::findings::stats::math::{exp, ln};
use crate::findings::stats::method;
use crate::findings::stats::moments::mean;
use crate::findings::stats::pairing::{Pairing, pairing};
use crate::findings::stats::power::runs_needed;
use crate::findings::stats::studentised::RatioBounds;
use crate::findings::verdict::{Direction, Joint, Size, Time, Unfinished};
use crate::plan::{Adoption, Estimand, Percent, Plan};
use crate::run::outcome::Outcome;
use crate::run::unit::Mix;

/// A comparison to make.
#[derive(Clone, Copy, Debug)]
pub(super) struct Question {
    scenario: usize,
    contrast: Option<usize>,
    adoption: Adoption,
    group: Group,
    treated: Mix,
    /// Mix and replica to compare with.
    twin: (Mix, u8),
}

/// The comparisons of a scenario: by contrast, adoption and group. The last compares the candidate
/// with itself.
pub(super) fn questions(plan: &Plan, scenario: usize) -> Vec<Question> {
    let mut questions = Vec::new();
    for (contrast, it) in plan.contrasts.iter().enumerate() {
        for adoption in &it.adoption {
            let groups: &[Group] = if *adoption == Adoption::ALL {
                &[Group::All, Group::Outsiders]
            } else {
                &[Group::Adopters, Group::Others, Group::All, Group::Outsiders]
            };
            let of = |group: &Group| Question::of(plan, (scenario, contrast), *adoption, *group);
            questions.extend(groups.iter().map(of));
        }
    }
    questions.push(Question {
        twin: (Mix::Candidate, 1),
        ..Question::between(scenario, Mix::Candidate, Mix::Candidate)
    });
    questions
}

/// The same group of peers in one run and in its twin.
struct Pair {
    candidate: GroupMeasure,
    baseline: GroupMeasure,
    whole: [(f64, f64); 3],
}

/// Values of a quantity in each run of a scenario and in its twin. For times, their logarithms.
#[derive(Clone, Debug)]
pub struct Paired {
    /// The comparison that the values belong to.
    pub of: Key,
    /// Values under the candidate, one per seed.
    pub candidate: Vec<f64>,
    /// Values under the baseline, one per seed.
    pub baseline: Vec<f64>,
}

/// The paired values of every comparison that answers a question.
#[must_use]
pub fn pairs(plan: &Plan, runs: &Runs, scenario: usize) -> Vec<Paired> {
    let mut all = Vec::new();
    for question in questions(plan, scenario) {
        let seeds = 0..plan.seeds_of(scenario);
        let pairs: Option<Vec<Pair>> = seeds.map(|it| question.pair(runs, it)).collect();
        let (Some(_), Some(pairs)) = (question.contrast, pairs) else {
            continue;
        };
        // The claim about time is about the pairs of `Quantity::Time`.
        let estimands = plan.estimands.iter().filter(|it| **it != Estimand::T);
        let quantities = estimands.copied().map(Quantity::Saving);
        for quantity in quantities.chain([Quantity::Time, Quantity::Tail]) {
            if quantity.group(question.adoption) != question.group {
                continue;
            }
            if let Some((candidate, baseline)) = question.values(quantity, &pairs) {
                let of = question.key(quantity);
                all.push(Paired {
                    of,
                    candidate,
                    baseline,
                });
            }
        }
    }
    all
}

/// Log ratios of candidate over baseline for the plan's first contrast, one per seed, and whether the
/// runs were cut short. Readings about adopters use the plan's first adoption; all others use pure
/// swarms.
#[must_use]
pub fn paired_logs(
    plan: &Plan,
    runs: &Runs,
    scenario: usize,
    quantity: Quantity,
) -> (Vec<f64>, Option<Unfinished>) {
    let focal = matches!(quantity, Quantity::Saving(it) if it.is_focal());
    let adoption = if focal {
        plan.adoption[0]
    } else {
        Adoption::ALL
    };
    let question = Question::of(plan, (scenario, 0), adoption, quantity.group(adoption));
    let seeds = 0..plan.seeds_of(scenario);
    let pairs: Vec<Pair> = seeds.filter_map(|it| question.pair(runs, it)).collect();
    let values = question.values(quantity, &pairs);
    let (mut candidate, mut baseline) = values.expect("defined for the group");
    if matches!(quantity, Quantity::Saving(_)) {
        for it in candidate.iter_mut().chain(&mut baseline) {
            *it = ln(*it);
        }
    }
    let completed = completed(&pairs);
    let cut = Unfinished::of([completed.candidate, completed.baseline]);
    (differences(&candidate, &baseline), cut)
}

impl Question {
    /// Compares the candidate of a contrast at this adoption with its baseline, in a scenario.
    fn of(
        plan: &Plan,
        (scenario, contrast): (usize, usize),
        adoption: Adoption,
        group: Group,
    ) -> Self {
        let it = &plan.contrasts[contrast];
        let treated = match adoption {
            Adoption::ALL => it.candidate.into(),
            adoption => Mix::Mixed(contrast, adoption),
        };
        Self {
            scenario,
            contrast: Some(contrast),
            adoption,
            group,
            treated,
            twin: (it.baseline.into(), 0),
        }
    }

    /// Compares two pure mixes over all peers.
    pub(super) fn between(scenario: usize, treated: Mix, twin: Mix) -> Self {
        Self {
            scenario,
            contrast: None,
            adoption: Adoption::ALL,
            group: Group::All,
            treated,
            twin: (twin, 0),
        }
    }

    pub(super) fn answer(self, plan: &Plan, runs: &Runs, resamples: &Resamples) -> Vec<Comparison> {
        let pairs: Option<Vec<Pair>> = (0..plan.seeds_of(self.scenario))
            .map(|seed| self.pair(runs, seed))
            .collect();
        // In a small swarm a group may be empty. Then there is no result.
        let Some(pairs) = pairs else {
            return Vec::new();
        };
        let study = Study {
            question: self,
            pairs,
            plan,
            resamples,
        };
        let times = study.times();
        let mut answers = Vec::new();
        for estimand in &plan.estimands {
            if *estimand == Estimand::T {
                answers.push(study.time_saved(&times));
            } else if let Some(values) = self.bytes(*estimand, &study.pairs) {
                answers.push(study.saving(*estimand, &values, &times));
            }
        }
        answers.extend(times.iter().map(|it| study.time(it)));
        answers
    }

    fn pair(self, runs: &Runs, seed: u32) -> Option<Pair> {
        let treated = runs.get(self.treated, seed, 0);
        let (mix, replica) = self.twin;
        let twin = match replica {
            0 => runs.get(mix, seed, 0),
            // Sweeps do not run the candidate against itself again.
            _ => runs.replica(mix, seed)?,
        };
        let members = runs.members(treated, self.group);
        if members.is_empty() {
            return None;
        }
        assert_eq!(
            treated.nodes.len(),
            twin.nodes.len(),
            "twins have the same peers"
        );
        let whole = |it: &Outcome| {
            let swarm = measure_swarm(it);
            [swarm.cost, swarm.origin_per_copy, swarm.waste()]
        };
        let (a, b) = (whole(treated), whole(twin));
        Some(Pair {
            candidate: measure_group(treated, &members),
            baseline: measure_group(twin, &members),
            whole: [(a[0], b[0]), (a[1], b[1]), (a[2], b[2])],
        })
    }

    fn key(self, quantity: Quantity) -> Key {
        Key {
            scenario: self.scenario,
            contrast: self.contrast,
            adoption: self.adoption,
            group: self.group,
            quantity,
        }
    }

    /// Values of a quantity under candidate and baseline, for times their logarithms; `None` if it
    /// is not defined for the group.
    fn values(self, quantity: Quantity, pairs: &[Pair]) -> Option<(Vec<f64>, Vec<f64>)> {
        match quantity {
            Quantity::Saving(Estimand::T) | Quantity::Time => {
                Some(both(pairs, |it| it.mean_log_time))
            }
            Quantity::Saving(it) => self.bytes(it, pairs),
            Quantity::Tail => Some(both(pairs, |it| ln(it.tail_time))),
        }
    }

    /// Values of a reading of bytes under candidate and baseline; `None` if it is not defined for the
    /// group.
    fn bytes(self, estimand: Estimand, pairs: &[Pair]) -> Option<(Vec<f64>, Vec<f64>)> {
        let whole = |at: usize| {
            let all = self.group == Group::All;
            all.then(|| pairs.iter().map(|pair| pair.whole[at]).unzip())
        };
        match estimand {
            Estimand::T => None,
            Estimand::E1 => Some(both(pairs, UPLOAD)),
            Estimand::E2 => Some(both(pairs, |it| it.total_per_copy)),
            Estimand::E3 => whole(0),
            Estimand::E4 => whole(1),
            Estimand::E5 => whole(2),
        }
    }
}

/// Shares of the group that completed.
fn completed(pairs: &[Pair]) -> Sides {
    let share = |it: fn(&Pair) -> &GroupMeasure| {
        let completed: usize = pairs.iter().map(|pair| it(pair).completed).sum();
        let peers: usize = pairs.iter().map(|pair| it(pair).peers).sum();
        completed as f64 / peers as f64
    };
    Sides {
        candidate: share(|it| &it.candidate),
        baseline: share(|it| &it.baseline),
    }
}

/// The paired runs of a question, ready for evaluation.
struct Study<'a> {
    question: Question,
    pairs: Vec<Pair>,
    plan: &'a Plan,
    resamples: &'a Resamples,
}

/// Completion times of the group: the mean logarithm, or the logarithm of the 95th percentile.
struct Times {
    quantity: Quantity,
    margin: Percent,
    candidate: Vec<f64>,
    baseline: Vec<f64>,
    log: Bounds,
}

impl Times {
    fn differences(&self) -> Vec<f64> {
        differences(&self.candidate, &self.baseline)
    }

    fn pairing(&self) -> Pairing {
        pairing(&self.candidate, &self.baseline)
    }

    fn figures(
        &self,
        estimate: Estimate,
        by_seed: Vec<f64>,
        (value, paired): (f64, &Pairing),
    ) -> Figures {
        let error = paired.spread / (self.candidate.len() as f64).sqrt();
        Figures {
            means: Sides {
                candidate: exp(mean(&self.candidate)),
                baseline: exp(mean(&self.baseline)),
            },
            estimate,
            by_seed,
            log_ratio: LogRatio { value, error },
        }
    }
}

/// The log ratios of times that must be kept, each with its margin.
fn limits(times: &[Times; 2]) -> [(&Bounds, f64); 2] {
    times.each_ref().map(|it| (&it.log, it.margin.fraction()))
}

/// Results for one quantity.
struct Figures {
    means: Sides,
    estimate: Estimate,
    by_seed: Vec<f64>,
    log_ratio: LogRatio,
}

impl Study<'_> {
    fn mean_log(&self, candidate: &[f64], baseline: &[f64]) -> Bounds {
        let logs = differences(candidate, baseline);
        method::of_mean(self.plan.method, self.resamples, &logs)
    }

    fn times(&self) -> [Times; 2] {
        let of = |quantity| {
            let values = self.question.values(quantity, &self.pairs);
            values.expect("times are defined for every group")
        };
        let (candidate, baseline) = of(Quantity::Time);
        let mean = Times {
            quantity: Quantity::Time,
            margin: self.plan.margins.time,
            log: self.mean_log(&candidate, &baseline),
            candidate,
            baseline,
        };
        let (candidate, baseline) = of(Quantity::Tail);
        let tail = Times {
            quantity: Quantity::Tail,
            margin: self.plan.margins.tail,
            log: self.mean_log(&candidate, &baseline),
            candidate,
            baseline,
        };
        [mean, tail]
    }

    /// The saving is 1 minus the ratio of the means over seeds. Unlike a mean of log ratios, it is
    /// defined even if a single adopter uploads nothing in some run.
    fn saving(
        &self,
        estimand: Estimand,
        (candidate, baseline): &(Vec<f64>, Vec<f64>),
        times: &[Times; 2],
    ) -> Comparison {
        let runs = self.pairs.len();
        let ratio = |of: &[u32]| {
            let sum = |values: &[f64]| of.iter().map(|it| values[*it as usize]).sum::<f64>();
            sum(candidate) / sum(baseline)
        };
        let bounds = method::of_ratio(self.plan.method, self.resamples, candidate, baseline);
        let estimate = bounds.estimate().map(|it| 1.0 - it);
        let finding = self.finding(estimand, &bounds, &limits(times));
        let means = Sides {
            candidate: mean(candidate),
            baseline: mean(baseline),
        };
        let figures = Figures {
            log_ratio: LogRatio {
                value: ln(means.candidate / means.baseline),
                error: jackknife_error(runs, |of| ln(ratio(of))),
            },
            means,
            estimate,
            by_seed: pseudo_values(runs, |of| 1.0 - ratio(of)),
        };
        let paired = pairing(candidate, baseline);
        self.comparison(Quantity::Saving(estimand), figures, paired, finding)
    }

    /// Time as the reading that the claim is about. The tail must be kept, and if there is a margin for it,
    /// the upload of the same peers.
    fn time_saved(&self, times: &[Times; 2]) -> Comparison {
        let [it, _] = times;
        let mut kept = limits(times).to_vec();
        let upload = self.plan.margins.upload.map(|margin| {
            let (top, bottom) = both(&self.pairs, UPLOAD);
            let ratio = method::of_ratio(self.plan.method, self.resamples, &top, &bottom);
            (ratio.logarithm(), margin.fraction())
        });
        kept.extend(upload.as_ref().map(|(log, margin)| (log, *margin)));
        let bounds = RatioBounds::of_logarithm(it.log.clone());
        let finding = self.finding(Estimand::T, &bounds, &kept);
        let (logs, paired) = (it.differences(), it.pairing());
        let (ratio, centre) = (bounds.estimate().value, mean(&logs));
        // To first order; their mean is the estimate.
        let by_seed = logs
            .iter()
            .map(|it| 1.0 - ratio * (1.0 + it - centre))
            .collect();
        let estimate = bounds.estimate().map(|it| 1.0 - it);
        let figures = it.figures(estimate, by_seed, (centre, &paired));
        self.comparison(Quantity::Saving(Estimand::T), figures, paired, finding)
    }

    /// The verdicts on a saving from bounds of its ratio, and from what must be kept, each with its margin.
    fn finding(&self, of: Estimand, ratio: &RatioBounds, kept: &[(&Bounds, f64)]) -> Finding {
        let claim = self.plan.claim_of(of).fraction();
        // A large ratio is a small saving, so the two bounds change places.
        let bound = |p: f64| 1.0 - ratio.at(1.0 - p);
        let verdicts = |among: usize| {
            let size = |among| Size::of(bound, claim, among);
            let time = |among| Time::of(kept, among);
            Verdicts {
                size: size(among),
                direction: Direction::of(bound, time(among), among),
                time: time(among),
                joint: Joint::of(size, time, among),
            }
        };
        Finding::Saving {
            alone: verdicts(1),
            in_general: verdicts(self.plan.in_scope().count().max(1)),
        }
    }

    fn time(&self, it: &Times) -> Comparison {
        let (log, paired) = (it.log.estimate(), it.pairing());
        let figures = it.figures(log.map(exp), it.differences(), (log.value, &paired));
        let finding = Finding::Times {
            runs_needed: runs_needed(paired.spread, it.margin.fraction()),
        };
        self.comparison(it.quantity, figures, paired, finding)
    }

    fn comparison(
        &self,
        quantity: Quantity,
        figures: Figures,
        pairing: Pairing,
        finding: Finding,
    ) -> Comparison {
        let completed = completed(&self.pairs);
        let cut = Unfinished::of([completed.candidate, completed.baseline]);
        Comparison {
            of: self.question.key(quantity),
            runs: self.pairs.len(),
            means: figures.means,
            estimate: figures.estimate,
            by_seed: figures.by_seed,
            log_ratio: figures.log_ratio,
            method: method::of_runs(self.plan.method, self.pairs.len()),
            pairing,
            completed,
            finding: cut.map_or(finding, Finding::Cut),
        }
    }
}

/// E1 of a group.
const UPLOAD: fn(&GroupMeasure) -> f64 = |it| it.upload_per_copy;

/// A measure of the group under candidate and baseline, one per seed.
fn both(pairs: &[Pair], measure: fn(&GroupMeasure) -> f64) -> (Vec<f64>, Vec<f64>) {
    let each = pairs.iter();
    each.map(|it| (measure(&it.candidate), measure(&it.baseline)))
        .unzip()
}

fn differences(candidate: &[f64], baseline: &[f64]) -> Vec<f64> {
    candidate.iter().zip(baseline).map(|(a, b)| a - b).collect()
}
