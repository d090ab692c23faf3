//! `peers.csv`: one row per node and run. Optional, because it is long.

use crate::findings::measure::completion_s;
use crate::findings::stats::math::figure;
use crate::findings::table::Table;
use crate::plan::Plan;
use crate::run::store::{Found, Store, StoreError};
use crate::run::unit::Unit;

/// The text of `peers.csv`.
pub fn peers(plan: &Plan, units: &[Unit], store: &Store) -> Result<String, StoreError> {
    let mut table = Table::new(&[
        "unit",
        "scenario",
        "policy",
        "adoption",
        "seed_index",
        "replica",
        "node",
        "class",
        "origin",
        "adopter",
        "outsider",
        "up_rate_bytes_per_s",
        "arrived_s",
        "completed",
        "download_time_s",
        "useful_bytes",
        "payload_sent_bytes",
        "sent_bytes",
        "received_bytes",
    ]);
    for unit in units {
        let Found::Valid(outcome) = store.read(unit)? else {
            continue;
        };
        for (number, node) in outcome.nodes.iter().enumerate() {
            let time = figure(completion_s(&outcome, node));
            table.row([
                unit.id.clone(),
                plan.scenarios[unit.scenario].name.clone(),
                unit.mix_name(plan),
                unit.adoption_label(),
                unit.seed_index.to_string(),
                unit.replica.to_string(),
                number.to_string(),
                outcome.classes[usize::from(node.class)].clone(),
                node.origin.to_string(),
                node.adopter.to_string(),
                node.outsider.to_string(),
                node.up_rate.to_string(),
                figure(node.arrived_ns as f64 / 1e9),
                node.completed_ns.is_some().to_string(),
                if node.origin { String::new() } else { time },
                node.useful_bytes.to_string(),
                node.payload_sent_bytes.to_string(),
                node.sent_bytes.to_string(),
                node.received_bytes.to_string(),
            ]);
        }
    }
    Ok(table.finish())
}
