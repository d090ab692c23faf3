//! Network links for the processes.
//!
//! If possible, each peer has its own network namespace, connected to a bridge by a virtual cable.
//! A token bucket at the peer's end of the cable limits its uplink, one at the bridge's end its
//! downlink. All of this is inside one outer set of namespaces (network, processes, mounts). The
//! program enters it by starting itself again. When the last process in it ends, for whatever
//! reason, the system removes the cables, buckets, files and remaining processes. No packet can
//! leave the machine.
//!
//! Without permission for namespaces, all peers share the loopback interface, and the client's own
//! rate caps limit them.

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

/// Environment variable that marks the copy of this program inside the namespaces. Its value is the
/// folder for its files.
const INSIDE: &str = "UNCHOKE_TESTBED_INSIDE";

/// Largest burst of a link in bytes: two full packets, so that the peak rate hardly exceeds the
/// rate.
const BURST: &str = "3028";

/// First port on loopback.
const FIRST_PORT: u16 = 17_700;

/// What a peer's shell does before it becomes the client: it waits for the cable, configures its
/// end, reports that, and waits for the start. Every kernel has the congestion control Reno; on
/// links this short, CUBIC behaves like it (RFC 9438, §4.3).
const SHELL: &str = r#"
echo; read -r _ || exit 1
ip link set lo up && ip addr add "$1/24" dev eth0 && ip link set eth0 up &&
tc qdisc add dev eth0 root tbf rate "$2bit" burst "$3" latency "$4" || exit 1
echo reno > /proc/sys/net/ipv4/tcp_congestion_control || exit 1
echo; read -r _ || exit 1
shift 4
exec "$@"
"#;

/// The same for loopback, where nothing needs to be configured.
const PLAIN_SHELL: &str = "echo; read -r _; echo; read -r _ || exit 1; exec \"$@\"";

/// Where the processes run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Each in its own network namespace, on shaped links.
    Namespaces {
        /// Longest queueing delay before a link, ms. Packets that would wait longer are dropped.
        queue_ms: u32,
    },
    /// All on loopback, limited by the client's own rate caps.
    Loopback,
}

/// Result of the attempt to enter namespaces.
#[derive(Debug)]
pub enum Entered {
    /// This process is inside. Its files go to this folder, which is removed at the end.
    Inside(PathBuf),
    /// A copy of this program ran inside and ended with this status.
    Done(u8),
    /// Namespaces are not available, for this reason.
    Refused(String),
}

/// The command line that creates the namespaces. A user who is not root can be root inside, on
/// systems that allow user namespaces.
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

/// Checks whether namespaces can be created and links shaped. Returns the command line for it.
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

/// Enters the namespaces. Inside, this only prepares the environment. Outside, it starts a copy of
/// this program inside with the same arguments and waits for it.
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
        // The copy ends when this pipe closes, which happens whenever this program ends.
        .stdin(Stdio::piped())
        // Ctrl-C reaches only this program, which then stops the whole copy.
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

/// Prepares what the peers share, and ends everything inside when the outer program ends.
fn inside(scratch: PathBuf) -> Result<PathBuf, TestbedError> {
    let folder = scratch.display().to_string();
    // Files are in memory: the disk cannot slow a peer, and they vanish with the namespaces.
    run("mount", &["-t", "tmpfs", "tmpfs", &folder])?;
    run("ip", &["link", "add", "name", "hub", "type", "bridge"])?;
    run("ip", &["link", "set", "hub", "up"])?;
    std::thread::spawn(move || {
        // Reaches the end of its input when the outer program ends; the outer program writes
        // nothing.
        drop(std::io::stdin().read_to_end(&mut Vec::new()));
        drop(run("umount", &["--lazy", &folder]));
        drop(std::fs::remove_dir(&folder));
        std::process::exit(130);
    });
    Ok(scratch)
}

/// The bridge's end of a peer's cable. Dropping this value removes the cable.
#[derive(Debug)]
pub(super) struct Port(String);

impl Port {
    /// Connects the namespace of process `pid` to the bridge with a cable.
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

    /// Bytes received from the peer, including headers of all layers.
    pub(super) fn received(&self) -> Option<u64> {
        let table = std::fs::read_to_string("/proc/self/net/dev").ok()?;
        let rows = table.lines().filter_map(|it| it.trim().split_once(':'));
        let (_, row) = rows.into_iter().find(|it| it.0 == self.0)?;
        row.split_whitespace().next()?.parse().ok()
    }
}

impl Drop for Port {
    fn drop(&mut self) {
        // The kernel may already have removed it, together with the namespace at its other end.
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

    /// Whether the client itself must limit its rates.
    #[must_use]
    pub fn needs_caps(self) -> bool {
        self == Self::Loopback
    }

    /// The shell that becomes `program` after two lines of input: the first when its cable is
    /// connected, the second to start.
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
                // If the tool is available, the process is killed when this program ends for any
                // reason.
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

    /// Connects a peer's process to the others.
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
