//! Compares the incremental link solver with progressive filling, and with cases worked out by
//! hand.

#![expect(clippy::cast_precision_loss, reason = "the oracle may round")]

use proptest::prelude::*;
use unchoke_core::time::Instant;
use unchoke_sim::link::{FlowId, HostId, Links, Solver};

/// A flow for progressive filling: source, destination, ceiling, weight.
type Edge = (u32, u32, Option<u64>, u32);

/// Progressive filling, slow and simple: raise all rates together, each in proportion to its
/// weight. When a link or a ceiling is reached, the flows there keep their rates. Rates in bytes/s.
fn progressive_filling(capacities: &[(u64, u64)], flows: &[Edge]) -> Vec<f64> {
    let mut free: Vec<f64> = capacities
        .iter()
        .flat_map(|it| [it.0 as f64, it.1 as f64])
        .collect();
    let links = |flow: &Edge| [2 * flow.0 as usize, 2 * flow.1 as usize + 1];
    let mut rates = vec![None; flows.len()];
    loop {
        let mut weights = vec![0_u32; free.len()];
        let mut share = f64::INFINITY;
        let own = |flow: &Edge| flow.2.map(|it| it as f64 / f64::from(flow.3));
        for (flow, rate) in flows.iter().zip(&rates) {
            if rate.is_none() {
                for link in links(flow) {
                    weights[link] += flow.3;
                }
                share = share.min(own(flow).unwrap_or(f64::INFINITY));
            }
        }
        for (left, weight) in free.iter().zip(&weights) {
            if *weight > 0 {
                share = share.min(left.max(0.0) / f64::from(*weight));
            }
        }
        if share.is_infinite() {
            return rates
                .into_iter()
                .map(|it| it.expect("all have stopped"))
                .collect();
        }
        // A limit within rounding error of the share counts as reached.
        let tight = |value: f64| value <= share * (1.0 + 1e-12);
        let full: Vec<bool> = free
            .iter()
            .zip(&weights)
            .map(|(left, weight)| *weight > 0 && tight(left / f64::from(*weight)))
            .collect();
        for (flow, rate) in flows.iter().zip(&mut rates) {
            let capped = own(flow).is_some_and(tight);
            if rate.is_none() && (capped || links(flow).iter().any(|it| full[*it])) {
                let got = share * f64::from(flow.3);
                *rate = Some(got);
                for link in links(flow) {
                    free[link] -= got;
                }
            }
        }
    }
}

fn rate(links: &Links, flow: u32) -> f64 {
    links.rate_units(FlowId(flow)) as f64 * 1e9 / (1_u64 << 48) as f64
}

/// Plays a sequence of toggles (source, destination, ceiling, weight, solve now?) and compares
/// after every solve. A toggle that differs from its running flow in ceiling or weight changes
/// those instead.
fn play(solver: Solver, capacities: &[(u64, u64)], toggles: &[(Edge, bool)]) {
    let mut links = Links::new(solver);
    for (up, down) in capacities {
        links.add_host(*up, *down);
    }
    let mut running: Vec<(u32, Edge)> = Vec::new();
    let mut numbers = 0;
    for (at, (edge, solve)) in toggles.iter().enumerate() {
        let now = Instant::from_nanos(at as u64 * 1000);
        let same = |it: &(u32, Edge)| (it.1.0, it.1.1) == (edge.0, edge.1);
        if let Some(known) = running.iter().position(same) {
            let (flow, had) = (FlowId(running[known].0), running[known].1);
            if had == *edge {
                running.swap_remove(known);
                links.stop(flow);
            } else {
                links.set_ceiling(flow, edge.2);
                links.set_weight(flow, edge.3);
                running[known].1 = *edge;
            }
        } else {
            let ends = (HostId(edge.0), HostId(edge.1));
            links.start(now, FlowId(numbers), ends, 1 << 40, edge.2);
            links.set_weight(FlowId(numbers), edge.3);
            running.push((numbers, *edge));
            numbers += 1;
        }
        if *solve {
            links.solve(now);
            check(solver, capacities, &links, &running);
        }
    }
    assert_eq!(links.work().cut_off, 0, "every solve settled");
}

fn check(solver: Solver, capacities: &[(u64, u64)], links: &Links, running: &[(u32, Edge)]) {
    let mut used = vec![0_u128; 2 * capacities.len()];
    for (number, edge) in running {
        used[2 * edge.0 as usize] += u128::from(links.rate_units(FlowId(*number)));
        used[2 * edge.1 as usize + 1] += u128::from(links.rate_units(FlowId(*number)));
    }
    for (link, used) in used.iter().enumerate() {
        let (up, down) = capacities[link / 2];
        let capacity = u128::from(if link % 2 == 0 { up } else { down }) << 48;
        assert!(
            used * 1_000_000_000 <= capacity,
            "link {link} is over capacity"
        );
    }
    if solver == Solver::Exact {
        let edges: Vec<Edge> = running.iter().map(|it| it.1).collect();
        let expected = progressive_filling(capacities, &edges);
        // A level is rounded down to a whole unit, so the rate of a flow of weight w can be w units
        // too low.
        let weighted = edges.iter().any(|it| it.3 > 1);
        let most = if weighted { 1e-3 } else { 1e-9 };
        for ((number, edge), expected) in running.iter().zip(expected) {
            let got = rate(links, *number);
            assert!(
                (got - expected).abs() <= expected * most,
                "flow {edge:?} of {running:?}: {got} instead of {expected}"
            );
        }
    }
}

/// Capacities of the hosts: all alike (every change ripples), of few classes, or all different.
fn capacities() -> impl Strategy<Value = Vec<(u64, u64)>> {
    let class = prop::sample::select(vec![50_000_u64, 128_000, 1_250_000, 12_500_000]);
    prop_oneof![
        (2..20_usize).prop_map(|hosts| vec![(1_250_000, 1_250_000); hosts]),
        prop::collection::vec((class.clone(), class), 2..20),
        prop::collection::vec((50_000..2_000_000_u64, 50_000..20_000_000_u64), 2..20),
    ]
}

fn toggles(hosts: u32) -> impl Strategy<Value = Vec<(Edge, bool)>> {
    let ceiling = prop::option::weighted(0.2, 20_000..500_000_u64);
    let weight = prop_oneof![4 => Just(1), 1 => 1..=1_000_u32];
    let toggle = (
        0..hosts,
        1..hosts,
        ceiling,
        weight,
        prop::bool::weighted(0.7),
    );
    let toggle = toggle.prop_map(move |(src, ahead, ceiling, weight, solve)| {
        ((src, (src + ahead) % hosts, ceiling, weight), solve)
    });
    prop::collection::vec(toggle, 1..200)
}

/// Capacities of the hosts, and what starts and stops.
type Play = (Vec<(u64, u64)>, Vec<(Edge, bool)>);

fn swarm() -> impl Strategy<Value = Play> {
    capacities().prop_flat_map(|it| {
        let hosts = u32::try_from(it.len()).expect("few hosts");
        (Just(it), toggles(hosts))
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn exact_rates_equal_progressive_filling((capacities, toggles) in swarm()) {
        play(Solver::Exact, &capacities, &toggles);
    }

    #[test]
    fn fast_rates_keep_every_capacity((capacities, toggles) in swarm()) {
        play(Solver::Fast, &capacities, &toggles);
    }
}

/// Solves, then advances time until each flow has sent its bytes. Returns when each completed, in
/// ns.
fn run(links: &mut Links, count: u32) -> Vec<u64> {
    let mut done = vec![0; count as usize];
    let mut now = Instant::START;
    loop {
        links.solve(now);
        let Some(next) = links.next_due() else {
            return done;
        };
        now = next;
        while let Some(flow) = links.pop_due(now) {
            done[flow.0 as usize] = now.as_nanos();
            links.stop(flow);
        }
    }
}

/// Rates of the first three flows, in bytes/s, rounded down.
fn rates(links: &Links) -> [String; 3] {
    [0, 1, 2].map(|flow| format!("{:.0}", rate(links, flow)))
}

const SOLVERS: [Solver; 2] = [Solver::Exact, Solver::Fast];

#[test]
fn one_flow_on_one_link_takes_size_over_capacity() {
    for solver in SOLVERS {
        let mut links = Links::new(solver);
        let ends = (links.add_host(1_250_000, 0), links.add_host(0, 1_250_000));
        links.start(Instant::START, FlowId(0), ends, 1_250_000_000, None);
        // 1.25e9 bytes at 1.25e6 bytes/s; the rate is rounded down by less than 1e-12.
        let done = run(&mut links, 1)[0];
        assert!(
            (1_000_000_000_000..1_000_000_000_002).contains(&done),
            "{done}"
        );
    }
}

#[test]
fn blocks_of_a_flow_follow_without_a_gap() {
    let mut links = Links::new(Solver::Exact);
    let ends = (links.add_host(3_000_000, 0), links.add_host(0, 7_000_000));
    links.start(Instant::START, FlowId(0), ends, 16_384, None);
    links.solve(Instant::START);
    let mut last = Instant::START;
    for block in 1..=30_000 {
        loop {
            last = links.next_due().expect("it runs");
            if links.pop_due(last).is_some() {
                break;
            }
        }
        if block < 30_000 {
            links.extend(last, FlowId(0), 16_384);
        }
    }
    // 491 520 000 bytes at 3 000 000 bytes/s: no block boundary costs time.
    let done = last.as_nanos();
    assert!((163_840_000_000..163_840_000_002).contains(&done), "{done}");
}

#[test]
fn two_equal_flows_halve() {
    for solver in SOLVERS {
        let mut links = Links::new(solver);
        let server = links.add_host(1_000_000, 0);
        for flow in 0..2 {
            let client = links.add_host(0, 5_000_000);
            links.start(
                Instant::START,
                FlowId(flow),
                (server, client),
                1_000_000,
                None,
            );
        }
        for done in run(&mut links, 2) {
            assert!((2_000_000_000..2_000_000_002).contains(&done), "{done}");
        }
    }
}

#[test]
fn a_downlink_bound_receiver_frees_its_senders() {
    for solver in SOLVERS {
        let mut links = Links::new(solver);
        let senders = [links.add_host(1_000_000, 0), links.add_host(1_000_000, 0)];
        let (slow, fast) = (links.add_host(0, 400_000), links.add_host(0, 9_000_000));
        let flows = [(senders[0], slow), (senders[1], slow), (senders[0], fast)];
        for (flow, ends) in (0..).zip(flows) {
            links.start(Instant::START, FlowId(flow), ends, 1 << 30, None);
        }
        links.solve(Instant::START);
        assert_eq!(rates(&links), ["200000", "200000", "800000"]);
    }
}

#[test]
fn a_ceiling_holds_and_leaves_the_rest_to_others() {
    let mut links = Links::new(Solver::Exact);
    let server = links.add_host(1_000_000, 0);
    for (flow, ceiling) in (0..).zip([Some(100_000), None, None]) {
        let client = links.add_host(0, 5_000_000);
        links.start(
            Instant::START,
            FlowId(flow),
            (server, client),
            1 << 30,
            ceiling,
        );
    }
    links.solve(Instant::START);
    assert_eq!(rates(&links), ["100000", "450000", "450000"]);
}

#[test]
fn a_ceiling_that_moves_moves_the_others() {
    let mut links = Links::new(Solver::Exact);
    let server = links.add_host(900_000, 0);
    for flow in 0..3 {
        let client = links.add_host(0, 5_000_000);
        links.start(
            Instant::START,
            FlowId(flow),
            (server, client),
            1 << 30,
            None,
        );
    }
    for (ceiling, expected) in [
        (Some(100_000), ["100000", "400000", "400000"]),
        (Some(200_000), ["200000", "350000", "350000"]),
        (None, ["300000", "300000", "300000"]),
    ] {
        links.set_ceiling(FlowId(0), ceiling);
        links.solve(Instant::START);
        assert_eq!(rates(&links), expected);
    }
}

#[test]
fn a_homogeneous_star_at_random_settles_everywhere() {
    // Every link is a bottleneck for some flow, so a change may reach every other host.
    let hosts = 200_u64;
    let capacities = vec![(1_250_000, 1_250_000); 200];
    let mut state = 1_u64;
    let mut draw = |n: u64| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        u32::try_from((state >> 33) % n).expect("small")
    };
    let toggles: Vec<(Edge, bool)> = (0..3000)
        .map(|_| {
            let src = draw(hosts);
            let dst = (src + 1 + draw(hosts - 1)) % 200;
            ((src, dst, None, 1), draw(10) == 0)
        })
        .collect();
    play(Solver::Exact, &capacities, &toggles);
}
