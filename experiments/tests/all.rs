//! One program of all tests but those that are built in another way: `golden` in release too, `own_crate`
//! on demand. A new file needs a line here, and `tidy` fails while it has none.

mod action;
mod cli;
mod common;
mod fingerprint;
mod gate;
mod gate_results;
mod lab_sim;
mod look;
mod manual;
mod outsiders;
mod overwrite;
mod own_policy;
mod repro;
mod scaling;
mod shares;
mod solver;
mod swarm_replay;
mod testbed;
mod tournament;
mod validation;
