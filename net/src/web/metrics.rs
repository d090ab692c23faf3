//! The ledger for Prometheus: the columns of the simulator under the same names, per torrent and in
//! total.
//!
//! The figures are gauges, because they can fall: a byte counts as useful until its piece fails,
//! and as sent until its connection closes before it was written.

use std::fmt::Write as _;

use unchoke_core::ledger::{Kind, Ledger, Waste};

use crate::session::board::Board;

/// The columns with their names.
pub(crate) fn columns(ledger: &Ledger) -> Vec<(String, u64)> {
    let mut columns = vec![
        ("useful_bytes".to_owned(), ledger.payload_useful),
        ("payload_sent_bytes".to_owned(), ledger.payload_sent),
    ];
    let wasted = Waste::ALL.iter().zip(ledger.payload_wasted);
    columns.extend(wasted.map(|(it, bytes)| (format!("wasted_{}_bytes", it.name()), bytes)));
    let ways = [
        ("sent", ledger.protocol_sent()),
        ("received", ledger.protocol_received()),
    ];
    for (way, bytes) in ways {
        let kinds = Kind::ALL.iter().zip(bytes);
        columns.extend(kinds.map(|(it, bytes)| (format!("{way}_{}_bytes", it.name()), bytes)));
    }
    columns
}

/// The whole answer.
pub(super) fn text(board: &Board) -> String {
    let panels = board.panels();
    let each: Vec<(String, Vec<(String, u64)>)> = panels
        .iter()
        .map(|it| {
            let labels = format!(
                "{{info_hash=\"{}\",name=\"{}\"}}",
                it.info_hash,
                escaped(&it.name)
            );
            (labels, columns(&it.shown().status.ledger))
        })
        .collect();
    let mut text = String::new();
    for (number, (name, total)) in columns(&board.total()).into_iter().enumerate() {
        put(
            &mut text,
            &format!("# TYPE unchoke_{name} gauge\nunchoke_{name} {total}"),
        );
        if !each.is_empty() {
            put(&mut text, &format!("# TYPE unchoke_torrent_{name} gauge"));
        }
        for (labels, columns) in &each {
            let bytes = columns[number].1;
            put(
                &mut text,
                &format!("unchoke_torrent_{name}{labels} {bytes}"),
            );
        }
    }
    text
}

fn put(text: &mut String, line: &str) {
    writeln!(text, "{line}").expect("a string takes everything");
}

fn escaped(name: &str) -> String {
    let name = name.replace('\\', "\\\\").replace('"', "\\\"");
    name.replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::board::Shown;

    #[test]
    fn each_column_is_there_in_total_and_for_each_torrent() {
        let board = Board::default();
        let mut shown = Shown::default();
        shown.status.ledger.payload_useful = 7;
        shown.status.ledger.payload_wasted[Waste::AfterChoke as usize] = 3;
        let (one, other) = (
            board.join("a \"b\"\n\\", "01".into()),
            board.join("c", "02".into()),
        );
        one.show(shown.clone());
        other.show(shown);
        let text = text(&board);
        for line in [
            "# TYPE unchoke_useful_bytes gauge",
            "unchoke_useful_bytes 14",
            "unchoke_wasted_after_choke_bytes 6",
            "unchoke_sent_have_bytes 0",
            "unchoke_received_piece_header_bytes 0",
            "unchoke_torrent_useful_bytes{info_hash=\"01\",name=\"a \\\"b\\\"\\n\\\\\"} 7",
            "unchoke_torrent_useful_bytes{info_hash=\"02\",name=\"c\"} 7",
        ] {
            assert!(text.lines().any(|it| it == line), "{line} in {text}");
        }
        assert_eq!(text.lines().count(), (2 + 5 + 22) * 5);
    }
}
