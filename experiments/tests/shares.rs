//! Plans run in parts: the scripts of `lab emit`, the output of `lab status` and `lab verify` for
//! unit files in every state, and a stop by signal.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use crate::common::{Lab, PLAN, sealed};

fn units(lab: &Lab) -> Vec<PathBuf> {
    let entries = fs::read_dir(lab.path("results/tiny/units")).expect("units");
    let paths = entries.flatten().map(|it| it.path());
    let mut units: Vec<_> = paths
        .filter(|it| it.extension().is_some_and(|it| it == "jsonl"))
        .collect();
    units.sort();
    units
}

fn name(file: &Path) -> String {
    let name = file.file_name().expect("a name");
    name.to_string_lossy().into_owned()
}

#[test]
fn scripts_name_every_share_once_and_a_merge() {
    let lab = Lab::new(PLAN);
    let slurm = lab.expect(
        0,
        &[
            "emit",
            "slurm",
            "tiny.toml",
            "--cores",
            "4",
            "--tasks",
            "3",
            "--limit",
            "2",
            "--",
            "--account=a",
            "--comment=two words",
            "--partition",
            "long",
        ],
    );
    for said in [
        "#SBATCH --array=1-3%2\n",
        "--cpus-per-task=4 --exclusive",
        "--requeue",
        "#SBATCH --account=a\n",
        "#SBATCH '--comment=two words'\n",
        "#SBATCH --partition long\n",
        "run tiny.toml --out results/tiny --shard \"$SLURM_ARRAY_TASK_ID/3\" --jobs \"$SLURM_CPUS_PER_TASK\"",
        "--dependency=\"afterany:$array\"",
        "merge tiny.toml --out results/tiny\n",
    ] {
        assert!(slurm.contains(said), "{said}\n{slurm}");
    }
    let array = [
        "emit",
        "slurm",
        "tiny.toml",
        "--tasks",
        "3",
        "--",
        "--array=1-9",
    ];
    let refused = lab.expect(2, &array);
    assert!(refused.contains("numbers its tasks itself"), "{refused}");
    let timed = lab.expect(0, &["emit", "parallel", "tiny.toml", "--seeds", "3"]);
    assert!(timed.contains("core hours, tasks of"), "{timed}");
    assert!(
        timed.contains("tiny.toml --seeds 3 --out results/exploratory/tiny --shard {}/1"),
        "{timed}"
    );
    let python = lab.expect(0, &["emit", "hyperqueue", "tiny.toml", "--tasks", "5"]);
    assert!(
        python.contains("range(1, 5 + 1)") && python.contains("/5\\\""),
        "{python}"
    );
    let refused = lab.expect(2, &["emit", "slurm", "tiny.toml", "--tasks", "500"]);
    assert!(
        refused.contains("the plan has 24 units (0 done)"),
        "{refused}"
    );
}

#[test]
fn status_and_verify_tell_every_state_of_a_unit() {
    let lab = Lab::new(PLAN);
    assert!(
        lab.expect(3, &["status", "tiny.toml"])
            .contains("24 missing")
    );
    lab.expect(0, &["run", "tiny.toml", "--shard", "1/2", "--quiet"]);
    let half = lab.expect(3, &["status", "tiny.toml"]);
    assert!(
        half.contains("12 done") && half.contains("12 missing"),
        "{half}"
    );
    assert!(half.contains("12 runs noted on 1 machine"), "{half}");
    lab.expect(0, &["run", "tiny.toml", "--shard", "2/2", "--quiet"]);
    lab.expect(0, &["status", "tiny.toml"]);
    let sample = lab.expect(0, &["verify", "tiny.toml", "--sample", "10%", "--quiet"]);
    assert!(
        sample.contains("2 run again, each the same to the byte"),
        "{sample}"
    );

    // A byte in the middle: the first line and the trailer are intact, so only the hash shows the
    // damage.
    let files = units(&lab);
    let mut bytes = fs::read(&files[0]).expect("a unit");
    let middle = bytes.len() / 2;
    bytes[middle] = if bytes[middle] == b'1' { b'2' } else { b'1' };
    fs::write(&files[0], &bytes).expect("changed");
    let text = fs::read_to_string(&files[1]).expect("a unit");
    fs::write(&files[1], &text[..text.len() - 40]).expect("cut");
    fs::write(lab.path("results/tiny/units/.x.tmp"), "").expect("left");
    let status = lab.expect(3, &["status", "tiny.toml", "--format", "json"]);
    let said: serde_json::Value = serde_json::from_str(&status).expect("JSON");
    assert_eq!(
        (&said["done"], &said["damaged"]),
        (&23.into(), &1.into()),
        "{status}"
    );
    assert_eq!(said["temporary_files"], 1);
    assert_eq!(said["noted"]["runs"], 26);
    let verified = lab.expect(3, &["verify", "tiny.toml"]);
    assert!(
        verified.contains("22 done") && verified.contains("2 damaged"),
        "{verified}"
    );
    lab.expect(0, &["run", "tiny.toml", "--shard", "1/1", "--quiet"]);
    lab.expect(0, &["verify", "tiny.toml"]);
}

#[test]
fn another_result_of_a_unit_is_refused_with_code_4() {
    let lab = Lab::new(PLAN);
    lab.expect(0, &["run", "tiny.toml", "--quiet", "--no-plots"]);
    // A complete but different result, as a faulty engine would write it.
    let file = &units(&lab)[0];
    let text = fs::read_to_string(file).expect("a unit");
    let end = text.trim_end().rfind('\n').expect("lines") + 1;
    let field = text.find("\"events\":").expect("a count") + 9;
    let body = format!("{}1{}", &text[..field], &text[field..end]);
    let trailer: serde_json::Value = serde_json::from_str(&text[end..]).expect("a trailer");
    fs::write(file, sealed(&body, &trailer["lines"])).expect("written");
    lab.expect(0, &["status", "tiny.toml"]);
    let said = lab.expect(4, &["verify", "tiny.toml", "--sample", "100%", "--quiet"]);
    assert!(
        said.contains("gave another result than the one in"),
        "{said}"
    );
    let said = lab.expect(4, &["status", "tiny.toml"]);
    assert!(said.contains("1 conflicting"), "{said}");
}

const MERGE: [&str; 5] = ["merge", "tiny.toml", "--from", "b", "--no-plots"];

/// One half of the units here and the other half in the folder `b`, which also has a unit of another
/// seed. Returns the units here.
fn in_two_folders() -> (Lab, Vec<PathBuf>) {
    let lab = Lab::new(PLAN);
    let run = |words: &[&str]| {
        let words = [&["run", "tiny.toml", "--quiet", "--shard"], words].concat();
        lab.expect(0, &words);
    };
    run(&["1/2"]);
    run(&["2/2", "--seeds", "1", "--seed", "2", "--out", "b"]);
    // Runs with other options are in the folder, so the plan is not run there without a word.
    run(&["2/2", "--out", "b", "--force"]);
    let there = units(&lab);
    (lab, there)
}

/// Cuts a unit file. Returns what it was.
fn cut(file: &Path) -> String {
    let text = fs::read_to_string(file).expect("a unit");
    fs::write(file, &text[..text.len() - 40]).expect("cut");
    text
}

#[test]
fn a_merge_names_units_that_are_damaged_here_or_where_they_come_from() {
    let (lab, there) = in_two_folders();
    let damaged = |folder: &str, file: &Path| {
        let said = lab.expect(3, &MERGE);
        let first = format!(
            "1 of 24 units is damaged, the first is {folder}/units/{}",
            name(file)
        );
        assert!(said.contains(&first) && !said.contains("missing"), "{said}");
    };
    let whole = cut(&there[0]);
    damaged("results/tiny", &there[0]);
    fs::write(&there[0], whole).expect("restored");

    let own = |it: &PathBuf| {
        lab.path("results/tiny/units")
            .join(it.file_name().expect("a name"))
    };
    let mut from_b = fs::read_dir(lab.path("b/units"))
        .expect("units")
        .flatten()
        .map(|it| it.path());
    let is_copied =
        |it: &PathBuf| it.extension().is_some_and(|it| it == "jsonl") && own(it).exists();
    let copied = from_b.find(is_copied).expect("a unit of b that was copied");
    fs::remove_file(own(&copied)).expect("removed");
    cut(&copied);
    damaged("b", &copied);
}

/// A share makes no tables, so nothing could be compared or written.
#[test]
fn a_share_is_not_compared() {
    let lab = Lab::new(PLAN);
    for option in [
        &["--dry-run"][..],
        &["--check"],
        &["--save-baseline", "b.csv"],
        &["--junit", "j.xml"],
    ] {
        let said = lab.expect(
            2,
            &[&["run", "tiny.toml", "--shard", "1/2"], option].concat(),
        );
        assert!(said.contains("cannot be used with"), "{said}");
    }
}

#[test]
fn a_merge_tells_conflicting_and_foreign_units() {
    let (lab, there) = in_two_folders();
    let said = lab.expect(0, &MERGE);
    let foreign = "b/units: left out 2 unit files of another plan";
    assert!(said.contains(foreign), "{said}");
    let status = lab.expect(3, &["status", "tiny.toml", "--out", "b"]);
    let foreign = "       2 of another plan, or of this one with other settings";
    assert!(status.contains(foreign), "{status}");
    fs::write(lab.path("results/tiny/units/1.jsonl"), "").expect("written");
    let verified = lab.expect(0, &["verify", "tiny.toml"]);
    assert!(verified.contains(" tables: 1.jsonl\n"), "{verified}");

    let conflict = there[0].with_extension("jsonl.conflict");
    fs::write(&conflict, "").expect("written");
    let said = lab.expect(4, &MERGE);
    let differ = "two results of one unit differ";
    assert!(
        said.contains(differ) && said.contains(&name(&conflict)),
        "{said}"
    );
    let said = lab.expect(4, &["run", "tiny.toml", "--quiet"]);
    assert!(said.contains("two results of one unit differ"), "{said}");
    fs::rename(&conflict, lab.path("b/units/1.jsonl.conflict")).expect("moved");
    let said = lab.expect(4, &MERGE);
    assert!(said.contains("b/units: two results"), "{said}");
}

#[cfg(unix)]
#[test]
fn a_share_that_is_told_to_stop_leaves_no_temporary_file() {
    let lab = Lab::new(&PLAN.replace("count = 6", "count = 400"));
    let mut command = lab.command(&["run", "tiny.toml", "--shard", "1/2", "--quiet"]);
    let mut share = command.stderr(Stdio::null()).spawn().expect("it starts");
    while !lab.path("results/tiny/units").is_dir() || units(&lab).len() < 3 {
        assert!(
            share.try_wait().expect("its state").is_none(),
            "ended too early"
        );
        std::thread::sleep(Duration::from_millis(5));
    }
    let pid = share.id().to_string();
    let told = std::process::Command::new("kill")
        .args(["-TERM", &pid])
        .status();
    assert!(told.expect("kill").success());
    assert_eq!(share.wait().expect("it ends").code(), Some(143));
    let status = lab.expect(3, &["status", "tiny.toml", "--format", "json"]);
    let said: serde_json::Value = serde_json::from_str(&status).expect("JSON");
    assert_eq!(
        (&said["temporary_files"], &said["damaged"]),
        (&0.into(), &0.into()),
        "{status}"
    );
    assert!(said["done"].as_u64() >= Some(3), "{status}");
}

/// Runs a plan at once and in three shares on two machines, one of which lacks a share at first. The
/// merge must count what is missing, and then give the same tables. `run` and `merge` are commands.
fn shares_give_the_same_tables(lab: &Lab, run: &[&str], merge: &[&str], units: usize) {
    let start = ["tiny.toml", "--no-plots", "--out"];
    let quiet = ["tiny.toml", "--quiet", "--out"];
    let whole = lab.expect(0, &[run, &start, &["whole"]].concat());
    let share = |number: &str, out: &str| {
        let more = [out, "--shard", number];
        let said = lab.expect(0, &[run, &quiet, &more].concat());
        let words: Vec<&str> = said.split_whitespace().collect();
        words[2].parse::<usize>().expect("a number of runs")
    };
    let (one, two) = (share("1/3", "a"), share("3/3", "b"));
    let from = ["all", "--from", "a", "--from", "b"];
    let gap = lab.expect(3, &[merge, &start, &from].concat());
    let missing = units - one - two;
    let are = if missing == 1 { "is" } else { "are" };
    let wanted = format!("{missing} of {units} units {are} missing");
    assert!(gap.contains(&wanted), "{wanted}: {gap}");
    assert_eq!(share("2/3", "b"), missing);
    let merged = lab.expect(0, &[merge, &start, &from].concat());
    let hash = |said: &str| {
        let line = said.lines().find(|it| it.starts_with("results "));
        line.expect("a hash").to_owned()
    };
    assert_eq!(hash(&whole), hash(&merged));
    // No share has all the slow units.
    assert!(one.abs_diff(two) <= 1 && one.abs_diff(missing) <= 1);
}

const FACTORS: &str = r#"
[factorial]
generators = []

[[factorial.factor]]
name = "slots"
low = { "candidate.parameters.slots" = 1 }
high = { "candidate.parameters.slots" = 2 }

[[factorial.factor]]
name = "peers"
low = { "scenario.*.set.peers" = 8 }
high = { "scenario.*.set.peers" = 16 }
"#;

#[test]
fn a_plan_with_factors_runs_in_shares() {
    let lab = Lab::new(&[PLAN, FACTORS].concat());
    // Four settings with 24 runs each; those with the same number of peers share 6 of the baseline.
    let units = 4 * 24 - 2 * 6;
    shares_give_the_same_tables(&lab, &["run"], &["merge"], units);
    let status = lab.expect(0, &["status", "tiny.toml", "--out", "all"]);
    assert!(status.contains(&format!("{units} done")), "{status}");
    lab.expect(0, &["verify", "tiny.toml", "--out", "all"]);
    let script = lab.expect(0, &["emit", "slurm", "tiny.toml"]);
    assert!(
        script.contains(&format!("{units} units in 1 task,")) && script.contains("core hours"),
        "{script}"
    );
    assert!(script.contains("merge tiny.toml --out"), "{script}");
}

#[test]
fn a_tournament_runs_in_shares() {
    let more = "[[baseline]]\npolicy = \"thrift\"\n";
    let lab = Lab::new(&[PLAN, more].concat());
    // Per seed: three pure, six with a few, six half and half.
    let units = 15 * 6;
    let (run, merge) = (["tournament"], ["tournament", "--merge"]);
    shares_give_the_same_tables(&lab, &run, &merge, units);
    let which = ["tiny.toml", "--tournament", "--out", "all"];
    let status = lab.expect(0, &[&["status"], &which[..]].concat());
    assert!(status.contains(&format!("{units} done")), "{status}");
    let sample = ["--sample", "10%", "--quiet"];
    let verified = lab.expect(0, &[&["verify"], &which[..], &sample].concat());
    assert!(verified.contains("9 run again"), "{verified}");
    let script = lab.expect(0, &[&["emit", "parallel"], &which[..]].concat());
    for said in [
        &format!("{units} units in 1 task,"),
        "core hours",
        "tournament tiny.toml --out all --shard {}/1",
        "tournament tiny.toml --out all --merge",
    ] {
        assert!(script.contains(said), "{said}: {script}");
    }
    let slurm = lab.expect(0, &[&["emit", "slurm"], &which[..]].concat());
    assert!(
        slurm.contains("status tiny.toml --out all --tournament\""),
        "{slurm}"
    );
}

#[test]
fn the_sweeps_of_a_plan_run_in_shares_too() {
    let sweep = r#"
[[sweep]]
name = "peers"
key = "scenario.*.set.peers"
values = [12, 16]
"#;
    let lab = Lab::new(&[PLAN, sweep].concat());
    // The first point is the plan itself. The other has per seed two pure swarms and one with a
    // single adopter.
    let units = 24 + 3 * 6;
    shares_give_the_same_tables(&lab, &["run"], &["merge"], units);
}
