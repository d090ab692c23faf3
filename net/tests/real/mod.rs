//! The tests of `real_peers`. They share `network` and `stage`.

mod families;
mod finders;
mod gateway;
mod matrix;
mod mixed;
mod network;
mod one_port;
mod silence;
mod stage;
mod transfers;
mod utp;
mod version_2;
