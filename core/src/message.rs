//! The messages of the peer protocol, as values. `wire` converts them from and to bytes.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::net::SocketAddr;

use crate::bitfield::Bitfield;
use crate::ids::{BlockRef, PieceIndex};
use crate::merkle::Hash;

/// A message between two peers. `Piece` names its block and carries no payload: the driver keeps
/// the bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// No content; shows that the connection is alive. BEP 3.
    KeepAlive,
    /// The sender will not serve requests. BEP 3.
    Choke,
    /// The sender will serve requests. BEP 3.
    Unchoke,
    /// The receiver has pieces the sender wants. BEP 3.
    Interested,
    /// The receiver has nothing the sender wants. BEP 3.
    NotInterested,
    /// The sender has completed and verified this piece. BEP 3.
    Have(PieceIndex),
    /// All pieces of the sender at once. BEP 3.
    Bitfield(Box<Bitfield>),
    /// Please send this block. BEP 3.
    Request(BlockRef),
    /// The header of a block; its payload follows on the wire. BEP 3.
    Piece(BlockRef),
    /// The block is no longer needed. BEP 3.
    Cancel(BlockRef),
    /// UDP port of the sender's DHT node. BEP 5.
    Port(u16),
    /// This piece would be a good one to request. BEP 6.
    Suggest(PieceIndex),
    /// The sender is a seed. BEP 6.
    HaveAll,
    /// The sender has nothing yet. BEP 6.
    HaveNone,
    /// The request will not be served. BEP 6.
    Reject(BlockRef),
    /// This piece may be requested while choked. BEP 6.
    AllowedFast(PieceIndex),
    /// A message of the extension protocol. BEP 10.
    Extended(Box<Extended>),
    /// Please send these hashes. BEP 52.
    HashRequest(Box<HashRequest>),
    /// The requested hashes. BEP 52.
    Hashes(Box<Hashes>),
    /// The hashes will not be sent. BEP 52.
    HashReject(Box<HashRequest>),
}

/// Which hashes of a merkle tree are requested. BEP 52.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HashRequest {
    /// Root of the tree.
    pub root: Hash,
    /// Number of the layer, 0 for the leaves.
    pub base: u32,
    /// Index of the first hash in the layer.
    pub index: u32,
    /// Number of hashes.
    pub length: u32,
    /// Number of layers above for which a proof is wanted.
    pub proofs: u32,
}

/// Hashes of a merkle tree. BEP 52.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hashes {
    /// The request that they answer.
    pub request: HashRequest,
    /// The hashes of the layer, then the hashes that prove them.
    pub hashes: Vec<Hash>,
}

/// A message of the extension protocol. BEP 10.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Extended {
    /// The extension handshake (extended id 0).
    Handshake(ExtendedHandshake),
    /// The peers that the sender is connected to. BEP 11.
    Pex {
        /// Extended id as the receiver assigned it.
        id: u8,
        /// Changes since the sender's last such message.
        changes: Contacts,
    },
    /// A part of the info dictionary, or a request for it. BEP 9.
    Metadata {
        /// Extended id as the receiver assigned it.
        id: u8,
        /// The content.
        message: MetadataMessage,
    },
    /// A message of an extension that this client does not speak.
    Unknown {
        /// Extended id as the receiver assigned it.
        id: u8,
        /// Bytes after the id.
        payload: Vec<u8>,
    },
}

/// A message about the info dictionary, which is divided into pieces of 16 KiB. BEP 9.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MetadataMessage {
    /// Please send this piece.
    Request(u32),
    /// A piece.
    Data {
        /// Its number.
        piece: u32,
        /// Bytes of the whole info dictionary.
        total_bytes: u32,
        /// The piece itself. Shared, so that queued messages need no copy.
        bytes: Arc<[u8]>,
    },
    /// The piece will not be sent.
    Reject(u32),
}

/// Connections that the sender opened and closed. BEP 11.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Contacts {
    /// New connections.
    pub added: Vec<Contact>,
    /// Closed connections.
    pub dropped: Vec<SocketAddr>,
}

/// A peer that the sender is connected to. BEP 11, `added` and `added.f`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Contact {
    /// Where it listens.
    pub address: SocketAddr,
    /// The peer has every piece, or says that it only uploads. Flag 0x02.
    pub seed: bool,
    /// The sender has dialled the peer successfully. Flag 0x10.
    pub reachable: bool,
}

/// The extension handshake. BEP 10; keys as in practice (`reqq`, `v`, `p`), BEP 21 (`upload_only`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExtendedHandshake {
    /// Extension name to the id under which the sender wants to receive it; 0 switches it off.
    pub extensions: BTreeMap<String, u8>,
    /// TCP port on which the sender listens.
    pub listen_port: Option<u16>,
    /// Client name and version, safe to print.
    pub client: Option<String>,
    /// Requests the sender queues before it drops some.
    pub request_queue: Option<u32>,
    /// The sender will not download. BEP 21.
    pub upload_only: Option<bool>,
    /// Bytes of the info dictionary. BEP 9.
    pub metadata_bytes: Option<u32>,
}
