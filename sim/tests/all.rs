//! All tests in one program, except those that need a program of their own: `allocations` counts
//! the allocations of its whole program, and `golden` is also built in release mode. A new file
//! needs a line here.

mod common;
mod connections;
mod fair_share;
mod flow_replay;
mod link_intervals;
mod lives;
mod pair;
mod queue_model;
mod scenario_distribution;
mod scenario_errors;
mod scenario_expand;
mod scenario_lives;
mod scenario_order;
mod scenario_parts;
mod scenario_profiles;
mod scenario_units;
mod swarm_fuzz;
mod transport;
