//! `report.html`: one file that opens offline, needs no script and prints well.

use std::fmt::Write as _;

use crate::analysis::{Analysis, Comparison, Level, LevelKind, Overall, Quantity, pure_mixes};
use crate::figure::{Picture, RenderError, svg};
use crate::measure::Group;
use crate::plan::{Figure, Plan};
use crate::stats::math::exp;
use crate::unit::mix_name;
use crate::words;

const STYLE: &str = include_str!("../assets/report.css");

/// What the report says beside the results.
#[derive(Clone, Debug)]
pub struct Context<'a> {
    /// The results hash.
    pub hash: &'a str,
    /// Version of the engine.
    pub engine: &'a str,
    /// The line that makes the same results.
    pub reproduce: &'a str,
    /// Runs.
    pub units: usize,
}

/// The page.
pub fn report(
    plan: &Plan,
    analysis: &Analysis,
    pictures: &[Picture],
    context: &Context<'_>,
) -> Result<String, RenderError> {
    let mut page = Page {
        text: String::new(),
        plan,
        analysis,
        pictures,
    };
    page.head();
    page.verdicts();
    page.figure(Figure::Forest, "The forest", "forest")?;
    page.readings();
    page.figure(Figure::Bytes, "Where the bytes go", "bytes")?;
    page.arithmetic();
    page.figure(Figure::Matrix, "Who pays", "matrix")?;
    page.groups();
    page.figure(Figure::Time, "Time", "time")?;
    page.figure(Figure::Cdf, "Distribution of completion times", "cdf")?;
    page.tail();
    page.figure(Figure::Series, "Over time", "series")?;
    page.scenarios();
    page.methods(context);
    page.text.push_str("</main>\n</html>\n");
    Ok(page.text)
}

struct Page<'a> {
    text: String,
    plan: &'a Plan,
    analysis: &'a Analysis,
    pictures: &'a [Picture],
}

/// Text as part of a page. `<` is escaped everywhere, so no text can end a script or a style.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

impl Page<'_> {
    fn push(&mut self, text: &str) {
        self.text.push_str(text);
        self.text.push('\n');
    }

    fn heading(&mut self, text: &str, id: &str) {
        self.push(&format!("<h2 id=\"{id}\">{}</h2>", escape(text)));
    }

    fn paragraph(&mut self, text: &str) {
        self.push(&format!("<p>{}</p>", escape(text)));
    }

    fn table(&mut self, head: &[&str], rows: &[Vec<String>]) {
        let mut text = String::from("<div class=\"wide\"><table>\n<thead><tr>");
        for it in head {
            write!(text, "<th>{}</th>", escape(it)).expect("writing to a string does not fail");
        }
        text.push_str("</tr></thead>\n<tbody>\n");
        for row in rows {
            text.push_str("<tr>");
            for it in row {
                let class = match it.as_str() {
                    "supported" | "saves" | "kept" => " class=\"good\"",
                    "refuted" | "no saving shown" | "degraded" => " class=\"bad\"",
                    "inconclusive" | "saves but degrades" | "not shown" => " class=\"open\"",
                    _ => "",
                };
                write!(text, "<td{class}>{}</td>", escape(it))
                    .expect("writing to a string does not fail");
            }
            text.push_str("</tr>\n");
        }
        text.push_str("</tbody></table></div>");
        self.push(&text);
    }

    fn head(&mut self) {
        let name = escape(&self.plan.name);
        self.push("<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">");
        self.push("<meta name=\"viewport\" content=\"width=device-width\">");
        self.push(&format!(
            "<title>{name}</title>\n<style>\n{STYLE}</style>\n<main>\n<h1>{name}</h1>"
        ));
        let question = self.plan.question.clone();
        self.push(&format!("<p class=\"question\">{}</p>", escape(&question)));
        let status = if self.plan.registered {
            "Registered plan: estimands, margins and seeds were fixed before the run."
        } else {
            "Exploratory: options changed the registered plan; nothing here is a test of it."
        };
        self.push(&format!("<p class=\"status\">{status}</p>"));
    }

    fn verdicts(&mut self) {
        self.heading("The verdict", "verdict");
        self.push("<dl>");
        for (estimand, size, direction) in words::verdicts(self.plan, self.analysis) {
            let title = format!("{}, {}", estimand.id(), estimand.title());
            self.push(&format!("<dt>{}</dt>", escape(&title)));
            self.push(&format!("<dd><b>Size:</b> {}.</dd>", escape(&size)));
            self.push(&format!(
                "<dd><b>Direction:</b> {}.</dd>",
                escape(&direction)
            ));
        }
        self.push("</dl>");
        if let Some(closing) = words::closing(self.plan, self.analysis) {
            self.paragraph(&closing);
        }
        let completion = words::completion(self.plan, self.analysis);
        self.paragraph(&completion);
        self.push("<h3>What was expected, in writing, before the run</h3>");
        let expectation = self.plan.expectation.clone();
        self.push(&format!(
            "<blockquote>{}</blockquote>",
            escape(&expectation)
        ));
    }

    fn figure(&mut self, figure: Figure, heading: &str, id: &str) -> Result<(), RenderError> {
        let pictures = self.pictures;
        if let Some(it) = pictures.iter().find(|it| it.figure == figure) {
            self.heading(heading, id);
            let drawing = svg(&it.scene)?;
            let label = escape(&it.caption);
            self.push(&format!(
                "<figure role=\"img\" aria-label=\"{label}\">\n{drawing}\n</figure>"
            ));
        }
        Ok(())
    }

    fn readings(&mut self) {
        let baseline = |it: &Overall| self.plan.baselines[it.baseline].name.clone();
        let rows: Vec<Vec<String>> = self
            .analysis
            .overall
            .iter()
            .map(|it| {
                let pooled = it.pooled.as_ref().map_or_else(
                    || ["-".to_owned(), "-".to_owned()],
                    |pooled| {
                        let saving = |it: f64| words::percent(1.0 - exp(it));
                        // Three scenarios leave one degree of freedom: the end may be far off.
                        let at_least = |it: f64| {
                            if exp(it) > 10.0 {
                                "below -900 %".to_owned()
                            } else {
                                saving(it)
                            }
                        };
                        let (low, high) = pooled.prediction95;
                        let ends = format!("{} to {}", at_least(high), saving(low));
                        let bounded = low.is_finite() && high.is_finite();
                        let ends = if bounded {
                            ends
                        } else {
                            "unbounded".to_owned()
                        };
                        [saving(pooled.mean), ends]
                    },
                );
                let [mean, prediction] = pooled;
                vec![
                    format!("{} {}", it.estimand.id(), it.estimand.title()),
                    baseline(it),
                    it.adoption.label(),
                    it.size.word().to_owned(),
                    it.direction.word().to_owned(),
                    format!("{} of {}", it.passing, it.scenarios),
                    format!(
                        "{} ({})",
                        words::percent(it.worst.1),
                        self.plan.scenarios[it.worst.0].name
                    ),
                    mean,
                    prediction,
                ]
            })
            .collect();
        self.table(
            &[
                "reading",
                "baseline",
                "adoption",
                "size",
                "direction",
                "scenarios passing",
                "worst scenario",
                "mean over scenarios",
                "95 % prediction interval",
            ],
            &rows,
        );
    }

    fn arithmetic(&mut self) {
        for line in words::arithmetic(self.plan, self.analysis) {
            self.paragraph(&format!("{line}."));
        }
    }

    fn comparisons(&mut self, keep: impl Fn(&Comparison) -> bool) -> Vec<Vec<String>> {
        let plan = self.plan;
        let baseline = |it: &Comparison| {
            it.baseline.map_or("itself (A/A)".to_owned(), |at| {
                plan.baselines[at].name.clone()
            })
        };
        self.analysis
            .comparisons
            .iter()
            .filter(|it| keep(it))
            .map(|it| {
                vec![
                    plan.scenarios[it.scenario].name.clone(),
                    baseline(it),
                    it.adoption.label(),
                    it.group.name().to_owned(),
                    it.quantity.id().to_owned(),
                    match it.quantity {
                        Quantity::Bytes(_) => words::saving(it),
                        Quantity::Time | Quantity::Tail => ratio(it),
                    },
                    it.size.map_or("", crate::verdict::Size::word).to_owned(),
                    it.time.map_or("", crate::verdict::Time::word).to_owned(),
                    format!("{:.2}", it.pairing.variance_reduction),
                ]
            })
            .collect()
    }

    fn groups(&mut self) {
        self.push("<h3>Upload of adopters, of the others and of all</h3>");
        let e1 = Quantity::Bytes(crate::plan::Estimand::E1);
        let rows = self.comparisons(|it| it.quantity == e1 && it.baseline.is_some());
        self.table(&COMPARISON_HEAD, &rows);
    }

    fn tail(&mut self) {
        self.heading("The tail", "tail");
        self.paragraph("Ratio of the 95th percentile of completion time, all peers.");
        let rows = self.comparisons(|it| {
            it.quantity == Quantity::Tail && it.group == Group::All && it.baseline.is_some()
        });
        self.table(&COMPARISON_HEAD, &rows);
    }

    fn scenarios(&mut self) {
        self.heading("Scenario by scenario", "scenarios");
        for scenario in 0..self.plan.scenarios.len() {
            let within = &self.plan.scenarios[scenario];
            let (name, set) = (escape(&within.name), escape(&within.set.join(", ")));
            self.push(&format!("<h3>{name}</h3>\n<p class=\"small\">{set}</p>"));
            self.levels(scenario);
            let rows = self.comparisons(|it| it.scenario == scenario && it.is_headline());
            self.push("<details open><summary>Paired differences</summary>");
            self.table(&COMPARISON_HEAD, &rows);
            self.push("</details>");
        }
    }

    fn levels(&mut self, scenario: usize) {
        let mixes = pure_mixes(self.plan);
        let mut head = vec!["median; mean [95 % CI]".to_owned()];
        head.extend(mixes.iter().map(|it| mix_name(self.plan, *it)));
        let cell = |it: &Level| {
            let show = |value| it.kind.shown(value);
            let (low, high) = it.mean.ci95;
            format!(
                "{}; {} [{}, {}]",
                show(it.median),
                show(it.mean.value),
                show(low),
                show(high)
            )
        };
        let rows: Vec<Vec<String>> = LevelKind::ALL
            .into_iter()
            .map(|kind| {
                let all = self.analysis.levels.iter();
                let of_kind = all.filter(|it| it.scenario == scenario && it.kind == kind);
                std::iter::once(kind.title().to_owned())
                    .chain(of_kind.map(cell))
                    .collect()
            })
            .collect();
        let head: Vec<&str> = head.iter().map(String::as_str).collect();
        self.table(&head, &rows);
    }

    fn methods(&mut self, context: &Context<'_>) {
        let plan = self.plan;
        self.heading("Methods, seeds and hashes", "methods");
        for text in [
            format!(
                "{} paired seeds from master seed {}; {} runs. The unit is a run. Policies share \
                 arrivals, capacities and lifetimes by common random numbers; the last column of \
                 the tables is the share of variance that pairing removed.",
                plan.seeds_said(), plan.master_seed, context.units
            ),
            format!(
                "Savings are one minus the ratio of means over seeds, with BCa bootstrap intervals \
                 over seeds ({} resamples; below 20 seeds jackknife with Student's t). Geometric-mean \
                 time: Student's t on paired log ratios. Brackets: two-sided 95 %. Verdicts use \
                 one-sided 95 % bounds: size is supported if the lower bound of the saving reaches \
                 {}, refuted if the upper bound stays below. Time is kept if the upper bounds of \
                 the geometric-mean ratio and of the p95 ratio stay below 1 + {} and 1 + {}; both \
                 must pass, so no correction is due. A general claim needs every scenario.",
                plan.resamples, plan.margins.claim, plan.margins.time, plan.margins.tail
            ),
            "Adopters are compared with the same peers in the run of the same seed where nobody \
             adopts. A peer that did not complete counts with the time until the horizon and with \
             the part of the copy that it has. An origin seed runs what everybody runs, with the same \
             limits; where peers differ, what the baseline runs."
                .to_owned(),
            "The candidate against itself, executed twice, differs by exactly zero in every \
             quantity."
                .to_owned(),
        ] {
            self.paragraph(&text);
        }
        let seeds: Vec<String> = (0..plan.seed_range().1)
            .map(|it| plan.run_seed(it).to_string())
            .collect();
        self.push(&format!(
            "<p>Results hash <code>{}</code><br>Engine <code>{}</code></p>\n<pre>{}</pre>",
            escape(context.hash),
            escape(context.engine),
            escape(context.reproduce)
        ));
        self.push(&format!(
            "<details><summary>Run seeds</summary><p class=\"small\">{}</p></details>",
            seeds.join(" ")
        ));
        let toml = escape(&plan.to_toml());
        self.push(&format!(
            "<details><summary>The plan as run</summary><pre>{toml}</pre></details>"
        ));
    }
}

const COMPARISON_HEAD: [&str; 9] = [
    "scenario",
    "baseline",
    "adoption",
    "group",
    "quantity",
    "estimate [95 % CI]",
    "size",
    "time",
    "variance removed",
];

fn ratio(it: &Comparison) -> String {
    let (low, high) = it.estimate.ci95;
    format!("{:.3} [{low:.3}, {high:.3}]", it.estimate.value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::toy::analysed;

    #[test]
    fn the_page_stands_alone_and_in_order() {
        let (mut plan, analysis) = analysed();
        plan.question = "Is </script><script>alert(1)</script> & so on safe?".to_owned();
        let pictures = crate::figure::pictures(&plan, &analysis);
        let context = Context {
            hash: "ab12",
            engine: "v1",
            reproduce: "lab run toy",
            units: 3,
        };
        let page = report(&plan, &analysis, &pictures, &context).expect("a page");
        assert!(
            !page.contains("<script") && !page.contains("</script"),
            "escaped"
        );
        for link in ["src=\"http", "href=\"http", "@import", "url("] {
            assert!(!page.contains(link), "the page loads nothing: {link}");
        }
        let ids = [
            "verdict",
            "forest",
            "bytes",
            "matrix",
            "time",
            "tail",
            "scenarios",
            "methods",
        ];
        let at: Vec<Option<usize>> = ids
            .iter()
            .map(|it| page.find(&format!("id=\"{it}\"")))
            .collect();
        assert!(at.iter().all(Option::is_some) && at.is_sorted(), "{at:?}");
        assert_eq!(page.matches("<svg").count(), 6);
        assert!(page.contains("ab12") && page.contains("As much as it was told to."));
    }
}
