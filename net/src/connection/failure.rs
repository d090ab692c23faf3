//! Why a connection does not come about.

use unchoke_core::ids::InfoHash;
use unchoke_core::mse::MseError;
use unchoke_core::wire::WireError;

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum HandshakeError {
    /// The network failed, or the other side closed.
    #[error("{0}")]
    Io(#[from] std::io::Error),
    /// It is no BitTorrent peer.
    #[error("{0}")]
    Wire(#[from] WireError),
    /// The encrypted handshake failed.
    #[error("{0}")]
    Mse(#[from] MseError),
    /// The peer speaks in a way that the user has turned off.
    #[error("{0}")]
    Unwanted(&'static str),
    /// The peer is about another torrent.
    #[error("the peer speaks of torrent {0}")]
    OtherTorrent(InfoHash),
}

impl HandshakeError {
    /// Whether the peer may answer if it is greeted in another way: it closed the connection or
    /// did not understand.
    #[must_use]
    pub fn is_about_manners(&self) -> bool {
        matches!(self, Self::Io(_) | Self::Wire(_) | Self::Mse(_))
    }
}
