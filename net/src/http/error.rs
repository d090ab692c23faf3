//! Why a request failed, in words for a user.

use std::error::Error as _;
use std::fmt::{self, Display};
use std::io;
use std::net::SocketAddr;

use unchoke_core::tracker::guard::Refusal;

use super::MAX_REDIRECTS;

/// A part of a request that has a time limit of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// The look-up of a host name.
    LookUp,
    /// The connection.
    Connect,
    /// The TLS handshake.
    Tls,
    /// The wait for the head of the answer.
    Head,
    /// The wait for more of the body.
    Body,
}

impl Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::LookUp => "the look-up of its name",
            Self::Connect => "the connection",
            Self::Tls => "the TLS handshake",
            Self::Head => "the answer",
            Self::Body => "the rest of the answer",
        })
    }
}

/// Why a request failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HttpError {
    /// The URL has no host to connect to.
    #[error("the URL names no host")]
    NoHost,
    /// It has addresses of the other family only.
    #[error("it has no address of this kind")]
    Family,
    /// The URL, or the one of a redirect, sets an argument that only we may set.
    #[error("the URL must not set the argument `{0}` itself")]
    Argument(&'static str),
    /// A redirect does the same, with another value than ours.
    #[error("it redirects to a URL that changes the argument `{0}`")]
    Changed(&'static str),
    /// The name has no address.
    #[error("cannot look up the name {host}: {}", reason(.source))]
    LookUp {
        /// As the URL has it.
        host: String,
        /// What the system said.
        source: io::Error,
    },
    /// The address is not one that may be connected to.
    #[error("{0}")]
    Refused(#[from] Refusal),
    /// Nobody listens there.
    #[error("cannot connect to {address}: {source}")]
    Connect {
        /// The address tried last.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// The proxy does not connect.
    #[error("no connection to {host}: {source}")]
    Proxy {
        /// As the URL has it.
        host: String,
        /// What the proxy or the system said.
        source: io::Error,
    },
    /// No encrypted connection; most often the certificate.
    #[error("no secure connection to {host}: {source}{}", advice(.source))]
    Tls {
        /// As the URL has it.
        host: String,
        /// What is wrong.
        source: io::Error,
    },
    /// The certificates to trust cannot be read.
    #[error("{0}")]
    Certificates(String),
    /// Too slow.
    #[error("no answer: {phase} took more than {seconds} s")]
    Slow {
        /// What took too long.
        phase: Phase,
        /// Its limit.
        seconds: u64,
    },
    /// What came is no HTTP, or broke off.
    #[error("the answer is no good HTTP: {}", chain(.0))]
    Http(#[from] hyper::Error),
    /// More than anybody should take.
    #[error("the answer is longer than {0} bytes")]
    TooLong(usize),
    /// The same, after it was inflated.
    #[error("the answer is longer than {0} bytes when it is unpacked")]
    Bomb(usize),
    /// Not what was asked for.
    #[error("the server answered with HTTP status {0}")]
    Status(u16),
    /// Not gzip, although it says so.
    #[error("the answer cannot be unpacked: {0}")]
    Inflate(io::Error),
    /// Packed in a way that we did not ask for.
    #[error("the answer is packed in a way that we did not ask for: {0}")]
    Encoding(String),
    /// A loop, most often.
    #[error("it redirects more than {MAX_REDIRECTS} times")]
    Redirects,
    /// A redirect to a URL that makes no sense.
    #[error("it redirects to a URL that cannot be used: {0}")]
    Location(url::ParseError),
    /// A redirect to something else than HTTP.
    #[error("it redirects to a URL of the kind `{0}`, which is not HTTP")]
    Scheme(String),
}

impl HttpError {
    /// Whether a rule of ours is the reason, which asking again does not change.
    #[must_use]
    pub fn is_by_rule(&self) -> bool {
        matches!(
            self,
            Self::Refused(_)
                | Self::Argument(_)
                | Self::Changed(_)
                | Self::Scheme(_)
                | Self::NoHost
        )
    }
}

/// The system's words without the prefix of the standard library.
fn reason(error: &io::Error) -> String {
    let words = error.to_string();
    let bare = words.strip_prefix("failed to lookup address information: ");
    bare.unwrap_or(&words).to_owned()
}

fn advice(error: &io::Error) -> &'static str {
    let words = error.to_string();
    if words.contains("UnknownIssuer") || words.contains("CaUsedAsEndEntity") {
        "; if you trust its issuer, name the file with the issuer's certificate in SSL_CERT_FILE"
    } else {
        ""
    }
}

fn chain(error: &hyper::Error) -> String {
    match error.source() {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}
