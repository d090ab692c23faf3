//! Whole downloads over loopback, within one process.

use std::net::{Ipv6Addr, SocketAddr};
use std::time::Duration;

use crate::common::peer::serve;
use crate::common::ports::dead_address;
use crate::common::tracker::{Manner, Tracker};
use crate::common::{drain, run, sample, sample_with};
use tokio::sync::mpsc::unbounded_channel;
use unchoke_core::choke;
use unchoke_core::ledger::Waste;
use unchoke_net::record::replay;
use unchoke_net::session::{End, Goal, Notice, Session};

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
    settings.parameters.set("slots", 2);
    let (outcome, _) = run(settings).await;
    assert_eq!(outcome.expect("no failure").end, End::Done);
    let inputs = replay(&recording).expect("the same outputs");
    assert!(inputs > 50, "only {inputs} inputs");

    // Check that the comparison can fail: a recording with one changed input does not replay.
    let text = std::fs::read_to_string(&recording).expect("read");
    assert!(text.contains(r#","parameters":{"slots":2},"#));
    let changed = text.replacen(r#"{"good":["#, r#"{"bad":["#, 1);
    assert_ne!(text, changed);
    std::fs::write(&recording, changed).expect("write");
    replay(&recording).expect_err("other inputs, other outputs");

    // A damaged recording does not replay either, and gives an error message.
    let lines: Vec<&str> = text.lines().collect();
    let met = place_of(&lines, "met");
    let message = place_of(&lines, "message");
    let verified = place_of(&lines, "good");
    let damaged = [
        (met + 1, repeated(&lines, met)),
        (verified + 1, repeated(&lines, verified)),
        (met, edited(&lines, met, "door", 65_536)),
        (message, edited(&lines, message, "message", 65_536)),
        (verified, edited(&lines, verified, "good", 4_000_000_000)),
        (verified, edited(&lines, verified, "at", 0)),
    ];
    for (place, text) in damaged {
        std::fs::write(&recording, &text).expect("write");
        let error = replay(&recording).expect_err("a damaged recording");
        let line = place + 1;
        let sentence =
            format!("line {line} of the recording is not understood: an impossible input");
        assert_eq!(error.to_string(), sentence);
    }
}

/// The line number of the first input of a kind.
fn place_of(lines: &[&str], kind: &str) -> usize {
    let input = format!(r#""in":{{"{kind}":"#);
    let place = lines.iter().position(|it| it.contains(&input));
    place.expect("it happened")
}

/// The recording with one line duplicated.
fn repeated(lines: &[&str], place: usize) -> String {
    let mut lines = lines.to_vec();
    lines.insert(place, lines[place]);
    lines.join("\n")
}

/// The recording with the first number after `key` in a line replaced.
fn edited(lines: &[&str], place: usize, key: &str, number: u64) -> String {
    let line = lines[place];
    let key = line.find(&format!(r#""{key}":"#)).expect("the key");
    let digit = |it: char| it.is_ascii_digit();
    let start = key + line[key..].find(digit).expect("a number");
    let rest = line[start..].trim_start_matches(digit);
    let line = format!("{}{number}{rest}", &line[..start]);
    let mut lines = lines.to_vec();
    lines[place] = &line;
    lines.join("\n")
}

/// The leecher knows a peer that serves nothing. That peer knows a seed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_seed_that_nobody_named_is_found_by_peer_exchange() {
    let sample = sample();
    let seed = sample.seed().await;
    let folders = [0; 2].map(|_| tempfile::tempdir().expect("temporary folder"));
    let mut settings = sample.settings(folders[0].path());
    (settings.peers, settings.policy) = (vec![seed], "freerider".into());
    // It must never complete, because it would then drop the seed.
    settings.download_cap = Some(1000);
    let idler = sample.run_in_background(settings).await;
    let mut settings = sample.settings(folders[1].path());
    settings.peers = vec![idler];
    let (outcome, _) = run(settings).await;
    assert_eq!(outcome.expect("no failure").end, End::Done);
    sample.assert_in(folders[1].path());
}

/// A seed and two leechers that know each other, all with one policy. If a seed of that policy
/// would not serve, the seed has another policy.
async fn small_swarm(entry: &'static choke::Entry) {
    let policy = entry.id;
    let serves = if entry.uploads { policy } else { "unchoke_all" };
    let sample = sample_with(&[], 32 * 1024, 300_000);
    let mut settings = sample.settings(sample.folder.path());
    (settings.goal, settings.policy) = (Goal::Seed, serves.into());
    let seed = sample.run_in_background(settings).await;
    let folders = [0; 2].map(|_| tempfile::tempdir().expect("temporary folder"));
    let mut settings = sample.settings(folders[0].path());
    (settings.peers, settings.policy) = (vec![seed], policy.into());
    settings.goal = Goal::CompleteAndSeed;
    let other = sample.run_in_background(settings).await;
    let mut settings = sample.settings(folders[1].path());
    (settings.peers, settings.policy) = (vec![seed, other], policy.into());
    let (outcome, _) = run(settings).await;
    assert_eq!(outcome.expect("no failure").end, End::Done, "{policy}");
    sample.assert_in(folders[1].path());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_registered_policy_completes() {
    let swarms = choke::REGISTRY
        .iter()
        .map(|it| tokio::spawn(small_swarm(it)));
    for swarm in swarms.collect::<Vec<_>>() {
        swarm.await.expect("the swarm completes");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_peer_that_sends_a_wrong_piece_is_counted_and_banned() {
    let sample = sample();
    let mut wrong = sample.payload.clone();
    wrong.iter_mut().step_by(1000).for_each(|byte| *byte ^= 1);
    let liar = serve(&sample.metainfo, wrong, *b"-XX0000-liarliarliar").await;
    let honest = serve(
        &sample.metainfo,
        sample.payload.clone(),
        *b"-XX0000-honestpeer00",
    )
    .await;
    let folder = tempfile::tempdir().expect("temporary folder");
    let mut settings = sample.settings(folder.path());
    settings.peers = vec![liar, honest];
    let (outcome, notices) = run(settings).await;
    let outcome = outcome.expect("no failure");
    assert_eq!(outcome.end, End::Done, "{notices:#?}");
    sample.assert_in(folder.path());
    let banned = notices.iter().filter_map(|it| match it {
        Notice::Banned(address, _) => Some(*address),
        _ => None,
    });
    assert_eq!(banned.collect::<Vec<_>>(), [liar]);
    let wasted = outcome.ledger.payload_wasted[Waste::HashFailure as usize];
    assert!(wasted > 0, "the wrong bytes must be counted");
    assert_eq!(outcome.ledger.payload_useful, sample.payload.len() as u64);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stops_after_so_many_pieces_and_goes_on_from_there() {
    let sample = sample();
    let seed = serve(
        &sample.metainfo,
        sample.payload.clone(),
        *b"-XX0000-honestpeer00",
    )
    .await;
    let folder = tempfile::tempdir().expect("temporary folder");
    let mut settings = sample.settings(folder.path());
    (settings.peers, settings.goal) = (vec![seed], Goal::Pieces(3));
    settings.download_cap = Some(2_000_000);
    let (first, _) = run(settings.clone()).await;
    let first = first.expect("no failure");
    assert_eq!(first.end, End::Done);
    assert!(
        (3..20).contains(&first.fetched_pieces),
        "{}",
        first.fetched_pieces
    );

    settings.goal = Goal::Complete;
    let (second, notices) = run(settings).await;
    let second = second.expect("no failure");
    sample.assert_in(folder.path());
    let found = notices
        .iter()
        .any(|it| matches!(it, Notice::Found(pieces, _, true) if *pieces == first.fetched_pieces));
    assert!(found, "resume data contains the verified pieces");
    let all = sample.metainfo.geometry.piece_count();
    assert_eq!(second.fetched_pieces, all - first.fetched_pieces);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stopped_in_the_middle_nothing_verified_is_lost() {
    let sample = sample();
    let seed = serve(
        &sample.metainfo,
        sample.payload.clone(),
        *b"-XX0000-honestpeer00",
    )
    .await;
    let folder = tempfile::tempdir().expect("temporary folder");
    let mut settings = sample.settings(folder.path());
    settings.peers = vec![seed];
    settings.download_cap = Some(400_000);
    let (notices, _heard) = unbounded_channel();
    let session = Session::open(settings.clone(), notices)
        .await
        .expect("opens");
    let stop = tokio::time::sleep(Duration::from_millis(900));
    let first = session.run(stop).await.expect("no failure");
    assert_eq!(first.end, End::Stopped);
    assert!(
        first.fetched_pieces > 2,
        "{} pieces in 0.9 s",
        first.fetched_pieces
    );
    assert!(!first.have.is_full(), "stopped in the middle");

    // Without resume data, hashing must also find every piece.
    let name = format!(".{}.unchoke", sample.metainfo.info_hash);
    std::fs::remove_file(folder.path().join(name)).expect("resume data was saved");
    settings.download_cap = None;
    let (second, _) = run(settings).await;
    let second = second.expect("no failure");
    sample.assert_in(folder.path());
    let all = sample.metainfo.geometry.piece_count();
    assert_eq!(second.fetched_pieces + first.fetched_pieces, all);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn peers_meet_through_a_tracker_which_hears_every_event() {
    let tracker = Tracker::start(Manner::Proper).await;
    let dead = format!("http://{}/announce", dead_address());
    let sample = sample_with(&[dead, tracker.url.clone()], 32 * 1024, 200_000);
    let mut settings = sample.settings(sample.folder.path());
    (settings.goal, settings.trackers) = (Goal::Seed, true);
    settings.policy = "unchoke_all".into();
    sample.run_in_background(settings).await;
    while tracker.events().is_empty() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let folder = tempfile::tempdir().expect("temporary folder");
    let mut settings = sample.settings(folder.path());
    settings.trackers = true;
    let (outcome, _) = run(settings).await;
    assert_eq!(outcome.expect("no failure").end, End::Done);
    sample.assert_in(folder.path());
    let events = tracker.events();
    assert_eq!(events, ["started", "started", "completed", "stopped"]);
    let announces = tracker.announces.lock().expect("no panic");
    let left: Vec<&str> = announces.iter().map(|it| it["left"].as_str()).collect();
    let total = sample.payload.len().to_string();
    assert_eq!(left, ["0", &total, "0", "0"]);
    assert_eq!(announces[2]["downloaded"], total);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hostile_trackers_do_no_harm() {
    let mut urls = Vec::new();
    for manner in [Manner::Html, Manner::Endless, Manner::Circular] {
        urls.push(Tracker::start(manner).await.url);
    }
    let sample = sample_with(&urls, 32 * 1024, 200_000);
    let seed = serve(
        &sample.metainfo,
        sample.payload.clone(),
        *b"-XX0000-honestpeer00",
    )
    .await;
    let folder = tempfile::tempdir().expect("temporary folder");
    let mut settings = sample.settings(folder.path());
    (settings.peers, settings.trackers) = (vec![seed], true);
    // Long enough to try each tracker.
    (settings.goal, settings.timeout) = (Goal::CompleteAndSeed, Some(Duration::from_secs(2)));
    let (outcome, notices) = run(settings).await;
    assert!(outcome.expect("no failure").have.is_full());
    sample.assert_in(folder.path());
    let said = notices.iter().filter_map(|it| match it {
        Notice::Tracker(text) => Some(text.as_str()),
        _ => None,
    });
    let said = said.collect::<Vec<_>>().join("\n");
    for expected in ["web page", "longer than", "redirect"] {
        assert!(said.contains(expected), "`{expected}` is not in: {said}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn we_do_not_talk_to_ourselves_and_keep_one_link_a_peer() {
    assert_eq!(links_of_two_that_dial(false).await, [1, 1]);
}

/// A peer id is no proof: who pretends to be the seed must not keep the seed out. So a peer that is
/// reached at two hosts may have a link to each of them while it sends nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_peer_at_two_hosts_has_at_most_a_link_to_each() {
    for links in links_of_two_that_dial(true).await {
        assert!((1..=2).contains(&links), "{links}");
    }
}

/// The usual number of connections of two peers without data, each of which dials itself and the
/// other; also the other's IPv6 address, if so wanted.
async fn links_of_two_that_dial(by_ipv6_too: bool) -> Vec<usize> {
    let sample = sample();
    let ports = [dead_address(), dead_address()];
    let folders = [0; 2].map(|_| tempfile::tempdir().expect("temporary folder"));
    let mut running = Vec::new();
    for (port, folder) in ports.iter().zip(&folders) {
        let mut settings = sample.settings(folder.path());
        settings.port = port.port();
        let six = |it: &SocketAddr| SocketAddr::from((Ipv6Addr::LOCALHOST, it.port()));
        settings.peers = ports.to_vec();
        settings
            .peers
            .extend(ports.iter().filter(|_| by_ipv6_too).map(six));
        settings.timeout = Some(Duration::from_secs(2));
        let (notices, heard) = unbounded_channel();
        let session = Session::open(settings, notices).await.expect("opens");
        running.push((tokio::spawn(session.run(std::future::pending())), heard));
    }
    let mut links = Vec::new();
    for (session, heard) in running {
        session.await.expect("no panic").expect("no failure");
        let counts = drain(heard).into_iter().filter_map(|it| match it {
            Notice::Status(status) => Some(status.peers),
            _ => None,
        });
        let counts: Vec<usize> = counts.collect();
        // A second connection may exist until the dialling side notices the duplicate, and at the
        // end one session leaves first. So look at the median.
        links.push(counts[counts.len() / 2]);
    }
    links
}

#[tokio::test]
async fn the_time_limit_counts_what_was_spent_before() {
    let (sample, folder) = (sample(), tempfile::tempdir().expect("temporary folder"));
    let mut settings = sample.settings(folder.path());
    settings.spent = Duration::from_secs(65);
    settings.timeout = Some(Duration::from_secs(66));
    let (outcome, _) = run(settings).await;
    let End::GaveUp(why) = outcome.expect("no failure").end else {
        panic!("it has no peers");
    };
    assert!(
        why.starts_with("gave up after 1:06 min (--timeout): "),
        "{why}"
    );
}
