//! Opens files strictly below a folder, even if there are symbolic links.

use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Component, Path, PathBuf};

/// Why a file is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// To read. Nothing is created or changed.
    Read,
    /// To write to an existing file.
    Write,
    /// To create the file, which must not exist, and its folders.
    Create,
}

fn refused(path: &Path) -> io::Error {
    let why = format!(
        "{} leads out of the output folder; remove that link",
        path.display()
    );
    io::Error::new(io::ErrorKind::PermissionDenied, why)
}

/// Opens `relative` below `root`, which must be a canonical path.
pub(super) fn open(root: &Path, relative: &Path, purpose: Purpose) -> io::Result<File> {
    if let Some(file) = open_beneath(root, relative, purpose) {
        return Ok(file);
    }
    // Missing folders are created on the slow way, which also finds the reason of a failure.
    let path = find(root, relative, purpose == Purpose::Create)?;
    let mut options = OpenOptions::new();
    options.read(true);
    match purpose {
        Purpose::Read => &mut options,
        Purpose::Write => options.write(true),
        Purpose::Create => options.write(true).create_new(true),
    };
    options.open(path)
}

/// Opens the file in one step, with the promise of the system that the path stays below `root`. `None`
/// if that fails for any reason.
#[cfg(target_os = "linux")]
fn open_beneath(root: &Path, relative: &Path, purpose: Purpose) -> Option<File> {
    use rustix::fs::{CWD, Mode, OFlags, ResolveFlags, openat, openat2};
    if !is_plain(relative) {
        return None;
    }
    let folder = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let root = openat(CWD, root, folder, Mode::empty()).ok()?;
    let (access, mode) = match purpose {
        Purpose::Read => (OFlags::RDONLY, Mode::empty()),
        Purpose::Write => (OFlags::RDWR, Mode::empty()),
        Purpose::Create => (
            OFlags::RDWR | OFlags::CREATE | OFlags::EXCL,
            Mode::from_raw_mode(0o666),
        ),
    };
    // A pipe in the place of the file must not block us.
    let flags = access | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let opened = openat2(root, relative, flags, mode, ResolveFlags::BENEATH).ok()?;
    let file = File::from(opened);
    file.metadata().ok()?.is_file().then_some(file)
}

#[cfg(not(target_os = "linux"))]
fn open_beneath(_: &Path, _: &Path, _: Purpose) -> Option<File> {
    None
}

/// Whether a path has only names, at least one.
fn is_plain(relative: &Path) -> bool {
    let mut parts = relative.components();
    let named = |it| matches!(it, Component::Normal(_));
    !relative.as_os_str().is_empty() && parts.all(named)
}

/// The real path of `relative` below `root`, which must be a canonical path. `create` makes missing
/// folders.
pub(super) fn find(root: &Path, relative: &Path, create: bool) -> io::Result<PathBuf> {
    let (parent, name) = split(relative)?;
    settle(root, &folder(root, parent, create)?.join(name))
}

/// The folder and the name of a file. Fails if the path has anything else than names.
pub(super) fn split(relative: &Path) -> io::Result<(&Path, &OsStr)> {
    let parts = (relative.parent(), relative.file_name());
    match parts {
        (Some(parent), Some(name)) if is_plain(relative) => Ok((parent, name)),
        _ => Err(refused(relative)),
    }
}

/// The real path of a folder below `root`. `create` makes it if it is missing.
pub(super) fn folder(root: &Path, relative: &Path, create: bool) -> io::Result<PathBuf> {
    let mut folder = root.to_path_buf();
    for part in relative {
        folder.push(part);
        folder = enter(root, &folder, create)?;
    }
    Ok(folder)
}

/// The real path of `folder`. Fails if it is not below `root`.
fn enter(root: &Path, folder: &Path, create: bool) -> io::Result<PathBuf> {
    if create {
        match fs::create_dir(folder) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => (),
        }
    }
    let real = fs::canonicalize(folder)?;
    if !real.starts_with(root) {
        return Err(refused(folder));
    }
    if !real.is_dir() {
        let why = format!(
            "{} is a file, and the torrent has a folder of that name; move it away first",
            folder.display()
        );
        return Err(io::Error::new(io::ErrorKind::NotADirectory, why));
    }
    Ok(real)
}

/// Resolves a link at `path`. Fails if it leads out of `root`.
pub(super) fn settle(root: &Path, path: &Path) -> io::Result<PathBuf> {
    let real = match fs::symlink_metadata(path) {
        Ok(found) if found.file_type().is_symlink() => {
            let real = fs::canonicalize(path).map_err(|_| refused(path))?;
            if !real.starts_with(root) {
                return Err(refused(path));
            }
            real
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(path.to_path_buf()),
        Err(error) => return Err(error),
        Ok(_) => path.to_path_buf(),
    };
    if fs::metadata(&real)?.is_file() {
        return Ok(real);
    }
    let kind = io::ErrorKind::IsADirectory;
    let why = "it is not a regular file; move it away first";
    Err(io::Error::new(kind, why))
}
