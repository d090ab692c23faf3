//! Opening files strictly below a folder, whatever symbolic links lie there.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Component, Path, PathBuf};

fn refused(path: &Path) -> io::Error {
    let why = format!(
        "{} leads out of the output folder; remove that link",
        path.display()
    );
    io::Error::new(io::ErrorKind::PermissionDenied, why)
}

/// Opens `relative` below `root` (canonical). With `write`, folders and the file are created.
pub(super) fn open(root: &Path, relative: &Path, write: bool) -> io::Result<File> {
    let mut names = Vec::new();
    for component in relative.components() {
        match component {
            Component::Normal(name) => names.push(name),
            _ => return Err(refused(relative)),
        }
    }
    let Some((name, folders)) = names.split_last() else {
        return Err(refused(relative));
    };
    let mut folder = root.to_path_buf();
    for part in folders {
        folder.push(part);
        folder = enter(root, &folder, write)?;
    }
    let path = settle(root, &folder.join(name))?;
    OpenOptions::new()
        .read(true)
        .write(write)
        .create(write)
        .truncate(false)
        .open(path)
}

/// The real path of `folder`, which must lie below `root`.
fn enter(root: &Path, folder: &Path, create: bool) -> io::Result<PathBuf> {
    if create {
        match fs::create_dir(folder) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => (),
        }
    }
    let real = fs::canonicalize(folder)?;
    if real.starts_with(root) {
        Ok(real)
    } else {
        Err(refused(folder))
    }
}

/// Follows a link at `path` if it stays below `root`.
fn settle(root: &Path, path: &Path) -> io::Result<PathBuf> {
    match fs::symlink_metadata(path) {
        Ok(found) if found.file_type().is_symlink() => {
            let real = fs::canonicalize(path).map_err(|_| refused(path))?;
            if real.starts_with(root) {
                Ok(real)
            } else {
                Err(refused(path))
            }
        }
        Ok(found) if !found.is_file() => Err(io::Error::other("it is not a regular file")),
        _ => Ok(path.to_path_buf()),
    }
}
