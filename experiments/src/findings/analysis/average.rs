//! The average of a comparison over the scenarios of a plan.

use super::comparison::{Comparison, Finding};
use super::quantity::Quantity;
use crate::findings::stats::bounds::Bounds;
use crate::findings::stats::estimate::Estimate;
use crate::findings::stats::math::exp;
use crate::findings::stats::moments::{mean, standard_deviation};

/// The geometric mean of comparisons that differ only in their scenario. Each scenario has equal
/// weight.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Average {
    /// What is compared.
    pub quantity: Quantity,
    /// A saving or a ratio, with intervals over seeds.
    pub estimate: Estimate,
    /// Number of scenarios in the mean.
    pub scenarios: usize,
    /// Number of further scenarios, in which one side has no such bytes, so that there is no ratio.
    pub left_out: usize,
    /// Whether in one scenario too many peers were unfinished. Then the figures have no meaning.
    pub cut: bool,
}

/// The mean of `each`; `None` if there are none. A scenario without a ratio is left out, unless none
/// has one.
pub fn average<'a>(each: impl Iterator<Item = &'a Comparison>) -> Option<Average> {
    let all: Vec<&Comparison> = each.collect();
    let defined = |it: &&&Comparison| it.log_ratio.value.is_finite();
    let defined: Vec<&Comparison> = all.iter().filter(defined).copied().collect();
    let each = if defined.is_empty() { &all } else { &defined };
    let quantity = each.first()?.of.quantity;
    let is_ratio = matches!(quantity, Quantity::Time | Quantity::Tail);
    let values: Vec<f64> = each.iter().map(|it| it.log_ratio.value).collect();
    let runs = each.iter().map(|it| it.runs).min().unwrap_or(0);
    let by_seed: Vec<Vec<f64>> = each.iter().map(|it| logs(it)).collect();
    let ratio = Bounds::t_about(mean(&values), error(&by_seed), runs).estimate();
    let estimate = match each[..] {
        // Its own interval, as in the tables.
        [one] => one.estimate,
        _ if is_ratio => ratio.map(exp),
        _ => ratio.map(|log| 1.0 - exp(log)),
    };
    Some(Average {
        quantity,
        estimate,
        scenarios: each.len(),
        left_out: all.len() - each.len(),
        cut: all.iter().any(|it| matches!(it.finding, Finding::Cut(_))),
    })
}

/// Standard error of the mean over scenarios. If the scenarios have the same seeds, they are first
/// averaged for each seed, because the results of one seed may be correlated between scenarios.
/// Otherwise they are treated as independent.
fn error(each: &[Vec<f64>]) -> f64 {
    let runs = each[0].len();
    let count = each.len() as f64;
    if each.iter().all(|it| it.len() == runs) {
        let seed = |at: usize| each.iter().map(|it| it[at]).sum::<f64>() / count;
        let seeds: Vec<f64> = (0..runs).map(seed).collect();
        return standard_deviation(&seeds) / (runs as f64).sqrt();
    }
    let variance = |it: &Vec<f64>| {
        let spread = standard_deviation(it);
        spread * spread / it.len() as f64
    };
    each.iter().map(variance).sum::<f64>().sqrt() / count
}

/// One value per seed. To first order, their spread is that of the logarithm of the ratio.
fn logs(it: &Comparison) -> Vec<f64> {
    let ratio = match it.of.quantity {
        Quantity::Time | Quantity::Tail => return it.by_seed.clone(),
        Quantity::Saving(_) => 1.0 - it.estimate.value,
    };
    let log = |saving: &f64| (1.0 - saving) / ratio;
    it.by_seed.iter().map(log).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::findings::analysis::answers;
    use crate::findings::toy::analysed;
    use crate::plan::{Adoption, Estimand};

    #[test]
    fn scenarios_count_alike_and_more_of_them_narrow_the_interval() {
        let (_, analysis) = analysed();
        let of = |quantity| answers(&analysis.comparisons, quantity, 0, Adoption::ALL);
        for quantity in [Quantity::Saving(Estimand::E1), Quantity::Time] {
            let each: Vec<f64> = of(quantity).map(|it| it.estimate.value).collect();
            let both = average(of(quantity)).expect("two scenarios");
            let expected = match quantity {
                Quantity::Saving(_) => 1.0 - ((1.0 - each[0]) * (1.0 - each[1])).sqrt(),
                Quantity::Time | Quantity::Tail => (each[0] * each[1]).sqrt(),
            };
            assert!((both.estimate.value - expected).abs() < 1e-9, "{both:?}");
            assert_eq!((both.scenarios, both.cut), (2, false));
        }
        let one = of(Quantity::Saving(Estimand::E1))
            .next()
            .expect("a scenario");
        let alone = average(std::iter::once(one)).expect("one scenario");
        assert_eq!(alone.estimate, one.estimate);
        assert_eq!(average(of(Quantity::Tail).take(0)), None);
        // A scenario in which one side uploads nothing has no ratio.
        let mut nothing = one.clone();
        nothing.log_ratio.value = f64::NEG_INFINITY;
        let both = average([one, &nothing].into_iter()).expect("one with a ratio");
        assert_eq!(both.estimate, one.estimate);
        assert_eq!((both.scenarios, both.left_out), (1, 1));
    }
}
