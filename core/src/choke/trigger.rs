//! When a policy is asked, and why.

use core::time::Duration;

use crate::ids::PeerKey;

/// Why the policy is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trigger {
    /// The policy's own tick. Ticks are numbered from 0.
    Tick(u64),
    /// The peer became or ceased to be interested.
    Interest(PeerKey),
    /// A connection was made.
    Connected(PeerKey),
    /// A connection is closed; the snapshot no longer holds it. The policy must forget it.
    Disconnected(PeerKey),
    /// A block was handed to the link for the peer, or came from it.
    Block(PeerKey),
}

/// Which connections a trigger shows to the policy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scope {
    /// The trigger is switched off.
    #[default]
    Never,
    /// Only the peer concerned: constant cost. For [`Trigger::Disconnected`] that is no peer.
    Peer,
    /// Every connection, but only if the peer concerned is unchoked. It saves work: most peers that
    /// change their interest are choked, and mainline ignores those.
    Unchoked,
    /// Every connection. The cost grows with their number.
    All,
}

/// When a policy is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Triggers {
    /// Time between ticks; `None` for none. The first comes after the torrent's phase.
    pub tick: Option<Duration>,
    /// On [`Trigger::Interest`].
    pub interest: Scope,
    /// On [`Trigger::Connected`].
    pub connected: Scope,
    /// On [`Trigger::Disconnected`].
    pub disconnected: Scope,
    /// On [`Trigger::Block`].
    pub block: Scope,
}

impl Triggers {
    /// Never. A base to which a policy adds its triggers.
    pub const NEVER: Self = Self {
        tick: None,
        interest: Scope::Never,
        connected: Scope::Never,
        disconnected: Scope::Never,
        block: Scope::Never,
    };

    /// On every tick and at no other time, for policies that remember no peer.
    #[must_use]
    pub const fn tick_only(tick: Duration) -> Self {
        Self {
            tick: Some(tick),
            ..Self::NEVER
        }
    }

    /// On every tick, and when a connection is closed, for policies that remember peers. When a
    /// connection is closed, the snapshot holds no peer at all: forget the peer and return
    /// `Decision::default()`, which changes nothing. An empty list of slots would choke everybody.
    #[must_use]
    pub const fn on_tick(tick: Duration) -> Self {
        Self {
            tick: Some(tick),
            disconnected: Scope::Peer,
            ..Self::NEVER
        }
    }
}
