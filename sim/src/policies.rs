//! The choking policies that scenarios may name: those of the house, and those that the running program brings
//! along.

use std::sync::OnceLock;

use unchoke_core::choke::{Entry, Policies};

/// Set once, before any scenario is read.
static ALL: OnceLock<Policies> = OnceLock::new();

/// Adds the policies of the running program. Fails where two policies would have one id, or the list was set
/// before.
pub fn add(own: &[&'static Entry]) -> Result<(), String> {
    let set = ALL.set(Policies::with(own)?);
    set.map_err(|_| "the policies of this program were added before".to_owned())
}

/// All of them.
pub fn all() -> &'static Policies {
    static HOUSE: Policies = Policies::HOUSE;
    ALL.get().unwrap_or(&HOUSE)
}
