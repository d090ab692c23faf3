//! Sweeps, of a plan and by themselves.

use std::fs;

use crate::common::{Lab, PLAN};

const SWEEP: &str =
    "\n[[sweep]]\nname = \"peers\"\nkey = \"scenario.*.set.peers\"\nvalues = [8, 12]\nseeds = 3\n";

fn with_sweep(change: &str, to: &str) -> Lab {
    assert!(SWEEP.contains(change));
    let plan = PLAN.replace("\"one\", \"100 %\"", "\"one\", \"50 %\", \"100 %\"");
    Lab::new(&(plan + &SWEEP.replace(change, to)))
}

#[test]
fn a_sweep_runs_what_it_tells_and_no_more() {
    let lab = with_sweep("", "");
    let before = lab.expect(0, &["run", "tiny.toml", "--dry-run"]);
    assert!(before.contains("39 runs, 39 missing"), "{before}");
    let sweeps = before.lines().find(|it| it.starts_with("sweeps "));
    let sweeps = sweeps.expect("a line").split_whitespace();
    assert_eq!(
        sweeps.collect::<Vec<_>>()[..5],
        ["sweeps", "9", "runs", "9", "missing"]
    );
    let said = lab.expect(0, &["run", "tiny.toml", "--no-plots"]);
    assert!(said.contains("39 of 39 runs now"), "{said}");
    let csv = fs::read_to_string(lab.path("results/tiny/sweep.csv")).expect("sweep.csv");
    // Upload of adopters that are half of the swarm, bytes of the whole swarm, and bytes of its
    // origin, at each of two values.
    assert_eq!(csv.lines().count(), 1 + 2 * 3, "{csv}");
    // The same at each share of adopters: one, half and all.
    let csv = fs::read_to_string(lab.path("results/tiny/adoption.csv")).expect("adoption.csv");
    let shares: Vec<&str> = csv
        .lines()
        .skip(1)
        .filter_map(|it| it.split(',').nth(1))
        .collect();
    let each = ["one", "50 %", "100 %"].map(|it| [it; 3]).concat();
    assert_eq!(shares, each, "{csv}");
    let units = |folder: &str| {
        let files = fs::read_dir(lab.path(folder)).expect("units");
        let names = files.map(|it| it.expect("an entry").file_name());
        names
            .filter(|it| it.to_string_lossy().ends_with(".jsonl"))
            .count()
    };
    // The plan's own units have twelve peers. With eight peers, the sweep adds three kinds of
    // swarms with three seeds: no single adopter, and no candidate against itself.
    assert_eq!(units("results/tiny/units"), 30 + 9);
    let after = lab.expect(0, &["run", "tiny.toml", "--dry-run"]);
    assert!(after.contains("39 runs, 0 missing"), "{after}");
}

#[test]
fn a_wrong_sweep_is_told_before_the_first_run() {
    for (change, to, told) in [
        (
            "peers\"\nvalues",
            "peerz\"\nvalues",
            "sweep \"peers\" at 8: ",
        ),
        ("[8, 12]", "[8, -1]", "sweep \"peers\" at -1: "),
        (
            "scenario.*.set.peers",
            "scenario.9.set.peers",
            "the plan has no \"9\"",
        ),
        ("seeds = 3", "seeds = 0", "key sweep.0.seeds: 0 runs"),
        ("[8, 12]", "[8]", "key sweep.0.values: 1 values"),
    ] {
        let lab = with_sweep(change, to);
        let said = lab.expect(2, &["run", "tiny.toml"]);
        assert!(said.contains(told), "{to}: {said}");
        assert_eq!(said.trim_end().lines().count(), 1, "{said}");
        assert!(!lab.path("results/tiny/units").exists(), "{to}");
    }
}

#[test]
fn a_quick_look_says_what_is_wrong_with_its_keys() {
    let lab = Lab::new(PLAN);
    for (keys, told) in [
        ("peers=8", "is no key with two values or more"),
        ("peerz=8,12", "peerz"),
        ("peers=8,many", "many"),
    ] {
        let said = lab.expect(
            2,
            &["sweep", "flash-hetero", keys, "--seeds", "1", "--quiet"],
        );
        assert!(said.contains(told), "{keys}: {said}");
        assert_eq!(said.trim_end().lines().count(), 1, "{said}");
    }
    let said = lab.expect(2, &["sweep", "nowhere", "peers=8,12", "--quiet"]);
    assert!(said.contains("nowhere"), "{said}");
}

/// Both arms of a run that is cut short tend to the same time and to no saving, so no figure of it is a verdict.
#[test]
fn a_run_that_is_cut_short_has_no_verdict() {
    let lab = Lab::new(PLAN);
    let told = |horizon: &str| -> Vec<bool> {
        let set = format!("scenario.0.set.horizon={horizon}");
        let out = horizon.replace(' ', "_");
        let arguments = [
            "run",
            "tiny.toml",
            "--set",
            &set,
            "--out",
            &out,
            "--no-plots",
        ];
        lab.expect(0, &arguments);
        let summary = lab.path(&out).join("summary.csv");
        let mut rows = csv::Reader::from_path(summary).expect("summary.csv");
        let columns = rows.headers().expect("columns").clone();
        let at = |name: &str| columns.iter().position(|it| it == name).expect("a column");
        let [scenario, quantity, time] = ["scenario", "quantity", "time_verdict"].map(at);
        rows.records()
            .map(|it| it.expect("a row"))
            // Rows over all scenarios have no verdict on time.
            .filter(|it| it[scenario] == *"flash-hetero" && it[quantity] == *"E3")
            .map(|it| it[time].starts_with("cannot tell: "))
            .collect()
    };
    let whole = told("1 h");
    assert!(
        !whole.is_empty() && whole.iter().all(|it| !it),
        "all complete"
    );
    for horizon in ["11 s", "15 s", "20 s", "25 s"] {
        let cut = told(horizon);
        assert!(!cut.is_empty() && cut.iter().all(|it| *it), "{horizon}");
    }
}
