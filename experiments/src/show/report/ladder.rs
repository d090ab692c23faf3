//! Which step of the ladder saves what.

use super::page::Page;
use crate::findings::analysis::Step;
use crate::findings::stats::math::decimals;
use crate::plan::Figure;
use crate::show::words;

impl Page<'_> {
    pub(super) fn ladder(&mut self) {
        if self.plan.ladder.is_empty() {
            return;
        }
        self.html
            .heading("The ladder: where the saving comes from", "ladder");
        for sentence in words::ladder(self.plan, self.analysis) {
            self.html.paragraph(&sentence);
        }
        self.figures(Figure::Ladder, None);
        let rows: Vec<Vec<String>> = self
            .analysis
            .ladder
            .steps
            .iter()
            .map(|it| self.step(it))
            .collect();
        self.html.long(
            "Every step",
            &[
                "scenario",
                "step",
                "quantity",
                "against the rung before [95 % CI]",
                "points of the first rung [95 % CI]",
                "variance removed",
            ],
            &rows,
        );
    }

    fn step(&self, it: &Step) -> Vec<String> {
        let ladder = &self.plan.ladder;
        vec![
            self.plan.scenarios[it.comparison.of.scenario].name.clone(),
            format!("{} → {}", ladder[it.rung - 1], ladder[it.rung]),
            it.comparison.of.quantity.id().to_owned(),
            words::estimate(&it.comparison),
            words::interval(&it.points),
            decimals(it.comparison.pairing.variance_reduction, 2),
        ]
    }
}
