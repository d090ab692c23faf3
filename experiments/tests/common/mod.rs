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

/// A folder with a plan in it, in which `lab` runs.
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
        let mut command = Command::new(assert_cmd::cargo::cargo_bin!("lab"));
        command.current_dir(self.folder.path()).args(arguments);
        command
    }

    pub fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments)
            .output()
            .expect("the command starts")
    }

    /// Runs and expects an exit code; gives what was printed, errors last.
    pub fn expect(&self, code: i32, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let text = [output.stdout, output.stderr].concat();
        let text = String::from_utf8(text).expect("text");
        assert_eq!(output.status.code(), Some(code), "{arguments:?}\n{text}");
        text
    }
}
