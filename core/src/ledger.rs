//! Where the bytes went: payload by cause, protocol bytes by message kind, sent and received.

use core::ops::AddAssign;

use crate::message::Message;

/// Kinds of protocol bytes. `PieceHeader` is the 13 bytes in front of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(usize)]
pub enum Kind {
    /// The 68 bytes that open a connection. BEP 3.
    Handshake,
    /// Keep-alives.
    KeepAlive,
    /// Choke and unchoke.
    Choke,
    /// Interested and not interested.
    Interest,
    /// Have.
    Have,
    /// Bitfield, have all, have none.
    Bitfield,
    /// Requests.
    Request,
    /// Headers of blocks; the payload is counted apart.
    PieceHeader,
    /// Cancels.
    Cancel,
    /// Rejects. BEP 6.
    Reject,
    /// Extension protocol, suggest, allowed fast, DHT port and unknown messages.
    Extension,
}

impl Kind {
    /// Number of kinds.
    pub const COUNT: usize = 11;
    /// Every kind, in column order.
    pub const ALL: [Self; Self::COUNT] = [
        Self::Handshake,
        Self::KeepAlive,
        Self::Choke,
        Self::Interest,
        Self::Have,
        Self::Bitfield,
        Self::Request,
        Self::PieceHeader,
        Self::Cancel,
        Self::Reject,
        Self::Extension,
    ];

    /// Its name in columns.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Handshake => "handshake",
            Self::KeepAlive => "keep_alive",
            Self::Choke => "choke",
            Self::Interest => "interest",
            Self::Have => "have",
            Self::Bitfield => "bitfield",
            Self::Request => "request",
            Self::PieceHeader => "piece_header",
            Self::Cancel => "cancel",
            Self::Reject => "reject",
            Self::Extension => "extension",
        }
    }

    /// The kind of `message`.
    #[must_use]
    pub const fn of(message: &Message) -> Self {
        match message {
            Message::KeepAlive => Self::KeepAlive,
            Message::Choke | Message::Unchoke => Self::Choke,
            Message::Interested | Message::NotInterested => Self::Interest,
            Message::Have(_) => Self::Have,
            Message::Bitfield(_) | Message::HaveAll | Message::HaveNone => Self::Bitfield,
            Message::Request(_) => Self::Request,
            Message::Piece(_) => Self::PieceHeader,
            Message::Cancel(_) => Self::Cancel,
            Message::Reject(_) => Self::Reject,
            Message::Port(_)
            | Message::Suggest(_)
            | Message::AllowedFast(_)
            | Message::Extended(_)
            | Message::HashRequest(_)
            | Message::Hashes(_)
            | Message::HashReject(_) => Self::Extension,
        }
    }
}

/// Why a received block did not help.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(usize)]
pub enum Waste {
    /// Two copies were requested, in the endgame or by a picker that always does so, and the other
    /// came first.
    Endgame,
    /// Two copies were requested because the first was late, and the other came first.
    Timeout,
    /// It came after a choke, when the block had been requested from another peer.
    AfterChoke,
    /// Its piece failed verification, or the driver could not store it.
    HashFailure,
    /// We never requested it.
    Unrequested,
}

impl Waste {
    /// Number of causes.
    pub const COUNT: usize = 5;
    /// Every cause, in column order.
    pub const ALL: [Self; Self::COUNT] = [
        Self::Endgame,
        Self::Timeout,
        Self::AfterChoke,
        Self::HashFailure,
        Self::Unrequested,
    ];

    /// Its name in columns.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Endgame => "endgame",
            Self::Timeout => "timeout",
            Self::AfterChoke => "after_choke",
            Self::HashFailure => "hash_failure",
            Self::Unrequested => "unrequested",
        }
    }
}

/// Protocol bytes of one [`Kind`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BothWays {
    /// Received.
    pub received: u64,
    /// Sent.
    pub sent: u64,
}

/// Bytes of one connection or one torrent. If a piece fails, its bytes move from `payload_useful`
/// to `HashFailure`, so useful bytes are first correct copies (EVALUATION: receiver-side
/// accounting).
///
/// The ledger of a torrent begins a cache line. The order of the fields puts the counters for
/// blocks, requests and `have`s into two of its four lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Ledger {
    /// Protocol bytes, by [`Kind`].
    pub protocol: [BothWays; Kind::COUNT],
    /// Payload received that did not help, by [`Waste`].
    pub payload_wasted: [u64; Waste::COUNT],
    /// Payload received that was a first correct copy.
    pub payload_useful: u64,
    /// Payload handed to the driver for sending, minus what it could not send before the connection
    /// closed.
    pub payload_sent: u64,
}

impl Ledger {
    /// Reads from the cache lines with the counters of blocks, requests and `have`s, so that the
    /// processor fetches them early.
    pub(crate) fn look_at(&self) -> u64 {
        self.protocol[Kind::Have as usize].received ^ self.payload_useful
    }

    /// Protocol bytes received, by [`Kind`].
    #[must_use]
    pub fn protocol_received(&self) -> [u64; Kind::COUNT] {
        self.protocol.map(|it| it.received)
    }

    /// Protocol bytes sent, by [`Kind`].
    #[must_use]
    pub fn protocol_sent(&self) -> [u64; Kind::COUNT] {
        self.protocol.map(|it| it.sent)
    }

    /// Payload received, useful or not.
    #[must_use]
    pub fn payload_received(&self) -> u64 {
        self.payload_useful + self.wasted()
    }

    /// Payload received that did not help.
    #[must_use]
    pub fn wasted(&self) -> u64 {
        self.payload_wasted.iter().sum()
    }

    /// All bytes sent, without transport headers.
    #[must_use]
    pub fn sent(&self) -> u64 {
        self.payload_sent + self.protocol_sent().iter().sum::<u64>()
    }

    /// All bytes received, without transport headers.
    #[must_use]
    pub fn received(&self) -> u64 {
        self.payload_received() + self.protocol_received().iter().sum::<u64>()
    }
}

impl AddAssign for Ledger {
    fn add_assign(&mut self, other: Self) {
        self.payload_useful += other.payload_useful;
        self.payload_sent += other.payload_sent;
        for i in 0..Waste::COUNT {
            self.payload_wasted[i] += other.payload_wasted[i];
        }
        for i in 0..Kind::COUNT {
            self.protocol[i].received += other.protocol[i].received;
            self.protocol[i].sent += other.protocol[i].sent;
        }
    }
}
