//! Expands a scenario and a seed into a swarm. All random draws happen here, each kind from its own
//! stream. So a change of what peers run changes neither their arrivals and departures nor their
//! links.

use std::time::Duration;

use unchoke_core::rng::{Purpose, Rng, Streams};
use unchoke_core::time::Instant;
use unchoke_core::torrent::Claims;

use super::parts::{self, bounds};
use super::read_capacity::ORIGIN_CLASS;
use super::{Access, Arrivals, Capacity, Down, Faults, Measured, Peers, Scenario, StayModel};
use crate::distribution::{Law, exponential};
use crate::spec::{NodeSpec, Regions, Stay, SwarmSpec};
use crate::units::{Decimal, MAX_RATE};

/// Entity number for draws about all peers together. No node has this number.
const ALL_PEERS: u32 = u32::MAX;
/// Likewise, for a second draw with the same purpose.
const ALL_PEERS_AGAIN: u32 = u32::MAX - 1;
/// Likewise, for a third draw.
const ALL_PEERS_ONCE_MORE: u32 = u32::MAX - 2;

/// The swarm for this seed. The scenario must pass [`Scenario::check`].
#[must_use]
pub fn expand(scenario: &Scenario, seed: u64) -> SwarmSpec {
    if let Err(error) = scenario.check() {
        panic!("a scenario is checked after it was changed: {error}");
    }
    let mut nodes = origins(scenario);
    let draws = Draws {
        streams: Streams::new(seed),
        first: u32::try_from(nodes.len()).expect("at most MAX_PEERS origins"),
        count: scenario.peers.count,
    };
    nodes.extend(draws.peers(scenario));
    draws.rejoin(scenario, &mut nodes);
    let populations = scenario.populations.iter().map(|it| &it.client);
    let origins = scenario.origins.iter().map(|it| &it.client);
    SwarmSpec {
        seed,
        geometry: scenario.geometry.clone(),
        nodes,
        classes: class_names(&scenario.peers.capacity),
        clients: populations.chain(origins).cloned().collect(),
        tracker: scenario.tracker.clone(),
        network: scenario.network,
        regions: regions(scenario),
        break_mean: scenario.faults.break_mean,
        horizon: Instant::START.after(scenario.horizon),
        sample_every: scenario.sample_every,
    }
}

fn class_names(capacity: &Capacity) -> Vec<String> {
    let names = std::iter::once(ORIGIN_CLASS).chain(parts::class_names(capacity));
    names.map(str::to_owned).collect()
}

fn regions(scenario: &Scenario) -> Regions {
    let regions = &scenario.regions;
    Regions {
        names: regions.iter().map(|it| it.name.clone()).collect(),
        delays_ns: regions
            .iter()
            .flat_map(|it| it.delays.iter().map(|it| nanos(*it)))
            .collect(),
    }
}

fn narrow(position: usize) -> u16 {
    u16::try_from(position).expect("fewer than 65536 classes and clients")
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

fn origins(scenario: &Scenario) -> Vec<NodeSpec> {
    let groups = scenario.origins.iter().enumerate();
    let nodes = groups.flat_map(|(i, group)| {
        let node = NodeSpec {
            arrives_at: Instant::START,
            follows: None,
            up: group.access.up,
            down: group.access.down,
            delay_ns: nanos(group.access.delay),
            region: group.region,
            class: 0,
            client: narrow(scenario.populations.len() + i),
            origin: true,
            stay: Stay::Forever,
            patience: None,
            session: None,
            reachable: true,
            corrupts: false,
            claims: Claims::Truth,
        };
        std::iter::repeat_n(node, group.count as usize)
    });
    nodes.collect()
}

/// Draws the properties of the peers of one swarm.
struct Draws {
    streams: Streams,
    /// Node number of the first peer.
    first: u32,
    count: u32,
}

impl Draws {
    fn peers(&self, scenario: &Scenario) -> Vec<NodeSpec> {
        let peers = &scenario.peers;
        let arrivals = self.arrivals(&peers.arrivals);
        let links = self.links(&peers.capacity);
        let clients = self.clients(scenario, &links);
        let unreachable = self.chosen(ALL_PEERS_AGAIN, self.count - peers.reachable.of(self.count));
        let faults = &scenario.faults;
        let corrupting = self.chosen(ALL_PEERS, faults.corrupting.of(self.count));
        let claims = self.claims(faults);
        let regions = self.regions(scenario);
        let node = |i: usize| {
            let (class, access) = links[i];
            NodeSpec {
                arrives_at: arrivals[i],
                follows: None,
                up: access.up,
                down: access.down,
                delay_ns: nanos(access.delay),
                region: regions[i],
                class,
                client: clients[i],
                origin: false,
                stay: self.stay(peers, i),
                patience: self.time(peers.patience.as_ref(), Purpose::Patience, i),
                session: self.time(peers.session.as_ref(), Purpose::Session, i),
                reachable: !unreachable[i],
                corrupts: corrupting[i],
                claims: claims[i],
            }
        };
        (0..self.count as usize).map(node).collect()
    }

    /// Peers that join in the place of others. They have the same links, clients and faults, but
    /// lifetimes of their own.
    fn rejoin(&self, scenario: &Scenario, nodes: &mut Vec<NodeSpec>) {
        let (peers, count) = (&scenario.peers, self.count as usize);
        for i in count..count * (peers.rejoins as usize + 1) {
            let before = self.first as usize + i - count;
            nodes.push(NodeSpec {
                arrives_at: Instant::NEVER,
                follows: Some(u32::try_from(before).expect("at most MAX_PEERS")),
                stay: self.stay(peers, i),
                patience: self.time(peers.patience.as_ref(), Purpose::Patience, i),
                session: self.time(peers.session.as_ref(), Purpose::Session, i),
                ..nodes[before]
            });
        }
    }

    /// The random stream of the peer at this position.
    fn stream(&self, purpose: Purpose, position: usize) -> Rng {
        let position = u32::try_from(position).expect("at most MAX_PEERS");
        self.streams.stream(purpose, self.first + position)
    }

    /// All positions in random order.
    fn order(&self, purpose: Purpose, entity: u32) -> Vec<u32> {
        let mut order: Vec<u32> = (0..self.count).collect();
        self.streams.stream(purpose, entity).shuffle(&mut order);
        order
    }

    /// Marks `count` random peers. A larger count marks all peers that a smaller count marks.
    fn chosen(&self, entity: u32, count: u32) -> Vec<bool> {
        let mut chosen = vec![false; self.count as usize];
        if count > 0 {
            let order = self.order(Purpose::Fault, entity);
            for position in &order[..count as usize] {
                chosen[*position as usize] = true;
            }
        }
        chosen
    }

    /// Assigns false claims. In a random order, the first peers overstate and the last ones
    /// understate.
    fn claims(&self, faults: &Faults) -> Vec<Claims> {
        let mut claims = vec![Claims::Truth; self.count as usize];
        let over = faults.overstating.of(self.count);
        let under = faults.understating.of(self.count).min(self.count - over);
        if over + under > 0 {
            let order = self.order(Purpose::Fault, ALL_PEERS_ONCE_MORE);
            for position in order.iter().take(over as usize) {
                claims[*position as usize] = Claims::AllButOne;
            }
            for position in order.iter().rev().take(under as usize) {
                claims[*position as usize] = Claims::Nothing;
            }
        }
        claims
    }

    /// The region of each peer. Every swarm has exactly the scenario's shares (up to rounding).
    fn regions(&self, scenario: &Scenario) -> Vec<u16> {
        if scenario.regions.is_empty() {
            return vec![0; self.count as usize];
        }
        let shares = scenario.regions.iter();
        let bounds = bounds(
            shares.map(|it| u64::from(it.share.millionths())),
            self.count,
        );
        let order = self.order(Purpose::Delay, ALL_PEERS);
        let region = |rank: &u32| narrow(bounds.partition_point(|it| it <= rank));
        order.iter().map(region).collect()
    }

    fn arrivals(&self, arrivals: &Arrivals) -> Vec<Instant> {
        let positions = 0..self.count as usize;
        let stream = |i| self.stream(Purpose::Arrival, i);
        match arrivals {
            Arrivals::Flash { window } => positions
                .map(|i| Instant::from_nanos(stream(i).below(nanos(*window).max(1))))
                .collect(),
            // Arrivals of a Poisson process whose rate falls as exp(-t/tau) are independent and
            // exponential, given their number.
            Arrivals::Decay { tau } => positions
                .map(|i| Instant::START.after(exponential(*tau, &mut stream(i))))
                .collect(),
            Arrivals::Poisson { mean_gap } => positions
                .scan(Instant::START, |at, i| {
                    *at = at.after(exponential(*mean_gap, &mut stream(i)));
                    Some(*at)
                })
                .collect(),
            Arrivals::Gaps(law) => positions
                .scan(Instant::START, |at, i| {
                    *at = at.after(law.draw(&mut stream(i)));
                    Some(*at)
                })
                .collect(),
            Arrivals::Trace { times } => {
                positions.map(|i| Instant::START.after(times[i])).collect()
            }
        }
    }

    fn stay(&self, peers: &Peers, position: usize) -> Stay {
        match &peers.stay {
            StayModel::AtOnce => Stay::AtOnce,
            StayModel::Forever => Stay::Forever,
            StayModel::For(law) => {
                Stay::For(law.draw(&mut self.stream(Purpose::Lifetime, position)))
            }
        }
    }

    /// A random time for one peer; `None` if the scenario sets no law.
    fn time(&self, law: Option<&Law>, purpose: Purpose, position: usize) -> Option<Duration> {
        law.map(|it| it.draw(&mut self.stream(purpose, position)))
    }

    /// Class and link of each peer. Ranks are assigned at random, and each rank has a fixed class
    /// or a fixed part of the measured distribution. So every swarm has the shares of the table and
    /// covers the whole distribution. With independent draws, a small swarm could lack its one fast
    /// peer, which would be a different scenario.
    fn links(&self, capacity: &Capacity) -> Vec<(u16, Access)> {
        let order = self.order(Purpose::Capacity, ALL_PEERS);
        match capacity {
            Capacity::Classes(classes) => {
                let shares = classes.iter().map(|it| u64::from(it.share.millionths()));
                let bounds = bounds(shares, self.count);
                let link = |rank: &u32| {
                    let class = bounds.partition_point(|it| it <= rank);
                    (narrow(class + 1), classes[class].access)
                };
                order.iter().map(link).collect()
            }
            Capacity::Measured(measured) => {
                let link = |(i, rank): (usize, &u32)| {
                    let quarter = u64::from(*rank) * 4 / u64::from(self.count);
                    let class = 1 + u16::try_from(quarter).expect("below 4");
                    let mut rng = self.stream(Purpose::Capacity, i);
                    (class, access(measured, *rank, self.count, &mut rng))
                };
                order.iter().enumerate().map(link).collect()
            }
        }
    }

    /// What each peer runs.
    fn clients(&self, scenario: &Scenario, links: &[(u16, Access)]) -> Vec<u16> {
        let counts = parts::counts(scenario);
        let order = self.order(Purpose::Adoption, ALL_PEERS);
        let names = class_names(&scenario.peers.capacity);
        let mut clients = vec![None; order.len()];
        for i in parts::tied_first(&scenario.populations) {
            let class = scenario.populations[i].class.as_deref();
            let has_class = |position: usize| {
                let of = &names[usize::from(links[position].0)];
                class.is_none_or(|it| it == of)
            };
            let open = order.iter().map(|it| *it as usize);
            let open = open.filter(|it| clients[*it].is_none() && has_class(*it));
            let taken: Vec<usize> = open.take(counts[i] as usize).collect();
            for position in taken {
                clients[position] = Some(narrow(i));
            }
        }
        let each = clients.into_iter();
        each.map(|it| it.expect("the parts make up all peers"))
            .collect()
    }
}

/// The link of this rank among `count`: a random quantile from the rank's part of the distribution.
fn access(measured: &Measured, rank: u32, count: u32, rng: &mut Rng) -> Access {
    let within = rng.next_u64() >> 32;
    let value = measured
        .cdf
        .quantile(u64::from(rank) << 32 | within, u64::from(count) << 32);
    let up = times(u128::from(measured.unit), value);
    let up = rate(times(up, measured.scale));
    Access {
        up,
        down: match measured.down {
            Down::Fixed(down) => down,
            Down::Factor(factor) => rate(times(u128::from(up), factor)),
        },
        delay: measured.delay,
    }
}

fn times(value: u128, factor: Decimal) -> u128 {
    value * u128::from(factor.millionths()) / u128::from(Decimal::ONE.millionths())
}

/// Limits a rate to what a link can have.
fn rate(value: u128) -> u64 {
    let most = u128::from(MAX_RATE);
    u64::try_from(value.clamp(1, most)).expect("at most MAX_RATE")
}
