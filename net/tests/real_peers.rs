//! Transfers with other clients: each seeds for us and downloads from us, with every way to find
//! peers.
//!
//! Every test runs in a network namespace of its own: no packet leaves the machine, and private
//! addresses work. Without the right to create one, tests run on plain loopback with the clients
//! that accept it. Clients that are not installed are skipped with a message; with
//! `UNCHOKE_REQUIRE_PEERS=1`, the test fails instead.

mod common;
mod real;
