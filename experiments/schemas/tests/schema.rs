//! Checks that the schemas of scenarios and plans agree with the readers.
//!
//! `UPDATE_GOLDEN=1 cargo test -p unchoke-schemas` rewrites the committed copies.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use jsonschema::Validator;
use serde_json::Value;
use unchoke_experiments::plan::schema::{Language, schema, text};
use unchoke_sim::scenario::Scenario;

fn validator(language: Language) -> Validator {
    jsonschema::validator_for(&schema(language)).expect("a good schema")
}

/// A TOML text as a JSON value.
fn value(toml: &str) -> Value {
    toml::from_str(toml).expect("TOML")
}

fn assert_valid(validator: &Validator, toml: &str, name: &str) {
    let value = value(toml);
    let errors: Vec<String> = validator
        .iter_errors(&value)
        .map(|it| format!("{}: {it}", it.instance_path()))
        .collect();
    assert!(errors.is_empty(), "{name}: {errors:?}");
}

/// Checks that `good` becomes invalid by each of these replacements.
fn assert_mistakes(validator: &Validator, good: &str, mistakes: &[(&str, &str)]) {
    for (from, to) in mistakes {
        assert!(good.contains(from), "{from}");
        let broken = good.replacen(from, to, 1);
        assert!(!validator.is_valid(&value(&broken)), "{from} -> {to}");
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn toml_files(folder: &str) -> Vec<(String, String)> {
    let entries = std::fs::read_dir(root().join(folder)).expect("a folder");
    let paths = entries.map(|it| it.expect("an entry").path());
    let toml = paths.filter(|it| it.extension().is_some_and(|it| it == "toml"));
    let mut files: Vec<(String, String)> = toml
        .map(|it| {
            (
                it.display().to_string(),
                std::fs::read_to_string(&it).expect("text"),
            )
        })
        .collect();
    files.sort();
    files
}

#[test]
fn the_committed_copies_are_current() {
    for (language, name) in [(Language::Scenario, "scenario"), (Language::Plan, "plan")] {
        let path = root().join(format!("experiments/schemas/{name}.json"));
        let text = text(language);
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            std::fs::write(&path, &text).expect("written");
        }
        let copy = std::fs::read_to_string(&path).expect("the copy is there");
        assert!(copy == text, "{} is out of date", path.display());
    }
}

#[test]
fn what_the_reader_takes_is_valid() {
    let validator = validator(Language::Scenario);
    let files = toml_files("sim/scenarios");
    assert!(files.len() > 10);
    for (name, text) in files {
        assert_valid(&validator, &text, &name);
        let first = text.lines().next().expect("a line");
        let (_, copy) = first
            .split_once("#:schema ")
            .expect("an editor finds the schema");
        let folder = root().join("sim/scenarios");
        assert!(folder.join(copy).exists(), "{name}: {first}");
    }
    for builtin in Scenario::list() {
        let scenario = Scenario::builtin(builtin.name, &[]).expect("a good scenario");
        assert_valid(&validator, &scenario.to_toml(), builtin.name);
    }
    // Keys that no built-in scenario uses.
    let sets = [
        "peers.arrivals={model=\"measured\", unit=\"1 s\", points=[[0, 1], [\"0.5\", 2.5], [1, 9]]}",
        "peers.session={model=\"measured\", unit=\"1 min\", points=[[0, 1], [1, 2]]}",
        "peers.patience={model=\"exponential\", mean=\"5 min\"}",
        "peers.reachable=60%",
        "tracker.outages=[{from=\"1 min\", until=\"2.5 min\"}]",
        "faults={corrupting=\"1 %\", overstating=\"2 %\", understating=\"3 %\", break_mean=\"1 h\"}",
        "client.upload_cap=100 kB/s",
        "client.download_cap=1 MB/s",
        "network.transport={headers=\"66 B\", packets_per_ack=2, initial_window=10, \
         window=\"64 KiB\", loss=\"1 %\", connect_time=\"10 ms\"}",
        "origin.0.parameters={tick=\"15 s\", slots=7}",
    ];
    let sets = sets.map(str::to_owned);
    let scenario = Scenario::builtin("regions", &sets).expect("a good scenario");
    assert_valid(&validator, &scenario.to_toml(), "everything");
}

#[test]
fn what_is_broken_is_not() {
    let validator = validator(Language::Scenario);
    let good = include_str!("../../../sim/tests/scenario/good.toml");
    assert_valid(&validator, good, "good.toml");
    let mistakes = [
        ("horizon =", "horizn ="),
        ("\"2 h\"", "7200"),
        ("\"2 h\"", "\"2 hours\""),
        ("[torrent]", "[torent]"),
        ("\"256 KiB\"", "\"256 Kib\""),
        ("max_connections = 40", "max_connections = 65536"),
        ("max_connections = 40", "max_connections = \"40\""),
        ("\"6 Mbit/s\"", "\"6 Mbps\""),
        ("count = 20", "count = 0"),
        ("\"flash\"", "\"flood\""),
        ("\"flash\", window", "\"decay\", window"),
        ("shape = 0.6", "form = 0.6"),
        ("\"40 %\"", "0.4"),
        ("\"tit_for_tat\"", "\"tit4tat\""),
        ("tick = \"10 s\"", "tock = \"10 s\""),
        ("tick = \"10 s\"", "tick = 10"),
        ("credit = \"100 KiB\"", "queue_size = \"100 KiB\""),
        ("[[origin]]", "[origin]"),
    ];
    assert_mistakes(&validator, good, &mistakes);
}

/// The keys that the reader of `scenario` lists when `sets` adds an unknown key.
fn keys_of_the_reader(scenario: &str, set: &str) -> BTreeSet<String> {
    let error = Scenario::builtin(scenario, &[set.to_owned()]).expect_err(set);
    let listed = error.expected.strip_prefix("one of the keys ");
    let listed = listed.unwrap_or_else(|| panic!("{set}: {error}"));
    let listed = listed.split(" (did you mean").next().expect("a part");
    listed.split(", ").map(str::to_owned).collect()
}

fn keys_of_the_schema(table: &Value) -> BTreeSet<String> {
    let keys = table["properties"].as_object().expect("a table");
    assert_eq!(table["additionalProperties"], false);
    keys.keys().cloned().collect()
}

#[test]
fn every_table_has_the_keys_of_the_reader() {
    let schema = schema(Language::Scenario);
    let mut seen = 0;
    let mut open = vec![(String::new(), &schema)];
    while let Some((path, table)) = open.pop() {
        let base = match path.as_str() {
            "peers.capacity." => "flash-tyrant",
            "tracker.outages.0." => "outage",
            "population.0." => "adversarial-25",
            _ => "regions",
        };
        let keys = keys_of_the_reader(base, &format!("{path}zzzzzz=1"));
        assert_eq!(keys_of_the_schema(table), keys, "{path}");
        seen += 1;
        for (key, below) in table["properties"].as_object().expect("a table") {
            if let Some(models) = below["oneOf"].as_array() {
                for model in models {
                    let name = &model["properties"]["model"]["const"];
                    let set = format!("{path}{key}={{model={name}, zzzzzz=1}}");
                    let keys = keys_of_the_reader("regions", &set);
                    assert_eq!(keys_of_the_schema(model), keys, "{set}");
                    seen += 1;
                }
            } else if below["properties"].is_object() {
                open.push((format!("{path}{key}."), below));
            } else if below["items"]["properties"].is_object() {
                open.push((format!("{path}{key}.0."), &below["items"]));
            }
        }
    }
    assert!(seen > 25, "{seen} tables");
}

#[test]
fn plans_are_valid_and_mistakes_are_not() {
    let validator = validator(Language::Plan);
    let good = include_str!("../../plans/choke_vs_naive.toml");
    assert_valid(&validator, good, "choke_vs_naive.toml");
    let mistakes = [
        ("[seeds]", "[seed]"),
        ("\nquestion", "\nqestion"),
        ("policy = \"unchoke_all\"", "policy = 4"),
        ("count = ", "count = -"),
        ("estimands = [\"E1\"", "estimands = [\"E9\""),
    ];
    assert_mistakes(&validator, good, &mistakes);
}
