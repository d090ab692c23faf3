//! Result folders.

use std::path::Path;

use super::Failure;
use crate::run::store::{Store, StoreError, write_whole};

/// Opens the store in `folder`. Exploratory results are excluded from version control.
pub(super) fn make_store(folder: &Path, engine: &str) -> Result<Store, Failure> {
    let exploratory = Path::new("results/exploratory");
    if folder.starts_with(exploratory) {
        make(exploratory)?;
        let ignore = exploratory.join(".gitignore");
        write_whole(&ignore, b"*\n")?;
    }
    Ok(Store::open(&folder.join("units"), engine)?)
}

pub(super) fn make(folder: &Path) -> Result<(), StoreError> {
    std::fs::create_dir_all(folder).map_err(|it| StoreError::io(folder, it))
}

/// Appends text to a file; creates the file if needed.
pub(super) fn append(path: &Path, text: &str) -> Result<(), StoreError> {
    use std::io::Write as _;
    let mut file = std::fs::OpenOptions::new();
    let opened = file.create(true).append(true).open(path);
    let written = opened.and_then(|mut it| it.write_all(text.as_bytes()));
    written.map_err(|it| StoreError::io(path, it))
}

/// Most names of files in a line.
const MOST_NAMED: usize = 3;

/// The first names, and how many more there are.
pub(super) fn named(names: &[String]) -> String {
    let first = names[..names.len().min(MOST_NAMED)].join(", ");
    match names.len().saturating_sub(MOST_NAMED) {
        0 => first,
        more => format!("{first} and {more} more"),
    }
}
