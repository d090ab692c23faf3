//! Whole downloads over loopback, in one process.

mod common;

use common::{run, sample};
use unchoke_net::record::replay;
use unchoke_net::session::End;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_multi_file_torrent_arrives_whole() {
    let sample = sample();
    let seed = sample.seed().await;
    let folder = tempfile::tempdir().expect("temporary folder");
    let mut settings = sample.settings(folder.path());
    settings.peers = vec![seed];
    let (outcome, _) = run(settings).await;
    let outcome = outcome.expect("no failure");
    assert_eq!(outcome.end, End::Done);
    sample.assert_in(folder.path());
    assert_eq!(outcome.ledger.payload_useful, sample.payload.len() as u64);
    assert_eq!(outcome.ledger.wasted(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_recorded_session_replays_with_the_same_outputs() {
    let sample = sample();
    let seeds = [sample.seed().await, sample.seed().await];
    let folder = tempfile::tempdir().expect("temporary folder");
    let recording = folder.path().join("recording");
    let mut settings = sample.settings(folder.path());
    settings.peers = seeds.to_vec();
    settings.record = Some(recording.clone());
    let (outcome, _) = run(settings).await;
    assert_eq!(outcome.expect("no failure").end, End::Done);
    let inputs = replay(&recording).expect("the same outputs");
    assert!(inputs > 50, "only {inputs} inputs");

    // The test can fail: a recording with one input changed does not replay.
    let text = std::fs::read_to_string(&recording).expect("read");
    let changed = text.replacen(r#"{"good":["#, r#"{"bad":["#, 1);
    assert_ne!(text, changed);
    std::fs::write(&recording, changed).expect("write");
    replay(&recording).expect_err("other inputs, other outputs");
}
