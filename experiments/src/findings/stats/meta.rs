//! Meta-analysis: scenarios as a random effect.

use super::distribution::t_quantile;

/// Summary over scenarios.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RandomEffects {
    /// Mean effect over scenarios of this kind.
    pub mean: f64,
    /// Standard error of the mean.
    pub error: f64,
    /// Variance between scenarios (tau squared).
    pub between: f64,
    /// Cochran's Q.
    pub q: f64,
    /// 95 % prediction interval for the effect in one further scenario; `None` below
    /// [`LEAST_SCENARIOS`].
    pub prediction95: Option<(f64, f64)>,
}

/// Fewest scenarios for a prediction interval. The variance between scenarios is estimated from
/// them with k - 2 degrees of freedom. With three scenarios t is 12.7, and the interval only shows
/// that there are too few. With few scenarios the interval also covers less often than stated
/// (Nagashima, Noma and Furukawa, Statistical Methods in Medical Research 28, 2019, 1689-1702).
/// Five is our choice; t is 3.2 there.
pub const LEAST_SCENARIOS: usize = 5;

/// `DerSimonian` and Laird 1986, with the prediction interval of Higgins, Thompson and
/// Spiegelhalter 2009 (Student's t with k - 2 degrees of freedom). `None` without scenarios, or if
/// an error is not positive and finite, because then a weight is not defined.
#[must_use]
pub fn random_effects(effects: &[f64], errors: &[f64]) -> Option<RandomEffects> {
    assert_eq!(effects.len(), errors.len(), "one error an effect");
    let fit = |it: &&f64| it.is_finite() && **it > 0.0;
    if effects.is_empty() || errors.iter().filter(fit).count() < errors.len() {
        return None;
    }
    let weights: Vec<f64> = errors.iter().map(|it| 1.0 / (it * it)).collect();
    let total: f64 = weights.iter().sum();
    let fixed = weighted_mean(effects, &weights);
    let q: f64 = effects
        .iter()
        .zip(&weights)
        .map(|(it, weight)| weight * (it - fixed) * (it - fixed))
        .sum();
    let freedom = (effects.len() - 1) as f64;
    let scale = total - weights.iter().map(|it| it * it).sum::<f64>() / total;
    let between = if scale > 0.0 {
        ((q - freedom) / scale).max(0.0)
    } else {
        0.0
    };
    let widened: Vec<f64> = errors.iter().map(|it| 1.0 / (it * it + between)).collect();
    let mean = weighted_mean(effects, &widened);
    let error = (1.0 / widened.iter().sum::<f64>()).sqrt();
    let prediction95 = (effects.len() >= LEAST_SCENARIOS).then(|| {
        let half = t_quantile(0.975, freedom - 1.0) * (between + error * error).sqrt();
        (mean - half, mean + half)
    });
    Some(RandomEffects {
        mean,
        error,
        between,
        q,
        prediction95,
    })
}

fn weighted_mean(values: &[f64], weights: &[f64]) -> f64 {
    let sum: f64 = values
        .iter()
        .zip(weights)
        .map(|(value, weight)| value * weight)
        .sum();
    sum / weights.iter().sum::<f64>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn worked_by_hand() {
        // Effects 0 to 2 with error 0.5: weights 4, fixed mean 1, Q = 4 (1 + 0.25 + 0 + 0.25 + 1) = 10.
        // Scale = 20 - 80/20 = 16, so tau^2 = (10 - 4)/16 = 0.375; widened weights 1/(0.25 + 0.375) = 1.6.
        let pooled = random_effects(&[0.0, 0.5, 1.0, 1.5, 2.0], &[0.5; 5]).expect("fit");
        assert!((pooled.q - 10.0).abs() < 1e-12);
        assert!((pooled.between - 0.375).abs() < 1e-12);
        assert!((pooled.mean - 1.0).abs() < 1e-12);
        assert!((pooled.error - (1.0_f64 / 8.0).sqrt()).abs() < 1e-12);
        // t(3, .975) = 3.182446; 0.375 + 1/8 = 0.5.
        let (low, high) = pooled.prediction95.expect("five are enough");
        assert!((high - (1.0 + 3.182_446 * 0.5_f64.sqrt())).abs() < 1e-5);
        assert!((low + high - 2.0).abs() < 1e-9);
    }

    /// Thirteen trials of the BCG vaccine (Colditz et al. 1994): ill and well among the vaccinated,
    /// then among the others. The R package metafor gives, by its method "DL", Q = 152.2330,
    /// tau squared = 0.3088 and a log risk ratio of -0.7141 with standard error 0.1787.
    const TRIALS: [[f64; 4]; 13] = [
        [4.0, 119.0, 11.0, 128.0],
        [6.0, 300.0, 29.0, 274.0],
        [3.0, 228.0, 11.0, 209.0],
        [62.0, 13536.0, 248.0, 12619.0],
        [33.0, 5036.0, 47.0, 5761.0],
        [180.0, 1361.0, 372.0, 1079.0],
        [8.0, 2537.0, 10.0, 619.0],
        [505.0, 87886.0, 499.0, 87892.0],
        [29.0, 7470.0, 45.0, 7232.0],
        [17.0, 1699.0, 65.0, 1600.0],
        [186.0, 50448.0, 141.0, 27197.0],
        [5.0, 2493.0, 3.0, 2338.0],
        [27.0, 16886.0, 29.0, 17825.0],
    ];

    #[test]
    fn published_trials_of_a_vaccine() {
        let effect = |[a, b, c, d]: [f64; 4]| libm::log(a / (a + b)) - libm::log(c / (c + d));
        let error =
            |[a, b, c, d]: [f64; 4]| (1.0 / a - 1.0 / (a + b) + 1.0 / c - 1.0 / (c + d)).sqrt();
        let pooled = random_effects(&TRIALS.map(effect), &TRIALS.map(error)).expect("fit");
        for (got, published) in [
            (pooled.q, 152.2330),
            (pooled.between, 0.3088),
            (pooled.mean, -0.7141),
            (pooled.error, 0.1787),
        ] {
            assert!(
                (got - published).abs() < 0.000_06,
                "{got} is not {published}"
            );
        }
    }

    #[test]
    fn equal_effects_have_no_spread_between_them() {
        let pooled = random_effects(&[0.3, 0.3], &[0.1, 0.2]).expect("fit");
        assert!(pooled.between.abs() < 1e-15);
        // 1/(100 + 25) under the root.
        assert!((pooled.error - 0.008_f64.sqrt()).abs() < 1e-12);
        assert_eq!(pooled.prediction95, None, "two scenarios predict nothing");
        let four = random_effects(&[0.0, 0.1, 0.2, 0.3], &[0.1; 4]).expect("fit");
        assert_eq!(four.prediction95, None);
    }

    #[test]
    fn an_effect_without_error_has_no_weight() {
        assert_eq!(random_effects(&[0.0, 1.0], &[0.0, 0.1]), None);
        assert_eq!(random_effects(&[], &[]), None);
    }
}
