//! The reason for a failed connection attempt, for the core and the user.

use std::io::ErrorKind;

use unchoke_core::client::explain::Unmet;

use crate::connection::{Encryption, HandshakeError};

/// Maps the error to a reason. `encryption` is our setting.
pub(super) fn unmet(error: &HandshakeError, encryption: Encryption) -> Unmet {
    // With the other settings, both kinds of greeting (encrypted and plain) were tried.
    let one_way = matches!(encryption, Encryption::Off | Encryption::Require);
    match error {
        HandshakeError::Io(error) => match error.kind() {
            ErrorKind::ConnectionRefused => Unmet::Refused,
            ErrorKind::TimedOut => Unmet::TimedOut,
            ErrorKind::HostUnreachable
            | ErrorKind::NetworkUnreachable
            | ErrorKind::AddrNotAvailable => Unmet::Unreachable,
            // The peer accepted the connection and closed it at our greeting, so it probably
            // rejects that kind of greeting.
            _ if one_way => Unmet::Encryption,
            _ => Unmet::HungUp,
        },
        HandshakeError::Unwanted(_) => Unmet::Encryption,
        HandshakeError::Wire(_) | HandshakeError::Mse(_) if one_way => Unmet::Encryption,
        HandshakeError::Wire(_) | HandshakeError::Mse(_) => Unmet::HungUp,
        HandshakeError::OtherTorrent(_) => Unmet::OtherTorrent,
    }
}
