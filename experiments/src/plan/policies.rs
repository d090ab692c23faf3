//! Policies that plans and commands can name: the registered ones, and those that the running
//! program adds.

use std::sync::OnceLock;

use unchoke_core::choke::{Entry, ParameterError, REGISTRY};

/// What the running program brings along: set once, before any command reads it.
static OWN: OnceLock<Own> = OnceLock::new();

#[derive(Debug)]
struct Own {
    entries: Vec<&'static Entry>,
    program: String,
}

/// Adds the policies of the running program. `program` identifies its build, because the code of
/// these policies is not in the engine's fingerprint. Fails if two policies have the same id, or if
/// this was called before.
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

/// All policies: the registered ones in the order of the registry, then the program's.
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

/// Version of everything that runs units: the engine's, and the program's if units may contain its
/// policies. Another build of the program may have a different policy under the same name.
#[must_use]
pub fn version(engine: &str) -> String {
    match OWN.get() {
        Some(own) => format!("{engine}+{}", own.program),
        None => engine.to_owned(),
    }
}
