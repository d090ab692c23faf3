//! Stops on a signal: finished units are kept, and no temporary file is left behind.

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use super::{Exit, Failure};
use crate::run::store::WRITING;

/// From now on, an interrupt ends the program between two writes, with exit code 128 plus its
/// number.
pub(super) fn listen() -> Result<(), Failure> {
    let cannot = |it: std::io::Error| Failure {
        exit: Exit::Io,
        message: format!("cannot listen for signals: {it}"),
    };
    let mut signals = Signals::new([SIGINT, SIGTERM]).map_err(cannot)?;
    std::thread::spawn(move || {
        if let Some(signal) = signals.forever().next() {
            let _guard = WRITING.lock();
            eprintln!("\nstopped; finished runs are kept, the same command goes on from here");
            std::process::exit(128 + signal);
        }
    });
    Ok(())
}
