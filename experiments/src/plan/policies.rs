//! Policies that plans and commands can name: the registered ones, and those that the running
//! program adds.

use std::sync::OnceLock;

use unchoke_core::choke::{Entry, ParameterError};

/// What tells builds of the running program apart, if it brings policies along.
static PROGRAM: OnceLock<String> = OnceLock::new();

/// Adds the policies of the running program. `program` identifies its build, because the code of
/// these policies is not in the engine's fingerprint. Fails if two policies have the same id, or if
/// this was called before.
pub fn add(entries: &[&'static Entry], program: String) -> Result<(), String> {
    unchoke_sim::policies::add(entries)?;
    unchoke_record::policies::add(entries)?;
    PROGRAM
        .set(program)
        .expect("set once, with the policies of the simulator");
    Ok(())
}

/// All policies: the registered ones in the order of the registry, then the program's.
pub fn all() -> impl Iterator<Item = &'static Entry> {
    unchoke_sim::policies::all().each()
}

/// The policy with this id.
pub fn find(id: &str) -> Result<&'static Entry, ParameterError> {
    unchoke_sim::policies::all().find(id)
}

/// Version of everything that runs units: the engine's, and the program's if units may contain its
/// policies. Another build of the program may have a different policy under the same name.
#[must_use]
pub fn version(engine: &str) -> String {
    match PROGRAM.get() {
        Some(program) => format!("{engine}+{program}"),
        None => engine.to_owned(),
    }
}
