//! Finds out whether the file system of a folder distinguishes names that differ only in case.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use unchoke_core::metainfo::{Layout, Naming};

/// Most entries of a folder that are examined.
const MOST_ENTRIES: usize = 1000;

/// How to name the files of `layout` in `folder`, which need not exist yet. The file system is
/// tested only if it matters. A test file is created only if no existing file gives the answer.
pub(super) fn naming(layout: &Layout, folder: &Path) -> Naming {
    if !layout.naming_matters() {
        return Naming::Exact;
    }
    let relative = |it| {
        if it == Path::new("") {
            Path::new(".")
        } else {
            it
        }
    };
    let Some(folder) = folder.ancestors().map(relative).find(|it| it.is_dir()) else {
        return Naming::Folded;
    };
    match seen(folder).or_else(|| tried(folder)) {
        Some(naming) => naming,
        // Unknown: choose names that differ in more than case. They are safe on every file system;
        // otherwise two files could become one.
        None => Naming::Folded,
    }
}

/// The answer from existing names.
fn seen(folder: &Path) -> Option<Naming> {
    let entries = fs::read_dir(folder).ok()?.take(MOST_ENTRIES).flatten();
    entries.into_iter().find_map(|entry| {
        let name = entry.file_name();
        let other = other_case(name.to_str()?)?;
        tells(&entry.path(), &folder.join(other))
    })
}

/// The same name in the other case, if it contains letters.
fn other_case(name: &str) -> Option<String> {
    let cases = [name.to_ascii_uppercase(), name.to_ascii_lowercase()];
    cases.into_iter().find(|it| it != name)
}

/// The answer from two paths that differ only in case. The first path exists.
fn tells(there: &Path, other: &Path) -> Option<Naming> {
    let there = fs::symlink_metadata(there).ok()?;
    match fs::symlink_metadata(other) {
        Ok(other) if (there.dev(), there.ino()) == (other.dev(), other.ino()) => {
            Some(Naming::Folded)
        }
        Ok(_) => Some(Naming::Exact),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Some(Naming::Exact),
        Err(_) => None,
    }
}

/// The answer from a test file.
fn tried(folder: &Path) -> Option<Naming> {
    let name = format!(".unchoke-case-{}", std::process::id());
    let path = folder.join(&name);
    File::create_new(&path).ok()?;
    let naming = tells(&path, &folder.join(name.to_ascii_uppercase()));
    // If the empty file cannot be removed, that is no reason to fail.
    drop(fs::remove_file(&path));
    naming
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_with_and_without_names_tells_the_same_and_stays_as_it_was() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path();
        assert_eq!(seen(path), None);
        let naming = tried(path).expect("a folder of our own");
        assert_eq!(fs::read_dir(path).expect("lists").count(), 0);
        for name in ["README", "readme", "12"] {
            fs::write(path.join(name), name).expect("writes");
        }
        assert_eq!(seen(path), Some(naming));
    }
}
