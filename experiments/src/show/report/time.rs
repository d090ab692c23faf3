//! Completion times and their tail.

use super::page::{COMPARISON_HEAD, Page};
use crate::findings::analysis::Quantity;
use crate::findings::measure::Group;
use crate::plan::Figure;

impl Page<'_> {
    pub(super) fn time(&mut self) {
        let is_shown = |it: &Figure| matches!(it, Figure::Time | Figure::Cdf);
        if !self.plan.figures.iter().any(is_shown) {
            return;
        }
        self.html.heading("Time", "time");
        self.figures(Figure::Time, None);
        self.figures(Figure::Cdf, None);
    }

    pub(super) fn tail(&mut self) {
        self.html.heading("The tail", "tail");
        self.html.paragraph(
            "Ratio of the 95th percentile of completion time, of all peers that run what the plan \
             compares.",
        );
        let rows = self.comparisons(|it| {
            it.of.quantity == Quantity::Tail
                && it.of.group == Group::All
                && it.of.contrast.is_some()
        });
        self.html
            .long("The tail, by scenario", &COMPARISON_HEAD, &rows);
    }
}
