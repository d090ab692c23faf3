//! The choking policies that the command accepts: the built-in ones, and those that the running
//! program adds.

use std::sync::OnceLock;

use unchoke_core::choke::{Entry, Policies};

/// Set once, before any command reads it.
static ALL: OnceLock<Policies> = OnceLock::new();

/// Adds the policies of the running program. Fails if two policies have the same id, or if policies
/// were added before.
pub fn add(own: &[&'static Entry]) -> Result<(), String> {
    let set = ALL.set(Policies::with(own)?);
    set.map_err(|_| "the policies of this program were added before".to_owned())
}

/// All policies.
pub fn all() -> &'static Policies {
    static HOUSE: Policies = Policies::HOUSE;
    ALL.get().unwrap_or(&HOUSE)
}
