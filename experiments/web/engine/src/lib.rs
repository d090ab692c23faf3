//! The simulator for a web page. Requests and answers are JSON.
//!
//! - [`answer`]: answers requests; plain Rust.
//! - [`boundary`]: the few functions that a page can call. The only unsafe code.
//!
//! Deliberately not here: figures, statistics, and anything that would make a run differ from one
//! of `lab sim`.

mod answer;
mod boundary;
