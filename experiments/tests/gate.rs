//! The gate, tested with a worse policy, a better policy, and the same policy with other seeds.

use std::fs;

use crate::common::Lab;

/// A plan that runs quickly. With 40 connections, the policy has more peers than slots.
const PLAN: &str = r#"
name = "tiny"
question = "Does the gate see what is planted?"
expectation = "It does."
adoption = ["100 %"]
seeds = { master = 1, count = 6 }
statistics = { bootstrap = 200 }

[candidate]
policy = "tit_for_tat"
max_connections = 40

[[baseline]]
policy = "unchoke_all"

[[scenario]]
source = "flash-hetero"
set = { peers = 16, size = "2 MiB", piece = "64 KiB" }
"#;

/// One slot and no optimistic unchoke: clearly a worse policy.
const WORSE: [&str; 4] = [
    "--set",
    "candidate.parameters.slots=1",
    "--set",
    "candidate.parameters.optimistic_slots=0",
];

/// Outcome of a check in all its output files.
struct Said {
    text: String,
    markdown: String,
    xml: String,
}

/// A check against `baseline`, with all output files.
fn check(lab: &Lab, code: i32, baseline: &str, more: &[&str]) -> Said {
    let check = ["run", "tiny.toml", "--check", "--baseline", baseline];
    let files = ["--junit", "gate.xml", "--summary", "gate.md"];
    let _ = fs::remove_file(lab.path("gate.md"));
    let text = lab.expect(code, &[&check[..], &files, more].concat());
    let read = |name: &str| fs::read_to_string(lab.path(name)).expect("written");
    Said {
        text,
        markdown: read("gate.md"),
        xml: read("gate.xml"),
    }
}

fn save(lab: &Lab, file: &str, more: &[&str]) {
    let run = ["run", "tiny.toml", "--no-plots", "--save-baseline", file];
    lab.expect(0, &[&run[..], more].concat());
}

/// The row of a Markdown table that begins with these cells.
fn row<'a>(markdown: &'a str, cells: &[&str]) -> Vec<&'a str> {
    let split = |line: &'a str| -> Vec<&str> {
        let inner = line.trim().trim_matches('|');
        inner.split('|').map(str::trim).collect()
    };
    let mut rows = markdown.lines().filter(|it| it.starts_with('|')).map(split);
    let found = rows.find(|it| it.starts_with(cells));
    found.unwrap_or_else(|| panic!("no row {cells:?} in\n{markdown}"))
}

#[test]
fn a_planted_regression_fails_and_is_named() {
    let lab = Lab::new(PLAN);
    save(&lab, "good.csv", &[]);
    let same = check(&lab, 0, "good.csv", &[]);
    assert!(same.text.contains("No change: all "), "{}", same.text);
    assert!(!same.xml.contains("<failure") && !same.xml.contains("<skipped"));
    let it = check(&lab, 1, "good.csv", &WORSE);
    let line = "lab run tiny.toml --set candidate.parameters.slots=1 --set \
                candidate.parameters.optimistic_slots=0 --check --baseline good.csv";
    // The tail of one client became worse most clearly, so this row stands for the others.
    let cells = ["flash-hetero", "tail", "all", "unchoke_all", "100 %"];
    let cells = row(&it.markdown, &cells);
    assert_eq!((cells[8], cells[9]), ("5 %", "regressed"), "{cells:?}");
    for numbers in &cells[5..8] {
        let has_interval = numbers.contains('[') && numbers.contains(", ");
        assert!(has_interval && numbers.contains(']'), "{cells:?}");
    }
    assert!(cells[7].starts_with('+'), "{cells:?}");
    // Two comparisons, with the baseline and of the candidate with itself, have seven quantities
    // each.
    let paired = "seed by seed in the 14 rows of";
    assert!(it.markdown.contains(paired), "{}", it.markdown);
    assert!(it.markdown.starts_with("## Gate of tiny: regressed\n"));
    assert!(it.markdown.contains(&format!("```sh\n{line}\n```")));
    assert!(it.markdown.contains("## tiny\n"), "the verdicts follow");
    let numbers = cells[7];
    for said in [&it.text, &it.xml] {
        for word in ["regressed", "flash-hetero", numbers, line] {
            assert!(said.contains(word), "{word}: {said}");
        }
    }
    let case = |quantity: &str| {
        let name = format!("name=\"{quantity} of all against unchoke_all at 100 %\"");
        let at = it
            .xml
            .find(&format!("classname=\"tiny.flash-hetero\" {name}"));
        let case = &it.xml[at.expect("one test case a scenario and metric")..];
        &case[..case.find("</testcase>").expect("its end")]
    };
    let failure = case("tail");
    assert!(failure.contains("<failure message=\"regressed\">"));
    assert!(
        failure.contains(numbers) && failure.contains(line),
        "{failure}"
    );
    assert!(case("time").contains("which is the failure"), "one cause");
    assert_eq!(it.xml.matches("<failure").count(), 1);
    assert!(it.text.contains("regressed: and "), "{}", it.text);
    let last = it.text.trim_end().lines().last().expect("a sentence");
    assert!(last.starts_with("Regressed: ") && last.ends_with("The check fails."));
}

/// First a client that requests blocks many times, then one that does not.
#[test]
fn a_planted_improvement_passes_and_is_called_one() {
    let lab = Lab::new(PLAN);
    save(&lab, "worse.csv", &["--set", "candidate.picker=duplicate"]);
    let it = check(&lab, 0, "worse.csv", &[]);
    let cells = ["flash-hetero", "E5", "all", "unchoke_all", "100 %"];
    let cells = row(&it.markdown, &cells);
    assert!(cells[7].starts_with('+'), "{cells:?}");
    assert!(cells[9].starts_with("improved"), "{cells:?}");
    let last = it.text.trim_end().lines().last().expect("a sentence");
    assert!(
        last.contains("Improved: E5 of all against unchoke_all at 100 % in flash-hetero: "),
        "{last}"
    );
    assert!(!it.xml.contains("<failure"), "{}", it.xml);
}

/// The same policy with other seeds. All differences are noise, and two seeds cannot show that they
/// are below a tenth of a per cent.
#[test]
fn noise_is_inconclusive_and_no_pass() {
    let lab = Lab::new(PLAN);
    save(&lab, "few.csv", &["--seeds", "2"]);
    let noise = ["--seeds", "2", "--seed", "2", "--tolerance", "0.1 %"];
    let it = check(&lab, 0, "few.csv", &noise);
    let cells = ["flash-hetero", "time", "all", "unchoke_all", "100 %"];
    let cells = row(&it.markdown, &cells);
    assert_eq!((cells[8], cells[9]), ("0.1 %", "inconclusive"), "{cells:?}");
    assert!(it.markdown.starts_with("## Gate of tiny: inconclusive\n"));
    let last = it.text.trim_end().lines().last().expect("a sentence");
    assert!(
        last.starts_with("Inconclusive: ") && last.contains("no pass"),
        "{last}"
    );
    assert!(
        it.xml.contains("<skipped message=\"inconclusive: "),
        "{}",
        it.xml
    );
    assert!(it.xml.contains("failures=\"0\"") && !it.xml.contains("skipped=\"0\""));
    let json = ["--format", "json"];
    let json = check(&lab, 0, "few.csv", &[&noise[..], &json].concat());
    let json: serde_json::Value = serde_json::from_str(&json.text).expect("JSON");
    assert_eq!(json["outcome"], "inconclusive");
    // With `--strict`, a row must be shown to be fine; "not shown to be worse" is not enough.
    let strict = check(&lab, 1, "few.csv", &[&noise[..], &["--strict"]].concat());
    assert!(strict.xml.contains("<failure message=\"inconclusive\">"));
    assert!(
        strict.text.contains(" --tolerance 0.1% --strict\n"),
        "{}",
        strict.text
    );
}

/// A plan with two scenarios. A run of only one of them passes only if the command asked for one.
#[test]
fn what_is_missing_is_no_pass_and_what_is_left_out_is_said() {
    let second = "\n[[scenario]]\nname = \"second\"\nsource = \"flash-hetero\"\n\
                  set = { peers = 12, size = \"2 MiB\", piece = \"64 KiB\" }\n";
    let lab = Lab::new(&(PLAN.to_owned() + second));
    save(&lab, "two.csv", &[]);
    // One of the two on request: only this one is compared, and nothing changed.
    let one = ["--scenario", "flash-hetero", "--strict"];
    let it = check(&lab, 0, "two.csv", &one);
    let last = it.text.trim_end().lines().last().expect("a sentence");
    // For each scenario: seven rows against the baseline, and seven of the candidate against
    // itself.
    assert_eq!(
        last,
        "No change: all 14 rows compared are as registered, within 5 %. The options of this run left \
         out 14 registered rows."
    );
    let counts = "14 of 33 registered rows compared, tolerance 5 %: 14 no change; 14 left out by the \
                  options of this run; 5 over all scenarios not compared: they are over other scenarios \
                  now\n";
    assert!(it.text.contains(counts), "{}", it.text);
    assert!(it.xml.contains("tests=\"14\" failures=\"0\" skipped=\"0\""));
    // The same plan without the other scenario, as if it had been deleted.
    fs::write(lab.path("tiny.toml"), PLAN).expect("plan");
    let it = check(&lab, 0, "two.csv", &[]);
    let last = it.text.trim_end().lines().last().expect("a sentence");
    assert_eq!(
        last,
        "Inconclusive: nothing is shown to be worse, but 14 registered rows are missing in this run: \
         scenario second; this is no pass. If that is meant, register anew with --save-baseline."
    );
    assert!(it.markdown.starts_with("## Gate of tiny: inconclusive\n"));
    assert!(it.xml.contains("skipped=\"14\""), "{}", it.xml);
    let it = check(&lab, 1, "two.csv", &["--strict"]);
    assert!(
        it.text
            .contains("scenario second; with --strict, the check fails.")
    );
    assert!(
        it.xml.contains("<failure message=\"missing\">"),
        "{}",
        it.xml
    );
    let json = lab.expect(
        0,
        &[
            "run",
            "tiny.toml",
            "--check",
            "--baseline",
            "two.csv",
            "--format",
            "json",
        ],
    );
    let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(json["outcome"], "inconclusive");
    assert_eq!(json["not_compared"]["over_other_scenarios"], 5);
}

/// A run must not pass by replacing the registered file with which it is compared.
#[test]
fn a_check_comes_before_what_it_saves() {
    let lab = Lab::new(PLAN);
    save(&lab, "good.csv", &[]);
    let anew = ["--save-baseline", "good.csv"];
    check(&lab, 1, "good.csv", &[&WORSE[..], &anew].concat());
    check(&lab, 0, "good.csv", &WORSE);
}

#[test]
fn what_is_no_summary_is_refused() {
    let lab = Lab::new(PLAN);
    let run = ["run", "tiny.toml", "--seeds", "1", "--check", "--baseline"];
    let text = lab.expect(2, &[&run[..], &["tiny.toml"]].concat());
    assert!(text.contains("tiny.toml: "), "{text}");
    let text = lab.expect(2, &[&run[..], &["none.csv"]].concat());
    assert!(text.contains("none.csv: "), "{text}");
    assert!(
        !lab.path("results").exists(),
        "known before anything is run"
    );
}

/// The command line that a check prints repeats the same check.
#[cfg(unix)]
#[test]
fn the_line_of_a_check_repeats_it() {
    use std::process::Command;

    let lab = Lab::new(PLAN);
    fs::rename(lab.path("tiny.toml"), lab.path("my plan.toml")).expect("renamed");
    let few = ["run", "my plan.toml", "--seeds", "3", "--no-plots"];
    let saved = ["--save-baseline", "old figures.csv"];
    lab.expect(0, &[&few[..], &saved].concat());
    let check = ["--check", "--baseline", "old figures.csv"];
    let tight = ["--tolerance", "0.5 %"];
    let text = lab.expect(0, &[&few[..], &check, &tight].concat());
    let line = text.lines().find_map(|it| it.strip_prefix("repeat    "));
    let line = line.expect("a line that repeats it");
    assert_eq!(
        line,
        "lab run 'my plan.toml' --seeds 3 --check --baseline 'old figures.csv' --tolerance 0.5%"
    );
    let typed = line.replace("lab ", &format!("'{}' ", env!("CARGO_BIN_EXE_lab")));
    let mut shell = Command::new("sh");
    shell.current_dir(lab.path("")).args(["-c", &typed]);
    let again = shell.output().expect("a shell");
    assert_eq!(String::from_utf8(again.stdout).expect("text"), text);
    let usual = lab.expect(0, &[&few[..], &check].concat());
    assert!(!usual.contains("--tolerance"), "{usual}");
    let alone = lab.expect(2, &["run", "my plan.toml", "--tolerance", "1 %"]);
    assert!(alone.contains("--check"), "{alone}");
}

/// Runs that ended too early are as bad now as they were when they were registered.
#[test]
fn runs_that_were_cut_short_are_no_pass() {
    let lab = Lab::new(PLAN);
    let short = ["--set", "scenario.*.set.horizon=14 s"];
    save(&lab, "short.csv", &short);
    let it = check(&lab, 0, "short.csv", &short);
    let expected = "because peers were unfinished when runs ended; this is no pass. Longer runs";
    assert!(it.text.contains(expected), "{}", it.text);
    assert!(!it.text.contains("more seeds"), "{}", it.text);
    check(&lab, 1, "short.csv", &[&short[..], &["--strict"]].concat());
    // Longer runs are no regression of what was never known.
    let it = check(&lab, 0, "short.csv", &[]);
    assert!(
        it.text.contains("because peers were unfinished"),
        "{}",
        it.text
    );
}

/// A table with a few rows left would pass whatever became of the others.
#[test]
fn a_table_of_which_most_is_missing_is_refused() {
    let lab = Lab::new(PLAN);
    save(&lab, "whole.csv", &[]);
    let whole = fs::read_to_string(lab.path("whole.csv")).expect("written");
    let head = whole.lines().next().expect("a head");
    let twins = whole.lines().filter(|it| it.contains(",tit_for_tat,"));
    let few: Vec<&str> = [head].into_iter().chain(twins.take(3)).collect();
    fs::write(lab.path("few.csv"), few.join("\n")).expect("written");
    let said = lab.expect(2, &["run", "tiny.toml", "--check", "--baseline", "few.csv"]);
    assert!(said.contains("is incomplete: it has 3 of the "), "{said}");
    // A figure that somebody changed is not compared either.
    let mut rows: Vec<String> = whole.lines().map(str::to_owned).collect();
    let at = head
        .split(',')
        .position(|it| it == "estimate")
        .expect("a column");
    let mut fields: Vec<&str> = rows[1].split(',').collect();
    fields[at] = "0.987";
    rows[1] = fields.join(",");
    fs::write(lab.path("edited.csv"), rows.join("\n")).expect("written");
    let said = lab.expect(
        2,
        &["run", "tiny.toml", "--check", "--baseline", "edited.csv"],
    );
    assert!(said.contains("outside its interval"), "{said}");
}
