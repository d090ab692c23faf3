//! Whether the file system of a folder tells names apart that differ by case only.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use unchoke_core::metainfo::{Layout, Naming};

/// Entries of a folder that are looked at.
const MOST_ENTRIES: usize = 1000;

/// How the files of `layout` must be named in `folder`, which need not exist yet. The file system is
/// asked only when it matters, and a file is made for that only if nothing there can tell.
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
        // Nothing is lost by names that are good everywhere, but a file would be by two of one name.
        None => Naming::Folded,
    }
}

/// What the names that are there tell.
fn seen(folder: &Path) -> Option<Naming> {
    let entries = fs::read_dir(folder).ok()?.take(MOST_ENTRIES).flatten();
    entries.into_iter().find_map(|entry| {
        let name = entry.file_name();
        let other = other_case(name.to_str()?)?;
        tells(&entry.path(), &folder.join(other))
    })
}

/// The same name in the other case, if it has letters.
fn other_case(name: &str) -> Option<String> {
    let cases = [name.to_ascii_uppercase(), name.to_ascii_lowercase()];
    cases.into_iter().find(|it| it != name)
}

/// What two paths tell that differ by case, of which the first is there.
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

/// What a file tells that is made for it.
fn tried(folder: &Path) -> Option<Naming> {
    let name = format!(".unchoke-case-{}", std::process::id());
    let path = folder.join(&name);
    File::create_new(&path).ok()?;
    let naming = tells(&path, &folder.join(name.to_ascii_uppercase()));
    // An empty file that stays behind is no reason to fail.
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
