//! The ledger over time, in bounded memory, and what came of each policy.

use std::time::Duration;

use unchoke_core::ledger::{Ledger, Waste};

/// Rows that are kept; when there are more, every other one goes.
const MOST_ROWS: usize = 512;

/// How many columns a row has.
const COUNT: usize = 5 + Waste::COUNT;

/// One moment: milliseconds since the start, and the sums by then.
pub type Row = [u64; COUNT];

/// The columns of a row.
pub const COLUMNS: [&str; COUNT] = [
    "ms",
    "useful_bytes",
    "payload_sent_bytes",
    "protocol_received_bytes",
    "protocol_sent_bytes",
    "wasted_endgame_bytes",
    "wasted_timeout_bytes",
    "wasted_after_choke_bytes",
    "wasted_hash_failure_bytes",
    "wasted_unrequested_bytes",
];

pub(super) fn row(elapsed: Duration, ledger: &Ledger) -> Row {
    let mut row = [0; COUNT];
    row[..5].copy_from_slice(&[
        u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX),
        ledger.payload_useful,
        ledger.payload_sent,
        ledger.protocol_received().iter().sum(),
        ledger.protocol_sent().iter().sum(),
    ]);
    row[5..].copy_from_slice(&ledger.payload_wasted);
    row
}

/// Rows at equal distances, which double whenever there are too many.
#[derive(Debug, Default)]
pub struct History {
    rows: Vec<Row>,
    /// Every so many samples make a row, as a power of two.
    doublings: u32,
    samples: u64,
}

impl History {
    pub(super) fn push(&mut self, row: Row) {
        if self.samples.is_multiple_of(1 << self.doublings) {
            if self.rows.len() == MOST_ROWS {
                let mut odd = true;
                self.rows.retain(|_| {
                    odd = !odd;
                    !odd
                });
                self.doublings += 1;
            }
            self.rows.push(row);
        }
        self.samples += 1;
    }

    pub(super) fn rows(&self) -> &[Row] {
        &self.rows
    }
}

/// How long a policy ran, and what came of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Era {
    /// The policy.
    pub policy: String,
    /// What was set of its parameters.
    pub parameters: Vec<(String, u64)>,
    /// Since the start of the run.
    pub from: Duration,
    /// Until when, or until now.
    pub to: Duration,
    /// The ledger when it began, and when it ended.
    pub ledgers: [Ledger; 2],
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_history_is_coarser_and_not_longer() {
        let mut history = History::default();
        for sample in 0..100_000_u64 {
            let at = Duration::from_millis(500 * sample);
            let ledger = Ledger {
                payload_useful: sample,
                ..Ledger::default()
            };
            history.push(row(at, &ledger));
            assert!(history.rows().len() <= MOST_ROWS);
        }
        let rows = history.rows();
        assert!(rows.len() > MOST_ROWS / 2, "{}", rows.len());
        let step = rows[1][0] - rows[0][0];
        assert!(rows.windows(2).all(|it| it[1][0] - it[0][0] == step));
        assert_eq!(rows[0][0], 0, "the beginning stays");
        assert!(rows.iter().all(|it| it[0] == it[1] * 500));
    }

    #[test]
    fn each_cause_of_waste_has_its_column() {
        for (number, cause) in Waste::ALL.iter().enumerate() {
            assert_eq!(
                COLUMNS[5 + number],
                format!("wasted_{}_bytes", cause.name())
            );
        }
    }
}
