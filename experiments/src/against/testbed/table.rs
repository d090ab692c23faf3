//! Output of the comparison: tables for the terminal and CSV files.

use std::fmt::Write as _;

use comfy_table::presets::UTF8_BORDERS_ONLY;
use comfy_table::{ContentArrangement, Table};
use unchoke_core::ledger::{Kind, Waste};

use super::compare::Comparison;
use super::contrast::Contrast;
use crate::findings::stats::math::figure;
use crate::findings::table::Table as Csv;
use crate::plan::count;

fn sheet(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(UTF8_BORDERS_ONLY);
    table.set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(header);
    table
}

fn percent(share: Option<f64>) -> String {
    share.map_or_else(|| "-".to_owned(), |it| format!("{:.2} %", it * 100.0))
}

/// The seed, or `all` for the mean over all seeds.
fn seed(it: &Contrast) -> String {
    it.seed
        .map_or_else(|| "all".to_owned(), |it| it.to_string())
}

fn contrast_sheet(it: &Comparison) -> Table {
    let mut table = sheet(&["ratio", "of", "seed", "real", "simulated"]);
    let cell = |it: Option<f64>| it.map_or_else(|| "-".to_owned(), |it| format!("{it:.3}"));
    for row in &it.contrasts {
        table.add_row([
            format!("{} / {}", row.policy, row.against),
            row.quantity.name().to_owned(),
            seed(row),
            cell(row.real),
            cell(row.simulated),
        ]);
    }
    table
}

/// Tables and a summary sentence for people.
#[must_use]
pub fn terminal(it: &Comparison) -> String {
    let mut times = sheet(&["policy", "class", "n", "real s", "simulated s", "error"]);
    for row in &it.rows {
        times.add_row([
            row.policy.clone(),
            it.classes[row.class].clone(),
            row.peers.to_string(),
            format!("{:.1}", row.real_s),
            format!("{:.1}", row.simulated_s),
            format!("{:+.1} %", row.error() * 100.0),
        ]);
    }
    let mut bytes = sheet(&["policy", "bytes per useful byte", "real", "simulated"]);
    for row in &it.bytes {
        bytes.add_row([
            row.policy.clone(),
            row.what.to_owned(),
            percent(row.real),
            percent(row.simulated),
        ]);
    }
    let mut text = format!("{times}\n{bytes}\n");
    if !it.contrasts.is_empty() {
        writeln!(text, "{}", contrast_sheet(it)).expect("text grows");
    }
    writeln!(
        text,
        "median relative error of the mean completion time of a class: {:.1} % ({} classes, {})",
        it.median_error() * 100.0,
        it.rows.len(),
        count(it.seeds.len(), "seed")
    )
    .expect("text grows");
    if let Some(busy) = it.busiest() {
        let remark = if busy > 0.9 {
            ": TOO BUSY, real times are late because of this machine"
        } else {
            ""
        };
        writeln!(
            text,
            "the processors were in use for {:.0} % of the busiest real run{remark}",
            busy * 100.0
        )
        .expect("text grows");
    }
    text
}

/// The figure as text; empty if there is none.
fn cell(it: Option<f64>) -> String {
    it.map_or_else(String::new, figure)
}

/// `classes.csv`: one row for each policy and class.
#[must_use]
pub fn classes(it: &Comparison) -> String {
    let mut table = Csv::new(&[
        "policy",
        "class",
        "peers",
        "real_mean_time_s",
        "simulated_mean_time_s",
        "relative_error",
    ]);
    for row in &it.rows {
        table.row([
            row.policy.clone(),
            it.classes[row.class].clone(),
            row.peers.to_string(),
            figure(row.real_s),
            figure(row.simulated_s),
            figure(row.error()),
        ]);
    }
    table.finish()
}

/// `bytes.csv`: one row for each policy and kind of bytes.
#[must_use]
pub fn bytes(it: &Comparison) -> String {
    let mut table = Csv::new(&[
        "policy",
        "kind",
        "real_per_useful_byte",
        "simulated_per_useful_byte",
    ]);
    for row in &it.bytes {
        table.row([
            row.policy.clone(),
            row.what.to_owned(),
            cell(row.real),
            cell(row.simulated),
        ]);
    }
    table.finish()
}

/// `contrasts.csv`: one row for each pair of policies, quantity and seed; `all` marks the geometric
/// mean.
#[must_use]
pub fn contrasts(it: &Comparison) -> String {
    let mut table = Csv::new(&[
        "policy",
        "against",
        "quantity",
        "seed",
        "real_ratio",
        "simulated_ratio",
    ]);
    for row in &it.contrasts {
        table.row([
            row.policy.clone(),
            row.against.clone(),
            row.quantity.name().to_owned(),
            seed(row),
            cell(row.real),
            cell(row.simulated),
        ]);
    }
    table.finish()
}

/// `peers.csv`: one row for each peer and run.
#[must_use]
pub fn peers(it: &Comparison) -> String {
    let fixed = [
        "policy",
        "world",
        "seed",
        "peer",
        "class",
        "origin",
        "completion_s",
        "useful_bytes",
        "payload_sent_bytes",
        "wire_sent_bytes",
    ];
    let mut columns = fixed.map(str::to_owned).to_vec();
    columns.extend(Waste::ALL.map(|it| format!("wasted_{}_bytes", it.name())));
    columns.extend(Kind::ALL.map(|it| format!("sent_{}_bytes", it.name())));
    let mut table = Csv::new(&columns);
    for run in &it.runs {
        for (at, peer) in run.peers.iter().enumerate() {
            let ledger = &peer.ledger;
            let mut fields = vec![
                run.policy.clone(),
                run.world.name().to_owned(),
                run.seed.to_string(),
                at.to_string(),
                it.classes[peer.class].clone(),
                peer.origin.to_string(),
                peer.completed_s.map_or_else(String::new, figure),
                ledger.payload_useful.to_string(),
                ledger.payload_sent.to_string(),
                peer.wire_sent.map_or_else(String::new, |it| it.to_string()),
            ];
            fields.extend(ledger.payload_wasted.map(|it| it.to_string()));
            fields.extend(ledger.protocol_sent().map(|it| it.to_string()));
            table.row(fields);
        }
    }
    table.finish()
}
