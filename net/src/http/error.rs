//! Why a request failed, as messages for the user.

use std::error::Error as _;
use std::fmt::{self, Display};
use std::io;
use std::net::SocketAddr;

use unchoke_core::tracker::guard::Refusal;

use super::MAX_REDIRECTS;

/// A phase of a request with its own time limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Name look-up.
    LookUp,
    /// Connecting.
    Connect,
    /// TLS handshake.
    Tls,
    /// Waiting for the head of the answer.
    Head,
    /// Waiting for more of the body.
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
    /// The host name has letters beyond ASCII.
    #[error(
        "the host name {0} stands for letters beyond ASCII, which can look like others; such names are not used"
    )]
    Idna(String),
    /// The host only has addresses of the other family.
    #[error("its host has no address of this family (IPv4 or IPv6)")]
    Family,
    /// The URL, or a redirect, sets an argument that only we may set.
    #[error("the URL must not set the argument `{0}` itself")]
    Argument(&'static str),
    /// A redirect sets one of our arguments to another value.
    #[error("it redirects to a URL that changes the argument `{0}`")]
    Changed(&'static str),
    /// The name look-up failed.
    #[error("cannot look up the name {host}: {}", reason(.source))]
    LookUp {
        /// The host, as in the URL.
        host: String,
        /// The error of the system.
        source: io::Error,
    },
    /// Our rules do not allow a connection to the address.
    #[error("{0}")]
    Refused(#[from] Refusal),
    /// The connection failed.
    #[error("cannot connect to {address}: {source}")]
    Connect {
        /// The last address that was tried.
        address: SocketAddr,
        /// The error of the system.
        source: io::Error,
    },
    /// The proxy did not connect.
    #[error("no connection to {host}: {source}")]
    Proxy {
        /// The host, as in the URL.
        host: String,
        /// The error of the proxy or the system.
        source: io::Error,
    },
    /// The TLS handshake failed, most often because of the certificate.
    #[error("no secure connection to {host}: {source}{}", advice(.source))]
    Tls {
        /// The host, as in the URL.
        host: String,
        /// The error.
        source: io::Error,
    },
    /// The certificates to trust could not be read.
    #[error("{0}")]
    Certificates(String),
    /// A time limit was exceeded.
    #[error("no answer: {phase} took more than {seconds} s")]
    Slow {
        /// The phase that took too long.
        phase: Phase,
        /// Its time limit.
        seconds: u64,
    },
    /// The answer is not valid HTTP, or it broke off.
    #[error("the answer is not valid HTTP: {}", chain(.0))]
    Http(#[from] hyper::Error),
    /// The answer is longer than this limit.
    #[error("the answer is longer than {0} bytes")]
    TooLong(usize),
    /// The decompressed answer is longer than this limit.
    #[error("the answer is longer than {0} bytes when it is decompressed")]
    Bomb(usize),
    /// The server answered with another status than 200.
    #[error("the server answered with HTTP status {0}")]
    Status(u16),
    /// The answer is declared as gzip but cannot be decompressed.
    #[error("the answer cannot be decompressed: {0}")]
    Inflate(io::Error),
    /// The answer uses an encoding that we did not ask for.
    #[error("the answer has an encoding that we did not ask for: {0}")]
    Encoding(String),
    /// Too many redirects, most often a loop.
    #[error("it redirects more than {MAX_REDIRECTS} times")]
    Redirects,
    /// A redirect to an invalid URL.
    #[error("it redirects to a URL that cannot be used: {0}")]
    Location(url::ParseError),
    /// A redirect to another scheme than HTTP or HTTPS.
    #[error("it redirects to a URL with the scheme `{0}`, which is not HTTP")]
    Scheme(String),
}

impl HttpError {
    /// Whether one of our own rules is the reason. Then a retry does not help.
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

/// The error message of the system, without the prefix of the standard library.
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
