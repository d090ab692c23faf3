//! The GitHub action for authors of policies: runs its script, and checks that its files agree with
//! each other.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// A file of the action.
fn file(name: &str) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent();
    let folder = root
        .expect("the workspace")
        .join(".github/actions/choking-gate");
    folder.join(name)
}

fn read(name: &str) -> String {
    let text = fs::read_to_string(file(name)).expect("a file of the action");
    // Git may have converted line ends to those of the system.
    text.replace("\r\n", "\n")
}

/// The words in `text` that come directly after `before`.
fn words(text: &str, before: &str) -> BTreeSet<String> {
    let after = text.split(before).skip(1);
    let word = |it: &str| {
        let part = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
        it.split(|c| !part(c)).next().unwrap_or("").to_owned()
    };
    after.map(word).collect()
}

/// The keys below `parent:` with their values, found by indentation.
fn keys(text: &str, parent: &str) -> Vec<(String, String)> {
    let indent = |line: &str| line.len() - line.trim_start().len();
    let head = format!("{parent}:");
    let mut lines = text.lines().skip_while(|it| it.trim() != head);
    let outer = indent(lines.next().expect("the parent"));
    let inside: Vec<&str> = lines
        .take_while(|it| it.trim().is_empty() || indent(it) > outer)
        .filter(|it| !it.trim().is_empty() && !it.trim().starts_with('#'))
        .collect();
    let level = indent(inside[0]);
    let mut found: Vec<(String, String)> = Vec::new();
    for line in inside {
        match line.trim().split_once(':') {
            Some((key, _)) if indent(line) == level => found.push((key.to_owned(), String::new())),
            _ => found.last_mut().expect("a key").1.push_str(line),
        }
    }
    found
}

#[test]
fn what_is_declared_is_used_and_what_is_used_is_declared() {
    let action = read("action.yml");
    let inputs = keys(&action, "inputs");
    let declared: BTreeSet<String> = inputs.iter().map(|it| it.0.clone()).collect();
    assert_eq!(declared, words(&action, "inputs."));
    for (name, body) in &inputs {
        assert!(body.contains("description:"), "{name}");
        assert_ne!(
            body.contains("required: true"),
            body.contains("default:"),
            "{name}"
        );
    }
    // Values must reach the script as variables, never as part of its text.
    assert!(
        !action
            .lines()
            .any(|it| it.trim().starts_with("run:") && it.contains("${{"))
    );
    let set = words(&action, "        GATE_");
    let scripts = ["gate.sh", "comment.sh", "key.sh"].map(read);
    let mut known: BTreeSet<String> = scripts
        .iter()
        .flat_map(|it| words(it, "#   GATE_"))
        .collect();
    assert!(known.remove("LAB"), "the action always builds");
    assert_eq!(set, known);
    for step in [
        "if: ${{ always() }}",
        "$GITHUB_ACTION_PATH/gate.sh",
        "$GITHUB_ACTION_PATH/comment.sh",
        "$GITHUB_ACTION_PATH/key.sh",
        "uses: actions/cache@v4",
        "using: composite",
    ] {
        assert!(action.contains(step), "{step}");
    }
}

#[test]
fn the_example_workflow_gives_what_the_action_asks_for() {
    let inputs = keys(&read("action.yml"), "inputs");
    let example = read("example-workflow.yml");
    let (_, step) = example
        .split_once("/.github/actions/choking-gate\n")
        .expect("its step");
    let given = keys(step, "with");
    for (name, body) in &inputs {
        let is_given = given.iter().any(|it| it.0 == *name);
        assert!(is_given || body.contains("default:"), "{name} is required");
    }
    for (name, _) in &given {
        assert!(inputs.iter().any(|it| it.0 == *name), "{name} is no input");
    }
}

#[cfg(unix)]
#[test]
fn the_script_ends_as_the_check_does_and_says_why() {
    use std::process::Command;

    let lab = crate::common::Lab::new(crate::common::PLAN);
    let saved = [
        "run",
        "tiny.toml",
        "--no-plots",
        "--save-baseline",
        "good.csv",
    ];
    lab.expect(0, &saved);
    let gate = |code: i32, baseline: &str, more: &str| {
        let _ = fs::remove_file(lab.path("step.md"));
        let output = Command::new(file("gate.sh"))
            .current_dir(lab.path(""))
            .env("GATE_LAB", env!("CARGO_BIN_EXE_lab"))
            .env("GATE_PLAN", "tiny.toml")
            .env("GATE_BASELINE", baseline)
            .env("GATE_TOLERANCE", "5 %")
            .env("GATE_ARGS", more)
            .env("GATE_OUT", "out folder")
            .env("GITHUB_STEP_SUMMARY", "step.md")
            .output()
            .expect("bash runs it");
        assert_eq!(output.status.code(), Some(code), "{output:?}");
        fs::read_to_string(lab.path("step.md")).expect("a summary of the step")
    };
    let same = gate(0, "good.csv", "--strict");
    assert!(same.starts_with("## Gate of tiny: no change\n"), "{same}");
    let worse = "--set candidate.parameters.slots=1 --set candidate.parameters.optimistic_slots=0";
    let said = gate(1, "good.csv", worse);
    assert!(said.starts_with("## Gate of tiny: regressed\n"), "{said}");
    assert!(said.contains(&format!(
        "lab run tiny.toml {worse} --check --baseline good.csv --tolerance 5%\n"
    )));
    for name in ["report.html", "gate.xml", "summary.csv", "manifest.json"] {
        assert!(lab.path("out folder").join(name).is_file(), "{name}");
    }
    let xml = fs::read_to_string(lab.path("out folder/gate.xml")).expect("JUnit");
    assert!(xml.contains("<failure message=\"regressed\">"), "{xml}");
    let lost = gate(2, "none.csv", "");
    assert!(
        lost.contains("no verdict on tiny.toml (exit code 2)"),
        "{lost}"
    );
    assert!(
        !lab.path("out folder/gate.xml").exists(),
        "an old report is removed"
    );
}

/// Stands for `gh`: records its arguments, reports the existing comment, and can fail.
#[cfg(unix)]
const GH: &str = r#"#!/bin/sh
printf '%s\n' "$*" >>calls
all="$*"
case "$all" in
*--jq*) cat there ;;
*) cp "${all##*body=@}" posted ;;
esac
exit "$GH_STATUS"
"#;

#[cfg(unix)]
#[test]
fn one_comment_is_written_and_then_written_over() {
    use std::os::unix::fs::PermissionsExt as _;
    use std::process::Command;

    let folder = tempfile::tempdir().expect("folder");
    let at = |name: &str| folder.path().join(name);
    fs::create_dir(at("bin")).expect("a folder");
    fs::write(at("bin/gh"), GH).expect("written");
    fs::set_permissions(at("bin/gh"), fs::Permissions::from_mode(0o755)).expect("a program");
    fs::create_dir(at("out")).expect("a folder");
    let path = format!(
        "{}:{}",
        at("bin").display(),
        std::env::var("PATH").expect("a path")
    );
    let comment = |pull: &str, token: &str, there: &str, status: &str| {
        fs::write(at("there"), there).expect("written");
        fs::write(at("calls"), "").expect("written");
        let output = Command::new(file("comment.sh"))
            .current_dir(folder.path())
            .env("PATH", &path)
            .env("GATE_OUT", "out")
            .env("GATE_NAME", "mine")
            .env("GATE_PR", pull)
            .env("GH_TOKEN", token)
            .env("GH_STATUS", status)
            .env("GITHUB_REPOSITORY", "who/what")
            .output()
            .expect("bash runs it");
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        let said = String::from_utf8(output.stdout).expect("text");
        (said, fs::read_to_string(at("calls")).expect("calls"))
    };
    let (said, calls) = comment("7", "secret", "", "0");
    assert!(
        said.contains("came to no verdict") && calls.is_empty(),
        "{said}"
    );
    fs::write(at("out/summary.md"), "## Gate of tiny: no change\n").expect("written");
    let (said, calls) = comment("7", "secret", "", "0");
    assert_eq!(said, "");
    assert!(
        calls.contains("POST repos/who/what/issues/7/comments"),
        "{calls}"
    );
    let posted = fs::read_to_string(at("posted")).expect("a comment");
    assert_eq!(
        posted,
        "<!-- choking gate: mine -->\n## Gate of tiny: no change\n"
    );
    let (_, calls) = comment("7", "secret", "41\n42\n", "0");
    assert!(
        calls.contains("PATCH repos/who/what/issues/comments/41 "),
        "{calls}"
    );
    // Nothing fails without a pull request, without a token, or with a token without permission.
    assert_eq!(
        comment("", "secret", "", "0"),
        (String::new(), String::new())
    );
    assert!(comment("7", "", "", "0").0.contains("::warning"));
    assert!(comment("7", "secret", "", "1").0.contains("::warning"));
    // Long comments are cut.
    fs::write(at("out/summary.md"), "row\n".repeat(20_000)).expect("written");
    comment("7", "secret", "", "0");
    let posted = fs::read_to_string(at("posted")).expect("a comment");
    assert!(posted.len() < 65_536 && posted.contains("summary.md of the artifact mine"));
}

#[cfg(unix)]
#[test]
fn a_crate_of_ones_own_needs_the_name_of_its_program() {
    let mut gate = std::process::Command::new(file("gate.sh"));
    gate.current_dir(std::env::temp_dir())
        .env_remove("GATE_LAB")
        .env_remove("GITHUB_STEP_SUMMARY")
        .env("GATE_PLAN", "tiny.toml")
        .env("GATE_BASELINE", "tiny.csv")
        .env("GATE_MANIFEST", "mine/Cargo.toml");
    let folder = tempfile::tempdir().expect("folder");
    let said = crate::common::ended(gate.env("GATE_OUT", folder.path()), 2).stderr;
    assert!(said.contains("name its program with GATE_BIN"), "{said}");
}

#[cfg(unix)]
#[test]
fn the_key_of_the_build_is_that_of_its_sources() {
    use std::process::Command;

    let folder = tempfile::tempdir().expect("folder");
    let put = |name: &str, text: &str| fs::write(folder.path().join(name), text).expect("written");
    for it in ["core", "net", "sim", "experiments", "mine"] {
        fs::create_dir(folder.path().join(it)).expect("a folder");
    }
    put("Cargo.toml", "a");
    put("Cargo.lock", "b");
    put("core/lib.rs", "c");
    put("mine/Cargo.toml", "m");
    let with = |manifest: &str| {
        let output = Command::new(file("key.sh"))
            .env("GATE_SOURCE", folder.path())
            .env("GATE_MANIFEST", manifest)
            .env_remove("GITHUB_OUTPUT")
            .output()
            .expect("bash runs it");
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).expect("text")
    };
    let key = || with("");
    let first = key();
    let manifest = folder.path().join("mine/Cargo.toml");
    let own = with(manifest.to_str().expect("text"));
    assert_ne!(own, first, "sources of a crate of one's own count");
    assert!(first.starts_with("hash=") && first.len() == 46, "{first}");
    put("core/notes.txt", "of no consequence");
    assert_eq!(key(), first);
    put("core/lib.rs", "d");
    assert_ne!(key(), first);
}
