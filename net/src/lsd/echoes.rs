//! Announces that reach us through several networks. A client announces into each of its networks, so we
//! hear it from each of its addresses. We use one of them: with two connections to one client, some
//! blocks would come twice.

use std::net::IpAddr;
use std::time::Duration;

use unchoke_core::time::Instant;

/// Time in which announces with the same cookie are of one client. It announces again after a minute.
const ECHO: Duration = Duration::from_secs(10);
/// Most clients to remember.
const MAX_CLIENTS: usize = 256;

/// The clients that were heard a moment ago.
#[derive(Debug, Default)]
pub(super) struct Echoes(Vec<Heard>);

#[derive(Debug)]
struct Heard {
    cookie: Vec<u8>,
    /// Where its first announce came from.
    ip: IpAddr,
    at: Instant,
}

impl Echoes {
    /// Whether an announce from `ip` came from another address a moment ago. Without a cookie nobody can
    /// tell.
    pub(super) fn is_echo(&mut self, now: Instant, cookie: Option<Vec<u8>>, ip: IpAddr) -> bool {
        let Some(cookie) = cookie else {
            return false;
        };
        self.0.retain(|it| now - it.at < ECHO);
        if let Some(heard) = self.0.iter().find(|it| it.cookie == cookie) {
            return heard.ip != ip;
        }
        if self.0.len() < MAX_CLIENTS {
            self.0.push(Heard {
                cookie,
                ip,
                at: now,
            });
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_in_two_networks_is_found_once() {
        let mut echoes = Echoes::default();
        let (start, soon) = (Instant::START, Instant::START.after(ECHO / 2));
        let [one, two] = [[192, 168, 0, 2], [172, 17, 0, 1]].map(IpAddr::from);
        let mut is_echo = |now, cookie: &str, ip| {
            let cookie = Some(cookie.as_bytes().to_vec()).filter(|it| !it.is_empty());
            echoes.is_echo(now, cookie, ip)
        };
        assert!(!is_echo(start, "a", one));
        assert!(is_echo(soon, "a", two));
        assert!(
            !is_echo(soon, "a", one),
            "another torrent of the same client"
        );
        assert!(!is_echo(soon, "b", two), "another client");
        assert!(!is_echo(soon, "", one) && !is_echo(soon, "", two));
        // One network may be gone by the next announce.
        assert!(!is_echo(start.after(ECHO), "a", two));
    }
}
