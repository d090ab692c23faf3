//! The policies that plans and commands may name: those of the house, and those that the running
//! program brings along.

use std::sync::OnceLock;

use unchoke_core::choke::{Entry, ParameterError, REGISTRY};

/// What the running program brings along: set once, before any command reads it.
static OWN: OnceLock<Own> = OnceLock::new();

#[derive(Debug)]
struct Own {
    entries: Vec<&'static Entry>,
    program: String,
}

/// Adds the policies of the running program. `program` tells its builds apart: the code of these policies
/// is in no fingerprint of the engine. Fails where two policies would have one id, or the list was set
/// before.
pub fn add(entries: &[&'static Entry], program: String) -> Result<(), String> {
    for (at, it) in entries.iter().enumerate() {
        if REGISTRY.iter().any(|house| house.id == it.id) {
            return Err(format!(
                "{} is the id of a policy of the zoo; choose another",
                it.id
            ));
        }
        if entries[..at].iter().any(|before| before.id == it.id) {
            return Err(format!(
                "two policies have the id {}; choose another",
                it.id
            ));
        }
    }
    let entries = entries.to_vec();
    let set = OWN.set(Own { entries, program });
    set.map_err(|_| "the policies of this program were added before".to_owned())
}

/// All of them: the house's in the order of its registry, then the program's.
pub fn all() -> impl Iterator<Item = &'static Entry> {
    let own = OWN.get().map_or(&[][..], |it| it.entries.as_slice());
    REGISTRY.iter().chain(own.iter().copied())
}

/// The policy with this id.
pub fn find(id: &str) -> Result<&'static Entry, ParameterError> {
    all().find(|it| it.id == id).ok_or_else(|| {
        let known: Vec<&str> = all().map(|it| it.id).collect();
        ParameterError::UnknownPolicy(id.to_owned(), known.join(", "))
    })
}

/// The policy with this id, if the program brought it along and no registry has it.
#[must_use]
pub fn own(id: &str) -> Option<&'static Entry> {
    let own = OWN.get()?;
    own.entries.iter().copied().find(|it| it.id == id)
}

/// The version of what runs units: the engine's, and the program's where policies of its own may be in
/// them. Another build of the program may have another policy under the same name.
#[must_use]
pub fn version(engine: &str) -> String {
    match OWN.get() {
        Some(own) => format!("{engine}+{}", own.program),
        None => engine.to_owned(),
    }
}
