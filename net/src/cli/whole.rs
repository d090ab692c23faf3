//! Files that are there as a whole or not at all, and never in the place of another.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// Fails if no file could be made at `out`, which is better known before the work than after it.
pub(super) fn check_folder(out: &Path) -> io::Result<()> {
    let draft = draft(out)?;
    File::create_new(&draft)?;
    fs::remove_file(&draft)
}

/// Writes a file that must not be there yet.
pub(super) fn write_new(out: &Path, bytes: &[u8]) -> io::Result<()> {
    let draft = draft(out)?;
    let written = write(&draft, bytes).and_then(|()| publish(&draft, out));
    // It is gone already if all went well.
    drop(fs::remove_file(&draft));
    written
}

/// Writes a file, in one step if there is one already.
pub(super) fn replace(out: &Path, bytes: &[u8]) -> io::Result<()> {
    let draft = draft(out)?;
    // One of a process that was killed.
    drop(fs::remove_file(&draft));
    write(&draft, bytes)?;
    fs::rename(&draft, out)?;
    sync_folder(out)
}

/// A name beside `out` that nobody else has.
fn draft(out: &Path) -> io::Result<PathBuf> {
    let name = out.file_name().ok_or(io::ErrorKind::InvalidFilename)?;
    let name = name.to_string_lossy();
    // The name of a file is at most 255 bytes long.
    let short: String = name.chars().take(40).collect();
    Ok(out.with_file_name(format!(".{short}.{}.part", std::process::id())))
}

fn write(draft: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::create_new(draft)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Gives the draft its name. A link fails if the name is taken, also by a file that was made since.
fn publish(draft: &Path, out: &Path) -> io::Result<()> {
    match fs::hard_link(draft, out) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Err(error),
        // A file system without links.
        Err(_) if !out.exists() => fs::rename(draft, out)?,
        linked => linked?,
    }
    sync_folder(out)
}

fn sync_folder(out: &Path) -> io::Result<()> {
    match out.parent() {
        Some(folder) if folder != Path::new("") => File::open(folder)?.sync_all(),
        _ => File::open(".")?.sync_all(),
    }
}
