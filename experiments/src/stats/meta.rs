//! Scenarios as a random effect.

use super::interval::t_quantile;

/// A summary over scenarios.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RandomEffects {
    /// Mean effect over scenarios like these.
    pub mean: f64,
    /// Standard error of the mean.
    pub error: f64,
    /// Variance between scenarios, tau squared.
    pub between: f64,
    /// Cochran's Q.
    pub q: f64,
    /// 95 % prediction interval for the effect in one more scenario; unbounded below three.
    pub prediction95: (f64, f64),
}

/// `DerSimonian` and Laird 1986, with the prediction interval of Higgins, Thompson and
/// Spiegelhalter 2009 (Student's t with k - 2 degrees of freedom). `None` without scenarios, or
/// when an error is not positive and finite: then a weight does not exist.
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
    let prediction95 = if effects.len() < 3 {
        (f64::NEG_INFINITY, f64::INFINITY)
    } else {
        let half = t_quantile(0.975, freedom - 1.0) * (between + error * error).sqrt();
        (mean - half, mean + half)
    };
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
        // Effects 0, 1, 2 with error 0.5: weights 4, fixed mean 1, Q = 4 (1 + 0 + 1) = 8.
        // Scale = 12 - 48/12 = 8, so tau^2 = (8 - 2)/8 = 0.75; widened weights 1/(0.25 + 0.75) = 1.
        let pooled = random_effects(&[0.0, 1.0, 2.0], &[0.5, 0.5, 0.5]).expect("fit");
        assert!((pooled.q - 8.0).abs() < 1e-12);
        assert!((pooled.between - 0.75).abs() < 1e-12);
        assert!((pooled.mean - 1.0).abs() < 1e-12);
        assert!((pooled.error - (1.0_f64 / 3.0).sqrt()).abs() < 1e-12);
        // t(1, .975) = 12.7062; sqrt(0.75 + 1/3) = 1.040833.
        assert!((pooled.prediction95.1 - (1.0 + 12.706_205 * 1.040_833)).abs() < 1e-3);
    }

    #[test]
    fn equal_effects_have_no_spread_between_them() {
        let pooled = random_effects(&[0.3, 0.3], &[0.1, 0.2]).expect("fit");
        assert!(pooled.between.abs() < 1e-15);
        // 1/(100 + 25) under the root.
        assert!((pooled.error - 0.008_f64.sqrt()).abs() < 1e-12);
        assert!(pooled.prediction95.0.is_infinite());
    }

    #[test]
    fn an_effect_without_error_has_no_weight() {
        assert_eq!(random_effects(&[0.0, 1.0], &[0.0, 0.1]), None);
        assert_eq!(random_effects(&[], &[]), None);
    }
}
