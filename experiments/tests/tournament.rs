//! `lab tournament`.

use std::path::Path;
use std::process::{Command, Output};

use unchoke_core::choke::REGISTRY;
use unchoke_experiments::plan::{Changes, load};

fn lab(folder: &Path, arguments: &[&str]) -> Output {
    let output = Command::new(env!("CARGO_BIN_EXE_lab"))
        .current_dir(folder)
        .args(arguments)
        .output();
    output.expect("lab runs")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("text")
}

const TINY: &str = r#"name = "tiny"
question = "Who is fast?"
expectation = "None."
adoption = ["one"]
seeds = { master = 5, count = 2 }
origin = { policy = "unchoke_all" }
candidate = { policy = "bep3" }
baseline = [{ policy = "thrift" }, { policy = "freerider" }]

[[scenario]]
source = "flash-hetero"
set = { peers = 8, size = "1 MiB", piece = "64 KiB" }
"#;

#[test]
fn a_tournament_is_resumed_and_gives_the_same_bytes() {
    let folder = tempfile::tempdir().expect("folder");
    std::fs::write(folder.path().join("tiny.toml"), TINY).expect("written");
    let run = |out: &str, jobs: &str| {
        let arguments = [
            "tournament",
            "tiny.toml",
            "--quiet",
            "--jobs",
            jobs,
            "--out",
            out,
        ];
        let output = lab(folder.path(), &arguments);
        assert!(output.status.success(), "{}", text(&output.stderr));
        text(&output.stdout)
    };
    let dry = lab(folder.path(), &["tournament", "tiny.toml", "--dry-run"]);
    // Runs per seed: three pure, six with a single peer, six half and half.
    assert!(text(&dry.stdout).contains("30 runs, 30 missing"), "{dry:?}");
    let first = run("a", "1");
    assert!(first.contains("30 of 30 runs now"), "{first}");
    assert!(first.contains("of the 2 others, by point estimates: "));
    assert!(first.contains("(told apart: faster in "));
    assert!(run("a", "1").contains("0 of 30 runs now"));
    let other = run("b", "2");
    let hash = |said: &str| {
        let line = said.lines().find(|it| it.starts_with("results "));
        line.expect("a hash").to_owned()
    };
    assert_eq!(hash(&first), hash(&other));
    let read = |name: &str| std::fs::read_to_string(folder.path().join("a").join(name));
    let meetings = read("meetings.csv").expect("written");
    assert_eq!(meetings.lines().count(), 1 + 6 + 6, "{meetings}");
    let scores = read("scores.csv").expect("written");
    let free = scores.lines().find(|it| it.starts_with("freerider,"));
    assert!(
        free.expect("a row").split(',').nth(10) == Some("0"),
        "uploads nothing: {scores}"
    );
    let page = read("report.html").expect("written");
    assert_eq!(page.matches("<svg").count(), 4);
    for loads in ["<script", "src=\"http", "href=\"http", "url("] {
        assert!(!page.contains(loads), "the page loads nothing: {loads}");
    }
    assert!(
        read("section.html")
            .expect("written")
            .contains("Robustness")
    );
    for picture in ["pareto", "few_time", "half_time", "few_upload"] {
        let path = folder.path().join(format!("a/figures/{picture}.svg"));
        assert!(path.exists(), "{}", path.display());
    }
}

/// A report includes the tournament beside its folder, or the one that an option names.
#[test]
fn a_report_shows_the_tournament_beside_it() {
    let folder = tempfile::tempdir().expect("folder");
    std::fs::write(folder.path().join("tiny.toml"), TINY).expect("written");
    let report = |out: &str, more: &[&str]| {
        let arguments = ["run", "tiny.toml", "--quiet", "--out", out];
        let output = lab(folder.path(), &[&arguments[..], more].concat());
        assert!(output.status.success(), "{}", text(&output.stderr));
        std::fs::read_to_string(folder.path().join(out).join("report.html")).expect("written")
    };
    let before = report("results/tiny", &[]);
    assert!(before.contains("<code>lab tournament</code>") && !before.contains("Robustness"));
    let arguments = [
        "tournament",
        "tiny.toml",
        "--quiet",
        "--out",
        "results/tournament",
    ];
    assert!(lab(folder.path(), &arguments).status.success());
    let after = report("results/tiny", &[]);
    let order = ["scenarios", "tournament", "replay", "methods"];
    let at = order.map(|it| after.find(&format!("<h2 id=\"{it}\">")));
    assert!(at.iter().all(Option::is_some) && at.is_sorted(), "{at:?}");
    let section = &after[at[1].expect("found")..at[2].expect("found")];
    for said in [
        "Robustness: half and half",
        "Student t",
        "95 %",
        "may be the fastest",
        "href=\"../tournament/report.html\"",
    ] {
        assert!(section.contains(said), "{said}: {section}");
    }
    assert!(!section.contains("another version of the engine"));
    // Every report has a copy of it, so it is short.
    assert!(
        !section.contains("<svg") && section.len() < 8000,
        "{}",
        section.len()
    );
    let pointed = report("far/away", &["--tournament", "results/tournament"]);
    assert!(pointed.contains("href=\"../../results/tournament/report.html\""));
    let manifest = folder.path().join("results/tournament/manifest.json");
    let old = std::fs::read_to_string(&manifest).expect("written");
    let old = old.replace("\"engine\": \"", "\"engine\": \"older ");
    std::fs::write(&manifest, old).expect("written");
    assert!(report("results/tiny", &[]).contains("another version of the engine"));
    let arguments = ["run", "tiny.toml", "--quiet", "--tournament", "nowhere"];
    assert_eq!(lab(folder.path(), &arguments).status.code(), Some(2));
}

#[test]
fn seeds_that_differ_by_scenario_are_refused_in_one_sentence() {
    let folder = tempfile::tempdir().expect("folder");
    let odd = format!("{TINY}\n[[scenario]]\nsource = \"flash-homog\"\nseeds = 5\n");
    std::fs::write(folder.path().join("odd.toml"), odd).expect("written");
    let output = lab(folder.path(), &["tournament", "odd.toml"]);
    assert_eq!(output.status.code(), Some(2));
    let said = text(&output.stderr);
    assert!(said.contains("scenarios with 2 and with 5 seeds"), "{said}");
}

#[test]
fn one_client_under_two_names_is_no_opponent_of_itself() {
    let folder = tempfile::tempdir().expect("folder");
    let twin = "{ policy = \"thrift\" }, { name = \"twin\", policy = \"thrift\" }";
    let twice = TINY.replace("{ policy = \"thrift\" }", twin);
    std::fs::write(folder.path().join("twice.toml"), twice).expect("written");
    let output = lab(folder.path(), &["tournament", "twice.toml"]);
    assert_eq!(output.status.code(), Some(2));
    let said = text(&output.stderr);
    assert!(said.contains("are the same client"), "{said}");
}

#[test]
fn nobody_is_ranked_by_runs_that_were_cut_short() {
    let folder = tempfile::tempdir().expect("folder");
    std::fs::write(folder.path().join("cut.toml"), TINY).expect("written");
    let cut = ["--set", "scenario.*.set.horizon=14 s", "--no-plots"];
    let output = lab(
        folder.path(),
        &[&["tournament", "cut.toml"], &cut[..]].concat(),
    );
    let said = text(&output.stdout);
    assert!(
        said.contains("No policy is ranked: cannot tell: "),
        "{said}"
    );
}

#[test]
fn the_registered_tournament_has_every_policy_of_the_registry_once() {
    let text = include_str!("../plans/tournament.toml");
    let plan = load("tournament.toml", text, &Changes::default()).expect("the plan is right");
    let contenders = std::iter::once(&plan.candidate).chain(&plan.baselines);
    let mut plays: Vec<&str> = contenders.map(|it| it.policy.as_str()).collect();
    let mut known: Vec<&str> = REGISTRY.iter().map(|it| it.id).collect();
    plays.sort_unstable();
    // If only the origin starts complete, smartseed is the same policy as superseed.
    known.retain(|it| *it != "smartseed");
    known.sort_unstable();
    assert_eq!(plays, known);
}
