//! The page of a tournament, and a section about it for other reports.

use super::pictures::Drawing;
use crate::findings::stats::math::{ln, signed};
use crate::findings::tournament::Tournament;
use crate::findings::tournament::standing::{Score, Standing};
use crate::plan::{Contender, count};
use crate::show::report::Section;
use crate::show::report::html::Html;
use crate::show::report::page::{begin, expected};
use crate::show::words::brackets;

/// Facts for the page besides the results.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// Hash of the results.
    pub hash: &'a str,
    /// Version of the engine.
    pub engine: &'a str,
    /// The command line that makes the same results.
    pub reproduce: &'a str,
    /// Number of runs.
    pub units: usize,
}

const HEAD: [&str; 13] = [
    "policy",
    "place in a swarm of its own",
    "time there [95 % CI], s",
    "may be the fastest",
    "copies uploaded there",
    "bytes per useful byte",
    "robustness, %",
    "faster / slower half",
    "aggressiveness, %",
    "faster / slower as a few",
    "time as a few, %",
    "upload as a few, %",
    "share left (survives), %",
];

/// `report.html`.
#[must_use]
pub fn page(
    tournament: &Tournament,
    standing: &Standing,
    drawings: &[Drawing],
    context: &Context<'_>,
) -> String {
    let mut page = begin(&tournament.plan);
    page.heading("The answer", "verdict");
    for it in sentences(tournament, standing) {
        page.paragraph(&it);
    }
    expected(&mut page, &tournament.plan);
    if standing.cut.is_none() {
        told(&mut page, tournament, standing, drawings);
    }
    page.heading("Methods, seeds and hashes", "methods");
    provenance(&mut page, tournament, context);
    page.plan(&tournament.plan.to_toml());
    page.page()
}

/// Scores and pictures.
fn told(page: &mut Html, tournament: &Tournament, standing: &Standing, drawings: &[Drawing]) {
    page.heading("Standing", "standing");
    page.long("Standing", &HEAD, &rows(tournament, standing));
    page.paragraph(
        &format!("Robustness: share of the opponents against which its half of a swarm is at least as fast. \
         Aggressiveness: share of the others' swarms in which a few peers of it, {}, are faster than those \
         that they replace. Faster / slower: opponents for which that is told apart from no effect \
         at 5 % over the whole matrix (Holm). May be the fastest: with 95 % confidence the fastest \
         in a swarm of its own is one of these (each against each, one-sided, Bonferroni). As a \
         few: mean over the others' swarms, relative to those that they replace. Share left: of the peers, where \
         the faster spread, by replicator dynamics (Taylor and Jonker 1978) from equal shares on the matrix of \
         those meetings; in brackets in how many resamples of the seeds it is 1 % or more.",
            tournament.few_words()),
    );
    page.heading("Pictures", "pictures");
    for it in drawings {
        page.figure(&it.caption, &it.scene);
    }
}

/// Method, hashes, and the command line that repeats the tournament.
fn provenance(page: &mut Html, tournament: &Tournament, context: &Context<'_>) {
    page.paragraph(&methods(tournament, context.units));
    page.provenance(context.hash, context.engine, context.reproduce);
}

/// The answer and the scores, for other reports. Pictures and methods stay on the tournament's own
/// page, because every report has a copy of this section.
#[must_use]
pub fn section(tournament: &Tournament, standing: &Standing) -> Section {
    let mut page = Html::default();
    for it in sentences(tournament, standing) {
        page.paragraph(&it);
    }
    if standing.cut.is_none() {
        page.long("Standing", &HEAD, &rows(tournament, standing));
    }
    Section {
        id: "tournament".to_owned(),
        heading: "The tournament".to_owned(),
        html: page.part(),
    }
}

fn percent(share: f64) -> String {
    if share.is_finite() {
        format!("{:.0}", share * 100.0)
    } else {
        String::new()
    }
}

fn rows(tournament: &Tournament, standing: &Standing) -> Vec<Vec<String>> {
    let mut order: Vec<usize> = (0..standing.scores.len()).collect();
    order.sort_by_key(|at| (standing.scores[*at].place, *at));
    let row = |at: usize| {
        let (pure, it) = (&standing.pure[at], &standing.scores[at]);
        let left = standing.survival[at];
        let time = pure.time;
        vec![
            tournament.name(at).to_owned(),
            it.place.to_string(),
            format!(
                "{:.0} {}",
                time.value,
                brackets(time.ci95, |end| format!("{end:.0}"))
            ),
            if pure.may_be_best { "yes" } else { "no" }.to_owned(),
            format!("{:.3}", pure.upload),
            format!("{:.3}", pure.cost),
            percent(it.robustness),
            format!("{} / {}", it.half.0, it.half.1),
            percent(it.aggressiveness),
            format!("{} / {}", it.few.0, it.few.1),
            signed((it.few_time - 1.0) * 100.0, 0),
            signed((it.few_upload - 1.0) * 100.0, 0),
            format!("{:.0} ({:.0})", left.share * 100.0, left.resamples * 100.0),
        ]
    };
    order.into_iter().map(row).collect()
}

/// The contenders with the best scores, as text.
#[must_use]
pub fn sentences(tournament: &Tournament, standing: &Standing) -> Vec<String> {
    if let Some(cut) = standing.cut {
        return vec![format!(
            "No policy is ranked: {cut} when runs ended. A longer horizon would tell."
        )];
    }
    let names = |keep: &dyn Fn(usize) -> bool| {
        let kept = (0..standing.scores.len()).filter(|at| keep(*at));
        let kept: Vec<&str> = kept.map(|at| tournament.name(at)).collect();
        kept.join(", ")
    };
    // All contenders with the largest value, and the number of opponents with a significant
    // difference.
    let most = |value: fn(&Score) -> f64, shown: fn(&Score) -> (usize, usize)| {
        let scores = || standing.scores.iter().enumerate();
        let most = scores().map(|it| value(it.1)).fold(f64::MIN, f64::max);
        let best = scores().filter(|it| value(it.1) >= most);
        let best = best.map(|(at, it)| {
            let (faster, slower) = shown(it);
            let name = tournament.name(at);
            format!("{name} (told apart: faster in {faster}, slower in {slower})")
        });
        let best: Vec<String> = best.collect();
        (most * 100.0, best.join(", "))
    };
    let others = standing.scores.len() - 1;
    let fastest = names(&|at| standing.scores[at].place == 1);
    let rivals = names(&|at| standing.pure[at].may_be_best);
    let (robust, robustest) = most(|it| it.robustness, |it| it.half);
    let (aggressive, boldest) = most(|it| it.aggressiveness, |it| it.few);
    let apart = 1.02_f64;
    let saving = standing.scores.iter().enumerate();
    let saving = saving.filter(|(_, it)| ln(it.few_time) <= ln(apart) && it.few_upload < 0.9);
    let saving: Vec<String> = saving
        .map(|(at, it)| {
            let (less, more) = it.few_upload_shown;
            let name = tournament.name(at);
            format!("{name} (told apart: less in {less}, more in {more})")
        })
        .collect();
    let saving = if saving.is_empty() {
        "none".to_owned()
    } else {
        saving.join(", ")
    };
    let few = tournament.few_words();
    vec![
        format!(
            "Performance: a swarm of its own is fastest with {fastest}; with 95 % confidence the \
             fastest is among {rivals}."
        ),
        format!(
            "Robustness: half and half, at least as fast as {robust:.0} % of the {others} others, by point \
             estimates: {robustest}."
        ),
        format!(
            "Aggressiveness: {few}, faster than those they replace in {aggressive:.0} % of the \
             {others} others' swarms, by point estimates: {boldest}."
        ),
        format!(
            "Upload of {few} among others lower by a tenth or more at a completion time at most \
             2 % longer (means over all swarms): {saving}."
        ),
        left(tournament, standing),
        "Told apart: from no effect at 5 % over the whole matrix (Student t, Holm).".to_owned(),
    ]
}

/// Who would be left where peers take up what is faster.
fn left(tournament: &Tournament, standing: &Standing) -> String {
    let each = standing.survival.iter().enumerate();
    let mut alive: Vec<_> = each.filter(|it| it.1.share >= 0.01).collect();
    alive.sort_by(|a, b| b.1.share.total_cmp(&a.1.share));
    let alive: Vec<String> = alive
        .iter()
        .map(|(at, it)| format!("{} ({:.0} %)", tournament.name(*at), it.share * 100.0))
        .collect();
    format!(
        "Where the faster spread, in replicator dynamics from equal shares, there would be left: {}.",
        alive.join(", ")
    )
}

/// The number of connections of the contenders. Other plans limit `tit_for_tat` to those of its own
/// client.
fn connections(tournament: &Tournament) -> String {
    let contenders = tournament.contenders();
    let own = contenders.iter().filter_map(|it| {
        let most = it.max_connections?;
        Some(format!("{} has at most {most} connections; ", it.name))
    });
    let own: String = own.collect();
    let is_bare = |it: &Contender| it.policy == "tit_for_tat" && it.max_connections.is_none();
    let bare = contenders.iter().find(|it| is_bare(it));
    let bare = bare.map_or_else(String::new, |it| {
        format!(
            ", {} among them: it is the choking of the original client without its limit of five",
            it.name
        )
    });
    format!("{own}whoever is not named has those of the scenario{bare}.")
}

fn methods(tournament: &Tournament, units: usize) -> String {
    let plan = &tournament.plan;
    let origin = plan.origin.as_ref().map_or_else(
        || "what everybody runs, the second policy where peers differ".to_owned(),
        |it| format!("{} throughout", it.name),
    );
    format!(
        "{} policies; each in a swarm of its own, {} with it in a swarm of each other, and half \
         and half with each other, twice: {units} runs, {} from master seed {}. Origins run \
         {origin}. The unit is a seed; what scenarios give for it is averaged. Completion times enter \
         as logarithms. They are compared with the same peers in the pure swarm of the others, by \
         the same seed; half and half, every peer with itself: there are two runs, with the halves \
         exchanged. Intervals are Student's t at 95 %. Superseed and smartseed \
         are rules of a torrent that starts complete: where origins run something else, their peers \
         are bep3 until they complete, and serve everybody then, the one as the other. {}",
        tournament.contenders().len(),
        tournament.few_words(),
        count(tournament.seeds(), "paired seed"),
        plan.master_seed,
        connections(tournament),
    )
}
