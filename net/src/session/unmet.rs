//! What the core, and the user, are told of an attempt that failed.

use std::io::ErrorKind;

use unchoke_core::client::explain::Unmet;

use crate::connection::{Encryption, HandshakeError};

/// Why there is no connection, when we connect with this `encryption`.
pub(super) fn unmet(error: &HandshakeError, encryption: Encryption) -> Unmet {
    // With the other ways of ours, both ways to greet were tried.
    let one_way = matches!(encryption, Encryption::Off | Encryption::Require);
    match error {
        HandshakeError::Io(error) => match error.kind() {
            ErrorKind::ConnectionRefused => Unmet::Refused,
            ErrorKind::TimedOut => Unmet::TimedOut,
            ErrorKind::HostUnreachable
            | ErrorKind::NetworkUnreachable
            | ErrorKind::AddrNotAvailable => Unmet::Unreachable,
            // Who was connected to and closes at our greeting does not like the way of it.
            _ if one_way => Unmet::Encryption,
            _ => Unmet::HungUp,
        },
        HandshakeError::Unwanted(_) => Unmet::Encryption,
        HandshakeError::Wire(_) | HandshakeError::Mse(_) if one_way => Unmet::Encryption,
        HandshakeError::Wire(_) | HandshakeError::Mse(_) => Unmet::HungUp,
        HandshakeError::OtherTorrent(_) => Unmet::OtherTorrent,
    }
}
