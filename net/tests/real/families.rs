//! A tracker with addresses of both families, and a swarm with IPv6 only.

use std::net::{Ipv6Addr, SocketAddr};
use std::time::{Duration, Instant};

use super::network::with_both_families;
use crate::common::command::{Listening, run, stderr, stdout, unchoke};
use crate::common::scripted::{Http, ok};
use crate::common::{Mark, sample_marked};

/// A server on both addresses of this machine, on the same port.
async fn both(
    four: impl Fn(&str) -> Vec<u8> + Send + Sync + 'static,
    six: impl Fn(&str) -> Vec<u8> + Send + Sync + 'static,
) -> (Http, Http, String) {
    let four = Http::start(four).await;
    let port = four.address.port();
    let six = Http::start_at((Ipv6Addr::LOCALHOST, port).into(), six).await;
    (four, six, format!("http://both.test:{port}/announce"))
}

fn entry(address: SocketAddr) -> Vec<u8> {
    let SocketAddr::V6(address) = address else {
        panic!("an address of IPv6");
    };
    [&address.ip().octets()[..], &address.port().to_be_bytes()].concat()
}

#[test]
fn each_family_of_a_tracker_is_asked_and_ipv6_alone_will_do() {
    let test = "each_family_of_a_tracker_is_asked_and_ipv6_alone_will_do";
    if !with_both_families(module_path!(), test) {
        return;
    }
    let runtime = tokio::runtime::Runtime::new().expect("runtime");
    let _running = runtime.enter();
    // The seed listens on IPv6 only.
    let mark = Mark::new();
    let sample = |trackers: &[String]| sample_marked("sample", trackers, 32 * 1024, 500_000, mark);
    let payload = sample(&[]);
    let home = payload.folder.path();
    payload.write_torrent(home);
    let words = ["seed", "sample.torrent", "--data", ".", "--bind", "::1"];
    let seed = Listening::start(unchoke(home, &words));
    let there: SocketAddr = (Ipv6Addr::LOCALHOST, seed.port).into();

    let list = [b"d8:intervali900e6:peers618:", &entry(there)[..], b"e"].concat();
    let nobody = b"d8:intervali900e5:peers0:e";
    let (four, six, url) = runtime.block_on(both(|_| ok("", nobody), move |_| ok("", &list)));
    let away = sample(std::slice::from_ref(&url));
    assert_eq!(away.metainfo.info_hash, payload.metainfo.info_hash);
    let folder = tempfile::tempdir().expect("temporary folder");
    away.write_torrent(folder.path());
    let asked = run(folder.path(), &["announce", "sample.torrent"]);
    assert!(
        stdout(&asked).contains(&there.to_string()),
        "{}",
        stdout(&asked)
    );
    // Both announces have the same key.
    let key = |server: &Http| {
        let head = server.heads().remove(0);
        let key = head.split('&').find(|it| it.starts_with("key="));
        key.map(str::to_owned)
    };
    assert_eq!(key(&four), key(&six));
    let fetched = run(
        folder.path(),
        &["download", "sample.torrent", "--timeout", "60 s"],
    );
    assert!(fetched.status.success(), "{}", stderr(&fetched));
    payload.assert_in(&folder.path().join("downloads"));

    // If one family does not answer, the peers of the other are delayed by two seconds, not thirty.
    let list = [b"d8:intervali900e6:peers618:", &entry(there)[..], b"e"].concat();
    let (_four, _six, url) = runtime.block_on(both(|_| Vec::new(), move |_| ok("", &list)));
    let half = sample(&[url]);
    half.write_torrent(folder.path());
    let began = Instant::now();
    let words = [
        "download",
        "sample.torrent",
        "--out",
        "half",
        "--timeout",
        "60 s",
    ];
    let fetched = run(folder.path(), &words);
    assert!(fetched.status.success(), "{}", stderr(&fetched));
    assert!(
        began.elapsed() < Duration::from_secs(20),
        "{:?}",
        began.elapsed()
    );
}
