//! The main loop of the DHT thread: feeds datagrams to the nodes and carries out their outputs.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::UdpSocket;
use tokio::sync::mpsc::{Sender, UnboundedReceiver};
use tokio::task::JoinSet;
use tokio::time::Instant as Clock;
use unchoke_core::dht::message::MAX_DATAGRAM_BYTES;
use unchoke_core::dht::table::K;
use unchoke_core::dht::{Input, Node, Output};
use unchoke_core::ids::InfoHash;
use unchoke_core::rng::{Purpose, Streams};
use unchoke_core::time::Instant;

use super::{Datagram, Find, Options, Order, Sockets, saved};
use crate::chance::random_u64;
use crate::listen::send_datagram;

/// Time between two checks for searches that were dropped.
const LOOK: Duration = Duration::from_secs(1);
/// Time for the saved nodes to answer before the bootstrap nodes are asked.
const GRACE: Duration = Duration::from_secs(4);
/// First time between two look-ups of the bootstrap names while few nodes are known. It doubles
/// each time.
const LOOK_UP: Duration = Duration::from_secs(30);
const LOOK_UP_MAX: Duration = Duration::from_mins(15);
/// Time between two saves.
const SAVE: Duration = Duration::from_mins(10);
/// Most names resolved at a time.
const MAX_LOOK_UPS: usize = 32;

struct Family {
    socket: Arc<UdpSocket>,
    node: Node,
}

struct Task {
    options: Options,
    epoch: Clock,
    families: [Option<Family>; 2],
    wanted: Vec<(InfoHash, Sender<Find>)>,
    /// Nodes that answered in the last search of each family, so that a family without nodes does
    /// not hide those of the other.
    searched: BTreeMap<InfoHash, [u32; 2]>,
    /// For uTP on the same port.
    packets: Option<Sender<Datagram>>,
    look_ups: JoinSet<Vec<SocketAddr>>,
    look_up_at: Clock,
    look_up_wait: Duration,
    save_at: Clock,
}

/// Runs until all handles are dropped; then saves the known nodes.
pub(super) async fn run(options: Options, sockets: Sockets, mut orders: UnboundedReceiver<Order>) {
    let epoch = Clock::now();
    let mut ipv4 = true;
    let families = sockets.map(|socket| {
        let family = std::mem::replace(&mut ipv4, false);
        let socket = socket?;
        let rng = Streams::new(random_u64()).stream(Purpose::Dht, 0);
        let node = Node::new(Instant::START, family, rng);
        Some(Family { socket, node })
    });
    let mut task = Task {
        options,
        epoch,
        families,
        wanted: Vec::new(),
        searched: BTreeMap::new(),
        packets: None,
        look_ups: JoinSet::new(),
        look_up_at: epoch,
        look_up_wait: LOOK_UP,
        save_at: epoch + SAVE,
    };
    task.recall();
    let mut look_at = epoch;
    let mut buffers = [[0; MAX_DATAGRAM_BYTES + 1]; 2];
    loop {
        task.carry_out();
        let now = Clock::now();
        if look_at <= now {
            look_at = now + LOOK;
            task.look(now);
            continue;
        }
        let wake = task.wake().min(look_at);
        let [v4, v6] = &task.families;
        let [first, second] = &mut buffers;
        tokio::select! {
            order = orders.recv() => match order {
                Some(order) => task.on_order(order),
                None => break,
            },
            Some(Ok(found)) = task.look_ups.join_next() => task.tell_all(&Input::Nodes(found)),
            (length, from) = receive(v4.as_ref(), first) => {
                task.on_datagram(0, from, &buffers[0][..length]);
            }
            (length, from) = receive(v6.as_ref(), second) => {
                task.on_datagram(1, from, &buffers[1][..length]);
            }
            () = tokio::time::sleep_until(wake) => task.tell_all(&Input::Timeout),
        }
    }
    task.save();
}

/// The next datagram. Errors are ignored: they concern a datagram that we sent.
async fn receive(family: Option<&Family>, buffer: &mut [u8]) -> (usize, SocketAddr) {
    let Some(family) = family else {
        return std::future::pending().await;
    };
    loop {
        match family.socket.recv_from(buffer).await {
            Ok(received) => return received,
            Err(error) => tracing::debug!(%error, "a datagram is lost"),
        }
        tokio::task::yield_now().await;
    }
}

impl Task {
    fn now(&self) -> Instant {
        Instant::START.after(self.epoch.elapsed())
    }

    /// Every message of the DHT is a dictionary, and no packet of uTP begins with a `d`.
    fn on_datagram(&mut self, family: usize, from: SocketAddr, bytes: &[u8]) {
        match &self.packets {
            Some(packets) if bytes.first() != Some(&b'd') => {
                // A packet that does not fit in the queue is lost, and the peer sends it again.
                drop(packets.try_send((bytes.to_vec(), from)));
            }
            _ => self.tell(family, Input::Datagram { from, bytes }),
        }
    }

    fn tell(&mut self, family: usize, input: Input<'_>) {
        let now = self.now();
        if let Some(family) = &mut self.families[family] {
            family.node.handle_input(now, input);
        }
    }

    fn tell_all(&mut self, input: &Input<'_>) {
        self.tell(0, input.clone());
        self.tell(1, input.clone());
    }

    /// The earliest deadline of the nodes.
    fn wake(&self) -> Clock {
        let due = self.families.iter().flatten();
        let due = due.map(|it| it.node.poll_timeout()).min();
        let due = due.unwrap_or(Instant::NEVER).as_nanos();
        let far = Duration::from_hours(1);
        let wait = Duration::from_nanos(due).saturating_sub(self.epoch.elapsed());
        Clock::now() + wait.min(far)
    }

    fn carry_out(&mut self) {
        for (index, family) in self.families.iter_mut().enumerate() {
            let Some(family) = family else {
                continue;
            };
            while let Some(output) = family.node.poll_output() {
                let (info_hash, find) = match output {
                    Output::Send { to, bytes } => {
                        // A datagram that could not be sent counts as lost: the node times out and
                        // repeats it or asks another node.
                        if let Err(error) = send_datagram(&family.socket, &bytes, to) {
                            tracing::trace!(%to, %error, "a datagram was not sent");
                        }
                        continue;
                    }
                    Output::Peers { info_hash, peers } => (info_hash, Find::Peers(peers)),
                    Output::Searched { info_hash, nodes } => {
                        let both = self.searched.entry(info_hash).or_default();
                        both[index] = nodes;
                        (info_hash, Find::Searched(both[0].saturating_add(both[1])))
                    }
                };
                for (_, sender) in self.wanted.iter().filter(|it| it.0 == info_hash) {
                    // A full queue holds enough results already.
                    drop(sender.try_send(find.clone()));
                }
            }
        }
    }

    fn on_order(&mut self, order: Order) {
        match order {
            Order::Want(info_hash, port, sender) => {
                self.wanted.push((info_hash, sender));
                self.tell_all(&Input::Want(info_hash, port));
            }
            Order::Nodes(addresses) => self.tell_all(&Input::Nodes(addresses)),
            Order::Names(names) => self.look_up(names),
            Order::Share(packets) => self.packets = Some(packets),
        }
    }

    fn look_up(&mut self, names: Vec<String>) {
        for name in names {
            if self.look_ups.len() >= MAX_LOOK_UPS {
                return;
            }
            self.look_ups.spawn(async move {
                match tokio::net::lookup_host(name.as_str()).await {
                    Ok(found) => found.collect(),
                    Err(error) => {
                        tracing::debug!(name, %error, "a node's name has no address");
                        Vec::new()
                    }
                }
            });
        }
    }

    /// Tells the nodes the addresses saved by the last run.
    fn recall(&mut self) {
        let known = self.options.file.as_deref().map(saved::read);
        let known = known.unwrap_or_default();
        if !known.is_empty() {
            self.look_up_at += GRACE;
            self.tell_all(&Input::Nodes(known));
        }
    }

    /// Ends dropped searches, looks up the bootstrap nodes while few nodes are known, and saves.
    fn look(&mut self, now: Clock) {
        let gone = self.wanted.extract_if(.., |it| it.1.is_closed());
        let gone: Vec<InfoHash> = gone.map(|it| it.0).collect();
        for info_hash in gone {
            if !self.wanted.iter().any(|it| it.0 == info_hash) {
                self.searched.remove(&info_hash);
                self.tell_all(&Input::Forget(info_hash));
            }
        }
        let mut families = self.families.iter().flatten();
        let lonely = families.all(|it| it.node.table().len() < K);
        if lonely && self.look_up_at <= now {
            self.look_up_at = now + self.look_up_wait;
            self.look_up_wait = (self.look_up_wait * 2).min(LOOK_UP_MAX);
            self.look_up(self.options.bootstrap.clone());
        }
        if self.save_at <= now {
            self.save_at = now + SAVE;
            self.save();
        }
    }

    fn save(&self) {
        let nodes = self.families.each_ref().map(|it| {
            let nodes = it.as_ref().map(|it| {
                let table = it.node.table();
                table.closest(it.node.id(), saved::MOST)
            });
            nodes.unwrap_or_default()
        });
        let [v4, v6] = nodes;
        let Some(file) = &self.options.file else {
            return;
        };
        if v4.is_empty() && v6.is_empty() {
            return; // Keep the saved nodes: they are better than none.
        }
        if let Err(error) = saved::write(file, &v4, &v6) {
            tracing::warn!("cannot keep the known nodes in {}: {error}", file.display());
        }
    }
}
