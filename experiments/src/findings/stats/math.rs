//! Elementary functions with the same results on every machine, and rounding for files.

/// Natural logarithm from the `libm` crate; the machine's own may differ in the last bit.
#[must_use]
pub fn ln(x: f64) -> f64 {
    libm::log(x)
}

/// Exponential function, from the `libm` crate.
#[must_use]
pub fn exp(x: f64) -> f64 {
    libm::exp(x)
}

/// `x` rounded to nine significant digits, as files contain it. Quantiles from `statrs` use the
/// machine's libm; a difference in the last bit disappears by this rounding.
#[must_use]
pub fn round9(x: f64) -> f64 {
    if x == 0.0 || !x.is_finite() {
        // A negative zero would be printed as "-0".
        return if x == 0.0 { 0.0 } else { x };
    }
    format!("{x:.8e}")
        .parse()
        .expect("a printed float is a float")
}

/// `x` as text for files: nine significant digits in the shortest form that reads back as the same
/// number. Empty if `x` is not a number.
#[must_use]
pub fn figure(x: f64) -> String {
    if x.is_finite() {
        format!("{}", round9(x))
    } else {
        String::new()
    }
}

/// A number with so many decimals; minus zero is zero.
#[must_use]
pub fn decimals(number: f64, digits: i32) -> String {
    let unit = 10_f64.powi(digits);
    let rounded = (number * unit).round() / unit + 0.0;
    format!("{rounded:.*}", usize::try_from(digits).unwrap_or(0))
}

/// The same with its sign, which zero has not.
#[must_use]
pub fn signed(number: f64, digits: i32) -> String {
    let text = decimals(number, digits);
    let zero = decimals(0.0, digits);
    if text == zero || text.starts_with('-') {
        text
    } else {
        format!("+{text}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minus_zero_is_zero() {
        assert_eq!(decimals(-0.004, 2), "0.00");
        assert_eq!(decimals(-0.006, 2), "-0.01");
        assert_eq!(signed(-0.04, 1), "0.0");
        assert_eq!(signed(0.06, 1), "+0.1");
        assert_eq!(signed(-3.0, 0), "-3");
    }

    #[test]
    fn figures_are_short_and_read_back() {
        assert_eq!(figure(0.1 + 0.2), "0.3");
        assert_eq!(figure(-0.0), "0");
        assert_eq!(figure(f64::NAN), "");
        assert_eq!(figure(1_234_567_891_234.0), "1234567890000");
        assert_eq!(figure(-2.5e-7), "-0.00000025");
    }

    #[test]
    fn logarithms_of_known_numbers() {
        assert!((ln(2.0) - std::f64::consts::LN_2).abs() < 1e-16);
        assert!((exp(1.0) - std::f64::consts::E).abs() < 1e-15);
    }
}
