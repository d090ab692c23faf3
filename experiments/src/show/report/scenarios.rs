//! One section a scenario: what each policy comes to, its pictures, its paired differences.

use std::collections::BTreeMap;

use super::html::escape;
use super::page::{COMPARISON_HEAD, Page};
use crate::findings::analysis::{Analysis, LevelKind};
use crate::plan::{Figure, count};
use crate::run::unit::pure_mixes;
use crate::run::unit::{Mix, mix_name};
use crate::show::words::{self, median_and_level};

/// Labels of adoptions that come to the same run in a scenario, as in a small swarm, where shares
/// round to one number of peers.
fn same_adoptions(analysis: &Analysis, scenario: usize) -> Vec<Vec<String>> {
    let mut by_run: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for it in analysis.runs.iter().map(|it| &it.unit) {
        if it.scenario == scenario && it.seed_index == 0 && matches!(it.mix, Mix::Mixed(0, _)) {
            by_run.entry(&it.id).or_default().push(it.adoption_label());
        }
    }
    by_run.into_values().filter(|it| it.len() > 1).collect()
}

impl Page<'_> {
    pub(super) fn scenarios(&mut self) {
        self.html.heading("Scenario by scenario", "scenarios");
        let plan = self.plan;
        let links = plan.scenarios.iter().map(|it| {
            let name = escape(&it.name);
            format!("<a href=\"#scenario-{name}\">{name}</a>")
        });
        let links: Vec<String> = links.collect();
        self.html.push(&format!("<p>{}</p>", links.join(" · ")));
        self.figures(Figure::Series, None);
        for (scenario, within) in plan.scenarios.iter().enumerate() {
            let name = escape(&within.name);
            self.html
                .push(&format!("<h3 id=\"scenario-{name}\">{name}</h3>"));
            let mut set = vec![format!("from {}", within.source)];
            set.extend(within.set.iter().cloned());
            set.push(count(plan.seeds_of(scenario), "seed"));
            let set = escape(&set.join(", "));
            self.html.push(&format!("<p class=\"small\">{set}</p>"));
            if within.is_in_windows() {
                self.html.paragraph(&format!("{}.", words::IN_WINDOWS));
            }
            if let Some(why) = &within.out_of_scope {
                self.html.paragraph(&format!(
                    "Out of scope, so it counts for no claim about all scenarios: {why}"
                ));
            }
            for same in same_adoptions(self.analysis, scenario) {
                self.html.paragraph(&format!(
                    "In this scenario the adoptions {} are the same number of peers, and so the same \
                     runs: their rows repeat each other and are no further evidence.",
                    same.join(" and ")
                ));
            }
            self.levels(scenario);
            for figure in [
                Figure::Cdf,
                Figure::Classes,
                Figure::Bytes,
                Figure::Matrix,
                Figure::Series,
            ] {
                self.figures(figure, Some(scenario));
            }
            let rows = self.comparisons(|it| it.of.scenario == scenario && it.is_headline());
            self.html
                .long("Paired differences", &COMPARISON_HEAD, &rows);
        }
    }

    fn levels(&mut self, scenario: usize) {
        let mixes = pure_mixes(self.plan);
        let mut head = vec!["median; mean [95 % CI]".to_owned()];
        head.extend(mixes.iter().map(|it| mix_name(self.plan, *it)));
        let rows: Vec<Vec<String>> = LevelKind::ALL
            .into_iter()
            .map(|kind| {
                let all = self.analysis.levels.iter();
                let of_kind = all.filter(|it| it.scenario == scenario && it.kind == kind);
                std::iter::once(kind.title().to_owned())
                    .chain(of_kind.map(median_and_level))
                    .collect()
            })
            .collect();
        let head: Vec<&str> = head.iter().map(String::as_str).collect();
        self.html.table(&head, &rows);
    }
}
