//! The events of `--json` have exactly the names that API.md documents.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::common::command::{run, seed, stdout};
use crate::common::disk::{download, home_of};
use crate::common::sample;

type Names = BTreeSet<String>;

/// The words in backquotes.
fn quoted(text: &str) -> Vec<String> {
    text.split('`')
        .skip(1)
        .step_by(2)
        .map(str::to_owned)
        .collect()
}

/// The names of each event, from the table in API.md.
fn documented() -> BTreeMap<String, Names> {
    let text = include_str!("../API.md");
    let (_, section) = text
        .split_once("## The events of `--json`")
        .expect("a section");
    let rows = section.lines().filter(|it| it.starts_with("| `"));
    let mut events: BTreeMap<String, Names> = BTreeMap::new();
    for row in rows {
        let cells: Vec<&str> = row.trim_matches('|').split(" | ").collect();
        let [event, _, names] = cells[..] else {
            panic!("three cells: {row}");
        };
        let event = quoted(event).remove(0);
        let same = names.trim_start().starts_with("the same as");
        let names = if same {
            events[&quoted(names)[0]].clone()
        } else {
            let mut names: Names = quoted(names).into_iter().collect();
            names.insert("event".into());
            if event != "web" {
                names.insert("info_hash".into());
            }
            names
        };
        events.insert(event, names);
    }
    assert!(events.len() > 15, "{events:?}");
    events
}

#[test]
fn every_event_has_the_names_of_the_documentation() {
    let documented = documented();
    let sample = sample();
    let seed = seed(&sample, &[]);
    let home = home_of(&sample);
    let mut found = BTreeSet::new();
    let mut check = |words: &[&str]| {
        for line in stdout(&run(home.path(), words)).lines() {
            let event: Value = serde_json::from_str(line).expect("JSON");
            let name = event["event"].as_str().expect("a name").to_owned();
            let names: Names = event
                .as_object()
                .expect("an object")
                .keys()
                .cloned()
                .collect();
            let expected = documented.get(&name);
            assert_eq!(Some(&names), expected, "{line}");
            found.insert(name);
        }
    };
    let json = ["--json", "--explain", "--web", "0"];
    check(&download(
        "127.0.0.1:1",
        &[&json[..], &["--timeout", "11 s"]].concat(),
    ));
    check(&download(&seed.peer(), &json));
    check(&download(
        &seed.peer(),
        &[&json[..], &["--recheck"]].concat(),
    ));
    for name in [
        "web",
        "listening",
        "progress",
        "explained",
        "completed",
        "found",
        "end",
    ] {
        assert!(found.contains(name), "{name} is not among {found:?}");
    }
}
