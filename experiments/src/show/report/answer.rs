//! The answer, as the command line gives it, and the joint picture.

use super::html::escape;
use super::page::Page;
use crate::findings::analysis::MEASURES;
use crate::findings::stats::math::decimals;
use crate::plan::{Figure, Primary};
use crate::show::words;

impl Page<'_> {
    pub(super) fn answer(&mut self) {
        self.html.heading("The answer", "answer");
        self.html.push("<div class=\"answer\">");
        // The question stands above already.
        for line in words::told_whole(self.plan, self.analysis) {
            let class = if line.starts_with("  ") {
                " class=\"part\""
            } else {
                ""
            };
            self.html
                .push(&format!("<p{class}>{}</p>", escape(line.trim())));
        }
        self.html.push("</div>");
        let (beside, claim) = match self.plan.primary {
            Primary::Bytes => (
                "times are those of the same peers",
                "the claimed saving and kept times",
            ),
            Primary::Time => (
                "E1 and E3 are ratios, of the adopters' upload and of the swarm's bytes",
                "the claimed saving of time and what must be kept",
            ),
        };
        let single = match self.plan.seed_range().1 {
            1 => " [?]: one seed gives no interval.",
            _ => "",
        };
        self.html.paragraph(&format!(
            "Geometric means over the scenarios in scope with 95 % intervals over seeds; {beside}. yes: {claim} \
             are shown in every scenario; 1 of 3, or in 1 of 3: only in so many of them; \
             no: in none, and the contrary of either is shown in one at least; open: none of these.{single}"
        ));
        let named = self
            .plan
            .contrasts
            .iter()
            .enumerate()
            .filter_map(|(at, it)| {
                let what = it.what.as_ref()?;
                Some(format!(
                    "<dt>{}</dt><dd>{}</dd>",
                    escape(&self.plan.versus(at)),
                    escape(what)
                ))
            });
        let named: Vec<String> = named.collect();
        if !named.is_empty() {
            let list = format!("<dl>{}</dl>", named.join("\n"));
            self.html.fold("What is set against what", &list);
        }
        self.figures(Figure::Joint, None);
    }

    /// What swarms of one policy make of fairness.
    pub(super) fn fairness(&mut self) {
        if self.analysis.fairness.is_empty() {
            return;
        }
        self.html.subheading("Fairness");
        for (_, words, _) in MEASURES {
            self.html
                .push(&format!("<p class=\"small\">{}</p>", escape(words)));
        }
        let number = |it: f64| decimals(it, 3);
        let row = |it: &crate::findings::analysis::Fairness| {
            vec![
                self.plan.scenarios[it.scenario].name.clone(),
                self.plan.versus(it.contrast),
                MEASURES[it.measure].0.to_owned(),
                number(it.candidate),
                number(it.baseline),
                format!(
                    "{} {}",
                    number(it.difference.value),
                    words::brackets(it.difference.ci95, number)
                ),
            ]
        };
        // Where all links are equal, nothing can go with them: there is no correlation.
        let told = self.analysis.fairness.iter();
        let told = told.filter(|it| it.difference.value.is_finite());
        let rows: Vec<Vec<String>> = told.map(row).collect();
        let head = [
            "scenario",
            "contrast",
            "measure",
            "candidate",
            "baseline",
            "difference [95 % CI]",
        ];
        self.html
            .long("Fairness, candidate and baseline", &head, &rows);
    }

    /// Effects over the size of things and over the share of adopters.
    pub(super) fn sweeps(&mut self) {
        let drawn = self.pictures.iter().any(|it| it.figure == Figure::Sweep);
        if !drawn {
            return;
        }
        self.html
            .heading("What changes with adoption and size", "sweeps");
        self.figures(Figure::Sweep, None);
    }
}
