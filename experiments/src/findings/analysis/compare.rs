//! One comparison: the same seeds and the same peers under two mixes.

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
use crate::findings::verdict::{Direction, Size, Time};
use crate::plan::{Adoption, Estimand, Percent, Plan};
use crate::run::outcome::Outcome;
use crate::run::unit::Mix;

/// How an interval was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Student's t on paired log ratios.
    Student,
    /// `BCa` bootstrap over seeds.
    Bca,
    /// Jackknife over seeds with Student's t: for fewer than 20 seeds.
    Jackknife,
}

impl Method {
    /// The name in files and captions.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Student => "Student t",
            Self::Bca => "BCa bootstrap",
            Self::Jackknife => "jackknife t",
        }
    }

    fn resampled(runs: usize) -> Self {
        if runs < LEAST_RUNS {
            Self::Jackknife
        } else {
            Self::Bca
        }
    }
}

/// One row of `summary.csv`.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    /// Position in the plan's scenarios.
    pub scenario: usize,
    /// Position in the plan's baselines; `None` for the candidate against itself.
    pub baseline: Option<usize>,
    /// Share of peers that run the candidate.
    pub adoption: Adoption,
    /// Whose effect it is.
    pub group: Group,
    /// What is compared.
    pub quantity: Quantity,
    /// Paired runs.
    pub runs: usize,
    /// Mean over seeds under the candidate, in the unit of the quantity.
    pub candidate_mean: f64,
    /// Mean over seeds under the baseline.
    pub baseline_mean: f64,
    /// Saving or ratio, see [`Quantity::scale`].
    pub estimate: Estimate,
    /// One value a seed, to be compared with those of another summary of the same seeds: of a ratio its
    /// logarithms, whose mean is that of the estimate; of a saving its jackknife pseudo-values, whose
    /// mean differs from the estimate by the bias that the jackknife sees.
    pub by_seed: Vec<f64>,
    /// Logarithm of the ratio.
    pub log_ratio: f64,
    /// Its standard error.
    pub log_error: f64,
    /// How the interval was made.
    pub method: Method,
    /// What common random numbers earned.
    pub pairing: Pairing,
    /// Share of the group that completed, under the candidate and under the baseline.
    pub completed: (f64, f64),
    /// Paired runs for 90 % power at the time margin, from the spread seen here.
    pub runs_needed: Option<u64>,
    /// Size verdict, for bytes.
    pub size: Option<Size>,
    /// Direction verdict, for bytes.
    pub direction: Option<Direction>,
    /// Both as what this scenario says of all of the plan's, any of which may settle them; for bytes.
    pub in_general: Option<(Size, Direction)>,
    /// What is known of the group's completion times.
    pub time: Option<Time>,
}

impl Comparison {
    /// Candidate and baseline are the same in every pair.
    #[must_use]
    pub fn is_zero(&self) -> bool {
        // One pair has no spread to speak of; its one difference is all there is to be zero.
        let spread = self.pairing.spread;
        let same = self.log_ratio == 0.0 && (spread == 0.0 || spread.is_nan());
        // Of what nobody does, such as the upload of free-riders, there is no logarithm.
        same || self.candidate_mean == 0.0 && self.baseline_mean == 0.0
    }

    /// It answers a question about bytes at its adoption: see [`Quantity::group`].
    #[must_use]
    pub fn is_headline(&self) -> bool {
        let of_bytes = matches!(self.quantity, Quantity::Bytes(_));
        of_bytes && self.baseline.is_some() && self.group == self.quantity.group(self.adoption)
    }
}

/// The comparisons that answer a question against a baseline at an adoption, one a scenario.
pub fn answers(
    comparisons: &[Comparison],
    quantity: Quantity,
    baseline: usize,
    adoption: Adoption,
) -> impl Iterator<Item = &Comparison> {
    let asked = (quantity, Some(baseline), adoption, quantity.group(adoption));
    let of = |it: &Comparison| (it.quantity, it.baseline, it.adoption, it.group);
    comparisons.iter().filter(move |it| of(it) == asked)
}

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
        let logs = |it: fn(&GroupMeasure) -> f64| -> (Vec<f64>, Vec<f64>) {
            pairs
                .iter()
                .map(|pair| (it(&pair.candidate), it(&pair.baseline)))
                .unzip()
        };
        let (time, time_log) = self.time(plan, &pairs, logs(|it| it.mean_log_time));
        let (tail, tail_log) = self.tail(plan, &pairs, resamples, logs(|it| ln(it.tail_time)));
        let (mean_margin, tail_margin) = (plan.margins.time, plan.margins.tail);
        let margins = [mean_margin, tail_margin].map(Percent::fraction);
        let times = [(&time_log, margins[0]), (&tail_log, margins[1])];
        let words = [1, plan.scenarios.len()].map(|among| Time::of(times, among));
        let mut answers = Vec::new();
        for estimand in &plan.estimands {
            if let Some(values) = self.bytes(*estimand, &pairs) {
                answers.push(self.saving(plan, *estimand, &pairs, resamples, &values, words));
            }
        }
        answers.extend([time, tail]);
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

    /// Saving as one minus the ratio of the means over seeds: it exists also where a single
    /// adopter uploads nothing in some run, which a mean of log ratios does not.
    fn saving(
        self,
        plan: &Plan,
        estimand: Estimand,
        pairs: &[Pair],
        resamples: &Resamples,
        (candidate, baseline): &(Vec<f64>, Vec<f64>),
        [time, time_in_general]: [Time; 2],
    ) -> Comparison {
        let ratio = |of: &[u32]| {
            let sum = |values: &[f64]| of.iter().map(|it| values[*it as usize]).sum::<f64>();
            sum(candidate) / sum(baseline)
        };
        let bounds = bca(resamples, ratio);
        let estimate = bounds.estimate().map(|it| 1.0 - it);
        let claim = plan.margins.claim.fraction();
        // A large ratio is a small saving: the ends change places.
        let size = |among: usize| Size::of(|p| 1.0 - bounds.at(1.0 - p), claim, among);
        Comparison {
            candidate_mean: mean(candidate),
            baseline_mean: mean(baseline),
            by_seed: pseudo_values(pairs.len(), |of| 1.0 - ratio(of)),
            log_ratio: ln(mean(candidate) / mean(baseline)),
            log_error: jackknife_error(pairs.len(), |of| ln(ratio(of))),
            method: Method::resampled(pairs.len()),
            size: Some(size(1)),
            direction: Some(Direction::of(&estimate, time)),
            in_general: Some((
                size(plan.scenarios.len()),
                Direction::of(&estimate, time_in_general),
            )),
            time: Some(time),
            ..self.blank(
                plan,
                Quantity::Bytes(estimand),
                pairs,
                estimate,
                candidate,
                baseline,
            )
        }
    }

    fn time(
        self,
        plan: &Plan,
        pairs: &[Pair],
        (candidate, baseline): (Vec<f64>, Vec<f64>),
    ) -> (Comparison, Bounds) {
        let log = Bounds::t_of(&differences(&candidate, &baseline));
        let estimate = log.estimate();
        let comparison = Comparison {
            method: Method::Student,
            ..self.ratio(plan, Quantity::Time, pairs, estimate, &candidate, &baseline)
        };
        (comparison, log)
    }

    fn tail(
        self,
        plan: &Plan,
        pairs: &[Pair],
        resamples: &Resamples,
        (candidate, baseline): (Vec<f64>, Vec<f64>),
    ) -> (Comparison, Bounds) {
        let paired = differences(&candidate, &baseline);
        let mean_of =
            |of: &[u32]| of.iter().map(|it| paired[*it as usize]).sum::<f64>() / of.len() as f64;
        let log = bca(resamples, mean_of);
        let estimate = log.estimate();
        let comparison = Comparison {
            method: Method::resampled(pairs.len()),
            ..self.ratio(plan, Quantity::Tail, pairs, estimate, &candidate, &baseline)
        };
        (comparison, log)
    }

    fn ratio(
        self,
        plan: &Plan,
        quantity: Quantity,
        pairs: &[Pair],
        log: Estimate,
        candidate: &[f64],
        baseline: &[f64],
    ) -> Comparison {
        Comparison {
            candidate_mean: exp(mean(candidate)),
            baseline_mean: exp(mean(baseline)),
            by_seed: differences(candidate, baseline),
            log_ratio: log.value,
            log_error: pairing(candidate, baseline).spread / (pairs.len() as f64).sqrt(),
            ..self.blank(plan, quantity, pairs, log.map(exp), candidate, baseline)
        }
    }

    fn blank(
        self,
        plan: &Plan,
        quantity: Quantity,
        pairs: &[Pair],
        estimate: Estimate,
        candidate: &[f64],
        baseline: &[f64],
    ) -> Comparison {
        let share = |it: fn(&Pair) -> &GroupMeasure| {
            let completed: usize = pairs.iter().map(|pair| it(pair).completed).sum();
            let peers: usize = pairs.iter().map(|pair| it(pair).peers).sum();
            completed as f64 / peers as f64
        };
        let paired = pairing(candidate, baseline);
        let margin = if quantity == Quantity::Tail {
            plan.margins.tail
        } else {
            plan.margins.time
        };
        Comparison {
            scenario: self.scenario,
            baseline: self.baseline,
            adoption: self.adoption,
            group: self.group,
            quantity,
            runs: pairs.len(),
            candidate_mean: f64::NAN,
            baseline_mean: f64::NAN,
            estimate,
            by_seed: Vec::new(),
            log_ratio: f64::NAN,
            log_error: f64::NAN,
            method: Method::Student,
            pairing: paired,
            completed: (share(|it| &it.candidate), share(|it| &it.baseline)),
            runs_needed: match quantity {
                Quantity::Bytes(_) => None,
                Quantity::Time | Quantity::Tail => runs_needed(paired.spread, margin.fraction()),
            },
            size: None,
            direction: None,
            in_general: None,
            time: None,
        }
    }
}

fn differences(candidate: &[f64], baseline: &[f64]) -> Vec<f64> {
    candidate.iter().zip(baseline).map(|(a, b)| a - b).collect()
}
