//! What the sections of a report share: the plan, what was found, and the page in the making.

use super::html::Html;
use crate::findings::analysis::{Analysis, Comparison};
use crate::findings::stats::math::decimals;
use crate::plan::{Figure, Plan};
use crate::show::figure::Picture;
use crate::show::words;

/// A report in the making.
pub(super) struct Page<'a> {
    pub(super) html: Html,
    pub(super) plan: &'a Plan,
    pub(super) analysis: &'a Analysis,
    pub(super) pictures: &'a [Picture],
}

/// The page of a plan up to its first section.
pub(crate) fn begin(plan: &Plan) -> Html {
    Html::begin(&plan.name, &plan.question, &words::status(&plan.status))
}

/// What the author wrote before the first run, and what was changed since.
pub(crate) fn expected(html: &mut Html, plan: &Plan) {
    html.subheading("What was expected, in writing, before the run");
    html.quote(&plan.expectation);
    if let Some(amendments) = &plan.amendments {
        html.subheading("What was changed in the plan, when and why");
        html.quote(amendments);
    }
}

impl Page<'_> {
    /// The pictures of a figure that are about all scenarios, or about `scenario`. Says whether
    /// there were any.
    pub(super) fn figures(&mut self, figure: Figure, scenario: Option<usize>) -> bool {
        let wanted = |it: &&Picture| it.figure == figure && it.scenario == scenario;
        let mut any = false;
        for it in self.pictures.iter().filter(wanted) {
            any = true;
            self.html.figure(&it.caption, &it.scene);
        }
        any
    }

    /// Rows of [`COMPARISON_HEAD`]. If a value has no spread, pairing has no share of it.
    pub(super) fn comparisons(&self, keep: impl Fn(&Comparison) -> bool) -> Vec<Vec<String>> {
        let plan = self.plan;
        let share = |it: f64| {
            let text = decimals(it, 2);
            if it.is_finite() { text } else { "-".to_owned() }
        };
        let row = |it: &Comparison| {
            let of = it.of;
            let contrast = of.contrast.map(|at| plan.versus(at));
            let [size, direction, time, joint] = it.words();
            let texts = [
                &plan.scenarios[of.scenario].name,
                contrast.as_deref().unwrap_or("itself (A/A)"),
                &of.adoption.label(),
                of.group.name(),
                of.quantity.id(),
                &words::estimate(it),
                &size,
                &direction,
                &time,
                &joint,
                &share(it.pairing.variance_reduction),
            ];
            texts.map(str::to_owned).to_vec()
        };
        let all = self.analysis.comparisons.iter();
        all.filter(|it| keep(it)).map(row).collect()
    }
}

/// Columns of [`Page::comparisons`].
pub(super) const COMPARISON_HEAD: [&str; 11] = [
    "scenario",
    "contrast",
    "adoption",
    "group",
    "quantity",
    "estimate [95 % CI]",
    "size",
    "direction",
    "time",
    "both",
    "variance removed",
];
