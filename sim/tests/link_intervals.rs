//! In any interval of any run, no link carries more than its capacity times the interval and no
//! flow exceeds its ceiling; a block completes when its flow has carried its bytes. The test adds
//! up what links and flows carried from nothing but the rates that the solver reports.

use proptest::prelude::*;
use unchoke_core::time::Instant;
use unchoke_sim::link::{FlowId, HostId, Links, Solver};

/// One byte in the test's unit: 1e-9 of the solver's 2^-48 byte. A capacity of n bytes/s is then a
/// whole number of units per ns: n * 2^48.
const BYTE: i128 = 1_000_000_000 << 48;

#[derive(Clone, Debug)]
enum Change {
    /// Source, offset of the destination, bytes per block, number of blocks, ceiling.
    Start(usize, usize, u64, u32, Option<u64>),
    /// Index among the running flows, modulo their number.
    Stop(usize),
    /// Index as in `Stop`, and the new ceiling.
    Ceiling(usize, Option<u64>),
}

/// A flow as far as the account goes.
#[derive(Clone, Debug)]
struct Running {
    /// Its uplink and its downlink: `2 * host`, `2 * host + 1`.
    links: [usize; 2],
    block_bytes: u64,
    /// Number of blocks after the current one.
    more: u32,
    /// Bytes that it was given to send.
    given: i128,
    /// Highest rate allowed, bytes/s.
    ceiling: Option<u64>,
    /// What it has carried, in units of [`BYTE`].
    carried: i128,
    /// Rate since the last solve, in the same unit per ns.
    rate: i128,
}

/// The links, and what they have carried by the test's own count.
struct Account {
    links: Links,
    /// Capacity of each link, bytes/s.
    capacities: Vec<u64>,
    /// Index: flow.
    flows: Vec<Option<Running>>,
    /// What each link has carried since the start, minus capacity times time, in units of [`BYTE`].
    /// If this never rises, the link keeps within its capacity in every interval. Rates are
    /// constant between solves, so it is enough to check each of those periods.
    excess: Vec<i128>,
    now: Instant,
    completed: u32,
}

impl Account {
    fn new(solver: Solver, capacities: &[(u64, u64)]) -> Self {
        let mut links = Links::new(solver);
        for (up, down) in capacities {
            links.add_host(*up, *down);
        }
        Self {
            links,
            capacities: capacities.iter().flat_map(|it| [it.0, it.1]).collect(),
            flows: Vec::new(),
            excess: vec![0; 2 * capacities.len()],
            now: Instant::START,
            completed: 0,
        }
    }

    fn numbers(&self) -> Vec<usize> {
        let runs = |it: &usize| self.flows[*it].is_some();
        (0..self.flows.len()).filter(runs).collect()
    }

    /// Advances time at the rates of the last solve.
    fn advance(&mut self, now: Instant) {
        let elapsed = i128::from(now.as_nanos() - self.now.as_nanos());
        self.now = now;
        let mut carried = vec![0; self.excess.len()];
        for flow in self.flows.iter_mut().flatten() {
            flow.carried += flow.rate * elapsed;
            for link in flow.links {
                carried[link] += flow.rate * elapsed;
            }
        }
        for (link, excess) in self.excess.iter_mut().enumerate() {
            let rise = carried[link] - (i128::from(self.capacities[link]) << 48) * elapsed;
            assert!(
                rise <= 0,
                "link {link} carried {rise} too much until {now:?}"
            );
            *excess += rise;
        }
    }

    /// Takes the completed flows. A block completes in the nanosecond in which its last byte
    /// leaves; what the flow sends beyond it in the same nanosecond counts for the next block.
    fn complete(&mut self) {
        while let Some(id) = self.links.pop_due(self.now) {
            self.completed += 1;
            let slot = &mut self.flows[id.0 as usize];
            let flow = slot.as_mut().expect("it runs");
            let ahead = flow.carried - flow.given * BYTE;
            assert!(
                (0..=flow.rate).contains(&ahead),
                "{ahead} sent ahead, {flow:?}"
            );
            if flow.more > 0 {
                flow.more -= 1;
                flow.given += i128::from(flow.block_bytes);
                self.links.extend(self.now, id, flow.block_bytes);
            } else {
                *slot = None;
                self.links.stop(id);
            }
        }
        for flow in self.flows.iter().flatten() {
            assert!(flow.carried < flow.given * BYTE, "{flow:?} is done");
        }
    }

    fn change(&mut self, change: &Change) {
        let running = self.numbers();
        match *change {
            Change::Start(src, ahead, block_bytes, more, ceiling) => {
                let hosts = self.capacities.len() / 2;
                let (src, dst) = (src % hosts, (src + 1 + ahead % (hosts - 1)) % hosts);
                let free = self.flows.iter().position(Option::is_none);
                let number = free.unwrap_or(self.flows.len());
                if number == self.flows.len() {
                    self.flows.push(None);
                }
                self.flows[number] = Some(Running {
                    links: [2 * src, 2 * dst + 1],
                    block_bytes,
                    more,
                    given: i128::from(block_bytes),
                    ceiling,
                    carried: 0,
                    rate: 0,
                });
                let ends = (host(src), host(dst));
                self.links
                    .start(self.now, id(number), ends, block_bytes, ceiling);
            }
            Change::Stop(at) if !running.is_empty() => {
                let number = running[at % running.len()];
                self.flows[number] = None;
                self.links.stop(id(number));
            }
            Change::Ceiling(at, ceiling) if !running.is_empty() => {
                let number = running[at % running.len()];
                let flow = self.flows[number].as_mut().expect("it runs");
                flow.ceiling = ceiling;
                self.links.set_ceiling(id(number), ceiling);
            }
            Change::Stop(_) | Change::Ceiling(..) => {}
        }
    }

    fn solve(&mut self) {
        self.links.solve(self.now);
        for (number, flow) in self.flows.iter_mut().enumerate() {
            if let Some(flow) = flow {
                flow.rate = i128::from(self.links.rate_units(id(number))) * 1_000_000_000;
                let ceiling = flow.ceiling.map_or(i128::MAX, |it| i128::from(it) << 48);
                assert!(flow.rate <= ceiling, "{flow:?} is above its ceiling");
            }
        }
    }

    /// Handles the completions before `until`, one instant at a time.
    fn run_until(&mut self, until: Instant) {
        while let Some(due) = self.links.next_due().filter(|it| *it < until) {
            self.advance(due);
            self.complete();
            self.solve();
        }
    }
}

fn host(number: usize) -> HostId {
    HostId(u32::try_from(number).expect("few hosts"))
}

fn id(number: usize) -> FlowId {
    FlowId(u32::try_from(number).expect("few flows"))
}

/// Plays changes, each with a delay in ns after the previous one, then lets every flow complete.
fn play(solver: Solver, capacities: &[(u64, u64)], changes: &[(u64, Change)]) -> Account {
    let mut account = Account::new(solver, capacities);
    let mut at = 0;
    let mut changes = changes.iter().peekable();
    while let Some((wait_ns, change)) = changes.next() {
        at += wait_ns;
        let now = Instant::from_nanos(at);
        account.run_until(now);
        account.advance(now);
        account.complete();
        account.change(change);
        // One solve for all changes at the same instant.
        if changes.peek().is_none_or(|it| it.0 > 0) {
            account.solve();
        }
    }
    account.run_until(Instant::NEVER);
    assert!(account.numbers().is_empty(), "a flow never completed");
    account
}

/// Capacities of the hosts: all equal, so that every change reaches everywhere, or all different.
/// The smallest are so low that rounding to 2^-48 byte/ns is noticeable.
fn capacities() -> impl Strategy<Value = Vec<(u64, u64)>> {
    let any = prop_oneof![1_000..2_000_000_u64, 50_000..20_000_000_u64];
    prop_oneof![
        (2..10_usize).prop_map(|hosts| vec![(1_250_000, 1_250_000); hosts]),
        prop::collection::vec((any.clone(), any), 2..10),
    ]
}

fn change() -> impl Strategy<Value = Change> {
    let ceiling = || prop::option::weighted(0.4, 500..500_000_u64);
    let start = (0..10_usize, 0..10_usize, 1..40_000_u64, 0..6_u32, ceiling());
    prop_oneof![
        4 => start.prop_map(|(a, b, c, d, e)| Change::Start(a, b, c, d, e)),
        1 => (0..100_usize).prop_map(Change::Stop),
        2 => (0..100_usize, ceiling()).prop_map(|(at, ceiling)| Change::Ceiling(at, ceiling)),
    ]
}

fn changes() -> impl Strategy<Value = Vec<(u64, Change)>> {
    let wait_ns = prop_oneof![1 => Just(0_u64), 1 => 1..100_u64, 3 => 1..20_000_000_u64];
    prop::collection::vec((wait_ns, change()), 1..80)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn no_link_carries_more_than_capacity_times_interval(
        capacities in capacities(),
        changes in changes(),
    ) {
        for solver in [Solver::Exact, Solver::Fast] {
            play(solver, &capacities, &changes);
        }
    }
}

#[test]
fn a_link_in_demand_carries_its_capacity() {
    // 3 flows of 4 blocks of 1e9 bytes at 1e9 bytes/s: shows that the links do not pass the check
    // by idling.
    let start = Change::Start(0, 0, 1_000_000_000, 3, None);
    let changes = vec![(0, start); 3];
    let account = play(
        Solver::Exact,
        &[(1_000_000_000, 0), (0, 4_000_000_000)],
        &changes,
    );
    assert_eq!(account.completed, 12);
    let excess = account.excess[0];
    let end = account.now.as_nanos();
    assert!((12_000_000_000..=12_000_000_001).contains(&end), "{end}");
    assert!((-3 * BYTE..=0).contains(&excess), "{excess}");
}
