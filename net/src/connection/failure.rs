//! Why a connection could not be set up, or a web seed cannot be used.

use unchoke_core::client::redial::Ended;
use unchoke_core::ids::InfoHash;
use unchoke_core::mse::MseError;
use unchoke_core::wire::WireError;

use crate::http::PartError;

/// Why a handshake failed.
#[derive(Debug, thiserror::Error)]
pub enum HandshakeError {
    /// The network failed, or the peer closed the connection.
    #[error("{0}")]
    Io(#[from] std::io::Error),
    /// The peer does not speak BitTorrent.
    #[error("{0}")]
    Wire(#[from] WireError),
    /// The encrypted handshake failed.
    #[error("{0}")]
    Mse(#[from] MseError),
    /// The peer uses a kind of connection that the user has turned off.
    #[error("{0}")]
    Unwanted(&'static str),
    /// The peer asked for, or answered with, another torrent.
    #[error("the peer has another torrent: {0}")]
    OtherTorrent(InfoHash),
}

impl HandshakeError {
    /// Whether a retry with the other kind of greeting (encrypted or plain) may succeed: the peer
    /// closed the connection or did not understand the greeting.
    #[must_use]
    pub fn is_about_manners(&self) -> bool {
        matches!(self, Self::Io(_) | Self::Wire(_) | Self::Mse(_))
    }
}

/// Why a web seed cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum WebSeedError {
    /// The request failed, or the answer is wrong.
    #[error("{0}")]
    Part(#[from] PartError),
    /// The file has a name that cannot be part of a URL.
    #[error("its path leads out of the folder of the web seed")]
    Name,
    /// The URL cannot be used.
    #[error("its URL cannot be used: {0}")]
    Url(#[from] url::ParseError),
}

impl WebSeedError {
    /// Whether only the requested file is missing or different.
    #[must_use]
    pub fn is_of_file(&self) -> bool {
        match self {
            Self::Part(PartError::Lie(lie)) => lie.is_of_file(),
            Self::Part(_) | Self::Url(_) => false,
            Self::Name => true,
        }
    }

    /// What the client has to know about it.
    #[must_use]
    pub fn ended(&self) -> Ended {
        match self {
            Self::Part(PartError::Busy { seconds, .. }) => Ended::Busy(*seconds),
            Self::Part(part) if part.is_passing() => Ended::ByPeer,
            _ => Ended::Garbage,
        }
    }
}
