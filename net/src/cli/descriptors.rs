//! File descriptors: each connection needs one or two, and each torrent some for sockets and files.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// As many as are enough, and fewer for systems that do not give as many even if their hard limit is
/// higher or absent.
const ENOUGH: [u64; 2] = [1 << 16, 10_240];

/// Raises the limit of open files as far as the system and the user allow. Many systems begin with
/// 1024 or 256, for old programs that use `select`.
pub(super) fn raise_limit() {
    let limit = getrlimit(Resource::Nofile);
    for enough in ENOUGH {
        let wanted = limit.maximum.map_or(enough, |it| it.min(enough));
        if limit.current.is_none_or(|it| it >= wanted) {
            return;
        }
        let raised = Rlimit {
            current: Some(wanted),
            ..limit
        };
        match setrlimit(Resource::Nofile, raised) {
            Ok(()) => return,
            Err(error) => {
                tracing::debug!(%error, wanted, "the limit of open files cannot be raised to this");
            }
        }
    }
}
