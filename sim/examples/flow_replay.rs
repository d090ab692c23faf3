//! Replays an open-loop trace of flows through the link solver, so that others can compare it with
//! theirs.
//!
//! `cargo run --release -p unchoke-sim --example flow_replay -- TRACE LATENCY_S`
//!
//! TRACE holds one line `H up down` per host (bytes/s, at most 16 GB/s; hosts count from 0), then
//! one line `F start_s src dst bytes` per flow. Each flow waits `LATENCY_S` before its first byte.
//! The program prints the number and the completion time in seconds of each flow, in input order,
//! then the mean of these times. A flow that never completes does not count in the mean. Rates are
//! exactly max-min fair.

use std::fmt::Write as _;
use std::process::ExitCode;

use unchoke_core::time::Instant;
use unchoke_sim::link::{FlowId, HostId, Links, Solver};
use unchoke_sim::queue::DelayLines;

struct Flow {
    start_ns: u64,
    ends: (HostId, HostId),
    bytes: u64,
}

struct Trace {
    hosts: Vec<(u64, u64)>,
    flows: Vec<Flow>,
}

/// Highest rate of a link, bytes/s: [`Links`] would reduce a higher one to this.
const MAX_CAPACITY: u64 = 16_000_000_000;

/// Converts seconds as text to nanoseconds.
fn nanoseconds(text: &str) -> Option<u64> {
    let ns = text.parse::<f64>().ok()? * 1e9;
    // Below 2^53 ns, which is 104 days, a float holds every nanosecond exactly.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "range checked"
    )]
    (0.0..=9e15).contains(&ns).then_some(ns.round() as u64)
}

fn parse(text: &str) -> Result<Trace, String> {
    let mut trace = Trace {
        hosts: Vec::new(),
        flows: Vec::new(),
    };
    for (index, line) in text.lines().enumerate() {
        let wrong = |what: &str| format!("line {}: {what}: `{line}`", index + 1);
        let number = |word: &str| word.parse::<u64>().map_err(|_| wrong("not a whole number"));
        let words: Vec<&str> = line.split_whitespace().collect();
        match words[..] {
            [] => {}
            ["H", up, down] if trace.flows.is_empty() => {
                let (up, down) = (number(up)?, number(down)?);
                if up.max(down) > MAX_CAPACITY {
                    return Err(wrong("a capacity above 16000000000 bytes/s"));
                }
                trace.hosts.push((up, down));
            }
            ["H", ..] if !trace.flows.is_empty() => return Err(wrong("a host after a flow")),
            ["F", start, src, dst, bytes] => {
                let host = |word| match number(word)? {
                    it if it < trace.hosts.len() as u64 => {
                        Ok(HostId(u32::try_from(it).expect("fewer hosts than lines")))
                    }
                    _ => Err(wrong("no such host")),
                };
                trace.flows.push(Flow {
                    start_ns: nanoseconds(start).ok_or_else(|| wrong("no start in seconds"))?,
                    ends: (host(src)?, host(dst)?),
                    bytes: number(bytes)?,
                });
            }
            _ => return Err(wrong("neither `H up down` nor `F start_s src dst bytes`")),
        }
    }
    Ok(trace)
}

/// Completion time of each flow in ns; `None` for a flow that never completes.
fn replay(trace: &Trace, latency_ns: u64) -> Vec<Option<u64>> {
    let mut links = Links::new(Solver::Exact);
    for (up, down) in &trace.hosts {
        links.add_host(*up, *down);
    }
    let mut starts = DelayLines::new();
    for (number, flow) in (0..).zip(&trace.flows) {
        starts.push_any(Instant::from_nanos(flow.start_ns + latency_ns), number);
    }
    let mut done = vec![None; trace.flows.len()];
    loop {
        let next = [links.next_due(), starts.peek().map(|it| it.at)];
        let Some(now) = next.into_iter().flatten().min() else {
            return done;
        };
        // At each instant: all completions, then all starts, then one solve.
        while let Some(flow) = links.pop_due(now) {
            done[flow.0 as usize] = Some(now.as_nanos());
            links.stop(flow);
        }
        while starts.peek().is_some_and(|it| it.at <= now) {
            let (_, number) = starts.pop().expect("just seen");
            let flow = &trace.flows[number as usize];
            links.start(now, FlowId(number), flow.ends, flow.bytes, None);
        }
        links.solve(now);
    }
}

fn seconds(ns: u64) -> String {
    format!("{}.{:09}", ns / 1_000_000_000, ns % 1_000_000_000)
}

fn report(done: &[Option<u64>]) -> String {
    let mut text = String::new();
    let mut sum = 0_u128;
    let mut count = 0_u128;
    for (flow, at) in done.iter().enumerate() {
        let at_s = at.map_or_else(|| "never".to_owned(), seconds);
        writeln!(text, "{flow} {at_s}").expect("a string takes all");
        sum += u128::from(at.unwrap_or(0));
        count += u128::from(at.is_some());
    }
    let mean = u64::try_from(sum / count.max(1)).expect("below the greatest");
    writeln!(text, "mean {}", seconds(mean)).expect("a string takes all");
    text
}

/// The output, or one sentence about what is wrong.
pub(crate) fn run(arguments: &[String]) -> Result<String, String> {
    let [path, latency] = arguments else {
        return Err("usage: flow_replay TRACE LATENCY_S".to_owned());
    };
    let latency_ns =
        nanoseconds(latency).ok_or_else(|| format!("LATENCY_S: not seconds: `{latency}`"))?;
    let text = std::fs::read_to_string(path).map_err(|error| format!("{path}: {error}"))?;
    let trace = parse(&text).map_err(|error| format!("{path}: {error}"))?;
    Ok(report(&replay(&trace, latency_ns)))
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments) {
        Ok(text) => {
            print!("{text}");
            ExitCode::SUCCESS
        }
        Err(sentence) => {
            eprintln!("flow_replay: {sentence}");
            ExitCode::from(2)
        }
    }
}
