//! A result as tables of columns. Integers become floats here, after the run has ended.

use unchoke_core::ledger::{Kind, Waste};
use unchoke_core::time::Instant;
use unchoke_sim::result::{NodeResult, RunResult, Sample};
use unchoke_sim::spec::SwarmSpec;

/// Numbers of one type, in the machine's byte order.
pub(crate) struct Column {
    pub(crate) name: String,
    /// NumPy's name of the type.
    pub(crate) kind: &'static str,
    pub(crate) bytes: Vec<u8>,
}

/// Columns of equal length.
pub(crate) struct Table {
    pub(crate) name: &'static str,
    pub(crate) columns: Vec<Column>,
}

pub(crate) fn tables(spec: &SwarmSpec, result: &RunResult) -> Vec<Table> {
    vec![
        Table { name: "peers", columns: peers(spec, &result.nodes) },
        Table { name: "samples", columns: samples(&result.series) },
        Table { name: "class_matrix", columns: vec![whole("useful_bytes", result.class_matrix.iter().copied())] },
        Table { name: "run", columns: run(spec, result) },
    ]
}

fn peers(spec: &SwarmSpec, nodes: &[NodeResult]) -> Vec<Column> {
    let time = |name: &str, of: fn(&NodeResult) -> Option<Instant>| seconds(name, nodes.iter().map(of));
    let mut columns = vec![
        whole("node", nodes.iter().map(|it| it.node.into())),
        whole("class", nodes.iter().map(|it| it.class.into())),
        whole("client", nodes.iter().map(|it| it.client.into())),
        whole("origin", nodes.iter().map(|it| it.origin.into())),
        whole("up_bytes_per_s", spec.nodes.iter().map(|it| it.up)),
        whole("down_bytes_per_s", spec.nodes.iter().map(|it| it.down)),
        time("arrived_s", |it| it.arrived_at),
        time("first_piece_s", |it| it.first_piece_at),
        time("completed_s", |it| it.completed_at),
        time("left_s", |it| it.left_at),
        whole("pieces", nodes.iter().map(|it| it.piece_count.into())),
        whole("sent_bytes", nodes.iter().map(|it| it.ledger.sent())),
        whole("received_bytes", nodes.iter().map(|it| it.ledger.received())),
        whole("payload_sent_bytes", nodes.iter().map(|it| it.ledger.payload_sent)),
        whole("useful_bytes", nodes.iter().map(|it| it.ledger.payload_useful)),
    ];
    for (at, waste) in Waste::ALL.iter().enumerate() {
        let name = format!("wasted_{}_bytes", waste.name());
        columns.push(whole(&name, nodes.iter().map(|it| it.ledger.payload_wasted[at])));
    }
    for (at, kind) in Kind::ALL.iter().enumerate() {
        let name = format!("sent_{}_bytes", kind.name());
        columns.push(whole(&name, nodes.iter().map(|it| it.ledger.protocol_sent()[at])));
    }
    columns
}

fn samples(series: &[Sample]) -> Vec<Column> {
    vec![
        seconds("at_s", series.iter().map(|it| Some(it.at))),
        whole("leechers", series.iter().map(|it| it.leechers.into())),
        whole("seeds", series.iter().map(|it| it.seeds.into())),
        whole("down_bytes_per_s", series.iter().map(|it| it.down_rate)),
        whole("up_bytes_per_s", series.iter().map(|it| it.up_rate)),
    ]
}

/// The table of the run: one row.
fn run(spec: &SwarmSpec, result: &RunResult) -> Vec<Column> {
    let one = |name: &str, value: u64| whole(name, std::iter::once(value));
    vec![
        seconds("ended_s", std::iter::once(Some(result.ended_at))),
        one("events", result.events),
        one("blocks", result.blocks_transferred),
        one("file_bytes", spec.geometry.total_bytes()),
        one("in_flight_bytes", result.bytes_in_flight),
        one("lost_bytes", result.bytes_dropped),
    ]
}

fn whole(name: &str, values: impl Iterator<Item = u64>) -> Column {
    // Byte counts are below 2^63. Signed integers are used, because users subtract them.
    let bytes = values.flat_map(|it| i64::try_from(it).unwrap_or(i64::MAX).to_ne_bytes());
    Column { name: name.to_owned(), kind: "int64", bytes: bytes.collect() }
}

/// Times in seconds; NaN if the event did not happen.
fn seconds(name: &str, values: impl Iterator<Item = Option<Instant>>) -> Column {
    let bytes = values.flat_map(|it| it.map_or(f64::NAN, |it| it.as_nanos() as f64 / 1e9).to_ne_bytes());
    Column { name: name.to_owned(), kind: "float64", bytes: bytes.collect() }
}
