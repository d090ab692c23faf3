//! `unchoke-core`: the BitTorrent protocol and choking core.
//!
//! A pure state machine: inputs in, outputs out, one deadline. Deliberately not here: sockets,
//! files, clocks, threads, environment, floats, hash maps, payload bytes and piece hashing. The
//! drivers (`sim`, `net`) have those.
//!
//! Start reading at [`client`] (who is connected to whom) and [`torrent`] (what they say), then
//! [`choke`] (the policies, which are the product) and [`pick`].

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
pub mod ids;
pub mod ledger;
pub mod lsd;
pub mod magnet;
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
