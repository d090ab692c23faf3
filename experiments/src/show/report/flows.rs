//! Where the bytes go, and who pays for them.

use std::cmp::Ordering;

use super::page::{COMPARISON_HEAD, Page};
use crate::findings::analysis::Quantity;
use crate::findings::measure::Group;
use crate::plan::{Estimand, Figure};
use crate::show::output::summary::waste_bound;
use crate::show::words;

impl Page<'_> {
    pub(super) fn bytes(&mut self) {
        self.html.heading("Where the bytes go", "bytes");
        self.figures(Figure::Bytes, None);
        self.arithmetic();
    }

    /// What swarm cost allows: measured waste beside the waste that the claim needs.
    fn arithmetic(&mut self) {
        let plan = self.plan;
        if !plan.has_size_of_bytes() {
            return;
        }
        self.html.subheading("The bound of arithmetic");
        self.html.paragraph(&format!(
            "A candidate that wastes w of its useful bytes can save {} of swarm cost (E3) only \
             against a baseline that wastes at least (1 + w) / (1 - {:.2}) - 1.",
            plan.margins.claim,
            plan.margins.claim.fraction()
        ));
        let row = |scenario: usize, contrast: usize| {
            let (wastes, needed) = waste_bound(plan, &self.analysis.levels, scenario, contrast);
            let (candidate, baseline) = plan.pair(contrast);
            let allows = match wastes.partial_cmp(&needed) {
                Some(Ordering::Less) => "no",
                Some(_) => "yes",
                None => "-",
            };
            vec![
                plan.scenarios[scenario].name.clone(),
                candidate.name.clone(),
                baseline.name.clone(),
                words::percent(needed),
                words::percent(wastes),
                allows.to_owned(),
            ]
        };
        let contrasts = 0..plan.contrasts.len();
        let rows = (0..plan.scenarios.len())
            .flat_map(|scenario| contrasts.clone().map(move |it| (scenario, it)));
        let rows: Vec<Vec<String>> = rows.map(|it| row(it.0, it.1)).collect();
        let head = [
            "scenario",
            "candidate",
            "baseline",
            "waste needed",
            "the baseline wastes",
            "the claim is possible",
        ];
        self.html.long("The bound by scenario", &head, &rows);
    }

    pub(super) fn payers(&mut self) {
        self.html.heading("Who pays", "matrix");
        self.figures(Figure::Classes, None);
        if !self.figures(Figure::Matrix, None) && self.plan.figures.contains(&Figure::Matrix) {
            self.html
                .paragraph("The class-by-class matrices stand with their scenarios below.");
        }
        self.html.paragraph(
            "Upload per completed copy (E1) of adopters, of the others and of all, against the same \
             peers where nobody adopts.",
        );
        let e1 = Quantity::Saving(Estimand::E1);
        let rows = self.comparisons(|it| {
            it.of.quantity == e1 && it.of.contrast.is_some() && it.of.group != Group::Outsiders
        });
        self.html.long("Upload by group", &COMPARISON_HEAD, &rows);
        self.fairness();
        let rows = self.comparisons(|it| {
            it.of.quantity == Quantity::Time
                && it.of.contrast.is_some()
                && it.of.group == Group::Outsiders
        });
        if !rows.is_empty() {
            self.html.paragraph(
                "What free-riders get: ratio of their completion time to what it is under the \
                 baseline; above 1 the candidate holds them back.",
            );
            self.html
                .long("Time of free-riders", &COMPARISON_HEAD, &rows);
        }
    }
}
