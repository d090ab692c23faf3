//! Random quantities in integers: the same on every machine, because neither floats nor the
//! mathematics library of the machine take part.

mod empirical;
mod law;
mod sample;

pub use empirical::{Cdf, CdfError};
pub use law::Law;
pub use sample::{exponential, unit_exponential, weibull};
