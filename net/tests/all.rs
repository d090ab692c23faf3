//! One program of all tests but `real_peers`, which runs itself anew and is built in release.

mod command;
mod common;
mod hostile;
mod loopback;
