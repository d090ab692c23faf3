//! Limits on the uTP connections of the port of one torrent. A port that several torrents share may
//! have more. A first packet may have a forged address, so connections that have sent no
//! payload are counted apart, as [`Doors`](crate::client::doors::Doors).

use core::time::Duration;

/// Most connections in both directions, apart from half-open ones.
pub const MAX_CONNECTIONS: usize = 300;
/// Most half-open connections: incoming ones without payload.
pub const MAX_HALF_OPEN: u16 = 100;
/// Time limit for the first payload of an incoming connection. libtorrent `handshake_timeout`: 10 s.
pub const FIRST_PAYLOAD: Duration = Duration::from_secs(10);
