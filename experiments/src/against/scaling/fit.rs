//! Fits exponents: straight lines through logarithms.

use std::collections::BTreeSet;

use super::table::Row;
use crate::findings::stats::fairness::log_slope;
use crate::findings::stats::math::{exp, figure, ln};
use crate::findings::stats::moments::mean_log;
use crate::findings::table::Table;

/// `quantity = factor * peers ^ exponent`, by least squares on logarithms.
#[derive(Clone, Debug, PartialEq)]
pub struct Fit {
    /// Simulator, or one of our policies.
    pub series: String,
    /// Column of the table.
    pub quantity: &'static str,
    /// Number of sizes in the fit.
    pub points: usize,
    /// Exponent of the number of peers.
    pub exponent: f64,
    /// Value for one peer.
    pub factor: f64,
}

impl Fit {
    /// The fitted value for this number of peers.
    #[must_use]
    pub fn at(&self, peers: f64) -> f64 {
        self.factor * exp(self.exponent * ln(peers))
    }

    /// Fits a line through these points. `None` for fewer than three sizes, and if all values are
    /// equal: such a figure was quoted for any size, not measured at each.
    fn through(series: &str, quantity: &'static str, points: &[(f64, f64)]) -> Option<Self> {
        let (x, y): (Vec<f64>, Vec<f64>) = points.iter().copied().unzip();
        let different = |values: &[f64]| {
            values
                .iter()
                .map(|it| it.to_bits())
                .collect::<BTreeSet<_>>()
        };
        if different(&x).len() < FEWEST_SIZES || different(&y).len() < 2 {
            return None;
        }
        let exponent = log_slope(&x, &y);
        exponent.is_finite().then(|| Self {
            series: series.to_owned(),
            quantity,
            points: points.len(),
            exponent,
            factor: exp(mean_log(&y) - exponent * mean_log(&x)),
        })
    }
}

/// Fewest sizes for an exponent: through two points there is always a line.
pub const FEWEST_SIZES: usize = 3;

/// Column name of the speed.
pub const SPEED: &str = "blocks_per_cpu_s";
/// Column name of the memory.
pub const MEMORY: &str = "bytes_per_peer";

/// The fits of every series and workload, in the order in which they appear.
#[must_use]
pub fn fits(rows: &[Row]) -> Vec<Fit> {
    let mut found = Vec::new();
    for series in by_series(rows) {
        let name = &series[0].series;
        let of = |value: fn(&Row) -> Option<f64>| -> Vec<(f64, f64)> {
            let points = series.iter();
            points
                .filter_map(|it| Some((f64::from(it.peers), value(it)?)))
                .collect()
        };
        found.extend(Fit::through(
            name,
            SPEED,
            &of(|it| Some(it.blocks_per_cpu_s)),
        ));
        found.extend(Fit::through(name, MEMORY, &of(|it| it.bytes_per_peer)));
    }
    found
}

/// The rows of each series, workload by workload.
#[must_use]
pub fn by_series(rows: &[Row]) -> Vec<Vec<&Row>> {
    let mut series: Vec<Vec<&Row>> = Vec::new();
    for row in rows {
        let same =
            |it: &&mut Vec<&Row>| (&it[0].series, &it[0].workload) == (&row.series, &row.workload);
        match series.iter_mut().find(same) {
            Some(it) => it.push(row),
            None => series.push(vec![row]),
        }
    }
    series
}

/// `exponents.csv`.
#[must_use]
pub fn exponents(fits: &[Fit]) -> String {
    let mut table = Table::new(&[
        "series",
        "quantity",
        "sizes",
        "exponent",
        "value_at_1000_peers",
    ]);
    for it in fits {
        table.row([
            it.series.clone(),
            it.quantity.to_string(),
            it.points.to_string(),
            figure(it.exponent),
            figure(it.at(1000.0)),
        ]);
    }
    table.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::against::scaling::Plan;
    use crate::against::scaling::table::elsewhere;

    #[test]
    fn a_power_law_is_found() {
        let points = [100.0, 1000.0, 10_000.0].map(|it: f64| (it, 7.0 * it.powf(-0.25)));
        let fit = Fit::through("x", SPEED, &points).expect("three sizes");
        assert!((fit.exponent + 0.25).abs() < 1e-12, "{fit:?}");
        assert!((fit.factor - 7.0).abs() < 1e-9, "{fit:?}");
        assert!((fit.at(500.0) - 7.0 * 500_f64.powf(-0.25)).abs() < 1e-9);
    }

    #[test]
    fn few_sizes_and_one_quoted_figure_have_no_exponent() {
        let through = |points: &[(f64, f64)]| Fit::through("x", SPEED, points);
        assert_eq!(through(&[]), None);
        assert_eq!(through(&[(100.0, 1.0)]), None);
        assert_eq!(through(&[(100.0, 1.0), (1000.0, 2.0)]), None);
        let twice = [(100.0, 1.0), (1000.0, 2.0), (1000.0, 2.1)];
        assert_eq!(through(&twice), None, "two sizes, one of them twice");
        let quoted = [50.0, 100.0, 200.0].map(|it| (it, 1.4e6));
        assert_eq!(through(&quoted), None);
    }

    /// For libtorrent, one memory figure and two speed figures are quoted, so there is no fit.
    #[test]
    fn what_others_did_not_measure_is_not_fitted() {
        let found = fits(&elsewhere(&Plan::builtin()));
        let names: Vec<_> = found
            .iter()
            .map(|it| (it.series.as_str(), it.quantity))
            .collect();
        assert_eq!(names, [("PeerSim BitTorrent", SPEED), ("SimGrid", SPEED)]);
    }
}
