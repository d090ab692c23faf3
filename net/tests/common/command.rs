//! Runs the `unchoke` command as a user does.

use std::io::{BufRead as _, BufReader};
use std::net::Ipv4Addr;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use super::{PATIENCE, Sample};

/// The command with these arguments, in `folder`.
pub(crate) fn unchoke(folder: &Path, words: &[&str]) -> Command {
    let mut command = unrestricted(folder, words);
    // A test must not send packets out of the machine, unless it runs in a network namespace of its
    // own.
    let transfers = words
        .first()
        .is_some_and(|it| ["download", "seed", "run"].contains(it));
    if transfers && !words.contains(&"--no-lsd") {
        command.arg("--no-lsd");
    }
    if transfers && !words.contains(&"--portmap") {
        command.args(["--portmap", "never"]);
    }
    if transfers && !words.iter().any(|it| it.starts_with("--dht-node")) {
        command.arg("--no-dht");
    }
    command
}

/// The same with all sources of peers, for a test in a network namespace of its own.
pub(crate) fn unrestricted(folder: &Path, words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_unchoke"));
    command.current_dir(folder).args(words);
    command.env("XDG_STATE_HOME", folder.join(".state"));
    command.env("XDG_CONFIG_HOME", folder.join(".config"));
    // Ignore proxies of the environment in tests on loopback.
    for name in [
        "http_proxy",
        "HTTP_PROXY",
        "https_proxy",
        "HTTPS_PROXY",
        "ALL_PROXY",
        "all_proxy",
    ] {
        command.env_remove(name);
    }
    command
}

/// Runs the command and waits for its end.
pub(crate) fn run(folder: &Path, words: &[&str]) -> Output {
    let child = unchoke(folder, words)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    wait(child.expect("the command starts"), words)
}

/// Waits for a child process, with a time limit.
pub(crate) fn wait(mut child: Child, words: &[&str]) -> Output {
    let deadline = Instant::now() + PATIENCE * 2;
    while child.try_wait().expect("waits").is_none() {
        if Instant::now() > deadline {
            child.kill().expect("kills");
            panic!("{words:?} did not end");
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    child.wait_with_output().expect("output")
}

pub(crate) fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Fails unless the command ended with `status` and one sentence on standard error that contains
/// `part`.
pub(crate) fn assert_sentence(output: &Output, status: i32, part: &str) {
    let said = stderr(output);
    assert_eq!(output.status.code(), Some(status), "{said}");
    let sentences: Vec<&str> = said
        .lines()
        .filter(|it| it.starts_with("unchoke: "))
        .collect();
    assert_eq!(sentences.len(), 1, "{said}");
    assert!(sentences[0].contains(part), "`{part}` is not in: {said}");
    assert!(!said.contains("panicked"), "{said}");
}

/// A listening command in the background. It is killed when this is dropped.
pub(crate) struct Listening {
    pub(crate) child: Child,
    pub(crate) port: u16,
}

impl Listening {
    /// Starts the command with `--json` and waits until it reports its port.
    pub(crate) fn start(mut command: Command) -> Self {
        command
            .arg("--json")
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let mut child = command.spawn().expect("the command starts");
        let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        let port = loop {
            let line = lines.next().expect("it listens").expect("text");
            let event: serde_json::Value = serde_json::from_str(&line).expect("JSON");
            if event["event"] == "listening" {
                break u16::try_from(event["port"].as_u64().expect("a port")).expect("a port");
            }
        };
        // Keep reading: the command would end if its output had no reader.
        std::thread::spawn(move || lines.for_each(drop));
        Self { child, port }
    }

    /// `HOST:PORT` for `--peer`.
    pub(crate) fn peer(&self) -> String {
        format!("{}:{}", Ipv4Addr::LOCALHOST, self.port)
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        // It may have ended already.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// A command in the background whose events a test can wait for. It is killed when this is dropped.
pub(crate) struct Reporting {
    pub(crate) child: Child,
    events: std::sync::mpsc::Receiver<serde_json::Value>,
}

impl Reporting {
    /// Starts the command with `--json`.
    pub(crate) fn start(mut command: Command) -> Self {
        command
            .arg("--json")
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let mut child = command.spawn().expect("the command starts");
        let lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        let (sender, events) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                let event = serde_json::from_str(&line).expect("JSON");
                // Sending fails if the test waits for no more events.
                drop(sender.send(event));
            }
        });
        Self { child, events }
    }

    /// The next event that `wanted` accepts.
    pub(crate) fn until(&self, wanted: impl Fn(&serde_json::Value) -> bool) -> serde_json::Value {
        let mut seen = Vec::new();
        loop {
            let event = self.events.recv_timeout(PATIENCE);
            let event = event.unwrap_or_else(|error| panic!("{error} after {seen:?}"));
            if wanted(&event) {
                return event;
            }
            if event["event"] != "progress" {
                seen.push(event);
            }
        }
    }
}

impl Drop for Reporting {
    fn drop(&mut self) {
        // It may have ended already.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Sends `signal` (a name such as `INT`) to a child.
pub(crate) fn signal(child: &Child, signal: &str) {
    let sent = Command::new("kill")
        .args([&format!("-{signal}"), &child.id().to_string()])
        .status();
    assert!(sent.expect("kill runs").success());
}

/// A folder with a file system of its own. `None`, with a message, if mounting is not allowed.
pub(crate) struct Mounted {
    folder: tempfile::TempDir,
}

impl Mounted {
    pub(crate) fn new(options: &str) -> Option<Self> {
        let folder = tempfile::tempdir().expect("temporary folder");
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", options, "tmpfs"])
            .arg(folder.path())
            .stderr(Stdio::null())
            .status();
        if mounted.is_ok_and(|it| it.success()) {
            return Some(Self { folder });
        }
        eprintln!("SKIPPED: mounting a small file system needs root");
        None
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        // A lazy unmount, because a child may still use a file.
        drop(Command::new("umount").arg("-l").arg(self.path()).status());
    }
}

/// A seed of the sample in a process of its own.
pub(crate) fn seed(sample: &Sample, extra: &[&str]) -> Listening {
    let folder = sample.folder.path();
    sample.write_torrent(folder);
    let mut command = unchoke(folder, &["seed", "sample.torrent", "--data", "."]);
    command
        .args(["--policy", "unchoke_all", "--no-tracker"])
        .args(extra);
    Listening::start(command)
}
