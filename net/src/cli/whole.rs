//! Files that are written completely or not at all, and never overwrite another file.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// Fails if no file can be created at `out`. Call it before the work rather than after it.
pub(super) fn check_folder(out: &Path) -> io::Result<()> {
    let draft = draft(out)?;
    File::create_new(&draft)?;
    fs::remove_file(&draft)
}

/// Writes a file, which must not exist yet.
pub(super) fn write_new(out: &Path, bytes: &[u8]) -> io::Result<()> {
    let draft = draft(out)?;
    let written = write(&draft, bytes).and_then(|()| publish(&draft, out));
    // After success, the draft no longer exists.
    drop(fs::remove_file(&draft));
    written
}

/// Writes a file, and atomically replaces an existing one.
pub(super) fn replace(out: &Path, bytes: &[u8]) -> io::Result<()> {
    let draft = draft(out)?;
    // A draft left by a process that was killed.
    drop(fs::remove_file(&draft));
    write(&draft, bytes)?;
    fs::rename(&draft, out)?;
    sync_folder(out)
}

/// An unused file name next to `out`.
fn draft(out: &Path) -> io::Result<PathBuf> {
    let name = out.file_name().ok_or(io::ErrorKind::InvalidFilename)?;
    let name = name.to_string_lossy();
    // A file name has at most 255 bytes.
    let short: String = name.chars().take(40).collect();
    Ok(out.with_file_name(format!(".{short}.{}.part", std::process::id())))
}

fn write(draft: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::create_new(draft)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Gives the draft its final name. The hard link fails if the name exists, even if the file was
/// created just now.
fn publish(draft: &Path, out: &Path) -> io::Result<()> {
    match fs::hard_link(draft, out) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Err(error),
        // The file system has no hard links.
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
