//! What must be the same bytes in every build: these tests run with all optimisation too.

mod common;
mod determinism;
mod trace;
