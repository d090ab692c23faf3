//! Tracker URLs.

use std::fmt::{self, Display};

use unchoke_core::tracker::guard::is_idna;
use unchoke_core::tracker::reserved_argument;
use url::{ParseError, Url};

use crate::text::shown_url;

/// Why a tracker URL is rejected.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UrlError {
    /// The scheme is none of http, https and udp.
    #[error("its scheme is not supported; a tracker URL starts with http, https or udp")]
    Scheme,
    /// It belongs to a WebTorrent tracker, which introduces browsers to each other.
    #[error("WebTorrent trackers are not supported; a tracker URL starts with http, https or udp")]
    WebTorrent,
    /// It contains white space or a control character.
    #[error("the URL contains white space or a control character")]
    Blank,
    /// It is not a valid URL.
    #[error("the URL cannot be used: {0}")]
    Malformed(#[from] ParseError),
    /// Its host name has letters beyond ASCII, as such or in the form of DNS. Different letters can
    /// look alike, so the URL could lead to another host than the reader thinks.
    #[error(
        "its host name has letters beyond ASCII (in DNS: xn--), which can look like others; such names are not used"
    )]
    Host,
    /// Its port is 0.
    #[error("the URL names port 0")]
    Port,
    /// It sets an argument that only we may set. libtorrent rejects this too: a torrent could make
    /// us send forged announces.
    #[error("the tracker URL must not set the argument `{0}` itself")]
    Argument(&'static str),
}

/// A valid tracker URL. It is displayed without user name and password.
#[derive(Clone, PartialEq, Eq)]
pub struct TrackerUrl {
    /// For UDP, the scheme is replaced by http, so that the host is parsed in the same way.
    url: Url,
    udp: bool,
    shown: String,
}

impl TrackerUrl {
    /// Parses a URL from a .torrent file. Unusual spellings of addresses and paths (`127.1`,
    /// `/a/../b`) are normalised, as in browsers.
    pub fn parse(text: &str) -> Result<Self, UrlError> {
        let text = text.trim_ascii();
        let (scheme, rest) = text.split_once("://").ok_or(UrlError::Scheme)?;
        let scheme = scheme.to_ascii_lowercase();
        if is_web_torrent(text) {
            return Err(UrlError::WebTorrent);
        }
        let udp = scheme == "udp";
        if !udp && scheme != "http" && scheme != "https" {
            return Err(UrlError::Scheme);
        }
        if text.chars().any(|it| it.is_whitespace() || it.is_control()) {
            return Err(UrlError::Blank);
        }
        let scheme = if udp { "http" } else { &scheme };
        let mut url = Url::parse(&format!("{scheme}://{rest}")).map_err(|why| match why {
            ParseError::IdnaError if !text.is_ascii() => UrlError::Host,
            why => UrlError::Malformed(why),
        })?;
        if url.host_str().is_some_and(is_idna) {
            return Err(UrlError::Host);
        }
        url.set_fragment(None);
        if url.port() == Some(0) {
            return Err(UrlError::Port);
        }
        if let Some(argument) = reserved_argument(url.query().unwrap_or_default(), "") {
            return Err(UrlError::Argument(argument));
        }
        Ok(Self {
            url,
            udp,
            shown: shown_url(text),
        })
    }

    /// Whether its host is a name. A name may have addresses of both families.
    #[must_use]
    pub(super) fn is_named(&self) -> bool {
        matches!(self.url.host(), Some(url::Host::Domain(_)))
    }

    /// Whether the tracker uses UDP.
    #[must_use]
    pub fn is_udp(&self) -> bool {
        self.udp
    }

    /// The parsed URL. Its scheme does not show whether the tracker uses UDP.
    pub(super) fn plain(&self) -> &Url {
        &self.url
    }
}

/// Whether the URL is that of a WebTorrent tracker.
#[must_use]
pub(crate) fn is_web_torrent(text: &str) -> bool {
    let scheme = text.split_once("://").map(|it| it.0);
    scheme.is_some_and(|it| ["ws", "wss"].iter().any(|web| it.eq_ignore_ascii_case(web)))
}

impl Display for TrackerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

/// Like [`Display`]: logs must not contain the password.
impl fmt::Debug for TrackerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(text: &str) -> String {
        TrackerUrl::parse(text).expect("a good URL").url.into()
    }

    #[test]
    fn odd_spellings_become_plain() {
        for host in [
            "127.1",
            "2130706433",
            "0x7f000001",
            "0x7f.0.0.1",
            "0177.0.0.1",
        ] {
            for scheme in ["http", "udp"] {
                let url = plain(&format!("{scheme}://{host}:81/announce"));
                assert_eq!(url, "http://127.0.0.1:81/announce", "{host}");
            }
        }
        assert_eq!(plain("http://0/announce"), "http://0.0.0.0/announce");
        assert_eq!(plain("HTTP://T/announce/../admin#x"), "http://t/admin");
        assert_eq!(plain("http://t/announce/%2e%2E/admin"), "http://t/admin");
        assert_eq!(plain(" https://t\\a?x=1\n"), "https://t/a?x=1");
        assert_eq!(plain("udp://t:80/a?b=c"), "http://t/a?b=c");
    }

    #[test]
    fn what_is_no_tracker_url_is_refused() {
        let refused = |text: &str| TrackerUrl::parse(text).expect_err("to be refused");
        for text in ["file:///etc/passwd", "announce", "", "http:t/a"] {
            assert_eq!(refused(text), UrlError::Scheme, "{text}");
        }
        for text in ["wss://t/a", " WS://t"] {
            assert_eq!(refused(text), UrlError::WebTorrent, "{text}");
        }
        for text in [
            "http://t/a b",
            "http://t/\u{0}",
            "http://t\n/a",
            "http://t/a\u{2028}b",
        ] {
            assert_eq!(refused(text), UrlError::Blank, "{text:?}");
        }
        for text in ["http://", "http://t:99999/", "udp://[::1"] {
            assert!(matches!(refused(text), UrlError::Malformed(_)), "{text}");
        }
        for text in [
            "http://exämple.org/announce",
            "udp://exämple.org:1/",
            "http://xn--exmple-cua.org/announce",
            "udp://a.XN--p1ai:1/",
        ] {
            assert_eq!(refused(text), UrlError::Host, "{text}");
        }
        assert_eq!(refused("udp://t:0/announce"), UrlError::Port);
        for text in [
            "http://t/a?info_hash=x",
            "http://t/a?info%5fhash=x",
            "udp://t:1/a?INFO_HASH",
        ] {
            assert_eq!(refused(text), UrlError::Argument("info_hash"), "{text}");
        }
    }

    #[test]
    fn passwords_are_not_printed() {
        let url = TrackerUrl::parse("http://me:p%40ss@t:80/announce").expect("good");
        assert_eq!(url.to_string(), "http://...@t:80/announce");
        assert_eq!(format!("{url:?}"), "http://...@t:80/announce");
    }
}
