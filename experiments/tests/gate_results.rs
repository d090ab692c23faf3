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
    commit_as(lab, "base.csv", "results");
}

fn commit_as(lab: &Lab, path: &str, message: &str) {
    let git = |arguments: &[&str]| {
        let mut command = Command::new("git");
        command
            .current_dir(lab.path(""))
            .args(["-c", "user.name=a"]);
        command.args(["-c", "user.email=a@example.org"]);
        ended(command.args(arguments), 0);
    };
    git(&["init", "--quiet"]);
    git(&["add", path]);
    git(&["commit", "--quiet", "--message", message]);
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

/// The second half of `.ci/gate`, in a repository of its own.
#[cfg(unix)]
#[test]
fn a_change_for_the_worse_passes_ci_only_if_a_commit_says_so() {
    let lab = registered();
    let results = lab.path("results/choke_vs_naive/summary.csv");
    fs::create_dir_all(results.parent().expect("a folder")).expect("made");
    fs::create_dir(lab.path(".ci")).expect("made");
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../.ci/gate_base");
    fs::copy(script, lab.path(".ci/gate_base")).expect("copied");
    let commit_results = |message: &str| {
        fs::copy(lab.path("base.csv"), &results).expect("copied");
        commit_as(&lab, "results", message);
    };
    let gate = |code: i32, base: &str| {
        let mut command = Command::new(lab.path(".ci/gate_base"));
        command.env("GATE_LAB", env!("CARGO_BIN_EXE_lab"));
        let said = ended(command.env("GATE_BASE", base), code);
        said.stdout + &said.stderr
    };
    commit_results("results");
    save(&lab, &WORSE);
    commit_results("worse");
    let red = gate(1, "");
    assert!(red.contains("Regressed: "), "{red}");
    assert!(red.contains("after a blank line"), "{red}");
    // GitHub gives zeros for the commit before a new branch.
    assert!(gate(1, &"0".repeat(40)).contains("Regressed: "));
    let rows: Vec<&str> = red
        .lines()
        .filter_map(|it| it.strip_prefix("worse "))
        .collect();
    assert!(rows.len() > 1, "{red}");
    let note = |message: &str| {
        let text = format!("{message}\n");
        fs::write(lab.path("note.txt"), text).expect("written");
        commit_as(&lab, "note.txt", message);
    };
    let trailer = |row: &&str| format!("Accept-worse: {}: one slot is the point", row.trim());
    let each: Vec<String> = rows.iter().map(trailer).collect();
    // A line that is not in the last paragraph is no trailer, and a trailer accepts its own row alone.
    note(&format!("note\n\n{}\n\nThe end.", each.join("\n")));
    let unseen = gate(1, "HEAD^^");
    assert!(unseen.contains("git does not see it"), "{unseen}");
    note(&format!("part\n\n{}", each[0]));
    let part = gate(1, "HEAD~3");
    let open = part.lines().filter(|it| it.starts_with("worse ")).count();
    assert_eq!(open, rows.len() - 1, "{part}");
    note(&format!("whole\n\n{}", each.join("\n")));
    // The parent has the same results, and the base of a pull request has not.
    assert!(gate(0, "").contains("No change: all "));
    let accepted = gate(0, "HEAD~4");
    assert!(accepted.contains("Regressed: "), "{accepted}");
    assert!(accepted.contains(": one slot is the point"), "{accepted}");
    assert!(
        accepted.contains("Every row that regressed is accepted"),
        "{accepted}"
    );
    assert!(!accepted.contains("The check fails."), "{accepted}");
    note("vague\n\nAccept-worse: one slot is the point");
    let vague = gate(2, "HEAD~5");
    assert!(vague.contains("does not say which row"), "{vague}");
    let unknown = gate(2, "v9");
    assert!(
        unknown.contains("v9, the base of this change, is not here"),
        "{unknown}"
    );
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

/// Results that were half copied or hold no figures are no comparison: inconclusive would pass.
#[test]
fn results_without_most_figures_are_refused() {
    let lab = registered();
    commit(&lab);
    let whole = fs::read_to_string(lab.path("base.csv")).expect("a baseline");
    let said = |code: i32, text: &str| {
        fs::write(lab.path("base.csv"), text).expect("written");
        let said = lab.expect(code, &["gate", "base.csv", "--baseline-from", "HEAD"]);
        assert!(code == 0 || said.trim_end().lines().count() == 1, "{said}");
        said
    };
    let lines: Vec<&str> = whole.lines().collect();
    let few = said(2, &(lines[..4].join("\n") + "\n"));
    assert!(
        few.contains("base.csv: has 3 of the ") && few.contains("registered at HEAD"),
        "{few}"
    );
    let column = |name: &str| {
        lines[0]
            .split(',')
            .position(|it| it == name)
            .expect("a column")
    };
    let with = |figure: &str| {
        let each = lines[1..].iter().map(|line| {
            let mut cells: Vec<&str> = line.split(',').collect();
            for name in ["estimate", "ci95_low", "ci95_high"] {
                cells[column(name)] = figure;
            }
            cells.join(",")
        });
        let rows: Vec<String> = each.collect();
        format!("{}\n{}\n", lines[0], rows.join("\n"))
    };
    let none = said(2, &with("NaN"));
    assert!(
        none.contains("line 2 has a figure that is no number"),
        "{none}"
    );
    let empty = said(2, &with(""));
    assert!(empty.contains("has 0 of the "), "{empty}");
    // What lacks a few rows is inconclusive.
    let most = said(0, &(lines[..lines.len() - 1].join("\n") + "\n"));
    assert!(most.contains("this is no pass"), "{most}");
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
    let told = " has more or fewer fields than the head; restore it";
    assert!(
        fields.contains("cut.csv: is damaged: line ") && fields.contains(told),
        "{fields}"
    );
    fs::write(lab.path("noise.csv"), [0xff; 99]).expect("written");
    let noise = ["run", "tiny.toml", "--check", "--baseline", "noise.csv"];
    let noise = lab.expect(2, &noise);
    assert!(
        noise.contains("noise.csv: it is no text in UTF-8"),
        "{noise}"
    );
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
    let head = "scenario,contrast,adoption,group,quantity,scale,seeds,noise,sees,seeds_for_half,\
                seconds_for_half";
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
        assert_eq!(cells[10], "", "no manifest is beside the file: {line}");
        rows += 1;
    }
    assert!(rows > 10, "{csv}");
    // Twelve runs took six seconds, and a seed of a row is two runs.
    let manifest = "{\"host\": {\"wall_s\": 6.0, \"units_run_now\": 12}}";
    fs::write(lab.path("manifest.json"), manifest).expect("written");
    lab.expect(0, &[&power[..], &["--out", "power.csv"]].concat());
    let csv = fs::read_to_string(lab.path("power.csv")).expect("a table");
    for line in csv.lines().skip(1) {
        let cells: Vec<&str> = line.split(',').collect();
        let number = |at: usize| cells[at].parse::<f64>().expect("a number");
        let (seeds, more) = (number(6), number(9));
        assert!((number(10) - (more - seeds)).abs() < 1e-6, "{line}");
    }
    let usual = lab.expect(0, &["gate", "base.csv", "--power"]);
    assert!(usual.contains("tolerance,\n5 %."), "{usual}");
    let neither = lab.expect(2, &["gate", "base.csv"]);
    assert!(neither.contains("--power"), "{neither}");
}
