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
    /// How many kinds there are.
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

    /// The word used in column names.
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

    /// The kind that `message` counts as.
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
    /// Two copies were asked for, in the endgame or by a picker that always does, and this one
    /// lost the race.
    Endgame,
    /// Two copies were asked for because the first was late, and this one lost the race.
    Timeout,
    /// It came after a choke, when it had been asked for elsewhere.
    AfterChoke,
    /// Its piece failed verification, or the driver could not keep it.
    HashFailure,
    /// We never asked for it.
    Unrequested,
}

impl Waste {
    /// How many causes there are.
    pub const COUNT: usize = 5;
    /// Every cause, in column order.
    pub const ALL: [Self; Self::COUNT] = [
        Self::Endgame,
        Self::Timeout,
        Self::AfterChoke,
        Self::HashFailure,
        Self::Unrequested,
    ];

    /// The word used in column names.
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

/// Bytes of one connection or one torrent. `payload_useful` moves to `HashFailure` when a piece
/// fails, so useful bytes are first correct copies (EVALUATION: receiver-side accounting).
///
/// In this order, and of each kind both directions together, so that in the ledger of a torrent, which
/// begins a cache line, what blocks, requests and `have`s are counted in lies in two lines of four.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Ledger {
    /// Protocol bytes, by [`Kind`].
    pub protocol: [BothWays; Kind::COUNT],
    /// Payload received in vain, by [`Waste`].
    pub payload_wasted: [u64; Waste::COUNT],
    /// Payload received that was a first correct copy.
    pub payload_useful: u64,
    /// Payload handed to the driver for sending, without what it could not send before the
    /// connection closed.
    pub payload_sent: u64,
}

impl Ledger {
    /// Something of each of the cache lines that blocks, requests and `have`s are counted in, so that
    /// the processor fetches them.
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

    /// Payload received in vain.
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
