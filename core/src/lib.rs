//! `unchoke-core`: the BitTorrent protocol and choking core.
//!
//! A pure state machine: inputs in, outputs out, one deadline. Deliberately not here: sockets,
//! files, clocks, threads, environment, floats, hash maps, payload bytes and the hashing of payload.
//! The drivers (`sim`, `net`) have those.
//!
//! # In the order a reader needs
//!
//! 1. [`ids`], [`message`], [`geometry`], [`time`]: the basic types.
//! 2. [`torrent`]: one torrent and its connections. [`choke`] (the policies) decides which peers we
//!    serve, [`pick`] which piece to download next. [`ledger`] counts where every byte went.
//! 3. [`client`]: the client around a torrent, and what a driver must do. [`profile`] has the
//!    settings of eight deployed clients.
//! 4. Bytes: [`bencode`], [`metainfo`], [`wire`], [`tracker`], [`mse`], [`magnet`], [`metadata`].
//! 5. Sources of peers other than trackers: [`dht`], [`lsd`]. Transports: [`utp`], [`socks5`]. Ports
//!    open to incoming connections: [`portmap`].
//!
//! # The path of one block
//!
//! The driver has read the 13 bytes in front of a block and hands in [`torrent::Input::Message`] with
//! [`client::Client::pass_on`]. `torrent/download.rs` checks whether the block was requested. If so,
//! it answers [`client::Output::StoreBlock`], counts the bytes as useful (`ledger.rs`), updates the
//! rates that policies see, and fills the gap in the requests (`torrent/fill.rs`). There [`pick`]
//! chooses the next piece. Once all blocks are requested, `torrent/endgame.rs` chooses blocks to
//! request from a second peer. The last block of a piece gives [`client::Output::VerifyPiece`]; the
//! driver hashes the piece and hands in the result. A good piece is announced with
//! [`client::Output::Broadcast`]; for a bad piece `torrent/suspects.rs` finds the sender of the corrupt
//! block. On the uploading side, `torrent/upload.rs` sent the block when [`torrent::Input::Writable`]
//! said that the link accepts one.
//!
//! # The path of one dial
//!
//! Addresses come in with [`client::Input::Found`] and their [`client::source`], and wait in the
//! [`client::book`], the most trusted source first. While the limits on connections and attempts
//! allow it, the client gives [`client::Output::Dial`]. The attempt is kept in [`client::doors`]. The
//! driver connects, does the handshake and hands in [`client::Input::Met`]. [`client::admission`]
//! accepts the peer ([`client::Output::Joined`]) or not; it also detects a second connection to the
//! same peer. [`client::redial`] decides when to try a failed address again.
//!
//! # The path of one announce
//!
//! [`client::announcer`] knows when each tracker is due. [`client::Output::Announce`] asks the driver to
//! send the announce; [`tracker`] writes its text and reads the answer. The answer comes back as
//! [`client::Input::Announced`], with the addresses of peers.

#![no_std]
#![deny(clippy::float_arithmetic)]

extern crate alloc;

pub mod allowed_fast;
pub mod bencode;
pub mod bitfield;
pub mod choke;
pub mod client;
mod compact;
pub mod dht;
pub mod geometry;
pub mod hashes;
pub mod ids;
pub mod ledger;
pub mod lsd;
pub mod magnet;
pub mod merkle;
pub mod message;
pub mod metadata;
pub mod metainfo;
pub mod meter;
pub mod mse;
pub mod peer_id;
pub mod pick;
pub mod portmap;
pub mod profile;
pub mod rng;
pub mod shares;
pub mod socks5;
pub mod text;
pub mod time;
pub mod torrent;
pub mod tracker;
pub mod utp;
pub mod wanted;
pub mod web;
pub mod wire;
