//! `unchoke-net`: the BitTorrent client over TCP.
//!
//! The same [`unchoke_core::torrent::Torrent`] as in the simulator, with real sockets, files and
//! time. Deliberately not here: protocol and choking decisions, and any payload that waits without
//! a bound.
//!
//! * [`session`] owns the torrent and drives it; start reading there.
//! * [`connection`] is one peer: bytes into events and back.
//! * [`choice`] is which files are wanted.
//! * [`stream`] is what it runs on: TCP, or [`utp`].
//! * [`storage`], [`disk`] and [`resume`] keep the payload; [`buffers`] bound it in memory.
//! * [`tracker`] asks trackers by [`http`] and UDP; [`listen`] opens the port.
//! * [`dht`] and [`lsd`] find peers without a tracker.
//! * [`shares`] divides rate caps among the torrents of a process.
//! * [`web_seed`] fetches blocks from web servers.
//! * [`metadata`] makes a torrent of a magnet link.
//! * [`portmap`] asks the gateway to let peers in.
//! * [`tuning`] is what client profiles set beyond policy and picker.
//! * [`policies`] are those of the house, and those of a program around this library.
//! * [`route`] is how connections leave: directly, from a chosen address, or through a proxy.
//! * [`record`] writes sessions down and replays them.
//! * [`web`] serves the page that shows why, from what sessions put on a [`session::board`].
//! * [`cli`] is the `unchoke` command.

pub mod buffers;
pub mod chance;
pub mod choice;
pub mod cli;
pub mod connection;
pub mod dht;
pub mod disk;
pub mod http;
pub mod listen;
pub mod lsd;
pub mod metadata;
mod parameter;
pub mod policies;
pub mod portmap;
pub mod record;
pub mod resume;
pub mod route;
pub mod session;
pub mod shares;
pub mod storage;
pub mod stream;
pub mod text;
pub mod tracker;
pub mod tuning;
pub mod utp;
pub mod web;
pub mod web_seed;
