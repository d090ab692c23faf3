//! CSV tables of a tournament: figures with nine digits, empty fields for missing values.

use crate::findings::stats::estimate::Estimate;
use crate::findings::stats::math::{decimals, exp, figure};
use crate::findings::table::Table;
use crate::findings::tournament::Tournament;
use crate::findings::tournament::standing::{Cell, Standing};
use crate::show::output::PLAN_FILE;

/// File names and texts, in the order of the results hash.
#[must_use]
pub fn tables(tournament: &Tournament, standing: &Standing) -> Vec<(&'static str, String)> {
    vec![
        (PLAN_FILE, tournament.plan.to_toml()),
        ("scores.csv", scores(tournament, standing)),
        ("pure.csv", pure(tournament, standing)),
        ("meetings.csv", meetings(tournament, standing)),
    ]
}

fn scores(tournament: &Tournament, standing: &Standing) -> String {
    let mut table = Table::new(&[
        "policy",
        "place_pure",
        "may_be_fastest",
        "robustness",
        "faster_half",
        "slower_half",
        "aggressiveness",
        "faster_few",
        "slower_few",
        "few_time_ratio",
        "few_upload_ratio",
        "share_left",
        "survives",
    ]);
    for (at, it) in standing.scores.iter().enumerate() {
        let fields = [
            tournament.name(at).to_owned(),
            it.place.to_string(),
            standing.pure[at].may_be_best.to_string(),
            figure(it.robustness),
            it.half.0.to_string(),
            it.half.1.to_string(),
            figure(it.aggressiveness),
            it.few.0.to_string(),
            it.few.1.to_string(),
            figure(it.few_time),
            figure(it.few_upload),
            decimals(standing.survival[at].share, 9),
            figure(standing.survival[at].resamples),
        ];
        table.row(known(standing, 1, fields.into()));
    }
    table.finish()
}

/// A row, of which only the first fields are kept if runs were cut short.
fn known(standing: &Standing, names: usize, mut fields: Vec<String>) -> Vec<String> {
    if standing.cut.is_some() {
        fields[names..].fill(String::new());
    }
    fields
}

fn pure(tournament: &Tournament, standing: &Standing) -> String {
    let mut table = Table::new(&[
        "policy",
        "seeds",
        "geometric_mean_time_s",
        "ci95_low",
        "ci95_high",
        "upload_copies_per_copy",
        "sent_per_useful_byte",
        "origin_copies_per_copy",
        "completed_fraction",
    ]);
    for (at, it) in standing.pure.iter().enumerate() {
        let numbers = [
            it.time.value,
            it.time.ci95.0,
            it.time.ci95.1,
            it.upload,
            it.cost,
            it.origin,
            it.completed,
        ];
        let head = [
            tournament.name(at).to_owned(),
            tournament.seeds().to_string(),
        ];
        table.row(head.into_iter().chain(numbers.map(figure)));
    }
    table.finish()
}

fn meetings(tournament: &Tournament, standing: &Standing) -> String {
    let mut table = Table::new(&[
        "mix",
        "policy",
        "against",
        "seeds",
        "time_ratio",
        "time_ci95_low",
        "time_ci95_high",
        "time_p_holm",
        "upload_ratio",
        "upload_ci95_low",
        "upload_ci95_high",
        "upload_p_holm",
    ]);
    for (mix, cells) in [("few", &standing.few), ("half", &standing.half)] {
        for (at, row_cells) in cells.iter().enumerate() {
            for (against, cell) in row_cells.iter().enumerate() {
                if let Some(it) = cell {
                    let pair = [at, against].map(|it| tournament.name(it).to_owned());
                    let [policy, against] = pair;
                    let head = [mix.to_owned(), policy, against];
                    let fields = head.into_iter().chain(meeting(tournament.seeds(), it));
                    table.row(known(standing, 4, fields.collect()));
                }
            }
        }
    }
    table.finish()
}

fn meeting(seeds: u32, it: &Cell) -> Vec<String> {
    let three = |it: Estimate| [it.value, it.ci95.0, it.ci95.1].map(figure);
    let upload = it
        .upload
        .map_or_else(Default::default, |it| three(it.ratio));
    let upload_p = it.upload.map_or_else(String::new, |it| figure(it.p));
    let mut fields = vec![seeds.to_string()];
    fields.extend(three(it.time.map(exp)));
    fields.push(figure(it.time_p));
    fields.extend(upload);
    fields.push(upload_p);
    fields
}
