//! The ledger over time, in bounded memory, and the results of each policy.

use std::time::Duration;

use unchoke_core::ledger::{Ledger, Waste};

/// Most rows kept. When there are more, every second row is removed.
const MOST_ROWS: usize = 512;

/// Number of columns in a row.
const COUNT: usize = 5 + Waste::COUNT;

/// A sample: milliseconds since the start, and the totals at that time.
pub type Row = [u64; COUNT];

/// Names of the columns of a row.
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

/// Rows at equal distances in time. The distance doubles whenever there are too many rows.
#[derive(Debug, Default)]
pub struct History {
    rows: Vec<Row>,
    /// One row is kept for every 2^`doublings` samples.
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

/// The time during which one policy ran, and its results.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Era {
    /// The id of the policy.
    pub policy: String,
    /// The parameters that were set.
    pub parameters: Vec<(String, u64)>,
    /// Start, measured from the start of the run.
    pub from: Duration,
    /// End, or now if the policy is running.
    pub to: Duration,
    /// The ledger at the start and at the end.
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
