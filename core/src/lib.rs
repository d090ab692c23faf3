//! `unchoke-core`: the BitTorrent protocol and choking core.
//!
//! A pure state machine: inputs in, outputs out, one deadline. Deliberately not here: sockets,
//! files, clocks, threads, environment, floats, hash maps, payload bytes and piece hashing. The
//! drivers (`sim`, `net`) have those.
//!
//! # In the order a reader needs
//!
//! 1. [`ids`], [`message`], [`geometry`], [`time`]: the words that everything speaks.
//! 2. [`torrent`]: one torrent and its connections. [`choke`] says whom it serves (the policies are
//!    the product), [`pick`] what it asks for, [`ledger`] counts where every byte went.
//! 3. [`client`]: the client around a torrent, with the contract of a driver. [`profile`] has the
//!    figures of eight clients as they ship.
//! 4. Bytes: [`bencode`], [`metainfo`], [`wire`], [`tracker`], [`mse`], [`magnet`], [`metadata`].
//! 5. Where peers come from beside trackers: [`dht`], [`lsd`]; what connections may run on: [`utp`],
//!    [`socks5`]; how they get in: [`portmap`].
//!
//! # The path of one block
//!
//! The driver has read the 13 bytes in front of a block and hands in
//! [`torrent::Input::Message`] by [`client::Client::pass_on`]. `torrent/download.rs` looks whether it was
//! asked for: if so it answers [`client::Output::StoreBlock`], counts the bytes as useful, tells the
//! choker's meter, and fills the gap in the requests (`torrent/fill.rs`), where [`pick`] chooses the next
//! piece. The last block of a piece gives [`client::Output::VerifyPiece`]; the driver hashes and hands
//! in the verdict. A good piece goes out as [`client::Output::Broadcast`]; a bad one looks for who
//! spoiled it (`torrent/suspects.rs`). On the other side the block left when
//! [`torrent::Input::Writable`] said that the link takes one: `torrent/upload.rs`.
//!
//! # The path of one dial
//!
//! Addresses come in by [`client::Input::Found`] with their [`client::source`] and wait in the
//! [`client::book`], the best source first. While seats and [`client::doors`] are free the client gives
//! [`client::Output::Dial`]. The driver connects and shakes hands, then hands in
//! [`client::Input::Met`]. [`client::admission`] lets the peer in ([`client::Output::Joined`]) or not,
//! and knows two connections to one peer. What failed goes to [`client::redial`].
//!
//! # The path of one announce
//!
//! [`client::announcer`] keeps when each tier is due; [`client::Output::Announce`] asks the driver to
//! send one, whose text [`tracker`] writes and reads. The answer comes back as [`client::Input::Announced`],
//! its addresses as [`client::Input::Found`].

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
