//! `lab sim` as a user sees it.

use assert_cmd::Command;
use serde_json::Value;
use unchoke_sim::scenario::Scenario;

fn lab(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lab"));
    command.arg("sim").args(arguments);
    command
}

fn text(arguments: &[&str]) -> String {
    let output = lab(arguments)
        .assert()
        .success()
        .get_output()
        .stdout
        .clone();
    String::from_utf8(output).expect("UTF-8")
}

fn json(arguments: &[&str]) -> Value {
    let text = text(&[arguments, &["--format", "json"]].concat());
    serde_json::from_str(&text).expect("one JSON object")
}

const W1: &[&str] = &["w1", "--set", "peers=12", "--seed", "7"];

#[test]
fn one_swarm_gives_one_result() {
    let result = json(W1);
    assert_eq!(
        (&result["scenario"], &result["seed"]),
        (&"w1".into(), &7.into())
    );
    assert_eq!(result["peers"], 12);
    assert_eq!(
        (&result["leechers"], &result["completed"]),
        (&11.into(), &11.into())
    );
    let blocks = result["blocks_transferred"].as_u64().expect("a number");
    let useful = result["bytes"]["payload_useful"]
        .as_u64()
        .expect("a number");
    // 11 peers get 25 MiB in 1 600 blocks each.
    assert!(blocks >= 11 * 1600);
    assert_eq!(useful, 11 * 25 * 1024 * 1024);
    let times = &result["completion_s"];
    let time = |key: &str| times[key].as_f64().expect("a number");
    assert!(time("median") <= time("p95") && time("p95") <= time("max"));
    assert!(time("mean") <= time("max"));
    let bound = result["bound_s"].as_f64().expect("a number");
    assert!(bound > 20.0 && bound <= time("max"), "25 MiB at 1.25 MB/s");
    assert_eq!(result["digest"].as_str().map(str::len), Some(16));
}

#[test]
fn the_same_run_twice_differs_in_its_cost_alone() {
    let (mut first, mut second) = (json(W1), json(W1));
    for result in [&mut first, &mut second] {
        let result = result.as_object_mut().expect("an object");
        assert!(result.remove("cost").is_some());
    }
    assert_eq!(first, second);
    let other = json(&["w1", "--set", "peers=12", "--seed", "8"]);
    assert_ne!(first["digest"], other["digest"]);
}

#[test]
fn people_get_lines() {
    let text = text(W1);
    assert!(
        text.starts_with("scenario             w1 v1, seed 7\n"),
        "{text}"
    );
    assert!(
        text.contains("\ncompleted            11 of 11 within "),
        "{text}"
    );
    assert!(
        text.contains("\npayload useful       288358400\n"),
        "{text}"
    );
}

#[test]
fn the_resolved_scenario_gives_the_same_run() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("resolved.toml");
    std::fs::write(&path, text(&[W1, &["--resolved"]].concat())).expect("written");
    let again = json(&[path.to_str().expect("UTF-8"), "--seed", "7"]);
    assert_eq!(again["digest"], json(W1)["digest"]);
}

#[test]
fn the_list_names_every_built_in_scenario() {
    let text = text(&["--list"]);
    assert_eq!(text.lines().count(), 23);
    assert!(
        text.starts_with("w1                    v1  Speed: "),
        "{text}"
    );
    for line in text.lines() {
        assert!(line.len() < 120 && line.ends_with('.'), "{line}");
    }
}

#[test]
fn a_mistake_is_one_sentence_and_status_2() {
    for (arguments, sentence) in [
        (
            &["w1", "--set", "network.solver=exat"][..],
            "lab: w1, --set network.solver=exat, key network.solver: expected \"exact\" or \
             \"fast\", found \"exat\"\n",
        ),
        (
            &["no-such.toml"][..],
            "lab: no-such.toml: expected a scenario file, or the name of a built-in scenario, BUILTIN, \
             found No such file or directory (os error 2)\n",
        ),
    ] {
        let names: Vec<String> = Scenario::list()
            .iter()
            .map(|it| format!("\"{}\"", it.name))
            .collect();
        let (last, others) = names.split_last().expect("there are scenarios");
        let builtin = format!("{} or {last}", others.join(", "));
        let sentence = sentence.replace("BUILTIN", &builtin);
        lab(arguments).assert().code(2).stdout("").stderr(sentence);
    }
    lab(&[]).assert().code(2);
    lab(&["w1", "--seed", "x"]).assert().code(2);
}

#[test]
fn who_gave_up_is_counted() {
    let arguments = [
        "small",
        "--set",
        "peers.patience={model=\"exponential\", mean=\"1 min\"}",
    ];
    let result = json(&arguments);
    let of = |key: &str| result[key].as_u64().expect("a number");
    assert!(of("aborted") > 0, "{result}");
    assert_eq!(of("aborted") + of("completed"), of("leechers"));
    assert!(text(&arguments).contains("\naborted              "));
}
