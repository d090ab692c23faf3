//! Every mistake in a scenario gives one sentence with file, line, key, what was expected and what
//! was found.

use unchoke_core::choke::{REGISTRY, find};
use unchoke_sim::scenario::{Place, Scenario, ScenarioError};

const GOOD: &str = include_str!("scenario/good.toml");
const MEASURED: &str = include_str!("scenario/measured.toml");

fn read(text: &str, sets: &[String]) -> Result<Scenario, ScenarioError> {
    Scenario::from_toml(text, "good.toml", None, sets)
}

/// The lines of a case that start with `mark`, with the mark removed.
fn marked<'a>(case: &'a str, mark: &str) -> Vec<&'a str> {
    case.lines()
        .filter_map(|it| it.strip_prefix(mark))
        .collect()
}

/// Fills in what the registry of policies says, so that a new policy changes no table.
fn filled_in(sentence: &str) -> String {
    let ids: Vec<String> = REGISTRY.iter().map(|it| format!("\"{}\"", it.id)).collect();
    let (last, others) = ids.split_last().expect("there are policies");
    let policies = format!("{} or {last}", others.join(", "));
    let entry = find("tit_for_tat").expect("registered");
    let keys = entry
        .parameters
        .iter()
        .map(|it| it.name.trim_end_matches("_ns"));
    let keys: Vec<&str> = keys.collect();
    sentence
        .replace("{policies}", &policies)
        .replace("{tit_for_tat}", &keys.join(", "))
}

/// Applies each case of a table to `text` and compares the reader's answer.
fn hold(text: &str, table: &str) {
    read(text, &[]).expect("it is good before anything is changed");
    let cases = table.split("\n\n").filter(|it| !it.starts_with('#'));
    let mut count = 0;
    for case in cases {
        let (from, to) = (marked(case, "- ").join("\n"), marked(case, "+ ").join("\n"));
        let sets: Vec<String> = marked(case, "= ")
            .iter()
            .map(|it| (*it).to_owned())
            .collect();
        assert!(text.contains(&from), "the scenario has no {from}");
        let changed = text.replacen(&from, &to, usize::from(!from.is_empty()));
        let error = read(&changed, &sets).expect_err(case);
        let sentence = filled_in(&marked(case, "> ").join(" "));
        assert_eq!(error.to_string(), sentence, "\n{case}");
        count += 1;
    }
    assert!(count > 5, "the table has cases");
}

#[test]
fn mistakes_in_the_file() {
    hold(GOOD, include_str!("scenario/file.txt"));
}

#[test]
fn mistakes_in_the_peers() {
    hold(GOOD, include_str!("scenario/peers.txt"));
}

#[test]
fn mistakes_in_the_populations() {
    hold(GOOD, include_str!("scenario/populations.txt"));
}

#[test]
fn mistakes_in_network_tracker_and_faults() {
    hold(GOOD, include_str!("scenario/network.txt"));
}

#[test]
fn mistakes_in_lives() {
    hold(GOOD, include_str!("scenario/lives.txt"));
}

#[test]
fn mistakes_in_a_distribution() {
    hold(MEASURED, include_str!("scenario/distribution.txt"));
}

#[test]
fn mistakes_in_the_transport() {
    hold(GOOD, include_str!("scenario/transport.txt"));
}

#[test]
fn mistakes_in_overrides() {
    hold(GOOD, include_str!("scenario/overrides.txt"));
}

#[test]
fn as_many_pieces_as_any_torrent_has() {
    let sets = |size: &str| vec![format!("size={size}"), "piece=1 MiB".to_owned()];
    let scenario = read(GOOD, &sets("128 GiB")).expect("2^17 pieces");
    assert_eq!(scenario.geometry.piece_count(), 1 << 17);
    read(GOOD, &sets("131073 MiB")).expect_err("one more");
}

#[test]
fn an_error_is_data() {
    let error = read(GOOD, &["peers.count=0".to_owned()]).expect_err("no peers");
    assert_eq!(
        error,
        ScenarioError {
            file: "good.toml".to_owned(),
            place: Place::Override("peers.count=0".to_owned()),
            key: "peers.count".to_owned(),
            expected: "a whole number from 1 to 10000000".to_owned(),
            found: "0".to_owned(),
        }
    );
}

#[test]
fn a_scenario_that_does_not_exist() {
    let near = "the name of a built-in scenario (did you mean flash-homog?)";
    let error = Scenario::load("flush-homog", &[]).expect_err("no such scenario");
    let found = "No such file or directory (os error 2)";
    assert_eq!(
        error.to_string(),
        format!("flush-homog: expected a scenario file, or {near}, found {found}")
    );
    let error = Scenario::builtin("flush-homog", &[]).expect_err("no such scenario");
    assert_eq!(
        error.to_string(),
        format!("flush-homog: expected {near}, found no built-in scenario")
    );
    let sentence = Scenario::builtin("x", &[])
        .expect_err("no such scenario")
        .to_string();
    for builtin in Scenario::list() {
        assert!(
            sentence.contains(&format!("\"{}\"", builtin.name)),
            "{sentence}"
        );
    }
}

#[test]
fn long_and_strange_text_stays_one_short_line() {
    let key = "x".repeat(5000);
    let text = GOOD.replace("name = \"good\"", &format!("\"{key}\\n\" = 1"));
    let sentence = read(&text, &[]).expect_err("an unknown key").to_string();
    assert!(
        sentence.len() < 500 && !sentence.contains('\n'),
        "{sentence}"
    );
}
