//! Addresses in a simulated swarm. A node's address is also its host and its peer id.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::num::NonZeroU32;

use unchoke_core::client::Places;
use unchoke_core::ids::PeerId;
use unchoke_core::message::ExtendedHandshake;
use unchoke_core::wire::{PEX_ID, PEX_NAME};

/// Port that every client listens on.
const PORT: u16 = 6881;

/// Address of node 0 in messages. The other nodes follow.
const FIRST_ADDRESS: u32 = 0x0100_0000;

/// The extended handshake of a client that does peer exchange. BEP 10.
pub(crate) fn hello() -> ExtendedHandshake {
    ExtendedHandshake {
        extensions: BTreeMap::from([(PEX_NAME.to_owned(), PEX_ID)]),
        listen_port: Some(PORT),
        ..ExtendedHandshake::default()
    }
}

/// The simulator's types for addresses, hosts and names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Nodes;

/// Where a node listens, as an offset from the first address. The stored number is never zero, so
/// `Option<Address>` needs no extra space.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Address(NonZeroU32);

impl Address {
    /// The address at this offset from the first.
    #[must_use]
    pub(crate) fn new(offset: u32) -> Self {
        Self(NonZeroU32::MIN.saturating_add(offset))
    }

    /// Its offset from the first address.
    #[must_use]
    pub(crate) fn offset(self) -> u32 {
        self.0.get() - 1
    }
}

impl Places for Nodes {
    type Address = Address;
    type Host = Address;
    type Name = Address;

    fn host(address: Address) -> Address {
        address
    }

    fn is_shared(_: Address) -> bool {
        false
    }

    fn usable(address: Address) -> Option<Address> {
        Some(address)
    }

    fn listening(source: Address, _: u16) -> Address {
        source
    }

    /// A simulated peer dials from the port on which it listens.
    fn listening_at(source: Address) -> Option<Address> {
        Some(source)
    }

    fn to_socket(address: Address) -> Option<SocketAddr> {
        let ip = Ipv4Addr::from(FIRST_ADDRESS + address.offset());
        Some(SocketAddr::from((ip, PORT)))
    }

    fn of_socket(address: SocketAddr) -> Option<Address> {
        match address.ip() {
            IpAddr::V4(ip) => u32::from(ip).checked_sub(FIRST_ADDRESS).map(Address::new),
            IpAddr::V6(_) => None,
        }
    }

    fn peer_id(name: Address) -> PeerId {
        let mut id = *b"-UC0001-000000000000";
        id[16..].copy_from_slice(&name.offset().to_be_bytes());
        PeerId(id)
    }
}

#[cfg(test)]
mod tests {
    use unchoke_core::client::Places as _;

    use super::{Address, Nodes};

    #[test]
    fn what_messages_carry_leads_back() {
        for offset in [0, 1, 77, 256_000_000] {
            let node = Address::new(offset);
            assert_eq!(node.offset(), offset);
            let carried = Nodes::to_socket(node).expect("everybody has one");
            assert_eq!(Nodes::of_socket(carried), Some(node));
        }
        assert_eq!(size_of::<Option<Address>>(), 4);
    }
}
