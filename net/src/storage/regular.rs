//! Reads the small files that we keep beside the payload.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::Path;

/// Reads at most `most` bytes of a file into `bytes`. Anything but a regular file is an error:
/// somebody may have put a pipe in its place, and opening a pipe can take for ever.
pub(crate) fn read_regular(path: &Path, most: u64, bytes: &mut Vec<u8>) -> io::Result<()> {
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    File::open(path)?.take(most).read_to_end(bytes)?;
    Ok(())
}
