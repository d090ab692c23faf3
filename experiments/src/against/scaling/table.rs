//! The rows of `scaling.csv`.

use serde::{Deserialize, Serialize};

use super::plan::Plan;
use crate::findings::stats::math::round9;
use crate::findings::table::Table;

/// Source of the rows that this program measured.
pub const HERE: &str = "measured here";
/// Workload of the rows from other simulators.
const NEAREST: &str = "w1 or its nearest";

/// One swarm.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct Row {
    /// One of our policies, or another simulator.
    pub series: String,
    /// [`HERE`], or where the figure comes from.
    pub source: String,
    /// The workload that was run.
    pub workload: String,
    /// Peers, origin included.
    pub peers: u32,
    /// Block transfers per CPU second.
    pub blocks_per_cpu_s: f64,
    /// Memory per peer beyond that of a swarm of two, bytes.
    pub bytes_per_peer: Option<f64>,
    /// Block transfers.
    pub blocks: Option<u64>,
    /// CPU time of the whole process, s.
    pub cpu_s: Option<f64>,
    /// Peak memory of the process, bytes.
    pub peak_memory_bytes: Option<u64>,
    /// Fingerprint of the engine.
    pub engine: String,
    /// Model of the CPU.
    pub cpu: String,
}

/// Measurements of one run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// Block transfers.
    pub blocks: u64,
    /// CPU time of the process, s.
    pub cpu_s: f64,
    /// Most memory that the process held, bytes.
    pub peak_memory_bytes: u64,
}

impl Row {
    /// The row for one run. `idle_bytes` is the memory of a process with a swarm of two.
    #[must_use]
    pub fn of(point: Point, idle_bytes: u64, peers: u32, labels: [&str; 4]) -> Self {
        let [series, workload, engine, cpu] = labels.map(str::to_owned);
        let more = point.peak_memory_bytes.saturating_sub(idle_bytes) as f64;
        Self {
            series,
            source: HERE.to_owned(),
            workload,
            peers,
            blocks_per_cpu_s: round9((point.blocks as f64 / point.cpu_s).round()),
            bytes_per_peer: Some(round9((more / f64::from(peers)).round())),
            blocks: Some(point.blocks),
            cpu_s: Some(round9((point.cpu_s * 1000.0).round() / 1000.0)),
            peak_memory_bytes: Some(point.peak_memory_bytes),
            engine,
            cpu,
        }
    }

    /// Whether this program measured it.
    #[must_use]
    pub fn is_ours(&self) -> bool {
        self.source == HERE
    }
}

/// The rows of other simulators.
#[must_use]
pub fn elsewhere(plan: &Plan) -> Vec<Row> {
    let mut rows = Vec::new();
    for it in &plan.elsewhere {
        for (peers, speed) in it.peers.iter().zip(&it.blocks_per_cpu_s) {
            rows.push(Row {
                series: it.simulator.clone(),
                source: it.source.clone(),
                workload: NEAREST.to_owned(),
                peers: *peers,
                blocks_per_cpu_s: *speed,
                bytes_per_peer: it.bytes_per_peer,
                blocks: None,
                cpu_s: None,
                peak_memory_bytes: None,
                engine: String::new(),
                cpu: String::new(),
            });
        }
    }
    rows
}

/// The rows of a table, or one sentence about what is wrong.
pub fn read(text: &str) -> Result<Vec<Row>, String> {
    let rows = csv::Reader::from_reader(text.as_bytes())
        .into_deserialize()
        .collect::<Result<_, _>>();
    rows.map_err(|it| format!("is no table of `lab scaling`: {it}"))
}

/// `scaling.csv`: our rows by policy and size, then those of other simulators.
#[must_use]
pub fn csv(rows: &[Row]) -> String {
    Table::of(rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_read_back() {
        let point = Point {
            blocks: 160_000,
            cpu_s: 0.25,
            peak_memory_bytes: 9_000_000,
        };
        let ours = Row::of(point, 4_000_000, 100, ["bep3", "w1", "ab12", "a CPU, fast"]);
        assert_eq!(ours.blocks_per_cpu_s.to_string(), "640000");
        assert_eq!(ours.bytes_per_peer, Some(50_000.0));
        let mut rows = vec![ours];
        rows.extend(elsewhere(&Plan::builtin()));
        assert_eq!(rows.iter().filter(|it| it.is_ours()).count(), 1);
        assert_eq!(read(&csv(&rows)).expect("our own table"), rows);
        assert!(read("a,b\n1,2\n").is_err());
    }
}
