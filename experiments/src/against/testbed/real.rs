//! Runs a whole swarm of processes: sets it up, starts all peers together, watches and stops them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng as _, SeedableRng as _};
use serde_json::Value;
use unchoke_core::ledger::{Kind, Ledger, Waste};
use unchoke_core::rng::{Purpose, Streams};
use unchoke_sim::spec::SwarmSpec;

use super::libtorrent::{self, Libtorrent};
use super::peer::{Peer, Said, interrupt, run as call};
use super::place::{Place, Port};
use super::setup::{arguments, check, deadline, introductions};
use super::{PeerRun, SwarmRun, TestbedError, World};

/// Time limit for a small step of a process: configuring its network, listening, stopping.
const PATIENCE: Duration = Duration::from_secs(30);

/// Runs swarms of processes.
#[derive(Clone, Debug)]
pub struct Testbed<'a> {
    /// Where they run.
    pub place: Place,
    /// Folder for files; emptied after each swarm.
    pub scratch: &'a Path,
    /// The `unchoke` program. It makes the torrent even if the peers run libtorrent.
    pub client: &'a Path,
    /// How to start libtorrent peers; `None` for peers that run `unchoke`.
    pub libtorrent: Option<Libtorrent>,
    /// Set when the user interrupts.
    pub stopped: &'a AtomicBool,
}

/// A running swarm.
struct Swarm<'a> {
    bed: &'a Testbed<'a>,
    spec: &'a SwarmSpec,
    peers: Vec<Peer>,
    ports: Vec<Option<Port>>,
    heard: Receiver<Said>,
    seen: Vec<Seen>,
    /// Bytes that each uplink had carried when the peers were told to stop. Read then, because a cable and its
    /// counter may vanish together with a process.
    carried: Vec<Option<u64>>,
}

/// What one process has reported so far.
#[derive(Clone, Debug, Default)]
struct Seen {
    /// Number of empty lines: with each, its shell is ready for the next step.
    ready: u32,
    listens: bool,
    completed_s: Option<f64>,
    ledger: Option<Ledger>,
    gone: bool,
}

impl Testbed<'_> {
    /// Runs the swarm as processes until every leecher is complete.
    pub fn run(&self, spec: &SwarmSpec, policy: &str) -> Result<SwarmRun, TestbedError> {
        check(spec)?;
        if self.libtorrent.is_some() {
            libtorrent::check(spec)?;
        }
        let folder = self.scratch.join("swarm");
        fs::create_dir_all(&folder)
            .map_err(|it| TestbedError::system(format!("make {}", folder.display()), it))?;
        let ran = self.run_in(spec, policy, &folder);
        fs::remove_dir_all(&folder)
            .map_err(|it| TestbedError::system(format!("remove {}", folder.display()), it))?;
        ran
    }

    fn run_in(
        &self,
        spec: &SwarmSpec,
        policy: &str,
        folder: &Path,
    ) -> Result<SwarmRun, TestbedError> {
        let torrent = self.make_torrent(spec, folder)?;
        let mut swarm = Swarm::start(self, spec, folder, &torrent)?;
        let before = processor_times();
        swarm.release()?;
        swarm.wait("download everything", deadline(spec), |it, origin| {
            origin || it.completed_s.is_some()
        })?;
        let busy = before.zip(processor_times()).map(|(before, after)| {
            let all = after.1.saturating_sub(before.1).max(1);
            1.0 - after.0.saturating_sub(before.0) as f64 / all as f64
        });
        swarm.stop()?;
        swarm.result(policy, busy)
    }

    /// Makes a torrent of random bytes with the scenario's geometry.
    fn make_torrent(&self, spec: &SwarmSpec, folder: &Path) -> Result<PathBuf, TestbedError> {
        let full = folder.join("full");
        let payload = full.join("payload");
        let bytes = spec.geometry.total_bytes();
        let mut seed = Streams::new(spec.seed).stream(Purpose::Fault, u32::MAX);
        let mut content = vec![0; usize::try_from(bytes).expect("at most 4 GiB")];
        ChaCha8Rng::seed_from_u64(seed.next_u64()).fill_bytes(&mut content);
        fs::create_dir_all(&full)
            .and_then(|()| fs::write(&payload, content))
            .map_err(|it| TestbedError::system(format!("write {}", payload.display()), it))?;
        let torrent = folder.join("it.torrent");
        let (client, payload) = (path(self.client)?, path(&payload)?);
        let piece = format!("{} B", spec.geometry.piece_bytes());
        let words = [
            "create",
            payload,
            "--out",
            path(&torrent)?,
            "--piece-size",
            &piece,
        ];
        call(client, &words)?;
        Ok(torrent)
    }

    fn command(&self, spec: &SwarmSpec, node: usize, torrent: &Path, folder: &Path) -> Command {
        let it = &spec.nodes[node];
        if let Some(libtorrent) = &self.libtorrent {
            let (python, script) = libtorrent.program();
            let own = if it.origin {
                "full".to_owned()
            } else {
                node.to_string()
            };
            let at = self.place.addresses().of(node);
            let words = libtorrent::arguments(spec, node, at, torrent, &folder.join(own));
            let mut command = self.place.shell(node, it, python);
            command.arg(script).args(words);
            return command;
        }
        let mut command = self.place.shell(node, it, self.client);
        if it.origin {
            command.args(["seed", "--data"]).arg(folder.join("full"));
        } else {
            let own = folder.join(node.to_string());
            command.args(["download", "--out"]).arg(own);
        }
        let addresses = self.place.addresses();
        command
            .arg(torrent)
            .args(["--port", &addresses.of(node).port().to_string()])
            .args(arguments(spec, node, self.place.needs_caps()));
        command
    }
}

fn path(path: &Path) -> Result<&str, TestbedError> {
    path.to_str().ok_or_else(|| {
        TestbedError::system(format!("use {}", path.display()), "its name is not text")
    })
}

impl<'a> Swarm<'a> {
    /// Starts the shells of all peers and connects them. No client runs yet.
    fn start(
        bed: &'a Testbed<'a>,
        spec: &'a SwarmSpec,
        folder: &Path,
        torrent: &Path,
    ) -> Result<Self, TestbedError> {
        let (sender, heard) = channel();
        let mut swarm = Self {
            bed,
            spec,
            peers: Vec::new(),
            ports: Vec::new(),
            heard,
            seen: vec![Seen::default(); spec.nodes.len()],
            carried: Vec::new(),
        };
        let addresses = bed.place.addresses();
        for (node, others) in introductions(spec).into_iter().enumerate() {
            let mut command = bed.command(spec, node, torrent, folder);
            for other in others {
                command.args(["--peer", &addresses.of(other).to_string()]);
            }
            let errors = folder.join(format!("{node}.err"));
            swarm
                .peers
                .push(Peer::start(node, command, errors, sender.clone())?);
        }
        swarm.wait("start", PATIENCE, |it, _| it.ready >= 1)?;
        for (node, it) in spec.nodes.iter().enumerate() {
            let port = bed.place.plug(node, swarm.peers[node].pid(), it)?;
            swarm.ports.push(port);
            swarm.peers[node].go_on()?;
        }
        swarm.wait("set up its network", PATIENCE, |it, _| it.ready >= 2)?;
        Ok(swarm)
    }

    /// Starts the origins. Once they listen, starts the other peers at their arrival times.
    fn release(&mut self) -> Result<(), TestbedError> {
        let nodes = || self.spec.nodes.iter().enumerate();
        for (node, _) in nodes().filter(|it| it.1.origin) {
            self.peers[node].go_on()?;
        }
        self.wait("listen", PATIENCE, |it, origin| !origin || it.listens)?;
        let mut order: Vec<usize> = nodes().filter(|it| !it.1.origin).map(|it| it.0).collect();
        order.sort_by_key(|node| self.spec.nodes[*node].arrives_at);
        let start = Instant::now();
        for node in order {
            let at = Duration::from_nanos(self.spec.nodes[node].arrives_at.as_nanos());
            while let Some(wait) = at.checked_sub(start.elapsed()).filter(|it| !it.is_zero()) {
                self.listen(wait)?;
            }
            self.peers[node].go_on()?;
        }
        Ok(())
    }

    /// Stops all processes that still run, and reads the rest of their output.
    fn stop(&mut self) -> Result<(), TestbedError> {
        let ports = self.ports.iter();
        self.carried = ports
            .map(|it| it.as_ref().and_then(Port::received))
            .collect();
        let running = self.peers.iter().zip(&self.seen);
        interrupt(running.filter(|it| !it.1.gone).map(|it| it.0))?;
        self.wait("stop", PATIENCE, |it, _| it.gone)
    }

    /// Reads output until `done` holds for every process. `done` is also told whether the process
    /// is an origin.
    fn wait(
        &mut self,
        what: &str,
        patience: Duration,
        done: impl Fn(&Seen, bool) -> bool,
    ) -> Result<(), TestbedError> {
        let start = Instant::now();
        loop {
            let mut nodes = self.seen.iter().zip(&self.spec.nodes);
            let Some(missing) = nodes.position(|(seen, spec)| !done(seen, spec.origin)) else {
                return Ok(());
            };
            let left = patience.saturating_sub(start.elapsed());
            let it = &self.seen[missing];
            if left.is_zero() || it.gone {
                let complaint = self.peers[missing].complaint();
                return Err(TestbedError::Failed(format!(
                    "peer {missing} did not {what} within {} s: {complaint}",
                    start.elapsed().as_secs()
                )));
            }
            self.listen(left)?;
        }
    }

    /// Reads the output that arrives within a short time.
    fn listen(&mut self, patience: Duration) -> Result<(), TestbedError> {
        if self.bed.stopped.load(Ordering::Relaxed) {
            return Err(TestbedError::Failed("stopped".to_owned()));
        }
        match self
            .heard
            .recv_timeout(patience.min(Duration::from_millis(100)))
        {
            Ok((node, Some(line))) => self.seen[node].hear(node, &line),
            Ok((node, None)) => {
                self.seen[node].gone = true;
                Ok(())
            }
            Err(RecvTimeoutError::Timeout) => Ok(()),
            Err(RecvTimeoutError::Disconnected) => {
                Err(TestbedError::Failed("every peer has ended".to_owned()))
            }
        }
    }

    fn result(&self, policy: &str, busy: Option<f64>) -> Result<SwarmRun, TestbedError> {
        // While the namespace at the other end is being removed, the counter can read 0.
        let last = |node: usize| {
            let now = self.ports[node].as_ref().and_then(Port::received);
            now.max(self.carried[node])
        };
        let peer = |(node, it): (usize, &Seen)| {
            let ledger = it.ledger.ok_or_else(|| {
                let complaint = self.peers[node].complaint();
                TestbedError::Failed(format!("peer {node} ended without figures: {complaint}"))
            })?;
            let spec = &self.spec.nodes[node];
            Ok(PeerRun {
                class: usize::from(spec.class),
                origin: spec.origin,
                completed_s: it.completed_s,
                ledger,
                wire_sent: last(node),
            })
        };
        let peers = self.seen.iter().enumerate().map(peer);
        Ok(SwarmRun {
            policy: policy.to_owned(),
            seed: self.spec.seed,
            world: World::Real,
            peers: peers.collect::<Result<_, _>>()?,
            busy,
        })
    }
}

impl Seen {
    /// Processes one line of output.
    fn hear(&mut self, node: usize, line: &str) -> Result<(), TestbedError> {
        if line.is_empty() {
            self.ready += 1;
            return Ok(());
        }
        let strange = || TestbedError::Failed(format!("peer {node} said `{line}`"));
        let value: Value = serde_json::from_str(line).map_err(|_| strange())?;
        match value["event"].as_str() {
            Some("listening") => self.listens = true,
            Some("completed") => {
                self.completed_s = Some(value["seconds"].as_f64().ok_or_else(strange)?);
            }
            Some("end") => self.ledger = Some(ledger(&value["ledger"]).ok_or_else(strange)?),
            Some("error" | "banned") => return Err(strange()),
            _ => {}
        }
        Ok(())
    }
}

/// Parses the ledger that a client prints.
fn ledger(value: &Value) -> Option<Ledger> {
    let mut ledger = Ledger {
        payload_useful: value["payload_useful_bytes"].as_u64()?,
        payload_sent: value["payload_sent_bytes"].as_u64()?,
        ..Ledger::default()
    };
    for cause in Waste::ALL {
        let bytes = value["payload_wasted_bytes"][cause.name()].as_u64()?;
        ledger.payload_wasted[cause as usize] = bytes;
    }
    for kind in Kind::ALL {
        let of =
            |way: &str| value[format!("protocol_{way}_by_message_bytes")][kind.name()].as_u64();
        ledger.protocol[kind as usize].sent = of("sent")?;
        ledger.protocol[kind as usize].received = of("received")?;
    }
    Some(ledger)
}

/// Idle time and total time of the processors since boot, in ticks; `None` if the system does not
/// report it. proc(5), `/proc/stat`.
fn processor_times() -> Option<(u64, u64)> {
    let text = fs::read_to_string("/proc/stat").ok()?;
    let fields = text.lines().next()?.split_whitespace().skip(1).take(8);
    let ticks: Vec<u64> = fields.filter_map(|it| it.parse().ok()).collect();
    Some((ticks.get(3)? + ticks.get(4)?, ticks.iter().sum()))
}
