//! The commands as a user sees them: exit codes, files, sentences.

use std::fmt::Write as _;
use std::fs;
use std::io::Read as _;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::common::{Lab, PLAN};
use sha2::{Digest as _, Sha256};

fn hash(text: &str) -> String {
    let line = text.lines().find_map(|it| it.strip_prefix("results  "));
    line.expect("a results hash").to_owned()
}

/// The manifest of the plan's results.
fn manifest(lab: &Lab) -> serde_json::Value {
    let text = fs::read_to_string(lab.path("results/tiny/manifest.json")).expect("manifest");
    serde_json::from_str(&text).expect("JSON")
}

#[test]
fn a_run_writes_everything_and_resumes_and_repeats() {
    let lab = Lab::new(PLAN);
    let first = lab.expect(0, &["run", "tiny.toml", "--jobs", "1", "--peers"]);
    for name in [
        "plan.toml",
        "manifest.json",
        "runs.csv.gz",
        "summary.csv",
        "levels.csv",
        "timeseries.csv.gz",
        "completion.csv.gz",
        "peers.csv",
        "report.html",
        "figures/forest.svg",
        "figures/completion_cdf.svg",
        "figures/class_matrix.svg",
    ] {
        assert!(lab.path("results/tiny").join(name).is_file(), "{name}");
    }
    let bitmap = lab.path("results/tiny/figures/forest.png");
    assert!(!bitmap.exists(), "a PNG is drawn only on request");
    // Units per seed: baseline, one adopter in it, candidate twice.
    assert!(first.contains("24 of 24 runs now"), "{first}");
    let host = || manifest(&lab)["host"].clone();
    let cost = host();
    assert_eq!(cost["units_run_now"], 24);
    let again = lab.expect(0, &["run", "tiny.toml"]);
    assert!(again.contains("0 of 24 runs now"), "{again}");
    assert_eq!(
        host(),
        cost,
        "a command without new runs records no new cost"
    );
    let forced = lab.expect(0, &["run", "tiny.toml", "--force", "--jobs", "2", "--png"]);
    assert!(bitmap.is_file());
    assert_eq!((hash(&first), hash(&first)), (hash(&again), hash(&forced)));
    let report = fs::read_to_string(lab.path("results/tiny/report.html")).expect("report");
    let elsewhere = lab.expect(0, &["run", "tiny.toml", "--out", "other", "--jobs", "2"]);
    assert_eq!(hash(&first), hash(&elsewhere));
    let other = fs::read_to_string(lab.path("other/report.html")).expect("report");
    assert_eq!(report, other);
    let runs = |folder: &str| fs::read(lab.path(folder).join("runs.csv.gz")).expect("runs");
    assert_eq!(runs("results/tiny"), runs("other"));
    let mut text = String::new();
    let packed = runs("other");
    flate2::read::GzDecoder::new(&packed[..])
        .read_to_string(&mut text)
        .expect("a gzip file");
    assert!(text.starts_with("unit,scenario,policy,"), "{text}");
    assert_eq!(text.lines().count(), 1 + 24);
    // The file contains neither a time nor a name.
    assert_eq!(packed[3..8], [0; 5]);
    assert!(report.contains("One run, to watch") && report.contains("id=\"replay-steps\""));
    let manifest = fs::read_to_string(lab.path("other/manifest.json")).expect("manifest");
    let manifest: serde_json::Value = serde_json::from_str(&manifest).expect("JSON");
    assert_eq!(manifest["status"], "registered");
    assert_eq!(manifest["results_sha256"], hash(&first));
}

#[test]
fn changed_plans_are_exploratory_and_kept_apart() {
    let lab = Lab::new(PLAN);
    let text = lab.expect(
        0,
        &[
            "run",
            "tiny.toml",
            "--seeds",
            "2",
            "--no-plots",
            "--set",
            "seeds.master=5",
        ],
    );
    assert!(text.contains("exploratory"), "{text}");
    assert!(
        text.contains("lab run tiny.toml --seeds 2 --set seeds.master=5"),
        "{text}"
    );
    assert!(lab.path("results/exploratory/tiny/summary.csv").is_file());
    assert!(!lab.path("results/tiny").exists());
    assert!(!lab.path("results/exploratory/tiny/report.html").exists());
}

#[test]
fn formats_for_programs() {
    let lab = Lab::new(PLAN);
    let output = lab.run(&["run", "tiny.toml", "--format", "json", "--no-plots"]);
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(json["schema_version"], 2);
    assert_eq!(json["rows"][0]["scenario"], "flash-hetero");
    let output = lab.run(&["run", "tiny.toml", "--format", "csv", "--no-plots"]);
    let summary = fs::read(lab.path("results/tiny/summary.csv")).expect("summary");
    assert_eq!(output.stdout, summary);
    let text = lab.expect(
        0,
        &[
            "run",
            "tiny.toml",
            "--format",
            "markdown",
            "--summary",
            "job.md",
        ],
    );
    assert!(text.contains("| E1 upload of an adopter "), "{text}");
    assert_eq!(
        fs::read_to_string(lab.path("job.md")).expect("summary"),
        text
    );
}

#[test]
fn bad_input_is_one_sentence_and_code_two() {
    for (plan, arguments, expected) in [
        (
            PLAN.replace("question", "qestion"),
            vec!["run", "tiny.toml"],
            "tiny.toml, line 3: unknown field",
        ),
        (
            PLAN.replace("seeds =", "margins = { claim = 1 }\nseeds ="),
            vec!["run", "tiny.toml"],
            "tiny.toml, line 6, key claim: is the number 1; give text in quotes, a share for example as \"40 %\"",
        ),
        (
            PLAN.replace("12, size", "\"x\", size"),
            vec!["run", "tiny.toml"],
            "peers",
        ),
        (
            PLAN.replace("flash-hetero", "nowhere"),
            vec!["run", "tiny.toml"],
            "nowhere",
        ),
        (PLAN.to_owned(), vec!["run", "none.toml"], "none.toml"),
        (
            PLAN.to_owned(),
            vec!["run", "tiny.toml", "--scenario", "x"],
            "the plan has no x",
        ),
        (
            PLAN.to_owned(),
            vec!["run", "tiny.toml", "--shard", "3/2"],
            "3/2",
        ),
        (
            PLAN.to_owned(),
            vec!["run", "tiny.toml", "--format", "xml"],
            "xml",
        ),
        (
            PLAN.to_owned(),
            vec!["replay", "tiny.toml", "--unit", "zz"],
            "0 units of the plan fit; name one with --unit",
        ),
    ] {
        let text = Lab::new(&plan).expect(2, &arguments);
        assert!(text.contains(expected), "{arguments:?}: {text}");
        assert!(!text.contains("panicked"), "{text}");
    }
}

/// Options without effect are refused, not ignored, and nothing is written.
#[test]
fn options_and_plans_of_other_commands_are_refused() {
    let lab = Lab::new(PLAN);
    let cases: [(&[&str], &str); 9] = [
        (&["run", "tournament"], "`lab tournament --dry-run`"),
        (&["run", "tournament", "--list"], "lab tournament"),
        (&["list", "tournament"], "lab tournament"),
        (&["replay", "tournament", "--unit", "0"], "lab tournament"),
        (&["merge", "tournament"], "lab tournament"),
        (&["merge", "tiny.toml", "--dry-run"], "--dry-run"),
        (&["merge", "tiny.toml", "--shard", "1/2"], "--shard"),
        (
            &[
                "run",
                "sensitivity",
                "--save-baseline",
                "f",
                "--summary",
                "g",
            ],
            "does nothing with --save-baseline and --summary",
        ),
        (
            &["run", "sensitivity", "--check"],
            "does nothing with --check",
        ),
    ];
    for (arguments, expected) in cases {
        let text = lab.expect(2, arguments);
        assert!(text.contains(expected), "{arguments:?}: {text}");
    }
    assert!(!lab.path("results").exists());
}

#[test]
fn an_option_takes_one_value_and_may_be_repeated() {
    let second = "\n[[scenario]]\nsource = \"small\"\nset = { peers = 4, size = \"1 MiB\" }\n";
    let lab = Lab::new(&format!("{PLAN}{second}"));
    let units = |arguments: &[&str]| {
        lab.expect(0, &[&["list"], arguments].concat())
            .lines()
            .count()
    };
    assert_eq!(units(&["--scenario", "small", "tiny.toml"]), 24);
    assert_eq!(
        units(&[
            "--scenario",
            "small",
            "tiny.toml",
            "--scenario",
            "flash-hetero"
        ]),
        48
    );
}

#[test]
fn the_run_to_watch_is_one_of_its_scenario_s_seeds() {
    let lab = Lab::new(&PLAN.replace("source = ", "seeds = 3\nsource = "));
    lab.expect(0, &["run", "tiny.toml"]);
    let report = fs::read_to_string(lab.path("results/tiny/report.html")).expect("report");
    assert!(report.contains("of its 3 seeds the one with the median"));
}

#[test]
fn one_seed_has_no_interval_and_no_plural() {
    let lab = Lab::new(PLAN);
    let one = ["run", "tiny.toml", "--seeds", "1", "--verbose"];
    let said = lab.expect(0, &one);
    assert!(said.contains("n = 1 seed\n"), "{said}");
    assert!(said.contains(" [?]"), "{said}");
    let report = fs::read_to_string(lab.path("results/exploratory/tiny/report.html"));
    let report = report.expect("report");
    assert!(report.contains("its only seed"));
    for text in [said, report] {
        for wrong in [
            "inf]",
            "[-inf",
            " NaN",
            " 1 seeds",
            " 1 paired seeds",
            " 1 runs",
        ] {
            assert!(!text.contains(wrong), "{wrong}");
        }
    }
}

/// With four peers, `one` and 25 % are both one adopter: one run with two rows, and the report says
/// so.
#[test]
fn adoptions_that_are_the_same_peers_run_once_and_are_named() {
    let plan = PLAN.replace("\"one\", ", "\"one\", \"25 %\", ");
    let lab = Lab::new(&plan.replace("peers = 12", "peers = 4"));
    let text = lab.expect(0, &["run", "tiny.toml", "--dry-run"]);
    assert!(text.contains("24 runs, 24 missing"), "{text}");
    let text = lab.expect(0, &["run", "tiny.toml"]);
    assert!(text.contains("24 of 24 runs now"), "{text}");
    assert_eq!(manifest(&lab)["units"], 24);
    let report = fs::read_to_string(lab.path("results/tiny/report.html")).expect("report");
    assert!(report.contains("; 24 runs. The unit is a run."));
    assert!(report.contains("the adoptions one and 25 % are the same number of peers"));
}

/// Settings that differ only in the candidate share the runs of the baseline.
#[test]
fn settings_of_a_design_share_runs() {
    let factor = |key: &str| {
        format!(
            "[[factorial.factor]]\nname = \"{key}\"\nlow = {{ \"candidate.parameters.{key}\" = 1 }}\n\
             high = {{ \"candidate.parameters.{key}\" = 2 }}\n"
        )
    };
    let lab = Lab::new(&format!(
        "{PLAN}\n[factorial]\ngenerators = []\n{}{}",
        factor("slots"),
        factor("optimistic_slots")
    ));
    // Four settings with 24 runs each; 6 of them are the baseline.
    let dry = lab.expect(0, &["run", "tiny.toml", "--dry-run"]);
    let head = "tiny: 4 runs of the design, 78 runs, 78 missing: about ";
    assert!(dry.starts_with(head), "{dry}");
    for more in [&[][..], &["--force"]] {
        let text = lab.expect(0, &[&["run", "tiny.toml", "--no-plots"], more].concat());
        assert!(text.contains("(78 of 78 runs now"), "{text}");
    }
    assert_eq!(manifest(&lab)["units"], 78);
}

#[test]
fn a_folder_that_cannot_be_is_code_five() {
    let lab = Lab::new(PLAN);
    fs::write(lab.path("file"), "in the way").expect("file");
    let text = lab.expect(5, &["run", "tiny.toml", "--out", "file/below"]);
    assert!(text.contains("file/below"), "{text}");
}

#[test]
fn shares_merge_and_gaps_are_code_three() {
    let lab = Lab::new(PLAN);
    let whole = lab.expect(0, &["run", "tiny.toml", "--out", "whole", "--no-plots"]);
    lab.expect(0, &["run", "tiny.toml", "--shard", "1/2", "--out", "a"]);
    lab.expect(0, &["run", "tiny.toml", "--shard", "2/2", "--out", "b"]);
    let gap = lab.expect(3, &["merge", "tiny.toml", "--from", "a", "--out", "all"]);
    assert!(gap.contains("12 of 24 units are missing"), "{gap}");
    let missing = lab.expect(0, &["list", "tiny.toml", "--missing", "--out", "all"]);
    assert_eq!(missing.lines().count(), 12, "{missing}");
    let merged = lab.expect(
        0,
        &[
            "merge",
            "tiny.toml",
            "--from",
            "a",
            "--from",
            "b",
            "--out",
            "all",
            "--no-plots",
        ],
    );
    assert_eq!(hash(&whole), hash(&merged));
}

/// Changes a value in a unit file and corrects its hash.
fn forge(path: &Path, from: &str, to: &str) {
    let text = fs::read_to_string(path).expect("unit file");
    assert!(text.contains(from), "{from} in {text}");
    let text = text.replacen(from, to, 1);
    let end = text.trim_end().rfind('\n').expect("lines") + 1;
    let mut sum = String::new();
    for byte in Sha256::digest(&text.as_bytes()[..end]) {
        write!(sum, "{byte:02x}").expect("text");
    }
    let lines = text[..end].lines().count();
    let trailer = format!("{{\"lines\":{lines},\"sha256\":\"{sum}\"}}\n");
    fs::write(path, format!("{}{trailer}", &text[..end])).expect("forged");
}

#[test]
fn two_results_for_one_unit_are_code_four() {
    let lab = Lab::new(PLAN);
    lab.expect(0, &["run", "tiny.toml", "--no-plots"]);
    let units = lab.expect(0, &["list", "tiny.toml"]);
    let id = units.split_whitespace().next().expect("a unit").to_owned();
    let file = lab.path("results/tiny/units").join(format!("{id}.jsonl"));
    let before = fs::read_to_string(&file).expect("unit file");
    let same = lab.expect(
        0,
        &["replay", "tiny.toml", "--unit", &id, "--trace", "log.jsonl"],
    );
    assert!(same.contains("the stored result is the same"), "{same}");
    assert!(
        fs::read_to_string(lab.path("log.jsonl"))
            .expect("log")
            .lines()
            .count()
            > 100
    );
    forge(&file, "\"in_flight_bytes\":", "\"in_flight_bytes\":7");
    let forged = fs::read_to_string(&file).expect("unit file");
    let text = lab.expect(4, &["run", "tiny.toml", "--force", "--no-plots"]);
    assert!(
        text.contains(&id) && text.contains("not deterministic"),
        "{text}"
    );
    assert_eq!(
        fs::read_to_string(&file).expect("unit file"),
        forged,
        "never overwritten"
    );
    assert_ne!(before, forged);
    lab.expect(4, &["replay", "tiny.toml", "--unit", &id]);
    // Nothing goes on beside two results of one unit, until somebody has chosen.
    let text = lab.expect(4, &["run", "tiny.toml", "--no-plots"]);
    assert!(text.contains("delete UNIT.jsonl.conflict"), "{text}");
    fs::remove_file(file.with_extension("jsonl.conflict")).expect("the other result");
    // A damaged file is not a result: the unit simply runs again.
    fs::write(&file, &before[..before.len() / 2]).expect("cut");
    let text = lab.expect(0, &["run", "tiny.toml", "--no-plots"]);
    assert!(text.contains("1 of 24 runs now"), "{text}");
}

#[test]
fn lists_and_dry_runs_write_nothing() {
    let lab = Lab::new(PLAN);
    let text = lab.expect(0, &["list"]);
    assert!(text.contains("flash-homog") && text.contains("tit_for_tat") && text.contains("slots"));
    let text = lab.expect(0, &["run", "tiny.toml", "--list"]);
    assert_eq!(text.lines().count(), 24, "{text}");
    let text = lab.expect(0, &["run", "tiny.toml", "--dry-run"]);
    assert!(text.contains("24 runs, 24 missing"), "{text}");
    assert!(!lab.path("results").exists());
}

#[cfg(unix)]
#[test]
fn an_interrupt_leaves_whole_files_and_code_130() {
    let lab = Lab::new(&PLAN.replace("count = 6", "count = 400"));
    let mut child = lab
        .command(&["run", "tiny.toml", "--no-plots"])
        .stderr(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .expect("starts");
    let units = lab.path("results/tiny/units");
    let count = || fs::read_dir(&units).map_or(0, Iterator::count);
    let started = std::time::Instant::now();
    while count() < 20 {
        assert!(started.elapsed().as_secs() < 60, "units appear");
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    let kill = Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status();
    assert!(kill.expect("kill").success());
    assert_eq!(child.wait().expect("ends").code(), Some(130));
    let names = fs::read_dir(&units).expect("units").flatten();
    let names: Vec<String> = names
        .map(|it| it.file_name().to_string_lossy().into_owned())
        .collect();
    assert!(names.iter().all(|it| !it.contains("tmp")), "{names:?}");
    let done = names.iter().filter(|it| it.contains(".jsonl")).count();
    assert!(done < 1600, "it was stopped before the end");
    let missing = lab.expect(0, &["list", "tiny.toml", "--missing"]);
    assert_eq!(missing.lines().count(), 1600 - done);
}

#[test]
fn one_seed_decides_nothing_and_accuses_nobody() {
    let lab = Lab::new(PLAN);
    let text = lab.expect(0, &["run", "tiny.toml", "--seeds", "1"]);
    // With one seed no interval is known (`[?]`), except for an adopter that uploads nothing.
    assert!(text.matches("[?]").count() >= 5, "{text}");
    assert!(
        !text.contains(": yes") && !text.contains(": no\n"),
        "{text}"
    );
}
