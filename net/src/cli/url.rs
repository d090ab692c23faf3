//! Addresses of trackers as a user gives them.

/// A tracker URL, or what is wrong with it.
pub(super) fn parse_tracker(text: &str) -> Result<String, String> {
    let schemes = ["http", "https", "udp"];
    let known = text
        .split_once("://")
        .filter(|(scheme, _)| schemes.iter().any(|it| scheme.eq_ignore_ascii_case(it)));
    let Some((scheme, rest)) = known else {
        return Err("a tracker URL starts with http://, https:// or udp://".into());
    };
    if let Some(odd) = text.chars().find(|c| !c.is_ascii_graphic()) {
        return Err(format!(
            "a tracker URL has no spaces, line breaks or letters beyond ASCII, but this one has {odd:?}; \
             write such characters percent-encoded, and a host in its xn-- form"
        ));
    }
    if text.len() > MAX_BYTES {
        return Err(format!("a tracker URL has at most {MAX_BYTES} bytes"));
    }
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    let (name, port) = match host.rsplit_once(':') {
        Some((name, port)) if !port.ends_with(']') => (name, Some(port)),
        _ => (host, None),
    };
    if name.is_empty() {
        return Err("a tracker URL names a host, as in http://host/announce".into());
    }
    match port {
        Some(port) if port.parse::<u16>().map_or(true, |it| it == 0) => {
            Err(format!("`{port}` is no port; it is 1 to 65535"))
        }
        None if scheme.eq_ignore_ascii_case("udp") => {
            Err("a UDP tracker needs a port, as in udp://host:1337/announce".into())
        }
        _ => Ok(text.to_owned()),
    }
}

/// What readers of .torrent files accept.
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
            ("http://host/\x1b[2J", "'\\u{1b}'"),
            ("http://host:0/", "no port"),
            ("http://host:70000/", "no port"),
            ("http://host:/", "no port"),
            ("udp://host/announce", "needs a port"),
            (&long, "at most 4096"),
        ] {
            let error = parse_tracker(url).expect_err(url);
            assert!(error.contains(part), "{url}: {error}");
        }
    }
}
