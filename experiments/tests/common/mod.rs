//! A folder in which `lab` runs, as a user runs it.

#![allow(
    dead_code,
    unreachable_pub,
    reason = "each test file uses its own part"
)]

use std::fs;
use std::process::{Command, Output};

/// A plan that runs in a moment.
pub const PLAN: &str = r#"
name = "tiny"
question = "Does it run?"
expectation = "It does."
adoption = ["one", "100 %"]
seeds = { master = 1, count = 6 }
statistics = { bootstrap = 200 }

[candidate]
policy = "tit_for_tat"
max_connections = 5

[[baseline]]
policy = "unchoke_all"

[[scenario]]
source = "flash-hetero"
set = { peers = 12, size = "2 MiB", piece = "64 KiB", sample_every = "5 s" }
"#;

/// The output of a command.
pub struct Said {
    pub stdout: String,
    pub stderr: String,
}

/// Runs a command to its end, and checks its exit code.
#[track_caller]
pub fn ended(command: &mut Command, code: i32) -> Said {
    let output = command.output().expect("it starts");
    let text = |bytes| String::from_utf8(bytes).expect("text");
    let (stdout, stderr) = (text(output.stdout), text(output.stderr));
    assert_eq!(
        output.status.code(),
        Some(code),
        "{command:?}\n{stdout}{stderr}"
    );
    Said { stdout, stderr }
}

/// A folder with a plan, in which `lab` runs.
pub struct Lab {
    folder: tempfile::TempDir,
}

impl Lab {
    pub fn new(plan: &str) -> Self {
        let folder = tempfile::tempdir().expect("folder");
        fs::write(folder.path().join("tiny.toml"), plan).expect("plan");
        Self { folder }
    }

    pub fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lab"));
        command.current_dir(self.folder.path()).args(arguments);
        command
    }

    pub fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments)
            .output()
            .expect("the command starts")
    }

    /// Runs a command and checks its exit code. Returns what was printed, errors last.
    pub fn expect(&self, code: i32, arguments: &[&str]) -> String {
        let said = ended(&mut self.command(arguments), code);
        said.stdout + &said.stderr
    }
}

/// The steps in `experiments/README.md` for a policy of one's own.
pub struct WalkThrough {
    /// The text of the plan.
    pub plan: String,
    /// The text of the scenario.
    pub scenario: String,
    /// The command lines.
    pub lines: Vec<String>,
}

/// Reads the steps from the README.
pub fn own_policy() -> WalkThrough {
    let readme = include_str!("../../README.md");
    let heading = "## A policy of your own, outside the tree\n";
    let section = readme.split(heading).nth(1).expect("the section");
    let section = section.split("\n## ").next().expect("its end");
    let block = |fence: &str, part: &str| {
        let blocks = section.split(fence).skip(1);
        let mut blocks = blocks.filter_map(|it| it.split("```").next());
        let found = blocks.find(|it| it.contains(part));
        found
            .unwrap_or_else(|| panic!("{part} in the README"))
            .to_owned()
    };
    let lines = block("```sh\n", "cargo run --release -- ");
    WalkThrough {
        plan: block("```toml\n", "candidate = "),
        scenario: block("```toml\n", "[[population]]"),
        lines: lines.lines().map(str::to_owned).collect(),
    }
}

/// A unit file: its lines with the trailer that makes it valid.
pub fn sealed(body: &str, lines: &serde_json::Value) -> String {
    use sha2::{Digest as _, Sha256};
    let hash = hex::encode(Sha256::digest(body.as_bytes()));
    format!("{body}{{\"lines\":{lines},\"sha256\":\"{hash}\"}}\n")
}

/// An example, which cargo builds with the tests.
pub fn example(name: &str) -> std::path::PathBuf {
    let here = std::env::current_exe().expect("this program");
    let target = here
        .parent()
        .and_then(std::path::Path::parent)
        .expect("target/PROFILE");
    let path = target.join("examples").join(name);
    let built = path.with_extension(std::env::consts::EXE_EXTENSION);
    assert!(
        built.exists(),
        "{} is not built: run all tests of the package, or cargo build --examples",
        built.display()
    );
    built
}
