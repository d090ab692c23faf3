//! One client process: starts it, reads its output, stops it.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::Sender;

use super::TestbedError;

/// Output of a process: its number and a line; `None` when the process has ended.
pub(super) type Said = (usize, Option<String>);

/// A process that is killed when this value is dropped.
#[derive(Debug)]
pub(super) struct Peer {
    child: Child,
    stdin: ChildStdin,
    errors: PathBuf,
}

impl Peer {
    /// Starts the process. Its standard output goes to `heard`, its standard error to a file.
    pub(super) fn start(
        number: usize,
        mut command: Command,
        errors: PathBuf,
        heard: Sender<Said>,
    ) -> Result<Self, TestbedError> {
        let cannot = |it: std::io::Error| {
            TestbedError::system(format!("start peer {number} ({command:?})"), it)
        };
        let file = File::create(&errors).map_err(cannot)?;
        let child = Command::stdin(&mut command, Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(file)
            .spawn();
        let mut child =
            child.map_err(|it| TestbedError::system(format!("start peer {number}"), it))?;
        let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
        let stdout = BufReader::new(stdout.expect("it is a pipe"));
        std::thread::spawn(move || {
            // A line that is not UTF-8 ends the reading, and the process counts as ended.
            for line in stdout.lines().map_while(Result::ok) {
                if heard.send((number, Some(line))).is_err() {
                    return;
                }
            }
            // The receiver may be gone; then nobody needs the news.
            drop(heard.send((number, None)));
        });
        Ok(Self {
            child,
            stdin: stdin.expect("it is a pipe"),
            errors,
        })
    }

    /// Sends the line that the process waits for.
    pub(super) fn go_on(&mut self) -> Result<(), TestbedError> {
        let told = self
            .stdin
            .write_all(b"\n")
            .and_then(|()| self.stdin.flush());
        told.map_err(|it| {
            TestbedError::system("start a peer", format!("{it}; {}", self.complaint()))
        })
    }

    /// Its process id.
    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The last line on its standard error.
    pub(super) fn complaint(&self) -> String {
        let said = fs::read(&self.errors).unwrap_or_default();
        let said = String::from_utf8_lossy(&said).into_owned();
        let lines: Vec<&str> = said.lines().rev().take(5).collect();
        if lines.is_empty() {
            return "it said nothing".to_owned();
        }
        lines.into_iter().rev().collect::<Vec<_>>().join("; ")
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // The process may have ended already.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Interrupts processes, as Ctrl-C would.
pub(super) fn interrupt<'a>(peers: impl Iterator<Item = &'a Peer>) -> Result<(), TestbedError> {
    let pids: Vec<String> = peers.map(|it| it.pid().to_string()).collect();
    if pids.is_empty() {
        return Ok(());
    }
    // Some may have ended already. `kill` reports that; it does not matter here.
    let told = Command::new("sh")
        .args(["-c", "kill -INT \"$@\" 2>/dev/null", "sh"])
        .args(pids)
        .status();
    told.map(drop)
        .map_err(|it| TestbedError::system("stop the peers", it))
}

/// Runs a system command to its end. Returns its standard output.
pub(super) fn run(program: &str, words: &[&str]) -> Result<String, TestbedError> {
    let action = || format!("run `{program} {}`", words.join(" "));
    let output = Command::new(program)
        .args(words)
        .stdin(Stdio::null())
        .output()
        .map_err(|it| TestbedError::system(action(), it))?;
    if !output.status.success() {
        let reason = String::from_utf8_lossy(&output.stderr);
        let reason = reason.trim().replace('\n', "; ");
        return Err(TestbedError::system(action(), reason));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
