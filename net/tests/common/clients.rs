//! Other BitTorrent clients, as installed on the machine.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use super::front_ends;

/// A process that is killed when this is dropped. Its output is kept next to its data.
pub(crate) struct Running {
    child: Child,
    log: PathBuf,
}

impl Running {
    pub(crate) fn start(mut command: Command, log: PathBuf) -> Self {
        let file = File::create(&log).expect("log");
        let child = command
            .stdin(Stdio::null())
            .stdout(file.try_clone().expect("log"))
            .stderr(file)
            .spawn();
        let child = child.unwrap_or_else(|error| panic!("{command:?}: {error}"));
        Self { child, log }
    }

    /// The end of its output, for a failing test.
    pub(crate) fn last_words(&self) -> String {
        let said = fs::read(&self.log).unwrap_or_default();
        let said = String::from_utf8_lossy(&said).into_owned();
        let lines: Vec<&str> = said.lines().rev().take(40).collect();
        lines.into_iter().rev().collect::<Vec<_>>().join("\n")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// The files and settings of a client in a test.
#[derive(Clone, Copy)]
pub(crate) struct Place<'a> {
    /// The .torrent file.
    pub(crate) torrent: &'a Path,
    /// The folder of the payload, before or after the download.
    pub(crate) folder: &'a Path,
    /// The folder for the client's own files.
    pub(crate) scratch: &'a Path,
    pub(crate) address: &'a str,
    pub(crate) port: u16,
    /// Whether it must refuse unencrypted connections and, if it can, unencrypted payload.
    pub(crate) encrypted: bool,
    /// Whether it must speak uTP.
    pub(crate) utp: bool,
    /// Source of peers besides trackers, as an argument of `libtorrent_peer.py`; libtorrent only.
    pub(crate) finder: &'a str,
}

impl Place<'_> {
    /// The file for the output of a client.
    pub(crate) fn log(&self, client: Client) -> PathBuf {
        self.scratch.join(format!("{client:?}.log"))
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Client {
    Transmission,
    Aria2,
    Libtorrent,
    Rtorrent,
    Qbittorrent,
    Webtorrent,
}

pub(crate) fn installed(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

/// A Python with libtorrent. Try the system's Python, too: another one may come first in the path.
pub(crate) fn python() -> Option<&'static str> {
    let has_libtorrent = |python: &&str| {
        let tried = Command::new(python)
            .args(["-c", "import libtorrent"])
            .stderr(Stdio::null())
            .status();
        tried.is_ok_and(|it| it.success())
    };
    ["python3", "/usr/bin/python3"]
        .into_iter()
        .find(has_libtorrent)
}

impl Client {
    /// The program that must be installed, if it is missing.
    pub(crate) fn missing(self) -> Option<&'static str> {
        match self {
            Self::Transmission => {
                (!installed("transmission-daemon")).then_some("transmission-daemon")
            }
            Self::Aria2 => (!installed("aria2c")).then_some("aria2"),
            Self::Libtorrent => python().is_none().then_some("python3-libtorrent"),
            Self::Rtorrent => (!installed("rtorrent")).then_some("rtorrent"),
            Self::Qbittorrent => (!installed("qbittorrent-nox")).then_some("qbittorrent-nox"),
            Self::Webtorrent => {
                let there = installed("node") && front_ends::node_modules().is_dir();
                (!there).then_some("WebTorrent (in target/webtorrent, see .ci/run)")
            }
        }
    }

    pub(crate) fn seed(self, place: Place<'_>) -> Running {
        self.start(place, true)
    }

    pub(crate) fn fetch(self, place: Place<'_>) -> Running {
        self.start(place, false)
    }

    fn start(self, place: Place<'_>, seed: bool) -> Running {
        let command = match self {
            Self::Transmission => transmission(place),
            Self::Aria2 => aria2(place, seed),
            Self::Libtorrent => libtorrent(place, seed),
            Self::Rtorrent => front_ends::rtorrent(place),
            Self::Qbittorrent => front_ends::qbittorrent(place),
            Self::Webtorrent => front_ends::webtorrent(place),
        };
        let running = Running::start(command, place.log(self));
        if self == Self::Transmission && !place.torrent.is_file() {
            front_ends::hand_link_to_transmission(place);
        }
        running
    }
}

fn transmission(place: Place<'_>) -> Command {
    let watched = place.scratch.join("watched");
    let settings = place.scratch.join("settings");
    fs::create_dir_all(&watched).expect("folder");
    fs::create_dir_all(&settings).expect("folder");
    // A magnet link is passed later.
    if place.torrent.is_file() {
        fs::copy(place.torrent, watched.join("it.torrent")).expect("copy");
    }
    // Peer exchange can only be set in the settings file, not by an option.
    fs::write(
        settings.join("settings.json"),
        r#"{ "pex-enabled": false }"#,
    )
    .expect("write");
    let mut command = Command::new("transmission-daemon");
    command
        .args(["--foreground", "--log-debug"])
        .args(["--no-dht", "--no-lpd", "--no-portmap", "--no-auth"])
        // It cannot be told to use uTP only: it dials by uTP first, and by TCP if that fails.
        .arg(if place.utp { "--utp" } else { "--no-utp" })
        .args(["--bind-address-ipv4", place.address])
        .args(["--rpc-bind-address", place.address, "--allowed", "*.*.*.*"])
        .args(["--peerport", &place.port.to_string()])
        .args([Path::new("--config-dir"), &settings])
        .args([Path::new("--watch-dir"), &watched])
        .args([Path::new("--download-dir"), place.folder]);
    if place.encrypted {
        command.arg("--encryption-required");
    }
    command
}

fn aria2(place: Place<'_>, seed: bool) -> Command {
    let mut command = Command::new("aria2c");
    command
        .args([
            "--enable-dht=false",
            "--enable-dht6=false",
            "--bt-enable-lpd=false",
        ])
        .args([
            "--enable-peer-exchange=false",
            "--file-allocation=none",
            "--no-conf=true",
        ])
        .args(["--summary-interval=5", "--log-level=info"])
        .arg(format!("--listen-port={}", place.port))
        .arg(format!("--interface={}", place.address))
        .arg(format!("--dir={}", place.folder.display()));
    if place.encrypted {
        command.args(["--bt-require-crypto=true", "--bt-min-crypto-level=arc4"]);
    }
    if seed {
        // It checks existing files only with this option.
        command.args(["--check-integrity=true", "--seed-ratio=0.0"]);
    } else {
        command.args(["--seed-time=0", "--allow-overwrite=true"]);
    }
    command.arg(place.torrent);
    command
}

fn libtorrent(place: Place<'_>, seed: bool) -> Command {
    let mut command = Command::new(python().expect("asked for before"));
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/common/libtorrent_peer.py");
    command
        .arg(script)
        .arg(if seed { "seed" } else { "fetch" })
        .args([place.torrent, place.folder])
        .args([place.address, &place.port.to_string()])
        .arg(if place.encrypted {
            "encrypted"
        } else {
            "plain"
        })
        .args(Some(place.finder).filter(|it| !it.is_empty()))
        .args(place.utp.then_some("utp"));
    command
}

/// opentracker, configured to list only this torrent.
pub(crate) fn opentracker(scratch: &Path, address: &str, port: u16, info_hash: &str) -> Running {
    let root = scratch.join("opentracker");
    fs::create_dir_all(&root).expect("folder");
    fs::write(root.join("whitelist"), format!("{info_hash}\n")).expect("write");
    let settings = format!(
        "listen.tcp {address}:{port}\nlisten.udp {address}:{port}\naccess.whitelist whitelist\ntracker.rootdir {}\ntracker.user nobody\n",
        root.display()
    );
    let file = root.join("opentracker.conf");
    fs::write(&file, settings).expect("write");
    let mut command = Command::new("opentracker");
    command.arg("-f").arg(file);
    Running::start(command, scratch.join("opentracker.log"))
}
