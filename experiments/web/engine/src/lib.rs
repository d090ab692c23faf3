//! The simulator for a web page: one request in, one answer out, both JSON.
//!
//! - [`answer`]: what a request gives; plain Rust.
//! - [`boundary`]: the few calls that a page can make. The only unsafe code.
//!
//! Deliberately not here: pictures, statistics, anything that would make a run another one than
//! `lab sim` makes.

mod answer;
mod boundary;
