//! Plans on real clusters: submits what `lab emit` prints, makes machines fail, and compares the
//! merged results byte by byte with those of a local run. Needs root and the packages that
//! `.ci/run` installs.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// 64 units of about half a second.
const PLAN: &str = r#"
name = "cluster"
question = "Do the units come out the same wherever they run?"
expectation = "They do."
adoption = ["one", "100 %"]
seeds = { master = 1, count = 16 }
statistics = { bootstrap = 200 }

[candidate]
policy = "tit_for_tat"
max_connections = 5

[[baseline]]
policy = "unchoke_all"

[[scenario]]
source = "flash-hetero"
set = { peers = 100, size = "16 MiB", piece = "64 KiB", sample_every = "5 s" }
"#;

const UNITS: usize = 64;
const PATIENCE: Duration = Duration::from_mins(4);

fn ended(command: &mut Command) -> Output {
    command.output().expect("the command starts")
}

#[track_caller]
fn done(command: &mut Command) -> String {
    let output = ended(command);
    let [said, errors] = [&output.stdout, &output.stderr].map(|it| String::from_utf8_lossy(it));
    assert!(output.status.success(), "{command:?}\n{said}{errors}");
    said.into_owned()
}

/// A folder in which a plan runs on a cluster.
struct Site {
    folder: tempfile::TempDir,
}

impl Site {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join("cluster.toml"), PLAN).expect("a plan");
        Self { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.current_dir(self.folder.path());
        command
    }

    fn lab(&self, arguments: &[&str]) -> Command {
        let mut command = self.command(env!("CARGO_BIN_EXE_lab"));
        command.args(arguments);
        command
    }

    /// Writes the script for `target` to a file with this name.
    fn emit(&self, target: &str, arguments: &[&str], name: &str) {
        let script = done(self.lab(&["emit", target, "cluster.toml"]).args(arguments));
        fs::write(self.path(name), script).expect("a script");
    }

    /// Number of unit files at present.
    fn units(&self) -> usize {
        let Ok(entries) = fs::read_dir(self.path("results/cluster/units")) else {
            return 0;
        };
        let names = entries.flatten().map(|it| it.file_name());
        names
            .filter(|it| it.to_string_lossy().ends_with(".jsonl"))
            .count()
    }

    #[track_caller]
    fn wait_for_units(&self, count: usize) {
        let start = Instant::now();
        while self.units() < count {
            assert!(
                start.elapsed() < PATIENCE,
                "{} of {count} units",
                self.units()
            );
            sleep(Duration::from_millis(50));
        }
    }

    /// Compares with a local run: every unit file, and every result file except those with facts
    /// about the machine.
    #[track_caller]
    fn is_as_local(&self) {
        done(&mut self.lab(&["run", "cluster.toml", "--out", "local", "--quiet"]));
        done(&mut self.lab(&["verify", "cluster.toml"]));
        println!("{}", done(&mut self.lab(&["status", "cluster.toml"])));
        let mut compared = 0;
        for folder in ["", "units", "figures"] {
            let own = self.path("local").join(folder);
            for entry in fs::read_dir(&own).expect("results").flatten() {
                let name = entry.file_name();
                if entry.path().is_dir() || name == "manifest.json" {
                    continue;
                }
                let other = self.path("results/cluster").join(folder).join(&name);
                let [here, there] = [entry.path(), other].map(|it| fs::read(it).expect("a file"));
                assert!(here == there, "{folder}/{} differs", name.to_string_lossy());
                compared += 1;
            }
        }
        assert!(compared > UNITS, "{compared} files");
    }
}

/// A cluster of three nodes. It ends with the test.
struct Slurm {
    folder: PathBuf,
}

impl Slurm {
    fn new(folder: PathBuf) -> Self {
        let slurm = Self { folder };
        slurm.act("up", "3");
        slurm
    }

    fn script() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cluster/slurm.sh")
    }

    #[track_caller]
    fn act(&self, what: &str, node: &str) {
        let mut command = Command::new(Self::script());
        command.arg(what).arg(&self.folder).arg(node);
        // Two tests at the same time must not use the same port.
        let port = 20_000 + std::process::id() % 10_000;
        command.env("SLURM_TEST_PORT", port.to_string());
        // Programs that it starts keep its output open. So the output goes to files, and this waits
        // only for the script.
        let status = command.status().expect("the script starts");
        assert!(status.success(), "{command:?}");
        if what != "attend" {
            println!("{what} {node}");
        }
    }

    fn command(&self, site: &Site, program: &str) -> Command {
        let mut command = site.command(program);
        command.env("SLURM_CONF", self.folder.join("slurm.conf"));
        command
    }

    /// Tells the controller now what it would notice only later.
    fn down(&self, site: &Site, node: &str) {
        let mut command = self.command(site, "scontrol");
        let node = format!("nodename={node}");
        done(command.args(["update", &node, "state=down", "reason=test"]));
    }

    /// Waits, and meanwhile acts as an administrator would.
    #[track_caller]
    fn wait_until(&self, what: &str, reached: impl Fn() -> bool) {
        let start = Instant::now();
        while !reached() {
            self.act("attend", "");
            if start.elapsed() > PATIENCE {
                let _ = Command::new("squeue")
                    .args(["-o", "%i %T %r %N %S %E"])
                    .env("SLURM_CONF", self.folder.join("slurm.conf"))
                    .status();
                let _ = Command::new("tail")
                    .arg("-n")
                    .arg("40")
                    .arg(self.folder.join("log/slurmctld.log"))
                    .status();
                panic!("waited too long for {what}");
            }
            sleep(Duration::from_millis(300));
        }
    }

    fn wait_for_units(&self, site: &Site, count: usize) {
        self.wait_until(&format!("{count} units"), || site.units() >= count);
    }

    fn wait_for_the_end(&self, site: &Site) {
        let queue = || {
            done(
                self.command(site, "squeue")
                    .args(["-h", "-o", "%i %T %R %N"]),
            )
        };
        self.wait_until("an empty queue", || queue().trim().is_empty());
    }
}

impl Drop for Slurm {
    fn drop(&mut self) {
        let mut command = Command::new(Self::script());
        let _ = command.arg("down").arg(&self.folder).status();
    }
}

#[test]
#[ignore = "needs root and Slurm, for two minutes; .ci/run does"]
fn slurm_survives_a_power_cut_a_dead_controller_and_a_frozen_node() {
    let site = Site::new();
    site.emit("slurm", &["--cores", "1", "--tasks", "16"], "submit.sh");
    let slurm = Slurm::new(site.path("slurm"));
    let start = Instant::now();
    let said = done(slurm.command(&site, "sh").arg("submit.sh"));
    assert!(said.contains("merge"), "{said}");
    slurm.wait_for_units(&site, 3);
    // The controller saves submitted jobs within 5 s. If it is killed earlier, the merge job is
    // lost.
    sleep(Duration::from_secs(6).saturating_sub(start.elapsed()));
    slurm.act("kill-controller", "");
    sleep(Duration::from_secs(2));
    slurm.act("restart-controller", "");
    slurm.wait_for_units(&site, 10);
    slurm.act("kill-node", "1");
    sleep(Duration::from_secs(1));
    slurm.down(&site, "n1");
    slurm.wait_for_units(&site, 20);
    // A frozen node counts as dead, and its task starts elsewhere. When the node wakes up, two
    // tasks write the same unit.
    slurm.act("freeze-node", "2");
    sleep(Duration::from_secs(1));
    slurm.down(&site, "n2");
    slurm.wait_for_units(&site, 30);
    slurm.act("thaw-node", "2");
    slurm.act("start-node", "1");
    slurm.wait_for_the_end(&site);
    println!(
        "{:.0} s from submission to the end",
        start.elapsed().as_secs_f64()
    );
    let attended = fs::read_to_string(site.path("slurm/log/attended"));
    println!(
        "attended: {}",
        attended.unwrap_or_default().replace('\n', ", ")
    );
    let completed = fs::read_to_string(site.path("slurm/log/jobcomp.txt")).expect("the jobs");
    let merges = completed
        .lines()
        .filter(|it| it.contains("Name=cluster-merge"));
    let whole = merges
        .filter(|it| it.contains("JobState=COMPLETED"))
        .count();
    assert_eq!(whole, 1, "{completed}");
    site.is_as_local();
}

#[test]
#[ignore = "needs GNU parallel; .ci/run does"]
fn parallel_starts_killed_tasks_again() {
    let site = Site::new();
    site.emit(
        "parallel",
        &["--cores", "1", "--tasks", "5", "--limit", "2"],
        "run.sh",
    );
    let mut script = site.command("sh").arg("run.sh").spawn().expect("it starts");
    site.wait_for_units(4);
    kill_one_lab(&site);
    site.wait_for_units(20);
    kill_one_lab(&site);
    assert!(script.wait().expect("it ends").success());
    site.is_as_local();
}

#[test]
#[ignore = "needs root and the Python package hyperqueue; .ci/run does"]
fn hyperqueue_goes_on_after_its_server_and_worker_were_killed() {
    let site = Site::new();
    site.emit("hyperqueue", &["--cores", "1", "--tasks", "6"], "run.py");
    let python = std::env::var("UNCHOKE_HYPERQUEUE_PYTHON").unwrap_or("python3".to_owned());
    // The server listens on all addresses. In a network namespace, no other program can reach it.
    let inside = format!("ip link set lo up && exec {python} run.py --local");
    let namespace = || {
        let mut command = site.command("unshare");
        let home = site.path("home");
        command.args([
            "--net",
            "--pid",
            "--fork",
            "--kill-child=KILL",
            "--mount-proc",
            "sh",
            "-c",
            &inside,
        ]);
        command.env("HOME", home);
        command
    };
    let mut first = namespace().spawn().expect("it starts");
    site.wait_for_units(10);
    first.kill().expect("it runs");
    first.wait().expect("it is dead");
    let before = site.units();
    assert!((10..UNITS).contains(&before), "{before} units");
    done(&mut namespace());
    site.is_as_local();
}

/// Kills one task of this site with SIGKILL.
fn kill_one_lab(site: &Site) {
    for entry in fs::read_dir("/proc").expect("processes").flatten() {
        let Ok(command) = fs::read(entry.path().join("cmdline")) else {
            continue;
        };
        let here = fs::read_link(entry.path().join("cwd")).is_ok_and(|it| it == site.folder.path());
        let is_lab = command.starts_with(env!("CARGO_BIN_EXE_lab").as_bytes());
        if here && is_lab && command.windows(7).any(|it| it == b"--shard") {
            let pid = entry.file_name();
            done(Command::new("kill").arg("-9").arg(pid));
            return;
        }
    }
    panic!("no task of this site runs");
}
