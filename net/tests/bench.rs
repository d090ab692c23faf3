//! `unchoke bench`: two policies side by side.

use crate::common::command::{assert_sentence, run, seed, stderr, stdout};
use crate::common::sample_with;

#[test]
fn bench_prints_both_columns() {
    let sample = sample_with(&[], 32 * 1024, 200_000);
    let seed = seed(&sample, &[]);
    let home = sample.folder.path();
    let peer = seed.peer();
    let words = [
        "bench",
        "sample.torrent",
        "--peer",
        &peer,
        "--pieces",
        "2",
        "--rounds",
        "2",
    ];
    let done = run(home, &words);
    assert!(done.status.success(), "{}", stderr(&done));
    let said = stdout(&done);
    for part in [
        "naive: unchoke_all",
        "optimized: tit_for_tat",
        "payload_useful_bytes",
        "payload_wasted_endgame_bytes",
        "bytes both ways saved",
        "2 runs each",
    ] {
        assert!(said.contains(part), "`{part}` is not in: {said}");
    }
    // The same policy twice, distinguished by a parameter.
    let set = |key: &'static str| ["--set", key];
    let words = [
        &["bench", "sample.torrent", "--peer", &peer, "--json"][..],
        &["--naive", "tit_for_tat"],
        &set("naive.parameters.slots=2"),
        &set("naive.parameters.tick_ns=5 s"),
    ]
    .concat();
    let json: serde_json::Value = serde_json::from_slice(&run(home, &words).stdout).expect("JSON");
    let naive = serde_json::json!({ "slots": 2, "tick_ns": 5_000_000_000_u64 });
    assert_eq!(json["naive"]["parameters"], naive);
    assert_eq!(json["optimized"]["parameters"], serde_json::json!({}));
    assert_eq!(json["rounds"].as_array().map(Vec::len), Some(1));
    for side in ["naive", "optimized"] {
        let round = &json["rounds"][0][side];
        assert_eq!(
            round["useful_bytes"],
            json[side]["ledger"]["payload_useful_bytes"]
        );
        assert_eq!(
            round["received_bytes"],
            json[side]["ledger"]["received_bytes"]
        );
        let useful = &json[side]["ledger"]["payload_useful_bytes"];
        assert_eq!(useful.as_u64(), Some(sample.payload.len() as u64), "{json}");
    }
}

#[test]
fn bench_refuses_what_a_policy_has_not_before_it_runs() {
    let sample = sample_with(&[], 32 * 1024, 200_000);
    let home = sample.folder.path();
    sample.write_torrent(home);
    let bench = |more: &[&str]| run(home, &[&["bench", "sample.torrent"], more].concat());
    let said = bench(&["--set", "optimized.parameters.slotz=5"]);
    assert_sentence(
        &said,
        2,
        "--optimized tit_for_tat: choking policy 'tit_for_tat' has no parameter 'slotz'; it has: ",
    );
    assert_eq!(stderr(&said).lines().count(), 1);
    // Fail before the run: without a peer, a run would end with status 1 after two minutes.
    assert_sentence(
        &bench(&["--optimized", "none"]),
        2,
        "there is no choking policy",
    );
    let said = bench(&["--set", "slots=5"]);
    assert_eq!(said.status.code(), Some(2), "{}", stderr(&said));
    assert!(stderr(&said).contains("optimized.parameters.slots=8"));
}
