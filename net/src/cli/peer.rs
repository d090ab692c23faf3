//! Peer addresses on the command line.

use std::net::SocketAddr;

/// Returns a valid `HOST:PORT` unchanged, or an error message.
pub(super) fn parse_peer(text: &str) -> Result<String, String> {
    let parts = text.rsplit_once(':');
    let named = parts.is_some_and(|(host, port)| {
        !host.is_empty() && !host.contains(':') && port.parse::<u16>().is_ok_and(|it| it > 0)
    });
    let numeric = text.parse::<SocketAddr>();
    if named || numeric.is_ok_and(|it| it.port() > 0) {
        Ok(text.to_owned())
    } else {
        Err("write HOST:PORT, for example `10.0.0.1:6881` or `[::1]:6881`".into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn peers_need_a_host_and_a_port() {
        for good in ["1.2.3.4:5", "[::1]:6881", "example.org:80"] {
            assert!(parse_peer(good).is_ok(), "{good}");
        }
        for bad in ["", "1.2.3.4", "host:", "host:0", "host:99999", "::1"] {
            assert!(parse_peer(bad).is_err(), "{bad}");
        }
    }
}
