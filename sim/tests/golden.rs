//! Results that must be the same in every build. These tests are also run in release mode.

mod common;
mod determinism;
mod trace;
mod windows;
