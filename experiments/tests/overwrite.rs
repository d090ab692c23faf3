//! A command never overwrites a file that it reads.

use std::fs;
use std::os::unix::fs::symlink;

use crate::common::{Lab, PLAN, ended};

/// A folder with a plan, its scenario file, and links to both.
fn lab() -> Lab {
    let source = PLAN.replace("\"flash-hetero\"", "\"own.toml\"");
    let lab = Lab::new(&source);
    let scenario = ended(&mut lab.command(&["sim", "flash-hetero", "--resolved"]), 0).stdout;
    fs::write(lab.path("own.toml"), scenario).expect("a scenario");
    for name in ["own.toml", "tiny.toml"] {
        symlink(name, lab.path(&format!("link-{name}"))).expect("a link");
    }
    lab
}

#[track_caller]
fn refused(lab: &Lab, arguments: &[&str], output: &str, input: &str) {
    let before = ["own.toml", "tiny.toml"].map(|it| fs::read(lab.path(it)).expect("a file"));
    let said = ended(&mut lab.command(arguments), 2);
    assert_eq!(said.stdout, "");
    assert_eq!(
        said.stderr,
        format!(
            "lab: {output}: this is {input}, which is read and would be written over; give another \
             name\n"
        )
    );
    let after = ["own.toml", "tiny.toml"].map(|it| fs::read(lab.path(it)).expect("a file"));
    assert_eq!(before, after);
    assert!(!lab.path("results").exists(), "nothing was run");
}

#[test]
fn a_scenario_is_not_written_over() {
    let lab = lab();
    for output in ["own.toml", "./own.toml", "link-own.toml"] {
        let html = ["sim", "own.toml", "--html", output];
        refused(&lab, &html, &format!("--html {output}"), "own.toml");
        let trace = [
            "sim",
            "own.toml",
            "--trace-form",
            "binary",
            "--trace",
            output,
        ];
        refused(&lab, &trace, &format!("--trace {output}"), "own.toml");
    }
    let linked = ["sim", "link-own.toml", "--html", "own.toml"];
    refused(&lab, &linked, "--html own.toml", "link-own.toml");
}

#[test]
fn a_plan_and_its_scenarios_are_not_written_over() {
    let lab = lab();
    for input in ["tiny.toml", "own.toml"] {
        let output = format!("link-{input}");
        let replay = ["replay", "tiny.toml", "--unit", "0", "--html", &output];
        refused(&lab, &replay, &format!("--html {output}"), input);
        for command in ["run", "merge"] {
            let save = [command, "tiny.toml", "--save-baseline", &output];
            refused(&lab, &save, &format!("--save-baseline {output}"), input);
            let summary = [command, "tiny.toml", "--summary", &output];
            refused(&lab, &summary, &format!("--summary {output}"), input);
        }
    }
    fs::write(lab.path("before.csv"), "registered").expect("a baseline");
    let check = ["run", "tiny.toml", "--check", "--baseline", "before.csv"];
    let junit = [&check[..], &["--junit", "./before.csv"]].concat();
    refused(&lab, &junit, "--junit ./before.csv", "before.csv");
}

/// The results folder contains the plan as it was run, under a name that the user's own plan may
/// have too.
#[test]
fn results_do_not_take_the_place_of_the_plan() {
    let lab = lab();
    fs::copy(lab.path("tiny.toml"), lab.path("plan.toml")).expect("a copy");
    for command in ["run", "merge", "tournament"] {
        let said = ended(&mut lab.command(&[command, "plan.toml", "--out", "."]), 2);
        assert_eq!(
            said.stderr,
            "lab: plan.toml: this is read, and the results would put their own plan.toml in its \
             place; name another folder with --out\n"
        );
    }
    let run = ["run", "tiny.toml", "--out", "done", "--no-plots"];
    ended(&mut lab.command(&run), 0);
    fs::copy(lab.path("own.toml"), lab.path("done/own.toml")).expect("a copy");
    let again = ["run", "done/plan.toml", "--out", "done", "--no-plots"];
    ended(&mut lab.command(&again), 0);
}

/// A plan whose margins changed after its results are known must say so. Another plan with the same
/// name cannot replace results unless told to.
#[test]
fn a_registered_plan_changes_only_openly() {
    let lab = Lab::new(PLAN);
    let write = |text: &str| fs::write(lab.path("tiny.toml"), text).expect("a plan");
    let run = |code: i32, more: &[&str]| {
        lab.expect(code, &[&["run", "tiny.toml", "--no-plots"], more].concat())
    };
    let manifest = || fs::read_to_string(lab.path("results/tiny/manifest.json")).expect("written");
    run(0, &[]);
    assert!(lab.path("results/tiny/registration.json").is_file());
    let summary = || fs::read(lab.path("results/tiny/summary.csv")).expect("written");
    let first = summary();

    let moved = PLAN.replacen("seeds =", "margins = { time = \"50 %\" }\nseeds =", 1);
    write(&moved);
    let said = run(2, &[]);
    assert!(
        said.contains("holds 24 runs of another plan of this name")
            && said.contains("margins.time: \"5 %\" -> \"50 %\"")
            && said.contains("`amendments`"),
        "{said}"
    );
    assert_eq!(summary(), first, "nothing was replaced");

    let text = "amendments = \"5 % was a slip of the pen.\"\nseeds =";
    write(&moved.replacen("seeds =", text, 1));
    let said = run(0, &[]);
    assert!(said.contains("amended after 24 runs"), "{said}");
    assert!(manifest().contains("\"status\": \"amended after 24 runs\""));
    assert!(manifest().contains("margins.time"));

    let seeds = ["--seeds", "2", "--out", "results/tiny"];
    let said = run(2, &seeds);
    assert!(said.contains("options make this run exploratory"), "{said}");

    write(PLAN);
    run(2, &[]);
    run(0, &["--force"]);
    assert!(manifest().contains("\"status\": \"in place of another after 24 runs\""));
    assert_eq!(summary(), first);
}
