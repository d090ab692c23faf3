//! `lab gate`, baselines from a revision, and damaged or incomplete baselines.

use std::fs;
use std::process::Command;

use crate::common::{Lab, PLAN, ended};

/// One slot and no optimistic unchoke: clearly a worse policy.
const WORSE: [&str; 4] = [
    "--set",
    "candidate.parameters.slots=1",
    "--set",
    "candidate.parameters.optimistic_slots=0",
];

/// The plan with enough connections to choose from, and its figures by seed in `base.csv`.
fn registered() -> Lab {
    let lab = Lab::new(&PLAN.replace("max_connections = 5", "max_connections = 40"));
    save(&lab, &[]);
    lab
}

fn save(lab: &Lab, more: &[&str]) {
    let run = [
        "run",
        "tiny.toml",
        "--no-plots",
        "--save-baseline",
        "base.csv",
    ];
    lab.expect(0, &[&run[..], more].concat());
}

fn commit(lab: &Lab) {
    let git = |arguments: &[&str]| {
        let mut command = Command::new("git");
        command
            .current_dir(lab.path(""))
            .args(["-c", "user.name=a"]);
        command.args(["-c", "user.email=a@example.org"]);
        ended(command.args(arguments), 0);
    };
    git(&["init", "--quiet"]);
    git(&["add", "base.csv"]);
    git(&["commit", "--quiet", "--message", "results"]);
}

/// A worse policy is found even if the same commit also regenerates the results.
#[test]
fn regenerated_results_hide_no_regression() {
    let lab = registered();
    commit(&lab);
    let same = lab.expect(0, &["gate", "base.csv", "--baseline-from", "HEAD"]);
    assert!(same.contains("No change: all "), "{same}");
    save(&lab, &WORSE);
    commit(&lab);
    let check = ["run", "tiny.toml", "--check", "--baseline", "base.csv"];
    let fresh = [&check[..], &WORSE].concat();
    let hidden = lab.expect(0, &fresh);
    assert!(hidden.contains("No change: all "), "{hidden}");
    let parent = ["--baseline-from", "HEAD^"];
    for line in [
        lab.expect(1, &[&fresh[..], &parent].concat()),
        lab.expect(1, &[&["gate", "base.csv"][..], &parent].concat()),
    ] {
        assert!(line.contains("Regressed: "), "{line}");
        assert!(line.contains("--baseline-from 'HEAD^'"), "{line}");
    }
}

#[test]
fn a_revision_without_the_file_is_refused_in_a_sentence() {
    let lab = registered();
    let refused =
        |what: &str, revision: &str| lab.expect(2, &["gate", what, "--baseline-from", revision]);
    let none = refused("base.csv", "HEAD");
    assert!(none.contains("HEAD: there is no such revision"), "{none}");
    commit(&lab);
    let unknown = refused("base.csv", "v9");
    assert!(
        unknown.contains("v9: there is no such revision"),
        "{unknown}"
    );
    let option = lab.expect(2, &["gate", "base.csv", "--baseline-from=--all"]);
    assert!(option.contains("--all: there is no such"), "{option}");
    fs::copy(lab.path("base.csv"), lab.path("new.csv")).expect("copied");
    let new = refused("new.csv", "HEAD");
    assert!(
        new.contains("new.csv: is not there at revision HEAD"),
        "{new}"
    );
    let gone = refused("gone.csv", "HEAD");
    assert!(gone.contains("gone.csv: "), "{gone}");
}

/// A file that was truncated or edited by hand is refused: rows that are missing must not count as
/// passed.
#[test]
fn a_damaged_or_incomplete_baseline_is_refused() {
    let lab = registered();
    let whole = fs::read_to_string(lab.path("base.csv")).expect("a baseline");
    let refused = |text: &str| {
        fs::write(lab.path("cut.csv"), text).expect("written");
        lab.expect(2, &["run", "tiny.toml", "--check", "--baseline", "cut.csv"])
    };
    let lines: Vec<&str> = whole.lines().collect();
    // The file ends in the middle of a row: within the values by seed, or before them.
    let first = &lines[..2].join("\n");
    let values = refused(&first[..first.rfind(' ').expect("figures by seed")]);
    assert!(
        values.contains("is damaged: line 2 has not one"),
        "{values}"
    );
    let fields = refused(&whole[..whole.trim_end().rfind(",E").expect("a quantity")]);
    assert!(fields.contains("cut.csv: is not a CSV table"), "{fields}");
    let rows = refused(&(lines[..4].join("\n") + "\n"));
    assert!(rows.contains("cut.csv: is incomplete"), "{rows}");
    let twice = refused(&format!("{whole}{}\n", lines[1]));
    assert!(twice.contains("is there before"), "{twice}");
    let column = lines[0].split(',').position(|it| it == "estimate");
    let mut cells: Vec<&str> = lines[1].split(',').collect();
    cells[column.expect("a column")] = "O.5";
    let typed = refused(&whole.replacen(lines[1], &cells.join(","), 1));
    assert!(
        typed.contains("line 2 has a figure that is no number"),
        "{typed}"
    );
}

#[test]
fn the_power_of_a_check_is_a_narrow_table_and_a_file() {
    let lab = registered();
    let power = ["gate", "base.csv", "--power", "--tolerance", "0%"];
    let text = lab.expect(0, &[&power[..], &["--out", "power.csv"]].concat());
    let wide = text.lines().find(|it| it.chars().count() >= 100);
    assert_eq!(wide, None, "{text}");
    let csv = fs::read_to_string(lab.path("power.csv")).expect("a table");
    let mut lines = csv.lines();
    let head = "scenario,contrast,adoption,group,quantity,scale,seeds,noise,sees,seeds_for_half";
    assert_eq!(lines.next(), Some(head));
    let mut rows = 0;
    for line in lines {
        let cells: Vec<&str> = line.split(',').collect();
        assert_eq!(cells[6], "6", "{line}");
        assert_eq!(
            cells[7], cells[8],
            "without a tolerance, only noise counts: {line}"
        );
        // Half the share of a ratio is slightly more than half its logarithm.
        let more: usize = cells[9].parse().expect("seeds");
        assert!((14..=24).contains(&more), "{line}");
        rows += 1;
    }
    assert!(rows > 10, "{csv}");
    let usual = lab.expect(0, &["gate", "base.csv", "--power"]);
    assert!(usual.contains("tolerance,\n5 %."), "{usual}");
    let neither = lab.expect(2, &["gate", "base.csv"]);
    assert!(neither.contains("--power"), "{neither}");
}
