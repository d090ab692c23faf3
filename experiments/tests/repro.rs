//! `lab repro` with a small table of its own: every verdict occurs, each with the right reason.

use std::fs;
use std::process::Command;

use crate::common::{Lab, PLAN, ended};

const CLAIMS: &str = r#"
[[figure]]
claim = "bytes"
where = "front page"
says = "saves {min} to {max} %"
file = "results/tiny/summary.csv"
column = "estimate"
rows = { quantity = "E3", headline = "true", scenario = "flash-hetero" }
scale = 100
digits = 1

[[rerun]]
claim = "runs"
where = "front page"
plan = "tiny.toml"
minutes = 1
memory_mb = 50
"#;

const REPRO: [&str; 3] = ["repro", "--claims", "claims.toml"];

fn with<'a>(more: &[&'a str]) -> Vec<&'a str> {
    REPRO.iter().chain(more).copied().collect()
}

#[test]
fn claims_are_checked_line_by_line() {
    let lab = Lab::new(PLAN);
    lab.expect(0, &["run", "tiny.toml", "--quiet", "--no-plots"]);
    let put = |name: &str, text: &str| fs::write(lab.path(name), text).expect("written");
    put("claims.toml", CLAIMS);
    put("README.md", "Nothing of this kind.\n");

    let said = lab.expect(1, &REPRO);
    assert!(
        said.contains("PASS        runs: 4 of 4 runs repeated, of 24, the same rows and digests ("),
        "{said}"
    );
    assert!(
        said.contains("1 passed, 1 failed, 0 cannot be told"),
        "{said}"
    );
    let wanted = said
        .split("must say \"")
        .nth(1)
        .and_then(|it| it.split('"').next());
    let wanted = wanted.expect("the sentence that the README lacks");
    put(
        "README.md",
        &format!("It **{}**.\n", wanted.replacen(' ', "\n", 1)),
    );
    let said = lab.expect(0, &with(&["--strict"]));
    assert!(said.contains("2 passed, 0 failed"), "{said}");

    let said = lab.expect(0, &with(&["--full", "--only", "runs"]));
    assert!(said.contains("all tables the same, sha256 "), "{said}");
    let table = lab.expect(0, &with(&["--list"]));
    assert!(table.contains("| claim | command | expected |"), "{table}");
    assert!(table.lines().count() == 4, "{table}");

    // What is missing fails its own claim alone.
    put(
        "claims.toml",
        &CLAIMS.replace("tiny/summary", "gone/summary"),
    );
    let said = lab.expect(1, &REPRO);
    assert!(said.contains("FAIL        bytes: results/gone"), "{said}");
    assert!(said.contains("1 passed, 1 failed"), "{said}");
    let said = lab.expect(2, &with(&["--only", "nothing"]));
    assert!(
        said.contains("no claim has \"nothing\" in its name"),
        "{said}"
    );
}

/// The README of this commit beside its committed tables. A failure names the sentence that the README must have.
#[test]
fn the_figures_of_the_readme_are_those_of_the_committed_tables() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
    let claims = fs::read_to_string(format!("{root}/experiments/claims.toml")).expect("claims");
    let count = claims.lines().filter(|it| *it == "[[figure]]").count();
    assert!(count >= 30, "only {count} figures have a row");
    let mut lab = Command::new(env!("CARGO_BIN_EXE_lab"));
    let lab = lab.args(["repro", "--figures", "--strict"]);
    let said = ended(lab.current_dir(root), 0).stdout;
    let sum = format!("{count} passed, 0 failed, 0 cannot be told");
    assert!(said.contains(&sum), "{said}");
}

/// The time of `lab repro --full` in the texts is the sum of the rows.
#[test]
fn the_texts_say_how_long_the_whole_check_takes() {
    let file = |name: &str| {
        let path = format!("{}/{name}", env!("CARGO_MANIFEST_DIR"));
        fs::read_to_string(path).expect("a text")
    };
    let claims = file("claims.toml");
    let minutes = claims
        .lines()
        .filter_map(|it| it.strip_prefix("minutes = "));
    let sum: u32 = minutes.map(|it| it.parse::<u32>().expect("a number")).sum();
    for text in ["README.md", "book/src/check-the-claims.md"] {
        let said = format!("about {sum} minutes");
        assert!(file(text).contains(&said), "{text} lacks \"{said}\"");
    }
}

#[test]
fn a_committed_run_that_does_not_come_out_again_fails() {
    let lab = Lab::new(PLAN);
    lab.expect(0, &["run", "tiny.toml", "--quiet", "--no-plots"]);
    fs::write(lab.path("claims.toml"), CLAIMS).expect("written");
    edit(&lab, |line| format!("{line}0"));
    let said = lab.expect(1, &with(&["--only", "runs", "--runs", "2"]));
    assert!(
        said.contains("FAIL        runs: 2 of 2 runs differ: unit ")
            && said.contains(" has digest "),
        "{said}"
    );
    assert!(
        said.contains("look inside with `lab replay tiny --unit"),
        "{said}"
    );
}

#[test]
fn a_table_of_another_version_of_the_engine_is_compared_run_by_run() {
    let lab = Lab::new(PLAN);
    lab.expect(0, &["run", "tiny.toml", "--quiet", "--no-plots"]);
    fs::write(lab.path("claims.toml"), CLAIMS).expect("written");
    let manifest = lab.path("results/tiny/manifest.json");
    let text = fs::read_to_string(&manifest).expect("a manifest");
    let engine = text.find("\"engine\": \"").expect("an engine") + 11;
    let other = format!("{}x{}", &text[..engine], &text[engine..]);
    fs::write(&manifest, other).expect("written");

    let runs = with(&["--only", "runs", "--strict"]);
    let said = lab.expect(0, &runs);
    assert!(
        said.contains("PASS        runs: 4 of 4 runs repeated, of 24")
            && said.contains("though engine x")
            && said.contains("made the table and this is engine "),
        "{said}"
    );
    let said = lab.expect(0, &with(&["--only", "runs", "--full"]));
    assert!(
        said.contains("all tables the same, sha256 ") && said.contains("though engine x"),
        "{said}"
    );

    // The digests agree, but a figure does not: the engine is the same, the evaluation is not.
    edit(&lab, |line| {
        let (head, rest) = line
            .split_once(",12,12,")
            .expect("12 of 12 peers completed");
        format!("{head},12,11,{rest}")
    });
    let said = lab.expect(1, &runs);
    assert!(
        said.contains("FAIL        runs: 4 of 4 runs differ, though engine x")
            && said.contains("has completed \"12\", and \"11\" is committed"),
        "{said}"
    );

    fs::remove_file(lab.path("results/tiny/runs.csv.gz")).expect("removed");
    let said = lab.expect(0, &with(&["--only", "runs"]));
    assert!(
        said.contains(
            "CANNOT TELL runs: the table of runs results/tiny/runs.csv.gz is not committed"
        ),
        "{said}"
    );
    lab.expect(1, &runs);
}

/// Changes every row of the committed table of runs. The digest is the last column.
fn edit(lab: &Lab, change: impl Fn(&str) -> String) {
    let file = lab.path("results/tiny/runs.csv.gz");
    let mut text = String::new();
    let stored = fs::File::open(&file).expect("runs");
    std::io::Read::read_to_string(&mut flate2::read::GzDecoder::new(stored), &mut text)
        .expect("text");
    let (head, rows) = text.split_once('\n').expect("lines");
    let rows: Vec<String> = rows.lines().map(change).collect();
    let written = fs::File::create(&file).expect("runs");
    let mut packer = flate2::write::GzEncoder::new(written, flate2::Compression::fast());
    let changed = format!("{head}\n{}\n", rows.join("\n"));
    std::io::Write::write_all(&mut packer, changed.as_bytes()).expect("packed");
    packer.finish().expect("packed");
}

/// Settings of plans and of the claim, which no table measures.
const SETTINGS: [&str; 9] = [
    "40 %",
    "80 connections",
    "instead of 80",
    "40 MiB",
    "20 peers",
    "16 recorded",
    "16 processes",
    "1.9 copies",
    "`bep3`",
];

/// Every number of the README's paragraphs about results is in a claim, or is a setting.
#[test]
fn every_number_of_the_answer_has_a_row() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
    let mut lab = Command::new(env!("CARGO_BIN_EXE_lab"));
    let said = ended(lab.args(["repro", "--figures"]).current_dir(root), 0).stdout;
    let checked: Vec<&str> = said.lines().filter_map(|it| it.split('"').nth(1)).collect();
    let readme = fs::read_to_string(format!("{root}/README.md")).expect("README");
    let part = |from: &str, to: &str| {
        let rest = readme.split_once(from).expect(from).1;
        rest.split_once(to).expect(to).0.to_owned()
    };
    let text = part("## The answer", "Everything else, with intervals:")
        + &part(
            "How far a simulated swarm is from a real one:",
            "## What must",
        );
    let mut text = text
        .replace("**", "")
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ");
    for it in checked.into_iter().chain(SETTINGS) {
        text = text.replace(it, "…");
    }
    // Addresses of links.
    let mut words = text.split(' ').filter(|it| !it.contains("]("));
    let left = words.find(|it| it.contains(|digit: char| digit.is_ascii_digit()));
    assert_eq!(left, None, "{text}");
}
