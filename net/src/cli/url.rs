//! Tracker and web seed URLs on the command line.

use unchoke_core::tracker::guard::is_idna;

use crate::tracker::{TrackerUrl, UrlError};

/// Returns a valid tracker URL unchanged, or an error message.
pub(super) fn parse_tracker(text: &str) -> Result<String, String> {
    let kind = "a tracker URL";
    let scheme = parse(text, kind, &["http", "https", "udp"], "/announce")?;
    if scheme.eq_ignore_ascii_case("udp") && port_of(text).is_none() {
        return Err("a UDP tracker needs a port, as in udp://host:1337/announce".into());
    }
    // Reject a URL that our own client would refuse to ask.
    TrackerUrl::parse(text).map_err(|why| why.to_string())?;
    Ok(text.to_owned())
}

/// Returns a valid web seed URL unchanged, or an error message.
pub(super) fn parse_web_seed(text: &str) -> Result<String, String> {
    parse(text, "the URL of a web seed", &["http", "https"], "/files/")?;
    // Reject a host that our own client would refuse to ask.
    if is_idna(host_of(text)) {
        return Err(UrlError::Host.to_string());
    }
    Ok(text.to_owned())
}

/// Checks a URL and returns its scheme.
fn parse<'a>(text: &'a str, kind: &str, schemes: &[&str], path: &str) -> Result<&'a str, String> {
    let known = text
        .split_once("://")
        .filter(|(scheme, _)| schemes.iter().any(|it| scheme.eq_ignore_ascii_case(it)));
    let Some((scheme, _)) = known else {
        let listed: Vec<String> = schemes.iter().map(|it| format!("{it}://")).collect();
        return Err(format!("{kind} starts with {}", listed.join(" or ")));
    };
    if let Some(odd) = text.chars().find(|c| !c.is_ascii_graphic()) {
        return Err(format!(
            "{kind} has no spaces, line breaks or letters beyond ASCII, but this one has {odd:?}; \
             write such characters percent-encoded; host names are ASCII"
        ));
    }
    if text.len() > MAX_BYTES {
        return Err(format!("{kind} has at most {MAX_BYTES} bytes"));
    }
    let port = port_of(text);
    if host_of(text).is_empty() {
        return Err(format!("{kind} names a host, as in http://host{path}"));
    }
    match port {
        Some(port) if port.parse::<u16>().map_or(true, |it| it == 0) => {
            Err(format!("`{port}` is no port; it is 1 to 65535"))
        }
        _ => Ok(scheme),
    }
}

/// Host and port of a URL; the port is optional.
fn authority(url: &str) -> (&str, Option<&str>) {
    let rest = url.split_once("://").map_or(url, |it| it.1);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    match host.rsplit_once(':') {
        Some((name, port)) if !port.ends_with(']') => (name, Some(port)),
        _ => (host, None),
    }
}

fn host_of(url: &str) -> &str {
    authority(url).0
}

fn port_of(url: &str) -> Option<&str> {
    authority(url).1
}

/// Longest URL that readers of .torrent files accept.
const MAX_BYTES: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_can_ask_is_accepted() {
        for url in [
            "http://host/announce",
            "https://host:443/announce?passkey=a@b",
            "HTTP://1.2.3.4:80",
            "udp://host:1337",
            "udp://[2001:db8::1]:1337/announce",
            "http://[::1]/announce",
            "http://me:p%40ss@host/announce",
        ] {
            assert_eq!(parse_tracker(url).as_deref(), Ok(url));
        }
    }

    #[test]
    fn a_web_seed_speaks_http() {
        for url in [
            "http://host",
            "https://me:x@host:8443/pub/?key=1",
            "http://[::1]:80/a",
        ] {
            assert_eq!(parse_web_seed(url).as_deref(), Ok(url));
        }
        for url in [
            "udp://host:1",
            "ftp://host/",
            "http:///x",
            "http://h/a b",
            "host/file",
        ] {
            let error = parse_web_seed(url).expect_err(url);
            assert!(error.contains("web seed"), "{url}: {error}");
        }
        let error = parse_web_seed("http://xn--hst-goa/").expect_err("to be refused");
        assert!(error.contains("beyond ASCII"), "{error}");
    }

    #[test]
    fn what_nobody_can_ask_is_refused() {
        let long = format!("http://host/{}", "a".repeat(4096));
        for (url, part) in [
            ("", "starts with"),
            ("host/announce", "starts with"),
            ("wss://host", "starts with"),
            ("http://", "names a host"),
            ("http:///announce", "names a host"),
            ("http://:80/announce", "names a host"),
            ("http://me@/announce", "names a host"),
            ("http://host/a\nb", "'\\n'"),
            ("http://host/announce\r", "'\\r'"),
            ("http://host/a b", "' '"),
            ("http://hüst/", "'ü'"),
            ("http://xn--hst-goa/announce", "beyond ASCII"),
            ("http://host/\x1b[2J", "'\\u{1b}'"),
            ("http://host:0/", "no port"),
            ("http://host:70000/", "no port"),
            ("http://host:/", "no port"),
            ("http://host/a?info%5fhash=x", "info_hash"),
            ("udp://host/announce", "needs a port"),
            (&long, "at most 4096"),
        ] {
            let error = parse_tracker(url).expect_err(url);
            assert!(error.contains(part), "{url}: {error}");
        }
    }
}
