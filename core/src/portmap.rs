//! Asks a gateway to forward ports, so that peers can connect to us: messages of PCP (RFC 6887) and
//! NAT-PMP (RFC 6886), and texts for UPnP gateways (`WANIPConnection`). The driver sends them.

mod igd;

use alloc::vec::Vec;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use core::time::Duration;

pub use igd::{Service, add_request, delete_request, error_code, location, search, service};

/// The UDP port of a gateway, for both protocols. RFC 6887, section 19.1.
pub const GATEWAY_PORT: u16 = 5351;
/// Requested lifetime of a mapping. RFC 6886, section 3.3, recommends two hours.
pub const LIFETIME: Duration = Duration::from_hours(2);

/// Kind of a mapped port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// A TCP port.
    Tcp,
    /// A UDP port.
    Udp,
}

impl Transport {
    /// IANA protocol number.
    fn number(self) -> u8 {
        match self {
            Self::Tcp => 6,
            Self::Udp => 17,
        }
    }

    /// Its name in UPnP.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Tcp => "TCP",
            Self::Udp => "UDP",
        }
    }
}

/// A requested mapping.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wish {
    /// Kind of the port.
    pub transport: Transport,
    /// The port on which we listen.
    pub internal: u16,
    /// The port of the gateway that should be forwarded; 0 leaves it to the gateway.
    pub external: u16,
    /// Lifetime in seconds; 0 ends the mapping.
    pub seconds: u32,
}

/// A mapping that a gateway made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Granted {
    /// The port of the gateway.
    pub external: u16,
    /// Lifetime in seconds; 0: the mapping is gone.
    pub seconds: u32,
}

/// Why a gateway made no mapping.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The gateway does not speak this protocol.
    #[error("it speaks another version")]
    Version,
    /// The gateway refuses, with this code.
    #[error("the gateway refused (code {0})")]
    Code(u16),
}

/// A request by NAT-PMP. RFC 6886, section 3.3.
#[must_use]
pub fn nat_pmp(wish: &Wish) -> Vec<u8> {
    let mut out = Vec::with_capacity(12);
    let code = match wish.transport {
        Transport::Udp => 1,
        Transport::Tcp => 2,
    };
    out.extend([0, code, 0, 0]);
    out.extend(wish.internal.to_be_bytes());
    // To end a mapping, the external port must be 0. Section 3.4.
    let external = if wish.seconds == 0 { 0 } else { wish.external };
    out.extend(external.to_be_bytes());
    out.extend(wish.seconds.to_be_bytes());
    out
}

/// The answer to [`nat_pmp`]; `None` if the datagram is not an answer to it.
#[must_use]
pub fn read_nat_pmp(bytes: &[u8], wish: &Wish) -> Option<Result<Granted, Refused>> {
    let code = match wish.transport {
        Transport::Udp => 129,
        Transport::Tcp => 130,
    };
    if bytes.len() < 4 || bytes[0] != 0 {
        return None;
    }
    let result = u16::from_be_bytes([bytes[2], bytes[3]]);
    // A refusal of the version may be shorter than other answers.
    if result == 1 {
        return Some(Err(Refused::Version));
    }
    if bytes[1] != code || bytes.len() < 16 {
        return None;
    }
    if result != 0 {
        return Some(Err(Refused::Code(result)));
    }
    let word = |at: usize| u16::from_be_bytes([bytes[at], bytes[at + 1]]);
    let seconds = u32::from_be_bytes(bytes[12..16].try_into().ok()?);
    let external = word(10);
    let granted = Granted { external, seconds };
    (word(8) == wish.internal).then_some(Ok(granted))
}

fn mapped(ip: IpAddr) -> Ipv6Addr {
    match ip {
        IpAddr::V4(ip) => ip.to_ipv6_mapped(),
        IpAddr::V6(ip) => ip,
    }
}

/// A request by PCP from `client`, which must be the address that the gateway sees. `nonce`
/// identifies the mapping, and must be the same to renew or end it. RFC 6887, sections 7.1 and
/// 11.1.
#[must_use]
pub fn pcp(wish: &Wish, client: IpAddr, nonce: [u8; 12]) -> Vec<u8> {
    let mut out = Vec::with_capacity(60);
    out.extend([2, 1, 0, 0]);
    out.extend(wish.seconds.to_be_bytes());
    out.extend(mapped(client).octets());
    out.extend(nonce);
    out.extend([wish.transport.number(), 0, 0, 0]);
    out.extend(wish.internal.to_be_bytes());
    out.extend(wish.external.to_be_bytes());
    // The unspecified address of this family.
    let any = match client {
        IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.to_ipv6_mapped(),
        IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED,
    };
    out.extend(any.octets());
    out
}

/// The answer to [`pcp`]; `None` if the datagram is not an answer to it.
#[must_use]
pub fn read_pcp(bytes: &[u8], wish: &Wish, nonce: [u8; 12]) -> Option<Result<Granted, Refused>> {
    // A gateway that speaks only NAT-PMP answers in its own version. RFC 6886, section 3.5.
    if bytes.len() >= 4 && bytes[0] == 0 {
        return Some(Err(Refused::Version));
    }
    if bytes.len() < 24 || bytes[0] != 2 || bytes[1] != 0x81 {
        return None;
    }
    match bytes[3] {
        0 => {}
        1 => return Some(Err(Refused::Version)),
        code => return Some(Err(Refused::Code(code.into()))),
    }
    let body = bytes.get(24..60)?;
    let word = |at: usize| u16::from_be_bytes([body[at], body[at + 1]]);
    let ours = body[..12] == nonce && body[12] == wish.transport.number();
    let seconds = u32::from_be_bytes(bytes[4..8].try_into().ok()?);
    let external = word(18);
    let granted = Granted { external, seconds };
    (ours && word(16) == wish.internal).then_some(Ok(granted))
}
