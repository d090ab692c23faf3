//! The client's side of a SOCKS5 proxy: connect, with or without a password. RFC 1928, RFC 1929.
//!
//! Bytes in, bytes out. The machine says how many bytes it needs next, so that the driver never
//! reads bytes that belong to the connection behind the proxy.

use alloc::string::String;
use alloc::vec::Vec;
use core::net::{IpAddr, SocketAddr};

const VERSION: u8 = 5;
/// RFC 1928, section 3: no authentication, user name and password, none is acceptable.
const NO_LOGIN: u8 = 0;
const LOGIN: u8 = 2;
/// RFC 1929, section 2.
const LOGIN_VERSION: u8 = 1;
/// RFC 1928, section 4.
const CONNECT: u8 = 1;
const IPV4: u8 = 1;
const NAME: u8 = 3;
const IPV6: u8 = 4;

/// Longest user name, password and host name. RFC 1928, section 5; RFC 1929, section 2.
pub const MAX_NAME_BYTES: usize = 255;

/// The target of the proxy's connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// An address.
    Address(SocketAddr),
    /// A host name, which the proxy resolves, and a port.
    Name(String, u16),
}

/// Why the proxy does not connect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Socks5Error {
    /// The server is not a SOCKS5 proxy.
    #[error("what listens there does not speak SOCKS5")]
    NotSocks5,
    /// The proxy wants a login that we do not support or have no data for.
    #[error("the proxy wants a user name and a password, or another login")]
    LoginWanted,
    /// The password is wrong.
    #[error("the proxy does not accept the user name and password")]
    LoginRefused,
    /// The proxy could not or would not connect. RFC 1928, section 6.
    #[error("the proxy did not connect: {}", reason(*.0))]
    Refused(u8),
    /// The host name is too long for the protocol.
    #[error("the host name is longer than {MAX_NAME_BYTES} bytes")]
    NameTooLong,
}

fn reason(code: u8) -> &'static str {
    match code {
        1 => "it failed",
        2 => "its rules forbid it",
        3 => "it cannot reach the network",
        4 => "it cannot reach the host",
        5 => "the host refused the connection",
        6 => "the connection took too long",
        7 | 8 => "it cannot do what we ask",
        _ => "it does not say why",
    }
}

/// The meaning of the next bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Method,
    Login,
    Head,
    /// The length of the name that the proxy sends as its bound address.
    NameLength,
    /// The rest of the bound address, with this many bytes.
    Bound(usize),
    Done,
}

/// One connection through the proxy, until it is open.
#[derive(Clone, Debug)]
pub struct Socks5 {
    target: Vec<u8>,
    login: Option<Vec<u8>>,
    step: Step,
    output: Vec<u8>,
}

impl Socks5 {
    /// Starts to ask for a connection to `target`. `login`: user name and password, each at most
    /// [`MAX_NAME_BYTES`] long.
    pub fn new(target: &Target, login: Option<(&[u8], &[u8])>) -> Result<Self, Socks5Error> {
        let login = login.map(|(name, password)| {
            let mut bytes = Vec::from([LOGIN_VERSION]);
            counted(&mut bytes, name)?;
            counted(&mut bytes, password)?;
            Ok(bytes)
        });
        let login = login.transpose()?;
        let output = match login {
            None => Vec::from([VERSION, 1, NO_LOGIN]),
            Some(_) => Vec::from([VERSION, 2, NO_LOGIN, LOGIN]),
        };
        Ok(Self {
            target: encoded(target)?,
            login,
            step: Step::Method,
            output,
        })
    }

    /// The bytes to send now; empty if there are none.
    #[must_use]
    pub fn take_output(&mut self) -> Vec<u8> {
        core::mem::take(&mut self.output)
    }

    /// How many bytes to read next; `None` once the connection is open.
    #[must_use]
    pub fn wants(&self) -> Option<usize> {
        match self.step {
            Step::Method | Step::Login => Some(2),
            Step::Head => Some(4),
            Step::NameLength => Some(1),
            Step::Bound(length) => Some(length),
            Step::Done => None,
        }
    }

    /// Takes in exactly as many bytes as [`Socks5::wants`] says.
    pub fn handle_input(&mut self, bytes: &[u8]) -> Result<(), Socks5Error> {
        assert_eq!(Some(bytes.len()), self.wants(), "as many as it wants");
        self.step = match (self.step, bytes) {
            (Step::Method, [VERSION, NO_LOGIN]) | (Step::Login, [_, 0]) => self.request(),
            (Step::Method, [VERSION, LOGIN]) => {
                self.output = self.login.take().ok_or(Socks5Error::LoginWanted)?;
                Step::Login
            }
            (Step::Method, [VERSION, _]) => return Err(Socks5Error::LoginWanted),
            (Step::Login, _) => return Err(Socks5Error::LoginRefused),
            (Step::Head, [VERSION, 0, _, IPV4]) => Step::Bound(4 + 2),
            (Step::Head, [VERSION, 0, _, IPV6]) => Step::Bound(16 + 2),
            (Step::Head, [VERSION, 0, _, NAME]) => Step::NameLength,
            (Step::Head, [VERSION, code, ..]) if *code > 0 => {
                return Err(Socks5Error::Refused(*code));
            }
            (Step::NameLength, [length]) => Step::Bound(usize::from(*length) + 2),
            (Step::Bound(_), _) => Step::Done,
            _ => return Err(Socks5Error::NotSocks5),
        };
        Ok(())
    }

    fn request(&mut self) -> Step {
        self.output = [&[VERSION, CONNECT, 0][..], &self.target].concat();
        Step::Head
    }
}

fn encoded(target: &Target) -> Result<Vec<u8>, Socks5Error> {
    let mut bytes = Vec::new();
    let port = match target {
        Target::Address(address) => {
            match address.ip().to_canonical() {
                IpAddr::V4(ip) => {
                    bytes.push(IPV4);
                    bytes.extend(ip.octets());
                }
                IpAddr::V6(ip) => {
                    bytes.push(IPV6);
                    bytes.extend(ip.octets());
                }
            }
            address.port()
        }
        Target::Name(name, port) => {
            bytes.push(NAME);
            counted(&mut bytes, name.as_bytes())?;
            *port
        }
    };
    bytes.extend(port.to_be_bytes());
    Ok(bytes)
}

fn counted(bytes: &mut Vec<u8>, text: &[u8]) -> Result<(), Socks5Error> {
    bytes.push(u8::try_from(text.len()).map_err(|_| Socks5Error::NameTooLong)?);
    bytes.extend(text);
    Ok(())
}
