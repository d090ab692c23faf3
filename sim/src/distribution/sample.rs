//! Exponential and Weibull times by fixed-point logarithms.
//!
//! If U is uniform in (0, 1], E = -ln U is exponential with mean 1, and `scale * E^(1/shape)` is
//! Weibull. Numbers are in units of 2^-48; the error of a draw is a few of them.

use std::time::Duration;

use unchoke_core::rng::Rng;

use crate::units::Decimal;

/// Binary places of the fixed-point numbers.
const PLACES: u32 = 48;
/// One.
const ONE: u64 = 1 << PLACES;
/// ln 2 in units of 2^-64.
const LN_2: u128 = 0xB172_17F7_D1CF_79AC;

/// Binary logarithm of `value >= 1`, in units of 2^-48. Each squaring of the mantissa gives one
/// binary place.
fn log2(value: u64) -> u64 {
    let exponent = value.ilog2();
    // Mantissa in [1, 2), in units of 2^-63.
    let mut mantissa = value << (63 - exponent);
    let mut result = u64::from(exponent);
    for _ in 0..PLACES {
        let square = (u128::from(mantissa) * u128::from(mantissa)) >> 63;
        let carry = square >> 64;
        result = result << 1 | u64::from(carry != 0);
        mantissa = u64::try_from(square >> carry).expect("square is below 2^65");
    }
    result
}

/// 2^(exponent * 2^-48), in units of 2^-48, at most `u128::MAX`. Multiplies one root of 2 for each
/// binary place that is set.
fn exp2(exponent: i128) -> u128 {
    let (whole, part) = (exponent >> PLACES, exponent & i128::from(ONE - 1));
    // In units of 2^-62.
    let mut result = 1_u128 << 62;
    let mut root = 2_u128 << 62;
    for place in (0..PLACES).rev() {
        root = (root << 62).isqrt();
        if part >> place & 1 == 1 {
            result = (result * root) >> 62;
        }
    }
    let shift = whole - i128::from(62 - PLACES);
    match u32::try_from(shift.unsigned_abs()) {
        Ok(by) if shift < 0 => result.checked_shr(by).unwrap_or(0),
        Ok(by) if by < result.leading_zeros() => result << by,
        _ if shift < 0 => 0,
        _ => u128::MAX,
    }
}

/// Exponential with mean 1, in units of 2^-48; never zero, at most 64 ln 2.
pub fn unit_exponential(rng: &mut Rng) -> u64 {
    let draw = rng.next_u64().max(1);
    let bits = (64 << PLACES) - log2(draw);
    let nats = (u128::from(bits) * LN_2) >> 64;
    u64::try_from(nats).expect("at most 64 ln 2").max(1)
}

/// `duration` times `factor` in units of 2^-48, at most 584 years.
fn scaled(duration: Duration, factor: u128) -> Duration {
    let product = duration.as_nanos().checked_mul(factor);
    let ns = product.map_or(u128::MAX, |it| it >> PLACES);
    Duration::from_nanos(u64::try_from(ns).unwrap_or(u64::MAX))
}

/// Exponential time with this mean.
pub fn exponential(mean: Duration, rng: &mut Rng) -> Duration {
    scaled(mean, u128::from(unit_exponential(rng)))
}

/// Weibull time: the share of draws above t is `exp(-(t / scale)^shape)`. `shape` must not be 0.
pub fn weibull(scale: Duration, shape: Decimal, rng: &mut Rng) -> Duration {
    assert!(shape.millionths() > 0, "a Weibull shape is above 0");
    let log = i128::from(log2(unit_exponential(rng))) - (i128::from(PLACES) << PLACES);
    let power = log * i128::from(Decimal::ONE.millionths()) / i128::from(shape.millionths());
    scaled(scale, exp2(power))
}
