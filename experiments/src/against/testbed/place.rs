//! Where the processes run, and what limits them.
//!
//! At best each peer has a network namespace of its own, with one virtual cable to a bridge. A
//! token bucket at its end of the cable is its uplink, one at the bridge's end its downlink. All of
//! it lies within one set of namespaces (network, processes, mounts) that this program enters by
//! starting itself again: the last process that leaves takes cables, buckets, files and whatever
//! still runs with it, however it ends. No packet can leave the machine.
//!
//! Without that right the peers share loopback and the client's own rate caps are their links.

use std::io::Read as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use unchoke_sim::spec::NodeSpec;

use super::TestbedError;
use super::peer::run;
use super::setup::Addresses;

/// Marks the copy of this program that runs inside, and names the folder for its files.
const INSIDE: &str = "UNCHOKE_TESTBED_INSIDE";

/// Bytes that a link passes at once: two full packets, so that the peak rate is the rate.
const BURST: &str = "3028";

/// First port on loopback.
const FIRST_PORT: u16 = 17_700;

/// What a peer's shell does before it becomes the client: wait for the cable, set up its end, say
/// so, and wait for the start. Reno is the congestion control that every kernel has; on links as
/// short as these CUBIC falls back to it (RFC 9438, §4.3).
const SHELL: &str = r#"
echo; read -r _ || exit 1
ip link set lo up && ip addr add "$1/24" dev eth0 && ip link set eth0 up &&
tc qdisc add dev eth0 root tbf rate "$2bit" burst "$3" latency "$4" || exit 1
echo reno > /proc/sys/net/ipv4/tcp_congestion_control || exit 1
echo; read -r _ || exit 1
shift 4
exec "$@"
"#;

/// The same on loopback, where there is nothing to set up.
const PLAIN_SHELL: &str = "echo; read -r _; echo; read -r _ || exit 1; exec \"$@\"";

/// Where processes run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Each in a network namespace of its own, on shaped links.
    Namespaces {
        /// Longest time that a packet waits in the queue before a link, ms; what would wait longer
        /// is dropped.
        queue_ms: u32,
    },
    /// All on loopback, limited by their own caps.
    Loopback,
}

/// What became of the attempt to enter namespaces.
#[derive(Debug)]
pub enum Entered {
    /// This program is inside; files go to this folder, which goes when it ends.
    Inside(PathBuf),
    /// Another copy of it was, and ended with this status.
    Done(u8),
    /// There are none to be had, for this reason.
    Refused(String),
}

/// The words that make the namespaces. Who is not root may be root inside, where the system lets
/// everybody make namespaces.
fn unshare(as_root: bool) -> Vec<&'static str> {
    let mut words = vec![
        "--net",
        "--pid",
        "--fork",
        "--kill-child=KILL",
        "--mount-proc",
    ];
    if !as_root {
        words.push("--map-root-user");
    }
    words
}

/// Whether namespaces can be made and links shaped, and with which words.
fn capable() -> Result<Vec<&'static str>, String> {
    const TRIAL: &str = "ip link add name one type veth peer name two && ip link add name hub type bridge && \
                         tc qdisc add dev one root tbf rate 1mbit burst 3028 latency 100ms && \
                         echo reno > /proc/sys/net/ipv4/tcp_congestion_control && \
                         mount -t tmpfs tmpfs /proc";
    let mut reason = String::new();
    for as_root in [true, false] {
        let words = unshare(as_root);
        match run("unshare", &[&words[..], &["sh", "-c", TRIAL]].concat()) {
            Ok(_) => return Ok(words),
            Err(TestbedError::System { reason: why, .. }) => reason = why,
            Err(error) => reason = error.to_string(),
        }
    }
    Err(reason)
}

/// Enters namespaces: inside this is a matter of a few preparations, outside another copy of this
/// program with the same arguments is started inside, and waited for.
pub fn enter() -> Result<Entered, TestbedError> {
    if let Some(scratch) = std::env::var_os(INSIDE) {
        return inside(PathBuf::from(scratch)).map(Entered::Inside);
    }
    let words = match capable() {
        Ok(words) => words,
        Err(reason) => return Ok(Entered::Refused(reason)),
    };
    let system = |it: std::io::Error| TestbedError::system("start in namespaces", it);
    let mut signals = Signals::new([SIGINT, SIGTERM]).map_err(system)?;
    let scratch = tempfile::Builder::new()
        .prefix("unchoke-testbed-")
        .tempdir()
        .map_err(system)?;
    let mut child = Command::new("unshare")
        .args(words)
        .arg(std::env::current_exe().map_err(system)?)
        .args(std::env::args_os().skip(1))
        .env(INSIDE, scratch.path())
        // It ends when this pipe does: with this program, however that ends.
        .stdin(Stdio::piped())
        // Ctrl-C is for this program, which then stops the other as a whole.
        .process_group(0)
        .spawn()
        .map_err(system)?;
    loop {
        if let Some(status) = child.try_wait().map_err(system)? {
            let code = status.code().and_then(|it| u8::try_from(it).ok());
            return Ok(Entered::Done(code.unwrap_or(5)));
        }
        if let Some(signal) = signals.pending().next() {
            child.kill().and_then(|()| child.wait()).map_err(system)?;
            eprintln!("stopped; nothing is left running");
            return Ok(Entered::Done(128 + u8::try_from(signal).unwrap_or(0)));
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Prepares what the peers share, and sees to it that nothing outlives the outer program.
fn inside(scratch: PathBuf) -> Result<PathBuf, TestbedError> {
    let folder = scratch.display().to_string();
    // Files in memory: no disk can slow a peer, and they go with the namespaces.
    run("mount", &["-t", "tmpfs", "tmpfs", &folder])?;
    run("ip", &["link", "add", "name", "hub", "type", "bridge"])?;
    run("ip", &["link", "set", "hub", "up"])?;
    std::thread::spawn(move || {
        // Ends when the outer program is gone; it writes nothing.
        drop(std::io::stdin().read_to_end(&mut Vec::new()));
        drop(run("umount", &["--lazy", &folder]));
        drop(std::fs::remove_dir(&folder));
        std::process::exit(130);
    });
    Ok(scratch)
}

/// The bridge's end of a peer's cable; it is unplugged with this value.
#[derive(Debug)]
pub(super) struct Port(String);

impl Port {
    /// Plugs in a cable between the bridge and the namespace of process `pid`.
    fn plug(node: usize, pid: u32, spec: &NodeSpec, queue: &str) -> Result<Self, TestbedError> {
        let name = format!("port{node}");
        let pid = pid.to_string();
        let rate = format!("{}bit", spec.down * 8);
        let cable: [&[&str]; 3] = [
            &["link", "add", "name", &name, "type", "veth"],
            &["peer", "name", "eth0"],
            &["netns", &pid],
        ];
        run("ip", &cable.concat())?;
        let port = Self(name);
        let name = port.0.as_str();
        run("ip", &["link", "set", name, "master", "hub", "up"])?;
        let shape: [&[&str]; 2] = [
            &["qdisc", "add", "dev", name, "root", "tbf", "rate", &rate],
            &["burst", BURST, "latency", queue],
        ];
        run("tc", &shape.concat())?;
        Ok(port)
    }

    /// Bytes that came from the peer, headers of all layers included.
    pub(super) fn received(&self) -> Option<u64> {
        let table = std::fs::read_to_string("/proc/self/net/dev").ok()?;
        let rows = table.lines().filter_map(|it| it.trim().split_once(':'));
        let (_, row) = rows.into_iter().find(|it| it.0 == self.0)?;
        row.split_whitespace().next()?.parse().ok()
    }
}

impl Drop for Port {
    fn drop(&mut self) {
        // The kernel may have taken it away with the namespace at the other end.
        drop(run("ip", &["link", "del", &self.0]));
    }
}

impl Place {
    /// Where the peers listen.
    #[must_use]
    pub fn addresses(self) -> Addresses {
        match self {
            Self::Namespaces { .. } => Addresses::Own,
            Self::Loopback => Addresses::Ports(FIRST_PORT),
        }
    }

    /// Whether the client must keep to the rates by itself.
    #[must_use]
    pub fn needs_caps(self) -> bool {
        self == Self::Loopback
    }

    /// The shell that becomes `program` once it was told twice to go on: first when its cable is
    /// plugged in, then to start.
    pub(super) fn shell(self, node: usize, spec: &NodeSpec, program: &Path) -> Command {
        match self {
            Self::Namespaces { queue_ms } => {
                let queue = format!("{queue_ms}ms");
                let address = self.addresses().of(node);
                let rate = (spec.up * 8).to_string();
                let mut command = Command::new("unshare");
                command
                    .args(["--net", "sh", "-c", SHELL, "sh"])
                    .args([&address.ip().to_string(), &rate, BURST, &queue])
                    .arg(program);
                command
            }
            Self::Loopback => {
                // Where it can be had: the process dies with this program, however that ends.
                let bound = run("setpriv", &["--pdeathsig", "KILL", "true"]).is_ok();
                let mut command = Command::new(if bound { "setpriv" } else { "sh" });
                if bound {
                    command.args(["--pdeathsig", "KILL", "sh"]);
                }
                command.args(["-c", PLAIN_SHELL, "sh"]).arg(program);
                command
            }
        }
    }

    /// Connects the process of a peer to the others.
    pub(super) fn plug(
        self,
        node: usize,
        pid: u32,
        spec: &NodeSpec,
    ) -> Result<Option<Port>, TestbedError> {
        match self {
            Self::Namespaces { queue_ms } => {
                Port::plug(node, pid, spec, &format!("{queue_ms}ms")).map(Some)
            }
            Self::Loopback => Ok(None),
        }
    }
}
