//! Torrents whose creator hashed non-zero padding.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use sha1::{Digest as _, Sha1};
use unchoke_core::metainfo::Metainfo;
use unchoke_net::session::{End, Goal, Notice, Outcome, Settings};

use crate::common::peer::serve;
use crate::common::web::{Manner, WebServer};
use crate::common::{PATIENCE, Sample, noise, run};

const PIECE: usize = 32 * 1024;

/// `a`, random padding up to the next piece, and `b`.
fn odd() -> Sample {
    odd_of("")
}

/// The same, with `rest` after the info dictionary.
fn odd_of(rest: &str) -> Sample {
    let (a, b) = (40_000, 50_000);
    let pad = 2 * PIECE - a;
    let payload = noise(a + pad + b);
    let hashes: Vec<u8> = payload
        .chunks(PIECE)
        .flat_map(|it| <[u8; 20]>::from(Sha1::digest(it)))
        .collect();
    let files = format!(
        "ld6:lengthi{a}e4:pathl1:aeed4:attr1:p6:lengthi{pad}e4:pathl4:.pad1:1eed6:lengthi{b}e4:pathl1:beee"
    );
    let head = format!(
        "d4:infod5:files{files}4:name6:sample12:piece lengthi{PIECE}e6:pieces{}:",
        hashes.len()
    );
    let torrent = [head.as_bytes(), &hashes, b"e", rest.as_bytes(), b"e"].concat();
    let metainfo = Arc::new(Metainfo::parse(&torrent).expect("a torrent"));
    let files = vec![
        ("sample/a".into(), 0, a),
        ("sample/b".into(), a + pad, payload.len()),
    ];
    Sample {
        folder: tempfile::tempdir().expect("temporary folder"),
        payload,
        metainfo,
        torrent,
        files,
    }
}

/// Runs a session that must reach its goal. Also returns the messages about files.
async fn complete(settings: Settings) -> (Outcome, Vec<String>) {
    let (outcome, notices) = run(settings).await;
    let outcome = outcome.expect("no failure");
    assert_eq!(outcome.end, End::Done, "{notices:?}");
    let blamed = |it: &Notice| matches!(it, Notice::Banned(..) | Notice::Dropped(..));
    assert!(!notices.iter().any(blamed), "{notices:?}");
    let files = notices.into_iter().filter_map(|it| match it {
        Notice::Files(text) => Some(text),
        _ => None,
    });
    (outcome, files.collect())
}

fn downloads(sample: &Sample, folder: &Path, peer: std::net::SocketAddr) -> Settings {
    let mut settings = sample.settings(folder);
    settings.peers = vec![peer];
    settings
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn odd_padding_costs_no_file_and_nobody_is_blamed() {
    let sample = odd();
    let name = *b"-XX0000-creator00000";
    let creator = serve(&sample.metainfo, sample.payload.clone(), name).await;
    let folder = tempfile::tempdir().expect("temporary folder");
    let (outcome, said) = Box::pin(complete(downloads(&sample, folder.path(), creator))).await;
    sample.assert_in(folder.path());
    assert_eq!(outcome.ledger.wasted(), 0, "no data was fetched twice");
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(said[0].starts_with("piece 1: the padding"), "{said:?}");
    // The next run lacks only the piece with non-zero padding. It fetches that piece and ends.
    let (outcome, said) = Box::pin(complete(downloads(&sample, folder.path(), creator))).await;
    assert_eq!((outcome.fetched_pieces, said.len()), (1, 1), "{said:?}");
    assert_eq!(outcome.ledger.payload_useful, PIECE as u64);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_has_odd_padding_serves_it() {
    let sample = odd();
    let name = *b"-XX0000-creator00000";
    let creator = serve(&sample.metainfo, sample.payload.clone(), name).await;
    let folder = tempfile::tempdir().expect("temporary folder");
    let mut settings = downloads(&sample, folder.path(), creator);
    settings.goal = Goal::CompleteAndSeed;
    let between = sample.run_in_background(settings).await;
    let other = tempfile::tempdir().expect("temporary folder");
    let settings = downloads(&sample, other.path(), between);
    let fetched = tokio::time::timeout(PATIENCE, Box::pin(complete(settings))).await;
    let (outcome, _) = fetched.expect("it is served");
    assert_eq!(outcome.ledger.wasted(), 0, "the served data is correct");
    sample.assert_in(other.path());
}

/// A web seed has no file for the padding, so the client fills in zeros. The web seed is not to
/// blame for the mismatch. That piece comes from a peer, all others from either source.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_web_seed_is_not_blamed_for_odd_padding() {
    let plain = odd();
    let server = WebServer::start(&plain, Manner::Proper);
    let url = server.url();
    let sample = odd_of(&format!("8:url-list{}:{url}", url.len()));
    assert_eq!(sample.metainfo.web_seeds, [url]);
    let folder = tempfile::tempdir().expect("temporary folder");
    let mut settings = sample.settings(folder.path());
    settings.timeout = Some(Duration::from_secs(4));
    let (outcome, notices) = run(settings).await;
    let left = |it: &Notice| matches!(it, Notice::WebSeed(said) if said.contains("corrupt"));
    assert!(!notices.iter().any(left), "{notices:?}");
    assert_eq!(outcome.expect("no failure").wanted, (3, 4), "{notices:?}");
    let asked = server.requests().len();
    assert!(
        asked < 12,
        "{asked} requests: each padded piece is requested once"
    );

    let name = *b"-XX0000-creator00000";
    let creator = serve(&sample.metainfo, sample.payload.clone(), name).await;
    let (outcome, said) = Box::pin(complete(downloads(&sample, folder.path(), creator))).await;
    sample.assert_in(folder.path());
    assert_eq!((outcome.fetched_pieces, said.len()), (1, 1), "{said:?}");
}

/// Files at the paths of padding are ignored, so our client cannot seed the creator's own files.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_of_the_creator_is_not_taken_for_padding() {
    let sample = odd();
    sample.write_payload(sample.folder.path());
    let mut settings = sample.settings(sample.folder.path());
    settings.goal = Goal::Seed;
    let (refused, _) = run(settings).await;
    let refused = refused.expect_err("a piece is missing").to_string();
    assert!(
        refused.starts_with("1 of 4 pieces are missing"),
        "{refused}"
    );
}
