//! A network of its own for each test.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::common::clients::{Client, installed};

/// Marks the copy of this program that runs in a network of its own.
const INSIDE: &str = "UNCHOKE_TEST_NETWORK";

/// Where things listen.
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

/// Everybody on one wire, which is loopback.
const ONE_WIRE: &str = "ip link set lo up \
    && for i in 1 2 9; do ip addr add 10.77.0.$i/24 dev lo || exit 1; done";

/// A local network that carries multicast, and leads into a void beside that: what is sent there is
/// counted and lost. IPv6 would have words of its own to say to it.
const VOID: &str = "ip link set lo up && ip link add void type veth peer name end \
    && for i in void end; do echo 1 > /proc/sys/net/ipv6/conf/$i/disable_ipv6 || exit 1; done \
    && for i in 1 2 9; do ip addr add 10.77.0.$i/24 dev void || exit 1; done \
    && ip link set end up && ip link set void up multicast on \
    && ip route add default via 10.77.0.77 dev void";

/// The void with a gateway before it, which is this machine, too.
const GATEWAY: &str = "ip addr add 10.77.0.77/32 dev lo";

/// This machine alone, which has a name with an address of each family.
const BOTH_FAMILIES: &str = "ip link set lo up && names=$(mktemp) \
    && printf '127.0.0.1 localhost both.test\\n::1 localhost both.test\\n' > $names \
    && mount --bind $names /etc/hosts && rm -f $names";

/// Says loudly that something is not tested, or fails where it must be.
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

/// Runs `test` of `module` again in a network that `script` makes. An own view of `/sys` belongs to it.
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

/// The network to test in; `None` if the test is done, elsewhere or not at all. `module`:
/// `module_path!()`.
pub(crate) fn network(module: &str, test: &str, client: Client) -> Option<Network> {
    if is_inside() {
        return Some(OWN);
    }
    if let Some(package) = client.missing() {
        skip(&format!("{package} is not installed"));
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

/// Whether this is the local network that leads into a void; false if the test is done, or is not
/// possible. `client`: whom it needs beside us.
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

/// Whether this is a local network with a place for a gateway at 10.77.0.77; false if the test is
/// done, or is not possible.
pub(crate) fn behind_a_gateway(module: &str, test: &str) -> bool {
    is_inside() || inside(&format!("{VOID} && {GATEWAY}"), module, test)
}

/// Whether `both.test` is this machine, over IPv4 and IPv6; false if the test is done, or is not
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

/// Datagrams and segments that went into the void so far, those to this machine not counted.
pub(crate) fn sent_into_the_void() -> u64 {
    let table = std::fs::read_to_string(Path::new("/proc/self/net/dev")).expect("a table");
    let line = table.lines().find_map(|it| it.trim().strip_prefix("void:"));
    let mut words = line.expect("the void").split_whitespace();
    words
        .nth(9)
        .and_then(|it| it.parse().ok())
        .expect("a count")
}
