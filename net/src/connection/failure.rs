//! Why a connection does not come about, or a web seed is not of use.

use unchoke_core::ids::InfoHash;
use unchoke_core::mse::MseError;
use unchoke_core::wire::WireError;

use crate::http::PartError;

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

/// Why a web seed is not of use.
#[derive(Debug, thiserror::Error)]
pub enum WebSeedError {
    /// What came, or that nothing came.
    #[error("{0}")]
    Part(#[from] PartError),
    /// A file has a name that cannot be asked for.
    #[error("it cannot be asked for file {0} of the torrent, whose name leads out of its folder")]
    Name(usize),
    /// The URL cannot be used.
    #[error("its URL cannot be used: {0}")]
    Url(#[from] url::ParseError),
}

impl WebSeedError {
    /// Whether to ask again in a little while makes sense.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        matches!(self, Self::Part(part) if part.is_passing())
    }
}
