//! The tests of `real_peers`: `network` and `stage` are what they share.

mod families;
mod finders;
mod gateway;
mod matrix;
mod mixed;
mod network;
mod silence;
mod stage;
mod transfers;
mod utp;
mod version_2;
