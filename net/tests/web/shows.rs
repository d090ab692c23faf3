//! The data of the web page, and its orders.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};
use unchoke_net::record::replay;

use super::{Stage, ask, get, post};
use crate::common::command::{Reporting, run as run_command, stderr, unchoke};
use crate::common::{PATIENCE, sample};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_seed_shows_its_peers_and_its_pieces() {
    let stage = Stage::new(|settings| settings.parameters.set("slots", 1)).await;
    let served = |it: &Value| {
        it["detail"]["peers"]
            .as_array()
            .is_some_and(|it| it.len() == 3)
    };
    let it = stage.until(&stage.torrent(""), served).await;
    assert_eq!(
        (&it["schema_version"], &it["state"]),
        (&json!(1), &json!("seeding"))
    );
    assert_eq!(it["policy"], "tit_for_tat");
    let detail = &it["detail"];
    let cells = detail["cells"].as_array().expect("cells");
    let pieces: u64 = cells.iter().filter_map(|it| it[0].as_u64()).sum();
    assert_eq!(it["pieces"], pieces);
    assert!(
        cells.iter().all(|it| it[1] == it[0]),
        "a seed has everything"
    );
    for peer in detail["peers"].as_array().expect("peers") {
        assert_eq!(peer["download_waits_for"], "nothing_needed");
        assert!(
            peer["address"]
                .as_str()
                .is_some_and(|it| it.starts_with("127."))
        );
    }
    assert!(
        detail["explained"]["off"]
            .as_array()
            .is_some_and(|it| !it.is_empty())
    );

    let all = stage.get("/api/v1/torrents").await;
    assert_eq!(all["torrents"][0]["name"], "sample");
    let policies = stage.get("/api/v1/policies").await;
    let count = policies["policies"].as_array().map(Vec::len);
    assert_eq!(count, Some(unchoke_core::choke::REGISTRY.len()));
    let history = stage.get(&stage.torrent("/history")).await;
    let last = history["rows"]
        .as_array()
        .and_then(|it| it.last())
        .expect("rows");
    assert_eq!(history["columns"][2], "payload_sent_bytes");
    assert!(last[2].as_u64() > Some(0), "{history}");

    let metrics = ask(stage.page.address, &get("/metrics")).await;
    let sent = stage.board.total().payload_sent;
    let line = metrics
        .body
        .lines()
        .find_map(|it| it.strip_prefix("unchoke_payload_sent_bytes "));
    let told: u64 = line.and_then(|it| it.parse().ok()).expect("a figure");
    assert!(told > 0 && told <= sent, "{told} {sent}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_seed_shows_its_decisions() {
    let stage = Stage::new(|settings| settings.parameters.set("slots", 1)).await;
    // Two slots for three interested peers: one waits. Look for rounds that show all three.
    let of_three = |it: &Value| it["judged"].as_array().is_some_and(|it| it.len() == 3);
    let told = |it: &Value| {
        it["rounds"]
            .as_array()
            .is_some_and(|it| it.iter().any(of_three))
    };
    let rounds = stage.until(&stage.torrent("/rounds"), told).await;
    let rounds = rounds["rounds"].as_array().expect("rounds");
    let round = rounds
        .iter()
        .rfind(|it| of_three(it))
        .expect("one of three");
    assert_eq!(
        (&round["trigger"], &round["am_seed"]),
        (&json!("tick"), &json!(true))
    );
    assert!(
        round["rule"]
            .as_str()
            .is_some_and(|it| it.starts_with("1 slots by up_rate"))
    );
    let judged = round["judged"].as_array().expect("peers");
    let standings: Vec<&str> = judged
        .iter()
        .filter_map(|it| it["standing"].as_str())
        .collect();
    assert!(
        standings.contains(&"regular") && standings.contains(&"waiting"),
        "{standings:?}"
    );
    assert!(
        judged[0]["rank"] == 1 && judged[0]["scores"]["up_rate"].is_u64(),
        "{round}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_policy_is_switched_while_it_runs_and_the_recording_replays() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let recording = folder.path().join("recording");
    let stage = Stage::new(|settings| {
        settings.record = Some(recording.clone());
        settings.timeout = Some(Duration::from_secs(12));
    })
    .await;
    let served = |it: &Value| it["ledger"]["payload_sent_bytes"].as_u64() > Some(100_000);
    stage.until(&stage.torrent(""), served).await;
    let order = json!({ "policy": "bep3", "parameters": { "slots": 2, "tick": "300 ms" } });
    assert_eq!(stage.order(&order.to_string()).await.0, 200);
    let switched = |it: &Value| {
        let eras = it["detail"]["eras"].as_array();
        eras.is_some_and(|it| {
            it.len() == 2 && it[1]["ledger"]["payload_sent_bytes"].as_u64() > Some(0)
        })
    };
    let it = stage.until(&stage.torrent(""), switched).await;
    assert_eq!(it["policy"], "bep3");
    let eras = &it["detail"]["eras"];
    assert_eq!(eras[0]["policy"], "tit_for_tat");
    assert_eq!(
        eras[1]["parameters"],
        json!({ "slots": 2, "tick_ns": 300_000_000 })
    );
    assert_eq!(eras[0]["to_s"], eras[1]["from_s"]);
    let by_bep3 = |it: &Value| {
        let rounds = it["rounds"].as_array();
        rounds.is_some_and(|it| {
            it.iter()
                .any(|it| it["policy"] == "bep3" && it["trigger"] == "tick")
        })
    };
    stage.until(&stage.torrent("/rounds"), by_bep3).await;
    stage
        .until(&stage.torrent(""), |it| it["state"] == "ended")
        .await;
    let text = std::fs::read_to_string(&recording).expect("a recording");
    assert!(text.contains(r#"{"policy":["bep3",{"slots":2,"tick_ns":300000000}]}"#));
    replay(&recording).expect("the same outputs");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn orders_that_make_no_sense_are_refused_with_a_sentence() {
    let stage = Stage::new(|_| ()).await;
    for (body, status, part) in [
        ("{}", 400, "missing field `policy`"),
        ("not JSON", 400, "API.md"),
        (r#"{"policy":"nice"}"#, 400, "no choking policy 'nice'"),
        (r#"{"policy":"bep3","more":1}"#, 400, "unknown field `more`"),
        (
            r#"{"policy":"bep3","parameters":{"slotz":1}}"#,
            400,
            "no such parameter; it has slots",
        ),
        (
            r#"{"policy":"bep3","parameters":{"slots":0}}"#,
            400,
            "must be at least 1",
        ),
        (
            r#"{"policy":"bep3","parameters":{"tick":"soon"}}"#,
            400,
            "parameter tick",
        ),
        (
            r#"{"policy":"superseed"}"#,
            409,
            "cannot replace tit_for_tat",
        ),
    ] {
        let (got, value) = stage.order(body).await;
        let sentence = value["error"].as_str().unwrap_or_default();
        assert!(
            got == status && sentence.contains(part),
            "{body}: {got} {sentence}"
        );
    }
    let path = stage.torrent("/policy");
    let long = format!(r#"{{"policy":"{}"}}"#, "a".repeat(20_000));
    for (request, status) in [
        (post(&path, "text/plain", r#"{"policy":"bep3"}"#), 415),
        (post(&path, "application/json", &long), 413),
        (get(&path), 405),
        (post("/api/v1/torrents", "application/json", "{}"), 405),
        (get(&path).replace("GET", "DELETE"), 405),
        (get("/api/v1/torrents/00"), 404),
        (get("/api/v1/torrents/00/policy/x"), 404),
        (get("/api/v2/torrents"), 404),
        (get("/../../etc/passwd"), 404),
    ] {
        let answer = ask(stage.page.address, &request).await;
        assert_eq!(answer.status, status, "{request}");
        assert!(answer.body.contains("\"error\":"), "{request}");
    }
    assert_eq!(stage.get(&stage.torrent("")).await["policy"], "tit_for_tat");
    // A session that has ended accepts no order.
    drop(
        stage
            .board
            .join("sample", stage.sample.metainfo.info_hash.to_string()),
    );
    let (status, value) = stage.order(r#"{"policy":"bep3"}"#).await;
    assert_eq!(
        (status, &value["error"]),
        (409, &json!("the session of this torrent is over"))
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_tell_of_each_round_once() {
    let stage = Stage::new(|_| ()).await;
    let mut stream = TcpStream::connect(stage.page.address)
        .await
        .expect("connects");
    let request = get(&stage.torrent("/events"));
    stream
        .write_all(request.as_bytes())
        .await
        .expect("it listens");
    let mut text = String::new();
    let deadline = Instant::now() + PATIENCE;
    while text.matches("event: torrent").count() < 3 {
        assert!(Instant::now() < deadline, "{text}");
        let mut part = vec![0; 65_536];
        let read = timeout(PATIENCE, stream.read(&mut part))
            .await
            .expect("in time");
        text.push_str(&String::from_utf8_lossy(&part[..read.expect("more")]));
    }
    assert!(text.contains("text/event-stream"));
    let numbers: Vec<u64> = text
        .lines()
        .filter(|it| it.starts_with("data: {\"am_seed\""))
        .filter_map(|it| serde_json::from_str::<Value>(&it[6..]).ok()?["number"].as_u64())
        .collect();
    assert!(numbers.len() > 3, "{text}");
    assert!(numbers.windows(2).all(|it| it[0] < it[1]), "{numbers:?}");
}

#[test]
fn the_command_serves_the_page() {
    let sample = sample();
    sample.write_torrent(sample.folder.path());
    let token = sample.folder.path().join("token");
    let words = ["seed", "sample.torrent", "--data", ".", "--no-tracker"];
    let page = ["--web", "0", "--web-token", "token"];
    let command = unchoke(sample.folder.path(), &[&words[..], &page].concat());
    let running = Reporting::start(command);
    let event = running.until(|it| it["event"] == "web");
    let url = event["url"].as_str().expect("a url").to_owned();
    let kept = std::fs::read_to_string(token).expect("a token");
    assert!(
        url.starts_with("http://127.0.0.1:") && url.ends_with(&format!("/#{}", kept.trim())),
        "{url}"
    );
    let refused = run_command(
        sample.folder.path(),
        &["seed", "sample.torrent", "--data", ".", "--web", "nowhere"],
    );
    assert_eq!(refused.status.code(), Some(2));
    assert!(
        stderr(&refused).contains("write a port, or an address and a port"),
        "{}",
        stderr(&refused)
    );
}
