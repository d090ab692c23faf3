//! `unchoke-net`: the BitTorrent client over TCP.
//!
//! The client runs the same [`unchoke_core::torrent::Torrent`] as the simulator, with real sockets,
//! files and time. Deliberately not here: protocol and choking decisions, and payload queues
//! without a bound.
//!
//! * [`session`] owns the torrent and drives it; start reading there.
//! * [`connection`] handles one peer: received bytes become events, messages become bytes.
//! * [`choice`] selects the wanted files.
//! * [`stream`] is the transport of a connection: TCP or [`utp`].
//! * [`storage`], [`disk`] and [`resume`] keep the payload; [`buffers`] bound it in memory.
//! * [`tracker`] asks trackers by [`http`] and UDP; [`listen`] opens the port.
//! * [`entrance`] is one port for all torrents of a process.
//! * [`dht`] and [`lsd`] find peers without a tracker.
//! * [`shares`] divides rate caps among the torrents of a process.
//! * [`web_seed`] fetches blocks from web servers.
//! * [`metadata`] fetches the info dictionary for a magnet link.
//! * [`portmap`] asks the gateway to forward our port.
//! * [`route`] sets how connections leave: directly, from a chosen address, or through a proxy.
//! * [`record`] records sessions and replays them; a crate of its own, with the settings of client
//!   profiles and the list of choking policies.
//! * [`web`] serves the web page, from what sessions show on a [`session::board`].
//! * [`cli`] is the `unchoke` command.

pub mod buffers;
pub mod chance;
pub mod choice;
pub mod cli;
pub mod connection;
pub mod dht;
mod dial;
pub mod disk;
pub mod entrance;
pub mod http;
pub mod listen;
pub mod lsd;
pub mod metadata;
mod parameter;
pub mod portmap;
pub mod resume;
pub mod route;
pub mod session;
pub mod shares;
pub mod storage;
pub mod stream;
mod swarms;
pub mod text;
pub mod tracker;
mod transport;
pub mod utp;
pub mod web;
pub mod web_seed;

pub use unchoke_record as record;
pub use unchoke_record::{policies, tuning};
