//! The page of a plan with factors.

use super::output;
use crate::findings::factorial::{Effect, Study};
use crate::plan::design::letter;
use crate::show::figure::Picture;
use crate::show::report::page::{begin, expected};
use crate::show::words::{interval, percent};

/// `report.html` of a plan with factors.
#[must_use]
pub fn page(
    study: &Study<'_>,
    picture: &Picture,
    hash: &str,
    engine: &str,
    reproduce: &str,
) -> String {
    let mut page = begin(study.plan);
    page.heading("The answer", "verdict");
    for it in output::sentences(study) {
        page.paragraph(&it);
    }
    expected(&mut page, study.plan);
    page.heading("Main effects", "effects");
    page.figure(&picture.caption, &picture.scene);
    let known = study.effects.iter().filter(|it| !it.cut);
    let rows: Vec<Vec<String>> = known.map(|it| row(study, it)).collect();
    page.table(
        &[
            "scenario",
            "quantity",
            "factor",
            "saving at low",
            "saving at high",
            "change of candidate/baseline, low to high [95 % CI], %",
            "sign",
        ],
        &rows,
    );
    page.heading("Methods, seeds and hashes", "methods");
    page.paragraph(&study.factorial.design.described());
    let levels = study.factorial.factors.iter().enumerate();
    let levels: Vec<Vec<String>> = levels
        .map(|(at, it)| {
            let name = format!("{} {}", letter(at), it.name);
            vec![name, it.low.join(", "), it.high.join(", ")]
        })
        .collect();
    page.table(&["factor", "low", "high"], &levels);
    page.paragraph(&format!(
        "{} a setting, from master seed {}. A main effect is the mean log ratio \
         candidate over baseline at the high level less that at the low level, seed by seed, with a \
         95 % interval by Student's t over seeds. E1 and E2 are of the adopters at the plan's first \
         adoption, the rest of swarms of one policy. Factors that are not the candidate's own apply \
         to the baseline too. The sign flips with a factor if the interval at one level lies wholly \
         on one side of zero and at the other level wholly on the other.",
        study.plan.seeds_counted("paired seed"),
        study.plan.master_seed
    ));
    page.provenance(hash, engine, reproduce);
    page.plan(&study.plan.to_toml());
    page.page()
}

fn row(study: &Study<'_>, it: &Effect) -> Vec<String> {
    let saving = |it: f64| percent(1.0 - crate::findings::stats::math::exp(it));
    vec![
        study.plan.scenarios[it.scenario].name.clone(),
        it.quantity.id().to_owned(),
        study.factorial.factors[it.factor].name.clone(),
        saving(it.low.value),
        saving(it.high.value),
        interval(&it.percent().map(|it| it / 100.0)),
        if it.flips() { "flips" } else { "" }.to_owned(),
    ]
}
