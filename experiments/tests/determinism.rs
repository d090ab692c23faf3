//! Results depend only on the plan, the seed and the code: not on names and folders of files, the
//! environment, threads, or the order in which units run.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Mutex;

use unchoke_experiments::findings::conduct::analyse;
use unchoke_experiments::plan::{Changes, load};
use unchoke_experiments::run::engine::Engine as _;
use unchoke_experiments::run::expand::expand;
use unchoke_experiments::run::runner::{Batch, Options, Progress, Silent, run, run_all};
use unchoke_experiments::run::store::Store;
use unchoke_experiments::run::swarm::Swarms;
use unchoke_experiments::show::output::Files;

const SWARM: &str = r#"
version = 1
about = "A dozen peers of two classes."
horizon = "1 h"

[torrent]
size = "2 MiB"
piece = "64 KiB"

[[origin]]
up = "2 Mbit/s"
down = "2 Mbit/s"

[peers]
count = 12
arrivals = { model = "flash", window = "10 s" }
stay = { model = "at_once" }

[[peers.class]]
name = "slow"
share = "50 %"
up = "500 kbit/s"
down = "2 Mbit/s"

[[peers.class]]
name = "fast"
share = "50 %"
up = "2 Mbit/s"
down = "8 Mbit/s"
"#;

const PLAN: &str = r#"
name = "dozen"
question = "Does anything else show?"
expectation = "No."
adoption = ["one", "100 %"]
seeds = { master = 3, count = 3 }
statistics = { bootstrap = 100 }

[candidate]
policy = "tit_for_tat"

[[baseline]]
policy = "random_k"

[[scenario]]
name = "dozen"
source = "swarm.toml"
"#;

/// The place of a run and its environment.
struct Surroundings<'a> {
    plan: &'a str,
    scenario: &'a str,
    /// Working folder, and the folder of the files relative to it.
    folders: (&'a str, &'a str),
    environment: &'a [(&'a str, &'a str)],
    jobs: &'a str,
}

const PLAIN: Surroundings<'_> = Surroundings {
    plan: "plan.toml",
    scenario: "swarm.toml",
    folders: (".", "."),
    environment: &[],
    jobs: "1",
};

fn lab(below: &Path, it: &Surroundings<'_>, arguments: &[&str]) -> Vec<u8> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lab"));
    command.current_dir(below.join(it.folders.0));
    command.args(arguments).envs(it.environment.iter().copied());
    let output = command.output().expect("it starts");
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{arguments:?}: {text}");
    output.stdout
}

/// Every result file by name, including figures and report, and the output of `lab sim` for the
/// scenario itself.
fn results(it: &Surroundings<'_>) -> Vec<(String, Vec<u8>)> {
    let folder = tempfile::tempdir().expect("a folder");
    let below = folder.path();
    let home = below.join(it.folders.0).join(it.folders.1);
    for folder in [&home, &below.join(it.folders.0)] {
        fs::create_dir_all(folder).expect("a folder");
    }
    let plan = PLAN.replace("swarm.toml", it.scenario);
    fs::write(home.join(it.plan), plan).expect("written");
    fs::write(home.join(it.scenario), SWARM).expect("written");
    let file = |name: &str| format!("{}/{name}", it.folders.1);
    let arguments = ["run", &file(it.plan), "--out", "out", "--peers", "--quiet"];
    lab(below, it, &[&arguments[..], &["--jobs", it.jobs]].concat());
    let mut found = Vec::new();
    let out = below.join(it.folders.0).join("out");
    for folder in [out.join("units"), out.join("figures"), out] {
        for entry in fs::read_dir(folder).expect("results") {
            let path = entry.expect("an entry").path();
            let name = path.file_name().expect("a name").to_string_lossy();
            if path.is_file() && name != "manifest.json" {
                found.push((name.into_owned(), fs::read(&path).expect("a file")));
            }
        }
    }
    let sim = ["sim", &file(it.scenario), "--seed", "4", "--format", "json"];
    let text = lab(below, it, &sim);
    let mut report: serde_json::Value = serde_json::from_slice(&text).expect("JSON");
    let cost = report.as_object_mut().expect("an object").remove("cost");
    assert!(
        cost.is_some(),
        "figures about the machine are in a field of their own"
    );
    found.push(("sim".to_owned(), report.to_string().into_bytes()));
    found.sort();
    found
}

/// Replaces names. The resolved plan, its registration and the report quote the line of the plan
/// with the name of the scenario file; the report also quotes the command. Names may appear nowhere
/// else.
fn without_names(it: &Surroundings<'_>, files: Vec<(String, Vec<u8>)>) -> Vec<(String, Vec<u8>)> {
    let quoting = |name: &str| ["plan.toml", "registration.json", "report.html"].contains(&name);
    let plain = |(name, bytes): (String, Vec<u8>)| {
        if !quoting(&name) {
            return (name, bytes);
        }
        let text = String::from_utf8(bytes).expect("text");
        let command = format!("{}/{}", it.folders.1, it.plan);
        let text = text
            .replace(&command, "PLAN")
            .replace(it.scenario, "SCENARIO");
        // Hashes over all files and over the plan include the quoted line.
        let hashed = |it: &&str| it.contains("Results hash") || it.contains("plan_sha256");
        let lines = text.lines().filter(|it| !hashed(it));
        (name, lines.collect::<Vec<_>>().join("\n").into_bytes())
    };
    files.into_iter().map(plain).collect()
}

fn same(it: &Surroundings<'_>, renamed: bool) {
    let (mut plain, mut other) = (results(&PLAIN), results(it));
    if renamed {
        (plain, other) = (without_names(&PLAIN, plain), without_names(it, other));
    }
    // 9 runs: for each seed one baseline, one mixed swarm, and the candidate twice.
    assert!(plain.len() > 12 + 10, "{}", plain.len());
    let names = |of: &[(String, Vec<u8>)]| of.iter().map(|it| it.0.clone()).collect::<Vec<_>>();
    assert_eq!(names(&plain), names(&other));
    for ((name, before), (_, now)) in plain.iter().zip(&other) {
        assert!(before == now, "{name} differs");
    }
}

#[test]
fn names_and_folders_of_files_do_not_show() {
    let elsewhere = Surroundings {
        plan: "z.toml",
        scenario: "a b.toml",
        folders: ("deep/er", "../files"),
        ..PLAIN
    };
    same(&elsewhere, true);
}

#[test]
fn environment_and_threads_do_not_show() {
    let odd = [
        ("LANG", "tr_TR.UTF-8"),
        ("LC_ALL", "de_DE.UTF-8"),
        ("TZ", "Asia/Kathmandu"),
        ("HOME", "/nonexistent"),
        ("TMPDIR", "/tmp"),
        ("RUST_LOG", "trace"),
        ("RUST_BACKTRACE", "1"),
        ("RAYON_NUM_THREADS", "5"),
        ("COLUMNS", "40"),
        ("NO_COLOR", "1"),
        ("MALLOC_PERTURB_", "165"),
        ("SOURCE_DATE_EPOCH", "1"),
    ];
    let elsewhere = Surroundings {
        environment: &odd,
        jobs: "3",
        ..PLAIN
    };
    same(&elsewhere, false);
}

#[test]
fn the_order_of_units_does_not_show() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("swarm.toml"), SWARM).expect("written");
    let plan = load("plan.toml", PLAN, &Changes::default()).expect("our own plan");
    let engine = Swarms::of(&plan, folder.path()).expect("our own scenario");
    let units = expand(&plan, &engine).expect("units");
    let hash = |name: &str, order: &[usize]| {
        let store = Store::open(&folder.path().join(name), &engine.version()).expect("store");
        let options = Options {
            jobs: 1,
            force: false,
        };
        for at in order {
            let one = std::slice::from_ref(&units[*at]);
            run(&plan, one, &engine, &store, options, &Silent).expect("runs");
        }
        let analysis = analyse(&plan, &units, &engine, &store).expect("analysis");
        Files::of(&plan, &analysis).hash()
    };
    let straight: Vec<usize> = (0..units.len()).collect();
    let backwards: Vec<usize> = straight.iter().rev().copied().collect();
    // A step without a common divisor with the number of units visits each unit once.
    let step = (units.len() / 2..2 * units.len()).find(|it| it % 2 == 1 && it % 3 > 0);
    let step = step.expect("an odd number");
    let mixed: Vec<usize> = straight.iter().map(|it| it * step % units.len()).collect();
    assert_ne!(mixed, straight);
    let first = hash("straight", &straight);
    assert_eq!(hash("backwards", &backwards), first);
    assert_eq!(hash("mixed", &mixed), first);
}

/// Remembers every report.
#[derive(Default)]
struct Seen(Mutex<Vec<(usize, usize)>>);

impl Progress for Seen {
    fn at(&self, done: usize, total: usize) {
        self.0.lock().expect("no panic").push((done, total));
    }
}

/// Two plans that share units run as one: no unit twice, and no plan waits for the other.
#[test]
fn batches_share_one_pool_and_run_each_unit_once() {
    let text = PLAN.replace("swarm.toml", "flash-homog");
    let text = format!("{text}set = {{ peers = 8, size = \"1 MiB\" }}\n");
    let load = |text: &str| load("dozen.toml", text, &Changes::default()).expect("a plan");
    let plans = [load(&text), load(&text.replace("count = 3", "count = 4"))];
    let engine = Swarms::of(&plans[0], Path::new("")).expect("a scenario");
    let units = plans
        .each_ref()
        .map(|it| expand(it, &engine).expect("units"));
    let batches = [0, 1].map(|at| Batch {
        plan: &plans[at],
        units: &units[at],
        engine: &engine,
    });
    let folder = tempfile::tempdir().expect("a folder");
    let store = Store::open(folder.path(), &engine.version()).expect("a store");
    let options = Options {
        jobs: 2,
        force: false,
    };
    let seen = Seen::default();
    let done = run_all(&batches, &store, options, &seen).expect("runs");
    // The units of three seeds are those of the first three of four.
    assert_eq!((done.ran, done.kept), (units[1].len(), 0));
    let seen = seen.0.into_inner().expect("no panic");
    assert_eq!(seen.len(), 1 + units[1].len());
    assert!(seen.iter().all(|it| it.1 == units[1].len()), "{seen:?}");
    let again = run_all(&batches, &store, options, &Silent).expect("nothing to run");
    assert_eq!((again.ran, again.kept), (0, units[1].len()));
}
