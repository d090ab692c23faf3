//! Looks up the host names of peers.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::time::timeout;

/// Time limit for the look-ups of one command or link. They run at the same time.
const PATIENCE: Duration = Duration::from_secs(5);

/// Looks up these names, each with its port, within the user's time limit. Returns what was found
/// for each, in their order.
pub(super) async fn look_up<'a>(
    names: impl IntoIterator<Item = &'a str>,
    limit: Option<Duration>,
) -> Vec<io::Result<Vec<SocketAddr>>> {
    let limit = limit.map_or(PATIENCE, |it| it.min(PATIENCE));
    let begun = names.into_iter().map(|name| {
        let name = name.to_owned();
        tokio::spawn(async move {
            let found = timeout(limit, tokio::net::lookup_host(name)).await;
            let late = |_| io::Error::new(io::ErrorKind::TimedOut, "no name server answers");
            found.map_err(late)?.map(Iterator::collect)
        })
    });
    let begun: Vec<_> = begun.collect();
    let mut all = Vec::with_capacity(begun.len());
    for found in begun {
        all.push(found.await.unwrap_or_else(|error| Err(error.into())));
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn each_name_has_its_own_result() {
        let found = look_up(["127.0.0.1:1", "no port", "[::1]:2"], None).await;
        let found: Vec<_> = found.into_iter().map(Result::ok).collect();
        let at = |text: &str| Some(vec![text.parse().expect("an address")]);
        assert_eq!(found, [at("127.0.0.1:1"), None, at("[::1]:2")]);
    }
}
