//! The runs of one scenario, with access by mix and seed.

use std::collections::BTreeMap;

use super::window::Window;
use crate::findings::measure::{
    Group, GroupMeasure, SwarmMeasure, measure_group, measure_swarm, peers,
};
use crate::plan::Plan;
use crate::run::outcome::{Node, Outcome};
use crate::run::unit::{Mix, Unit};

/// Runs of one scenario.
#[derive(Clone, Debug, Default)]
pub struct Runs {
    runs: BTreeMap<(Mix, u32, u8), (Unit, Outcome)>,
    /// Only peers that arrive in this window count; `None` if all count.
    window: Option<Window>,
}

/// One row of `runs.csv`.
#[derive(Clone, Debug, PartialEq)]
pub struct RunRow {
    /// The unit.
    pub unit: Unit,
    /// Figures of the swarm.
    pub swarm: SwarmMeasure,
    /// Figures of all peers.
    pub all: GroupMeasure,
    /// Figures of the peers that run the candidate.
    pub adopters: Option<GroupMeasure>,
    /// The run without its rows of nodes and samples.
    pub outcome: Outcome,
}

impl Runs {
    /// From now on, only peers that arrive in the window count. `None` counts all.
    pub(super) fn count_within(&mut self, window: Option<Window>) {
        self.window = window;
    }

    /// Indices of the peers of a group that count.
    #[must_use]
    pub fn members(&self, outcome: &Outcome, group: Group) -> Vec<usize> {
        let counts = |it: &Node| self.window.is_none_or(|window| window.holds(it.arrived_ns));
        peers(outcome, |it| group.holds(it) && counts(it))
    }

    /// Adds a run.
    pub fn insert(&mut self, unit: Unit, outcome: Outcome) {
        self.runs
            .insert((unit.mix, unit.seed_index, unit.replica), (unit, outcome));
    }

    /// The run of this mix with this seed.
    #[must_use]
    pub fn get(&self, mix: Mix, seed_index: u32, replica: u8) -> &Outcome {
        let run = self.runs.get(&(mix, seed_index, replica));
        &run.expect("every unit of the plan was loaded").1
    }

    /// The second execution of a run, if there was one.
    #[must_use]
    pub fn replica(&self, mix: Mix, seed_index: u32) -> Option<&Outcome> {
        let run = self.runs.get(&(mix, seed_index, 1));
        run.map(|it| &it.1)
    }

    /// The runs of a mix, in seed order, second executions left out.
    pub fn of_mix(&self, mix: Mix) -> impl Iterator<Item = &Outcome> {
        let wanted = move |it: &(&(Mix, u32, u8), _)| it.0.0 == mix && it.0.2 == 0;
        self.runs.iter().filter(wanted).map(|it| &it.1.1)
    }

    /// Every run with its unit, by mix and seed.
    pub fn iter(&self) -> impl Iterator<Item = &(Unit, Outcome)> {
        self.runs.values()
    }

    /// The rows of `runs.csv`, by seed, then mix.
    #[must_use]
    pub fn rows(&self, _plan: &Plan) -> Vec<RunRow> {
        let mut rows: Vec<RunRow> = self
            .runs
            .values()
            .map(|(unit, it)| self.row(unit, it))
            .collect();
        rows.sort_by_key(|it| (it.unit.seed_index, it.unit.mix, it.unit.replica));
        rows
    }

    fn row(&self, unit: &Unit, outcome: &Outcome) -> RunRow {
        let adopters = self.members(outcome, Group::Adopters);
        RunRow {
            unit: unit.clone(),
            swarm: measure_swarm(outcome),
            all: measure_group(outcome, &self.members(outcome, Group::All)),
            adopters: (!adopters.is_empty()).then(|| measure_group(outcome, &adopters)),
            outcome: Outcome {
                nodes: Vec::new(),
                series: Vec::new(),
                class_matrix: Vec::new(),
                ..outcome.clone()
            },
        }
    }
}
