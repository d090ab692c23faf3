//! The verdict: one sentence a reading for size, one for direction; then every reading.

use super::html::escape;
use super::page::{Page, expected};
use crate::findings::analysis::Overall;
use crate::findings::stats::math::exp;
use crate::plan::Figure;
use crate::show::words;

impl Page<'_> {
    pub(super) fn verdicts(&mut self) {
        self.html.heading("The verdict on each reading", "verdict");
        self.html.push("<dl>");
        for (estimand, size, direction) in words::verdicts(self.plan, self.analysis) {
            let title = format!("{}, {}", estimand.id(), estimand.title());
            self.html.push(&format!("<dt>{}</dt>", escape(&title)));
            self.html
                .push(&format!("<dd><b>Size:</b> {}.</dd>", escape(&size)));
            self.html.push(&format!(
                "<dd><b>Direction:</b> {}.</dd>",
                escape(&direction)
            ));
        }
        self.html.push("</dl>");
        let completion = words::completion(self.plan, self.analysis);
        self.html.paragraph(&completion);
        expected(&mut self.html, self.plan);
    }

    pub(super) fn forest(&mut self) {
        self.html.heading("The forest", "forest");
        self.figures(Figure::Forest, None);
        self.readings();
    }

    fn readings(&mut self) {
        let rows: Vec<Vec<String>> = self
            .analysis
            .overall
            .iter()
            .map(|it| self.reading(it))
            .collect();
        self.html.subheading("Every reading over all scenarios");
        self.html.long(
            "Every reading",
            &[
                "reading",
                "contrast",
                "adoption",
                "size",
                "direction",
                "both",
                "scenarios passing",
                "worst scenario",
                "mean over scenarios",
                "95 % prediction interval",
            ],
            &rows,
        );
    }

    fn reading(&self, it: &Overall) -> Vec<String> {
        let saving = |it: f64| words::percent(1.0 - exp(it));
        // Few scenarios leave few degrees of freedom: the end may be far off.
        let at_least = |it: f64| {
            if exp(it) > 10.0 {
                "below -900 %".to_owned()
            } else {
                saving(it)
            }
        };
        let none = || "-".to_owned();
        let pooled = it.pooled.as_ref();
        let mean = pooled.map_or_else(none, |it| saving(it.mean));
        let prediction = pooled.and_then(|it| it.prediction95);
        let prediction = prediction.map_or_else(none, |(low, high)| {
            format!("{} to {}", at_least(high), saving(low))
        });
        let [size, direction, joint] = it.words();
        vec![
            format!("{} {}", it.estimand.id(), it.estimand.title()),
            self.plan.versus(it.contrast),
            it.adoption.label(),
            size.to_owned(),
            direction.to_owned(),
            joint.to_owned(),
            format!("{} of {}", it.passing, it.scenarios),
            format!(
                "{} ({})",
                words::percent(it.worst.1),
                self.plan.scenarios[it.worst.0].name
            ),
            mean,
            prediction,
        ]
    }
}
