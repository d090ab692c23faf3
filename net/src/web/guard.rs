//! Decides which requests are answered. The server is for programs that the user runs and that know
//! its token.
//!
//! * **Host.** The `Host` must be an IP address or `localhost`, because a name of an attacker may
//!   be resolved to this machine (DNS rebinding).
//! * **Origin.** Requests of pages from other sites are refused, even with the token.
//! * **Token.** It must be in a header: another site's page cannot set that header without a
//!   preflight request. It must not be in the URL, because URLs are logged and passed on.

use std::net::{IpAddr, SocketAddr};

use hyper::header::{AUTHORIZATION, HOST, HeaderMap, HeaderName, ORIGIN};
use hyper::{StatusCode, Uri};

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// The status and reason of a refusal.
pub(crate) type Refusal = (StatusCode, &'static str);

/// Refuses requests of other sites, before anything else is done.
pub(crate) fn check_origin(uri: &Uri, headers: &HeaderMap) -> Result<(), Refusal> {
    let mut hosts = headers.get_all(HOST).iter();
    let host = hosts.next().and_then(|it| it.to_str().ok());
    let Some(host) = host.filter(|_| hosts.next().is_none()) else {
        return Err((
            StatusCode::BAD_REQUEST,
            "the request has no Host header, or several",
        ));
    };
    let named = uri.authority().map(hyper::http::uri::Authority::as_str);
    if !is_here(host) || !named.is_none_or(is_here) {
        return Err((
            StatusCode::FORBIDDEN,
            "the request is for a host name that is not ours: use the address or localhost",
        ));
    }
    let foreign = (
        StatusCode::FORBIDDEN,
        "the request comes from a page of another site",
    );
    let same = |origin: &str| origin.strip_prefix("http://") == Some(host);
    for origin in headers.get_all(ORIGIN) {
        if !origin.to_str().is_ok_and(same) {
            return Err(foreign);
        }
    }
    for site in headers.get_all(SEC_FETCH_SITE) {
        if !site
            .to_str()
            .is_ok_and(|it| ["same-origin", "none"].contains(&it))
        {
            return Err(foreign);
        }
    }
    Ok(())
}

/// Whether the host of a request, with or without a port, is an IP address or `localhost`.
fn is_here(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.parse::<u16>().is_ok() => name,
        _ => host,
    };
    let bare = host.strip_prefix('[').and_then(|it| it.strip_suffix(']'));
    name.eq_ignore_ascii_case("localhost")
        || host.parse::<SocketAddr>().is_ok()
        || bare.unwrap_or(name).parse::<IpAddr>().is_ok()
}

/// Checks the token.
pub(crate) fn check_token(headers: &HeaderMap, token: &str) -> Result<(), Refusal> {
    let mut given = headers.get_all(AUTHORIZATION).iter();
    let one = given.next().filter(|_| given.next().is_none());
    let one = one.and_then(|it| it.to_str().ok()?.strip_prefix("Bearer "));
    if one.is_some_and(|it| same(it.as_bytes(), token.as_bytes())) {
        return Ok(());
    }
    Err((
        StatusCode::UNAUTHORIZED,
        "send the token that the command printed: `Authorization: Bearer TOKEN`",
    ))
}

/// Compares in constant time, so that the time does not show how many bytes are right.
fn same(one: &[u8], other: &[u8]) -> bool {
    let differs = one.iter().zip(other).fold(0, |sum, (a, b)| sum | (a ^ b));
    one.len() == other.len() && differs == 0
}

#[cfg(test)]
mod tests {
    use hyper::header::HeaderValue;

    use super::*;

    fn headers(all: &[(&'static str, &str)]) -> HeaderMap {
        let pair = |(name, value): &(&'static str, &str)| {
            let value = HeaderValue::from_str(value).expect("a value");
            (HeaderName::from_static(name), value)
        };
        let mut map = HeaderMap::new();
        for (name, value) in all.iter().map(pair) {
            map.append(name, value);
        }
        map
    }

    fn refused(all: &[(&'static str, &str)]) -> Option<u16> {
        let checked = check_origin(&Uri::from_static("/"), &headers(all));
        checked.err().map(|it| it.0.as_u16())
    }

    #[test]
    fn only_addresses_and_localhost_are_hosts() {
        for host in [
            "127.0.0.1:80",
            "localhost:9",
            "LOCALHOST",
            "[::1]:8",
            "[::1]",
            "192.0.2.1",
        ] {
            assert_eq!(refused(&[("host", host)]), None, "{host}");
        }
        for host in [
            "evil.example:80",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "",
            ":",
        ] {
            assert_eq!(refused(&[("host", host)]), Some(403), "{host}");
        }
        assert_eq!(refused(&[]), Some(400));
        let two = [("host", "127.0.0.1"), ("host", "127.0.0.1")];
        assert_eq!(refused(&two), Some(400));
        let uri = Uri::from_static("http://evil.example/");
        assert!(check_origin(&uri, &headers(&two[..1])).is_err());
    }

    #[test]
    fn pages_of_others_are_refused() {
        let host = ("host", "127.0.0.1:80");
        let ours = ("origin", "http://127.0.0.1:80");
        assert_eq!(refused(&[host, ours]), None);
        assert_eq!(
            refused(&[host, ours, ("sec-fetch-site", "same-origin")]),
            None
        );
        assert_eq!(refused(&[host, ("sec-fetch-site", "none")]), None);
        for origin in [
            "http://evil.example",
            "null",
            "https://127.0.0.1:80",
            "http://127.0.0.1:81",
        ] {
            assert_eq!(refused(&[host, ("origin", origin)]), Some(403), "{origin}");
        }
        assert_eq!(
            refused(&[host, ("sec-fetch-site", "cross-site")]),
            Some(403)
        );
    }

    #[test]
    fn the_token_has_to_be_right() {
        let is_right = |all: &[(&'static str, &str)]| check_token(&headers(all), "abc").is_ok();
        assert!(is_right(&[("authorization", "Bearer abc")]));
        for wrong in [
            "Bearer abd",
            "Bearer ab",
            "Bearer abcd",
            "abc",
            "Bearer ",
            "Basic abc",
        ] {
            assert!(!is_right(&[("authorization", wrong)]), "{wrong}");
        }
        assert!(!is_right(&[]));
        let twice = [
            ("authorization", "Bearer abc"),
            ("authorization", "Bearer abc"),
        ];
        assert!(!is_right(&twice));
    }
}
