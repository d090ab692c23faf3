//! How a comparison is made: pairs of runs, then figures, then verdicts.

use super::comparison::{Comparison, Finding, Key, LogRatio, Method, Sides, Verdicts};
use super::quantity::Quantity;
use super::runs::Runs;
use crate::findings::measure::{Group, GroupMeasure, measure_group, measure_swarm};
use crate::findings::stats::bootstrap::{
    LEAST_RUNS, Resamples, bca, jackknife_error, pseudo_values,
};
use crate::findings::stats::bounds::Bounds;
use crate::findings::stats::estimate::Estimate;
use crate::findings::stats::math::{exp, ln};
use crate::findings::stats::moments::mean;
use crate::findings::stats::pairing::{Pairing, pairing};
use crate::findings::stats::power::runs_needed;
use crate::findings::verdict::{Direction, Joint, Size, Time, Unfinished};
use crate::plan::{Adoption, Estimand, Percent, Plan};
use crate::run::outcome::Outcome;
use crate::run::unit::Mix;

/// A comparison to make.
#[derive(Clone, Copy, Debug)]
pub(super) struct Question {
    scenario: usize,
    baseline: Option<usize>,
    adoption: Adoption,
    group: Group,
    treated: Mix,
    /// Mix and replica that it is compared with.
    twin: (Mix, u8),
}

/// The comparisons of a scenario: by baseline, adoption and group; last the candidate with itself.
pub(super) fn questions(plan: &Plan, scenario: usize) -> Vec<Question> {
    let mut questions = Vec::new();
    for baseline in 0..plan.baselines.len() {
        for adoption in &plan.adoption {
            let groups: &[Group] = if *adoption == Adoption::ALL {
                &[Group::All, Group::Outsiders]
            } else {
                &[Group::Adopters, Group::Others, Group::All, Group::Outsiders]
            };
            let of = |group: &Group| Question::of(scenario, baseline, *adoption, *group);
            questions.extend(groups.iter().map(of));
        }
    }
    questions.push(Question {
        twin: (Mix::Candidate, 1),
        ..Question::between(scenario, Mix::Candidate, Mix::Candidate)
    });
    questions
}

/// The group in one run and in its twin.
struct Pair {
    candidate: GroupMeasure,
    baseline: GroupMeasure,
    whole: [(f64, f64); 3],
}

/// Log ratios candidate over baseline, one a seed, against the plan's first baseline: of adopters at
/// the plan's first adoption for focal readings, else of swarms of one policy.
#[must_use]
pub fn paired_logs(plan: &Plan, runs: &Runs, scenario: usize, quantity: Quantity) -> Vec<f64> {
    let focal = matches!(quantity, Quantity::Bytes(it) if it.is_focal());
    let adoption = if focal {
        plan.adoption[0]
    } else {
        Adoption::ALL
    };
    let question = Question::of(scenario, 0, adoption, quantity.group(adoption));
    let seeds = 0..plan.seeds_of(scenario);
    let pairs: Vec<Pair> = seeds.filter_map(|it| question.pair(runs, it)).collect();
    let (candidate, baseline): (Vec<f64>, Vec<f64>) = match quantity {
        Quantity::Bytes(it) => {
            let values = question.bytes(it, &pairs);
            let (candidate, baseline) = values.expect("defined for the group");
            let logs = |it: Vec<f64>| it.into_iter().map(ln).collect();
            (logs(candidate), logs(baseline))
        }
        Quantity::Time => {
            let times = |it: &Pair| (it.candidate.mean_log_time, it.baseline.mean_log_time);
            pairs.iter().map(times).unzip()
        }
        Quantity::Tail => {
            let tails = |it: &Pair| (ln(it.candidate.tail_time), ln(it.baseline.tail_time));
            pairs.iter().map(tails).unzip()
        }
    };
    differences(&candidate, &baseline)
}

impl Question {
    /// The candidate at this adoption against a baseline.
    fn of(scenario: usize, baseline: usize, adoption: Adoption, group: Group) -> Self {
        let treated = match adoption {
            Adoption::ALL => Mix::Candidate,
            adoption => Mix::Mixed(baseline, adoption),
        };
        Self {
            scenario,
            baseline: Some(baseline),
            adoption,
            group,
            treated,
            twin: (Mix::Baseline(baseline), 0),
        }
    }

    /// Two pure mixes, all peers.
    pub(super) fn between(scenario: usize, treated: Mix, twin: Mix) -> Self {
        Self {
            scenario,
            baseline: None,
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
        // A swarm may be too small for a group: then there is nothing to say of it.
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
            if let Some(values) = self.bytes(*estimand, &study.pairs) {
                answers.push(study.saving(*estimand, &values, &times));
            }
        }
        answers.extend(times.iter().map(|it| study.time(it)));
        answers
    }

    fn pair(self, runs: &Runs, seed: u32) -> Option<Pair> {
        let treated = runs.get(self.treated, seed, 0);
        let twin = runs.get(self.twin.0, seed, self.twin.1);
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

    /// Candidate and baseline values of the estimand, if it is defined for the group.
    fn bytes(self, estimand: Estimand, pairs: &[Pair]) -> Option<(Vec<f64>, Vec<f64>)> {
        let focal = |it: fn(&GroupMeasure) -> f64| {
            Some(
                pairs
                    .iter()
                    .map(|pair| (it(&pair.candidate), it(&pair.baseline)))
                    .unzip(),
            )
        };
        let whole = |at: usize| {
            let all = self.group == Group::All;
            all.then(|| pairs.iter().map(|pair| pair.whole[at]).unzip())
        };
        match estimand {
            Estimand::E1 => focal(|it| it.upload_per_copy),
            Estimand::E2 => focal(|it| it.total_per_copy),
            Estimand::E3 => whole(0),
            Estimand::E4 => whole(1),
            Estimand::E5 => whole(2),
        }
    }
}

/// The runs of a question, ready to be told about.
struct Study<'a> {
    question: Question,
    pairs: Vec<Pair>,
    plan: &'a Plan,
    resamples: &'a Resamples,
}

/// Completion times of the group: their mean logarithm, or the logarithm of their tail.
struct Times {
    quantity: Quantity,
    margin: Percent,
    candidate: Vec<f64>,
    baseline: Vec<f64>,
    log: Bounds,
    method: Method,
}

/// What the figures of a quantity come to.
struct Figures {
    means: Sides,
    estimate: Estimate,
    by_seed: Vec<f64>,
    log_ratio: LogRatio,
    method: Method,
}

impl Study<'_> {
    fn times(&self) -> [Times; 2] {
        let logs = |it: fn(&GroupMeasure) -> f64| -> (Vec<f64>, Vec<f64>) {
            let each = self.pairs.iter();
            each.map(|pair| (it(&pair.candidate), it(&pair.baseline)))
                .unzip()
        };
        let (candidate, baseline) = logs(|it| it.mean_log_time);
        let mean = Times {
            quantity: Quantity::Time,
            margin: self.plan.margins.time,
            log: Bounds::t_of(&differences(&candidate, &baseline)),
            method: Method::Student,
            candidate,
            baseline,
        };
        let (candidate, baseline) = logs(|it| ln(it.tail_time));
        let paired = differences(&candidate, &baseline);
        let mean_of =
            |of: &[u32]| of.iter().map(|it| paired[*it as usize]).sum::<f64>() / of.len() as f64;
        let tail = Times {
            quantity: Quantity::Tail,
            margin: self.plan.margins.tail,
            log: bca(self.resamples, mean_of),
            method: resampled(self.pairs.len()),
            candidate,
            baseline,
        };
        [mean, tail]
    }

    /// Saving as one minus the ratio of the means over seeds: it exists also where a single
    /// adopter uploads nothing in some run, which a mean of log ratios does not.
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
        let bounds = bca(self.resamples, ratio);
        let estimate = bounds.estimate().map(|it| 1.0 - it);
        let claim = self.plan.margins.claim.fraction();
        // A large ratio is a small saving: the ends change places.
        let bound = |p: f64| 1.0 - bounds.at(1.0 - p);
        let logs = times.each_ref().map(|it| (&it.log, it.margin.fraction()));
        let verdicts = |among: usize| {
            let size = |among| Size::of(bound, claim, among);
            let time = |among| Time::of(logs, among);
            Verdicts {
                size: size(among),
                direction: Direction::of(bound, time(among), among),
                time: time(among),
                joint: Joint::of(size, time, among),
            }
        };
        let finding = Finding::Bytes {
            alone: verdicts(1),
            in_general: verdicts(self.plan.in_scope().count().max(1)),
        };
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
            method: resampled(runs),
        };
        let paired = pairing(candidate, baseline);
        self.comparison(Quantity::Bytes(estimand), figures, paired, finding)
    }

    fn time(&self, it: &Times) -> Comparison {
        let paired = pairing(&it.candidate, &it.baseline);
        let log = it.log.estimate();
        let figures = Figures {
            means: Sides {
                candidate: exp(mean(&it.candidate)),
                baseline: exp(mean(&it.baseline)),
            },
            estimate: log.map(exp),
            by_seed: differences(&it.candidate, &it.baseline),
            log_ratio: LogRatio {
                value: log.value,
                error: paired.spread / (self.pairs.len() as f64).sqrt(),
            },
            method: it.method,
        };
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
        let completed = self.completed();
        let cut = Unfinished::of([completed.candidate, completed.baseline]);
        Comparison {
            of: Key {
                scenario: self.question.scenario,
                baseline: self.question.baseline,
                adoption: self.question.adoption,
                group: self.question.group,
                quantity,
            },
            runs: self.pairs.len(),
            means: figures.means,
            estimate: figures.estimate,
            by_seed: figures.by_seed,
            log_ratio: figures.log_ratio,
            method: figures.method,
            pairing,
            completed,
            finding: cut.map_or(finding, Finding::Cut),
        }
    }

    /// Shares of the group that completed.
    fn completed(&self) -> Sides {
        let share = |it: fn(&Pair) -> &GroupMeasure| {
            let completed: usize = self.pairs.iter().map(|pair| it(pair).completed).sum();
            let peers: usize = self.pairs.iter().map(|pair| it(pair).peers).sum();
            completed as f64 / peers as f64
        };
        Sides {
            candidate: share(|it| &it.candidate),
            baseline: share(|it| &it.baseline),
        }
    }
}

fn resampled(runs: usize) -> Method {
    if runs < LEAST_RUNS {
        Method::Jackknife
    } else {
        Method::Bca
    }
}

fn differences(candidate: &[f64], baseline: &[f64]) -> Vec<f64> {
    candidate.iter().zip(baseline).map(|(a, b)| a - b).collect()
}
