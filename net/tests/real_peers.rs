//! Other clients on the same wire: each seeds for us and fetches from us, by every way there is to find
//! each other.
//!
//! Every test runs in a network of its own, where nothing can leave the machine and private
//! addresses work; without the right to make one, on plain loopback with the clients that accept
//! it. What is not installed is skipped with a word; with `UNCHOKE_REQUIRE_PEERS=1` that fails.

mod common;
mod real;
