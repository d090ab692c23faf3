//! `lab sim` as a user sees it.

use std::process::Command;

use crate::common::ended;
use serde_json::Value;
use unchoke_experiments::findings::stats::moments::{mean, median, quantile};
use unchoke_sim::result::NodeResult;
use unchoke_sim::scenario::{Scenario, expand};
use unchoke_sim::world;

fn lab(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lab"));
    command.arg("sim").args(arguments);
    command
}

fn text(arguments: &[&str]) -> String {
    ended(&mut lab(arguments), 0).stdout
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
    // 11 peers receive 25 MiB in 1 600 blocks each.
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
    let bytes = |name: &str| -> u64 {
        let line = text.lines().find_map(|it| it.strip_prefix(name));
        let count = line.and_then(|it| it.split_whitespace().next());
        count.expect(name).parse().expect("a count")
    };
    assert_eq!(bytes("payload useful"), 288_358_400);
    assert!(bytes("payload sent") >= bytes("payload useful"), "{text}");
    assert_eq!(
        text.matches('%').count(),
        text.matches("% of payload sent)").count(),
        "all shares name the same denominator: {text}"
    );
}

/// The figures of a run are the same as those of a plan for this run.
#[test]
fn times_are_those_of_the_statistics() {
    let result = json(W1);
    let scenario = Scenario::builtin("w1", &["peers=12".to_owned()]).expect("a scenario");
    let run = world::run(&expand(&scenario, 7), None).expect("it runs");
    let times = run.completed().filter_map(NodeResult::download_time);
    let times: Vec<f64> = times.map(|it| it.as_secs_f64()).collect();
    let said = |key: &str| result["completion_s"][key].as_f64().expect("a number");
    assert!((said("mean") - mean(&times)).abs() < 1e-9);
    assert!((said("median") - median(&times)).abs() < 1e-9);
    assert!((said("p95") - quantile(&times, 0.95)).abs() < 1e-9);
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
        let said = ended(&mut lab(arguments), 2);
        assert_eq!((said.stdout.as_str(), said.stderr), ("", sentence));
    }
    ended(&mut lab(&[]), 2);
    ended(&mut lab(&["w1", "--seed", "x"]), 2);
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

#[test]
fn the_gallery_draws_what_it_says() {
    let folder = tempfile::tempdir().expect("a folder");
    let lab = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lab"));
        command.arg("gallery").args(arguments);
        command.arg("--out").arg(folder.path());
        command.args(["--peers", "6", "--size", "1"]);
        command
    };
    let file = |name: &str| std::fs::read(folder.path().join(name)).expect("a picture");
    ended(&mut lab(&[]), 0);
    let page = String::from_utf8(file("README.md")).expect("text");
    for builtin in Scenario::list() {
        let name = builtin.name;
        assert!(page.contains(&format!("![{name}]({name}.svg)")), "{page}");
        assert!(page.contains(&builtin.about), "{page}");
        let svg = String::from_utf8(file(&format!("{name}.svg"))).expect("text");
        assert!(
            svg.contains(&format!("{name} v{}", builtin.version)),
            "{svg}"
        );
    }
    // The command on the page repeats the run of the figure.
    let arguments = [
        "small",
        "--set",
        "peers=6",
        "--set",
        "size=1 MiB",
        "--seed",
        "1",
    ];
    let typed = "`lab sim small --set 'peers=6' --set 'size=1 MiB' --seed 1`";
    assert!(page.contains(typed), "{page}");
    let mean = json(&arguments)["completion_s"]["mean"]
        .as_f64()
        .expect("a number");
    let said = format!("6 of 6 completed, mean time {mean:.0} s");
    assert!(page.contains(&said), "{said}\n{page}");

    let before = file("small.svg");
    ended(&mut lab(&["--only", "small", "--png"]), 0);
    assert_eq!(&file("small.png")[1..4], b"PNG");
    assert_eq!(file("small.svg"), before);
    let said = ended(&mut lab(&["--only", "nothing"]), 2);
    assert_eq!(said.stdout, "");
    assert_eq!(
        said.stderr,
        "lab: no built-in scenario has 'nothing' in its name; `lab sim --list` shows them all\n"
    );
}
