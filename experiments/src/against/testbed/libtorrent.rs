//! Peers that run libtorrent: our Python script around Debian's `python3-libtorrent`. The script prints what
//! `unchoke --json` would print.

use std::fs;
use std::net::SocketAddrV4;
use std::path::{Path, PathBuf};

use unchoke_core::profile::Profile;
use unchoke_core::torrent::{Endgame, Pipeline};
use unchoke_sim::spec::{ClientSpec, Stay, SwarmSpec};

use super::TestbedError;
use super::peer::run;

/// The script. It needs only that package.
const SCRIPT: &str = include_str!("../../../real_swarms/libtorrent_peer.py");

/// Profile of the simulated peers in the same swarm.
pub const PROFILE: &str = "libtorrent";

/// Policies that libtorrent implements.
pub const POLICIES: [&str; 2] = ["libtorrent_fixed", "unchoke_all"];

/// How to start a libtorrent peer.
#[derive(Clone, Debug)]
pub struct Libtorrent {
    python: &'static str,
    script: PathBuf,
}

impl Libtorrent {
    /// Finds a Python that has libtorrent, and puts the script into `scratch`.
    pub fn prepare(scratch: &Path) -> Result<Self, TestbedError> {
        // The system's Python has the system's packages, but another Python may come first in the path.
        let has = |it: &&str| run(it, &["-c", "import libtorrent"]).is_ok();
        let python = ["python3", "/usr/bin/python3"].into_iter().find(has);
        let python = python.ok_or_else(|| {
            TestbedError::system(
                "run libtorrent peers",
                "no Python here has libtorrent; install Debian's python3-libtorrent",
            )
        })?;
        let script = scratch.join("libtorrent_peer.py");
        fs::write(&script, SCRIPT)
            .map_err(|it| TestbedError::system(format!("write {}", script.display()), it))?;
        Ok(Self { python, script })
    }

    /// The program and its first arguments.
    pub(super) fn program(&self) -> (&Path, &Path) {
        (Path::new(self.python), &self.script)
    }
}

/// Checks that libtorrent's settings can express all clients of the swarm. If not, says what to change.
pub fn check(spec: &SwarmSpec) -> Result<(), TestbedError> {
    let profile = Profile::find(PROFILE).expect("a profile");
    let is_one = |it: &ClientSpec| {
        let plain = ClientSpec {
            policy: it.policy.clone(),
            parameters: it.parameters.clone(),
            max_connections: it.max_connections,
            initiate: it.initiate,
            enough: it.enough,
            snub_after: it.snub_after,
            peer_exchange: it.peer_exchange,
            ..it.as_profile(profile)
        };
        let settable = ClientSpec {
            pipeline: Pipeline {
                queue_time: it.pipeline.queue_time,
                max: it.pipeline.max,
                // libtorrent's queue always begins with four requests and grows, modelled or not.
                start: if it.pipeline.start == 4 { 4 } else { 0 },
                ..plain.pipeline
            },
            ..plain
        };
        let grants = unchoke_core::allowed_fast::AllowedFast {
            grants: it.allowed_fast.grants,
            ..settable.allowed_fast
        };
        let known = it.parameters.iter().all(|(name, _)| name == "slots");
        let whole = [it.pipeline.queue_time, it.snub_after];
        *it == (ClientSpec {
            allowed_fast: grants,
            ..settable
        }) && it.endgame == Endgame::Strict
            && whole.iter().all(|it| it.subsec_nanos() == 0)
            && known
            && POLICIES.contains(&it.policy.as_str())
    };
    let run = spec.nodes.iter().map(|it| usize::from(it.client));
    let mut clients = run.map(|it| &spec.clients[it]);
    match clients.find(|it| !is_one(it)) {
        None => Ok(()),
        Some(it) => Err(TestbedError::Unfit(format!(
            "libtorrent cannot be told to be client `{}`: start from client.profile=libtorrent, take \
             libtorrent_fixed or unchoke_all, and set nothing but parameters.slots, max_connections, \
             queue_time and snub_after in whole seconds, max_requests, allowed_fast, peer_exchange and \
             caps",
            it.name
        ))),
    }
}

/// Settings of the session, by libtorrent's names.
fn settings(client: &ClientSpec) -> Vec<(&'static str, u64)> {
    let slots = client.parameters.iter().find(|it| it.0 == "slots");
    let seconds = |it: std::time::Duration| it.as_secs();
    let mut all = vec![
        ("connections_limit", u64::from(client.max_connections)),
        ("request_queue_time", seconds(client.pipeline.queue_time)),
        ("max_out_request_queue", u64::from(client.pipeline.max)),
        ("piece_timeout", seconds(client.snub_after)),
        (
            "allowed_fast_set_size",
            u64::from(client.allowed_fast.grants),
        ),
        ("upload_rate_limit", client.upload_cap.unwrap_or(0)),
        ("download_rate_limit", client.download_cap.unwrap_or(0)),
    ];
    if client.policy == "libtorrent_fixed" {
        all.extend(slots.map(|it| ("unchoke_slots_limit", it.1)));
    }
    all
}

/// Command-line arguments of one peer's process.
#[must_use]
pub fn arguments(
    spec: &SwarmSpec,
    node: usize,
    at: SocketAddrV4,
    torrent: &Path,
    folder: &Path,
) -> Vec<String> {
    let it = &spec.nodes[node];
    let client = &spec.clients[usize::from(it.client)];
    let mode = if it.origin { "seed" } else { "download" };
    let mut words = vec![
        mode.to_owned(),
        torrent.display().to_string(),
        "--folder".to_owned(),
        folder.display().to_string(),
        "--listen".to_owned(),
        at.to_string(),
    ];
    let everybody = (client.policy == "unchoke_all").then(|| "unchoke_slots_limit=-1".to_owned());
    let others = settings(client).into_iter();
    let others = others.map(|(name, value)| format!("{name}={value}"));
    for setting in everybody.into_iter().chain(others) {
        words.extend(["--setting".to_owned(), setting]);
    }
    if client.peer_exchange {
        words.push("--pex".to_owned());
    }
    if !it.origin && it.stay == Stay::AtOnce {
        words.push("--leave".to_owned());
    }
    words
}
