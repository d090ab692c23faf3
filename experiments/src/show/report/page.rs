//! What the sections of a report share: the plan, what was found, and the page in the making.

use super::html::{Html, escape};
use crate::findings::analysis::{Analysis, Comparison};
use crate::findings::stats::math::decimals;
use crate::plan::{Figure, Plan, Status, count};
use crate::run::registration::told;
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
    let mut html = Html::begin(&plan.name, &plan.question, &words::status(&plan.status));
    if let Some(amendments) = &plan.amendments {
        html.push("<p class=\"status\">What was changed in the plan, when and why, as its author says:</p>");
        html.quote(amendments);
    }
    let changed = plan.status.changed();
    if !changed.is_empty() {
        let summary = format!("Before and after ({})", count(changed.len(), "change"));
        html.fold(&summary, &before_and_after(changed));
    }
    if !plan.reworded.is_empty() {
        html.push(
            "<p class=\"status\">These sentences were reworded after the first run. No run and no verdict depends on \
             them; whether they still say the same is for the reader to judge.</p>",
        );
        html.push(&before_and_after(&plan.reworded));
    }
    html
}

/// Changes of the plan as HTML: the key, what stood there, and what stands there.
fn before_and_after(changed: &[String]) -> String {
    let mut parts = Vec::new();
    for it in changed.iter().map(|it| told(it)) {
        parts.push(format!("<dt><code>{}</code></dt>", escape(&it.key)));
        let sides = [("Before", &it.before), ("Now", &it.after)];
        let sides = sides.iter().filter(|it| !it.1.is_empty());
        parts.extend(sides.map(|(when, what)| format!("<dd><b>{when}:</b> {}</dd>", escape(what))));
    }
    format!("<dl class=\"small\">\n{}\n</dl>", parts.join("\n"))
}

/// What the author expected. It was written before the first run, unless the plan says otherwise.
pub(crate) fn expected(html: &mut Html, plan: &Plan) {
    let of_it = |it: &String| {
        ["expectation: ", "plan: "]
            .iter()
            .any(|key| it.starts_with(key))
    };
    html.subheading(match &plan.status {
        Status::Registered | Status::Exploratory => "What was expected, in writing, before the run",
        Status::Amended { changed, .. } if !changed.iter().any(of_it) => {
            "What was expected, in writing, before the run"
        }
        Status::Amended { .. } | Status::Replaced { .. } => {
            "What was expected, in writing, after some runs were seen"
        }
    });
    html.quote(&plan.expectation);
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
