//! Runs each test in a network namespace of its own.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::common::clients::{Client, installed};

/// Environment variable that marks the copy of this program inside the network namespace.
const INSIDE: &str = "UNCHOKE_TEST_NETWORK";

/// The addresses of the programs in a test.
#[derive(Clone, Copy)]
pub(crate) struct Network {
    pub(crate) tracker: &'static str,
    pub(crate) client: &'static str,
}

pub(crate) const OWN: Network = Network {
    tracker: "10.77.0.9",
    client: "10.77.0.2",
};
const LOOPBACK: Network = Network {
    tracker: "127.0.0.1",
    client: "127.0.0.1",
};

/// All programs on loopback.
const ONE_WIRE: &str = "ip link set lo up \
    && for i in 1 2 9; do ip addr add 10.77.0.$i/24 dev lo || exit 1; done";

/// A local network with multicast, and a default route to an interface that leads nowhere: packets
/// sent there are counted and lost. IPv6 is off there, because it would send packets by itself.
const VOID: &str = "ip link set lo up && ip link add void type veth peer name end \
    && for i in void end; do echo 1 > /proc/sys/net/ipv6/conf/$i/disable_ipv6 || exit 1; done \
    && for i in 1 2 9; do ip addr add 10.77.0.$i/24 dev void || exit 1; done \
    && ip link set end up && ip link set void up multicast on \
    && ip route add default via 10.77.0.77 dev void";

/// The same with an address for a gateway, which is also on this machine.
const GATEWAY: &str = "ip addr add 10.77.0.77/32 dev lo";

/// This machine only, with a host name that has one address of each family.
const BOTH_FAMILIES: &str = "ip link set lo up && names=$(mktemp) \
    && printf '127.0.0.1 localhost both.test\\n::1 localhost both.test\\n' > $names \
    && mount --bind $names /etc/hosts && rm -f $names";

/// Whether this client may be missing although tests are required.
fn may_be_missing(client: Client) -> bool {
    let without = std::env::var_os("UNCHOKE_WITHOUT_WEBTORRENT");
    client == Client::Webtorrent && without.is_some_and(|it| it == "1")
}

/// Prints a warning that a test was skipped; fails if tests are required.
pub(crate) fn skip(why: &str) {
    let required = std::env::var_os("UNCHOKE_REQUIRE_PEERS").is_some_and(|it| it == "1");
    assert!(!required, "UNCHOKE_REQUIRE_PEERS=1, but {why}");
    eprintln!("SKIPPED: {why}");
}

fn can_unshare() -> bool {
    let may_unshare = || {
        let tried = Command::new("unshare")
            .args(["--net", "true"])
            .stderr(Stdio::null())
            .status();
        tried.is_ok_and(|it| it.success())
    };
    installed("ip") && installed("unshare") && may_unshare()
}

/// Runs `test` of `module` again in a network namespace made by `script`, with its own view of
/// `/sys`.
fn run_inside(script: &str, module: &str, test: &str) {
    let script = format!("{script} && exec \"$0\" \"$@\"");
    let (_, below) = module.split_once("::").expect("below the program");
    let inside = Command::new("unshare")
        .args(["--net", "--mount", "sh", "-c", &script])
        .arg(std::env::current_exe().expect("this program"))
        .args(["--exact", &format!("{below}::{test}")])
        .args(["--nocapture", "--include-ignored"])
        .env(INSIDE, "own")
        .output();
    let inside = inside.expect("unshare runs");
    let said = String::from_utf8_lossy(&inside.stdout);
    eprint!("{said}{}", String::from_utf8_lossy(&inside.stderr));
    assert!(inside.status.success(), "failed in its own network");
    assert!(said.contains("1 passed"), "{below}::{test} is no test");
}

fn is_inside() -> bool {
    std::env::var_os(INSIDE).is_some()
}

/// The network for the test. `None` if the test is done, because it ran in a copy of this program
/// or because it is not possible. `module` is `module_path!()`.
pub(crate) fn network(module: &str, test: &str, client: Client) -> Option<Network> {
    if is_inside() {
        return Some(OWN);
    }
    if let Some(package) = client.missing() {
        let why = format!("{package} is not installed");
        if may_be_missing(client) {
            eprintln!("SKIPPED: {why}");
        } else {
            skip(&why);
        }
        return None;
    }
    if can_unshare() {
        if !installed("opentracker") {
            skip("opentracker is not installed");
            return None;
        }
        run_inside(ONE_WIRE, module, test);
        return None;
    }
    if client == Client::Transmission {
        skip("Transmission refuses loopback, and a network of its own needs root");
        return None;
    }
    Some(LOOPBACK)
}

/// Whether this program runs in the local network with the counting interface. False if the test is
/// done or not possible. `client` is the other client that the test needs.
pub(crate) fn in_the_void(module: &str, test: &str, client: Option<Client>) -> bool {
    if is_inside() {
        return true;
    }
    if let Some(package) = client.and_then(Client::missing) {
        skip(&format!("{package} is not installed"));
        return false;
    }
    inside(VOID, module, test)
}

/// Whether this program runs in a local network with a gateway address, 10.77.0.77. False if the
/// test is done or not possible.
pub(crate) fn behind_a_gateway(module: &str, test: &str) -> bool {
    is_inside() || inside(&format!("{VOID} && {GATEWAY}"), module, test)
}

/// Whether `both.test` is this machine, over IPv4 and IPv6. False if the test is done or not
/// possible.
pub(crate) fn with_both_families(module: &str, test: &str) -> bool {
    is_inside() || inside(BOTH_FAMILIES, module, test)
}

fn inside(script: &str, module: &str, test: &str) -> bool {
    if can_unshare() {
        run_inside(script, module, test);
    } else {
        skip("a network of its own needs root");
    }
    false
}

/// Packets sent out of this machine so far.
pub(crate) fn sent_into_the_void() -> u64 {
    let table = std::fs::read_to_string(Path::new("/proc/self/net/dev")).expect("a table");
    let line = table.lines().find_map(|it| it.trim().strip_prefix("void:"));
    let mut words = line.expect("the void").split_whitespace();
    words
        .nth(9)
        .and_then(|it| it.parse().ok())
        .expect("a count")
}
