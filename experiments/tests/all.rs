//! All tests in one program, except those with another build: `golden` is also built in release
//! mode, `own_crate` only on demand. A new file needs a line here; `tidy` fails without it.

mod action;
mod cli;
mod common;
mod coverage;
#[cfg(unix)]
mod download;
mod exercises;
mod fingerprint;
mod gate;
mod gate_results;
mod head_start;
mod lab_sim;
mod look;
mod manual;
mod many_units;
mod outsiders;
mod overwrite;
mod own_policy;
mod repro;
mod scaling;
mod shares;
mod solver;
mod swarm_replay;
mod sweep;
mod testbed;
mod time_claim;
mod tournament;
mod validation;
