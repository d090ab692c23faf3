//! One torrent: inputs in, outputs out.

mod io;

pub use io::{
    BlockDigest, Config, Input, Limits, Output, PeerLink, Pipeline, ProtocolViolation, Reason,
    Verdict,
};
