//! What a policy sees: the connections of a torrent at one moment.

use crate::ids::{PeerKey, PieceIndex};
use crate::time::Instant;

/// What a policy can know of one connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PeerView {
    /// The connection.
    pub peer: PeerKey,
    /// We choke the peer.
    pub am_choking: bool,
    /// The peer has pieces we want.
    pub am_interested: bool,
    /// The peer chokes us.
    pub peer_choking: bool,
    /// The peer wants pieces that we have.
    pub peer_interested: bool,
    /// The peer has every piece, or says that it only uploads (BEP 21).
    pub is_seed: bool,
    /// The peer owes us a block and has sent none for the configured time.
    pub snubbed: bool,
    /// When the connection was made.
    pub connected_at: Instant,
    /// When a block last came from the peer.
    pub last_block_at: Option<Instant>,
    /// When we last unchoked the peer.
    pub unchoked_at: Option<Instant>,
    /// Download rate from the peer in bytes/s, by the policy's estimator.
    pub down_rate: u64,
    /// Upload rate to the peer in bytes/s, by the policy's estimator.
    pub up_rate: u64,
    /// Payload bytes received from the peer since the connection was made.
    pub down_bytes: u64,
    /// Payload bytes sent to the peer since the connection was made.
    pub up_bytes: u64,
    /// Payload bytes received since the policy's last tick.
    pub down_bytes_round: u64,
    /// Payload bytes sent since the policy's last tick.
    pub up_bytes_round: u64,
    /// Payload bytes sent since we last unchoked the peer.
    pub up_bytes_since_unchoke: u64,
    /// Requests of the peer that wait in our queue.
    pub queued_requests: u32,
    /// Piece of the oldest of these requests, which is answered next.
    pub next_piece: Option<PieceIndex>,
    /// Blocks handed to the link and not yet reported as sent.
    pub unflushed_blocks: u32,
    /// Pieces the peer has.
    pub have_count: u32,
    /// Pieces the peer has announced with `have` since the connection was made.
    pub have_messages: u32,
    /// Pieces the peer has and we lack.
    pub wanted_count: u32,
}

/// State of one torrent when the policy is asked.
#[derive(Clone, Copy, Debug)]
pub struct Snapshot<'a> {
    /// The present moment.
    pub now: Instant,
    /// We have every piece.
    pub am_seed: bool,
    /// Our upload rate limit or link capacity in bytes/s, where known.
    pub upload_capacity: Option<u64>,
    /// Our present upload rate to all peers together in bytes/s.
    pub upload_rate: u64,
    /// Pieces of the torrent.
    pub piece_count: u32,
    /// Bytes of a piece.
    pub piece_bytes: u32,
    /// Bytes of the torrent. The last piece may be shorter than the others.
    pub total_bytes: u64,
    /// Bytes of the wanted pieces that we lack. The last piece counts as a full one.
    pub left_bytes: u64,
    /// Connections in ascending key order: all of them, or only the one that a trigger of
    /// [`Scope::Peer`] concerns.
    ///
    /// [`Scope::Peer`]: super::Scope::Peer
    pub peers: &'a [PeerView],
}

impl Snapshot<'_> {
    /// The view of `peer`, if it is in the snapshot.
    #[must_use]
    pub fn peer(&self, peer: PeerKey) -> Option<&PeerView> {
        self.peers
            .binary_search_by_key(&peer, |it| it.peer)
            .ok()
            .map(|at| &self.peers[at])
    }
}
