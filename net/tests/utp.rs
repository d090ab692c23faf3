//! Transfers over uTP between two of our own clients, on loopback.

use crate::common::command::{run, seed, stderr};
use crate::common::{sample, sample_with};

#[test]
fn a_torrent_comes_over_utp_alone_also_encrypted() {
    for encryption in ["off", "require"] {
        let sample = sample_with(&[], 256 * 1024, 20_000_000);
        let seed = seed(&sample, &["--utp", "only", "--encryption", encryption]);
        let away = tempfile::tempdir().expect("temporary folder");
        sample.write_torrent(away.path());
        let peer = seed.peer();
        let words = [
            "download",
            "sample.torrent",
            "--no-tracker",
            "--peer",
            &peer,
        ];
        let utp = [
            "--utp",
            "only",
            "--encryption",
            encryption,
            "--timeout",
            "60 s",
        ];
        let fetched = run(away.path(), &[&words[..], &utp].concat());
        assert!(fetched.status.success(), "{}", stderr(&fetched));
        sample.assert_in(&away.path().join("downloads"));
    }
}

#[test]
fn who_is_not_reached_by_tcp_is_reached_by_utp_and_nothing_passes_a_proxy() {
    let sample = sample();
    let seed = seed(&sample, &["--utp", "only"]);
    let away = tempfile::tempdir().expect("temporary folder");
    sample.write_torrent(away.path());
    let peer = seed.peer();
    let words = [
        "download",
        "sample.torrent",
        "--no-tracker",
        "--peer",
        &peer,
    ];
    let with = |utp, extra: &[&str]| {
        let end = ["--utp", utp, "--timeout", "4 s"];
        run(away.path(), &[&words[..], &end, extra].concat())
    };
    let refused = with("off", &[]);
    assert_eq!(refused.status.code(), Some(1), "{}", stderr(&refused));
    let fetched = with("allow", &[]);
    assert!(fetched.status.success(), "{}", stderr(&fetched));
    sample.assert_in(&away.path().join("downloads"));
    let proxied = with(
        "only",
        &["--proxy", "socks5://127.0.0.1:9", "--out", "proxied"],
    );
    assert_eq!(proxied.status.code(), Some(1), "{}", stderr(&proxied));
}

/// The search for the torrent of a link uses uTP as well.
#[test]
fn a_link_is_fetched_over_utp_alone() {
    let sample = sample();
    for seeding in ["only", "allow"] {
        let seed = seed(&sample, &["--utp", seeding]);
        let away = tempfile::tempdir().expect("temporary folder");
        let (hash, peer) = (sample.metainfo.info_hash, seed.peer());
        let link = format!("magnet:?xt=urn:btih:{hash}");
        let words = ["download", &link, "--no-tracker", "--peer", &peer];
        let with = |utp| {
            let end = ["--utp", utp, "--timeout", "60 s"];
            run(away.path(), &[&words[..], &end].concat())
        };
        let fetched = with("only");
        assert!(fetched.status.success(), "{}", stderr(&fetched));
        sample.assert_in(&away.path().join("downloads"));
    }
    // Without uTP the peer cannot be reached.
    let seed = seed(&sample, &["--utp", "only"]);
    let away = tempfile::tempdir().expect("temporary folder");
    let (hash, peer) = (sample.metainfo.info_hash, seed.peer());
    let link = format!("magnet:?xt=urn:btih:{hash}");
    let words = ["download", &link, "--no-tracker", "--peer", &peer];
    let refused = run(away.path(), &[&words[..], &["--timeout", "3 s"]].concat());
    assert_eq!(refused.status.code(), Some(1), "{}", stderr(&refused));
}
