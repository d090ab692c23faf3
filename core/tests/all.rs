//! One program of all tests: linking is most of what building one costs. A new file needs a line here,
//! and `tidy` fails while it has none.

mod bencode;
mod bep_0003;
mod bep_0006;
mod bep_0010;
mod bep_0011;
mod bep_0012;
mod bep_0016;
mod bep_0020;
mod bep_0023;
mod bep_0027;
mod bep_0047;
mod choke_fidelity;
mod choke_mainline;
mod choke_parameters;
mod choke_shares;
mod choke_tables;
mod common;
mod geometry;
mod hostile;
mod late;
mod lost;
mod metainfo;
mod meter;
mod mse;
mod pick;
mod rng;
mod served;
mod strict_priority;
mod swarm;
mod ticks;
mod tidy;
mod tracker;
mod upload_order;
mod wire;
