//! Random quantities in integer arithmetic. Floats and the machine's mathematics library are not
//! used, so every machine draws the same values.

mod empirical;
mod law;
mod sample;

pub use empirical::{Cdf, CdfError};
pub use law::Law;
pub use sample::{exponential, unit_exponential, weibull};
