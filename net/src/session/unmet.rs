//! The reason for a failed connection attempt, for the core and the user.

use std::io::ErrorKind;

use unchoke_core::client::explain::Unmet;

use crate::connection::{Encryption, HandshakeError};

/// Maps the error to a reason. `encryption` is our setting.
pub(super) fn unmet(error: &HandshakeError, encryption: Encryption) -> Unmet {
    match error {
        HandshakeError::Io(error) => match error.kind() {
            ErrorKind::ConnectionRefused => Unmet::Refused,
            ErrorKind::TimedOut => Unmet::TimedOut,
            ErrorKind::HostUnreachable
            | ErrorKind::NetworkUnreachable
            | ErrorKind::AddrNotAvailable => Unmet::Unreachable,
            _ => Unmet::HungUp,
        },
        HandshakeError::Unwanted(_) => Unmet::Encryption,
        // The peer answered, and not in the way that we require.
        HandshakeError::Mse(_) if encryption == Encryption::Require => Unmet::Encryption,
        HandshakeError::Wire(_) | HandshakeError::Mse(_) => Unmet::HungUp,
        HandshakeError::OtherTorrent(_) => Unmet::OtherTorrent,
    }
}
