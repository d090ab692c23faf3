//! The `unchoke` command as a user runs it.

use std::io::{BufRead as _, BufReader};
use std::net::Ipv4Addr;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use super::{PATIENCE, Sample};

/// The command with these words, in `folder`.
pub(crate) fn unchoke(folder: &Path, words: &[&str]) -> Command {
    let mut command = unrestricted(folder, words);
    // Nothing of a test may leave the machine, unless the test makes a network of its own.
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

/// The same with every way to find peers: for a test in a network of its own.
pub(crate) fn unrestricted(folder: &Path, words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_unchoke"));
    command.current_dir(folder).args(words);
    command.env("XDG_STATE_HOME", folder.join(".state"));
    // A proxy of the machine has no business in a test on loopback.
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

/// Runs the command to its end.
pub(crate) fn run(folder: &Path, words: &[&str]) -> Output {
    let child = unchoke(folder, words)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    wait(child.expect("the command starts"), words)
}

/// Waits for a child, not for ever.
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

/// Fails unless the command ended with `status` and one sentence on standard error that holds
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

/// A command in the background that listens; it ends with this value.
pub(crate) struct Listening {
    pub(crate) child: Child,
    pub(crate) port: u16,
}

impl Listening {
    /// Starts the command with `--json` and waits until it says where it listens.
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
        // Drained, or the command would end when nobody reads what it says.
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
        // It may have ended by itself.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// A command in the background whose events can be waited for; it ends with this value.
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
                // Whoever waits for no more events goes away.
                drop(sender.send(event));
            }
        });
        Self { child, events }
    }

    /// The next event that is `wanted`.
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
        // It may have ended by itself.
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

/// A folder on a file system of its own. `None`, with a word, where that is not allowed.
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
        // Lazily, as a child may still hold a file.
        drop(Command::new("umount").arg("-l").arg(self.path()).status());
    }
}

/// A seed of the sample as its own process.
pub(crate) fn seed(sample: &Sample, extra: &[&str]) -> Listening {
    let folder = sample.folder.path();
    sample.write_torrent(folder);
    let mut command = unchoke(folder, &["seed", "sample.torrent", "--data", "."]);
    command
        .args(["--policy", "unchoke_all", "--no-tracker"])
        .args(extra);
    Listening::start(command)
}
