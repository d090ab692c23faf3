//! Methods, seeds and hashes.

use super::Context;
use super::page::Page;
use crate::plan::{Percent, Primary, count};

impl Page<'_> {
    pub(super) fn methods(&mut self, context: &Context<'_>) {
        let plan = self.plan;
        self.html.heading("Methods, seeds and hashes", "methods");
        let origins = match &plan.origin {
            Some(it) => format!(
                "Origin seeds run {} with {} in every run, whatever the peers run.",
                it.name,
                it.max_connections
                    .map_or("the scenario's connections".to_owned(), |it| format!(
                        "at most {it} connections"
                    ))
            ),
            None => "An origin seed runs what everybody runs, with the same limits; where peers \
                     differ, what the baseline runs: so the origin is part of what is compared when \
                     everybody adopts."
                .to_owned(),
        };
        for text in [
            format!(
                "{} from master seed {}; {}. The unit is a run. Policies share \
                 arrivals, capacities and lifetimes by common random numbers; the last column of \
                 the tables is the share of variance that pairing removed.",
                plan.seeds_counted("paired seed"),
                plan.master_seed,
                count(context.units, "run")
            ),
            format!(
                "Savings are one minus the ratio of means over seeds, times the ratio of geometric means. \
                 Intervals over seeds: {}. How often they cover: lab coverage. Brackets: two-sided 95 %.",
                plan.method.name()
            ),
            self.judged(),
            self.about_time(),
            self.general(),
            "Where more than 1 % of the peers on either side had not completed when the runs ended, there is \
             no verdict: both sides tend to the time at which runs are cut, and bytes for each completed copy \
             are no saving."
                .to_owned(),
            format!(
                "Adopters are compared with the same peers in the run of the same seed where nobody \
                 adopts. A peer that did not complete counts with the time until the horizon and with \
                 the part of the copy that it has. {origins}"
            ),
            "Runs begin with an empty swarm and end when the last peer has completed: they are \
             terminating, every peer counts and no warm-up is deleted, but where a scenario is about \
             the steady state. Bytes of whole swarms (E3 to E5) are always of whole runs."
                .to_owned(),
            "The candidate against itself, executed twice, differs by exactly zero in every \
             quantity."
                .to_owned(),
        ] {
            if !text.is_empty() {
                self.html.paragraph(&text);
            }
        }
        for it in crate::show::words::warmups(plan, self.analysis) {
            self.html.paragraph(&format!("{it}."));
        }
        self.provenance(context);
    }

    /// How a verdict is decided from its bounds.
    fn judged(&self) -> String {
        let plan = self.plan;
        format!(
            "Each verdict is to be false in 5 % of all studies at most. Size is supported if the lower {}, \
             refuted if the upper one stays below. Time is kept if \
             the upper one-sided 95 % bounds of the geometric-mean ratio and of the p95 ratio stay below \
             1 + {} and 1 + {}: both must pass, so no correction is due (intersection-union). It is \
             degraded if the lower bound of either exceeds its margin: here any one of two decides, and \
             they share the 5 % (Bonferroni: one-sided 97.5 % bounds, the ends of the brackets). Saves: the \
             brackets of the saving lie above zero; costs: below; (time not shown): neither is shown of time. Both: \
             shown if size is supported and time is kept, refuted if either is shown to fail at half of \
             the 5 %.",
            match plan.claim_of(plan.estimands[0]) {
                Percent::ZERO => "end of the brackets of the saving is above zero".to_owned(),
                claim => format!("one-sided 95 % bound of the saving reaches {claim}"),
            },
            plan.margins.time,
            plan.margins.tail
        )
    }

    /// What is different where the claim is about time; else empty.
    fn about_time(&self) -> String {
        let plan = self.plan;
        if plan.primary == Primary::Bytes {
            return String::new();
        }
        let upload = plan.margins.upload.map_or_else(String::new, |margin| {
            format!(
                " and that of the ratio of uploads of the same peers (E1) below 1 + {margin}; any one of three decides \
                 on degraded"
            )
        });
        format!(
            "The claim is about time: T is one minus the ratio of geometric-mean completion times, with the interval \
             of the paired log ratios. In its rows, time is kept if the upper bounds of mean and p95 ratio stay below \
             their margins{upload}. Of bytes, any saving counts as one; their verdicts are no part of the claim."
        )
    }

    /// How statements about all scenarios are decided.
    fn general(&self) -> String {
        let scenarios = self.plan.in_scope().count();
        if scenarios == 1 {
            return "The plan has one scenario: what is shown of it is what is said of all."
                .to_owned();
        }
        let share = |tests: usize| format!("{:.2} %", 5.0 / tests as f64);
        format!(
            "A claim about every scenario is supported if each of them supports it (intersection-union, no \
             correction). Any one of {scenarios} can refute it, so they share the 5 %: refuted if the upper \
             bound of a saving stays below the claim at an error of {}, and time degrades if the lower \
             bound of a mean or p95 ratio exceeds its margin at {} (Bonferroni; Holm's procedure is the \
             same for its first test, which is the one that counts). A scenario may therefore be refuted \
             by itself and the claim about all of them still be inconclusive. Each reading, baseline and \
             adoption is a question of its own, with 5 % of its own.",
            share(scenarios),
            share(2 * scenarios)
        )
    }

    /// Hashes, seeds, and the plan.
    fn provenance(&mut self, context: &Context<'_>) {
        let plan = self.plan;
        let seeds: Vec<String> = (0..plan.seed_range().1)
            .map(|it| plan.run_seed(it).to_string())
            .collect();
        self.html
            .provenance(context.hash, context.engine, context.reproduce);
        let seeds = format!("<p class=\"small\">{}</p>", seeds.join(" "));
        self.html.fold("Run seeds", &seeds);
        self.html.plan(&plan.to_toml());
    }
}
