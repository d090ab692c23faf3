//! The cost of hostile peers: memory, processor time, and the time of an honest transfer.
//!
//! Each row runs the `unchoke` command in a process of its own, with an honest transfer and with
//! peers of [`crate::common::hostile`]. The figures are printed and checked against bounds. A row
//! takes a few seconds; with `UNCHOKE_RESOURCES_SECONDS=60`, each attack starts 60 s before the
//! honest transfer.

use std::fs;
use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::common::command::{Listening, run, seed, stderr, unchoke};
use crate::common::disk::{download, home_of};
use crate::common::hostile::{Attack, Kind};
use crate::common::{Sample, sample};

/// Time from the start of an attack to the start of the honest transfer.
fn head_start() -> Duration {
    let asked = std::env::var("UNCHOKE_RESOURCES_SECONDS").ok();
    Duration::from_secs(asked.map_or(2, |it| it.parse().expect("a number of seconds")))
}

/// The cost of a process so far.
#[derive(Debug)]
struct Cost {
    /// Peak memory in bytes.
    memory: u64,
    /// Processor time of all its threads.
    processor: Duration,
}

/// Reads the cost of a process from Linux.
fn cost(process: u32) -> Cost {
    let status = fs::read_to_string(format!("/proc/{process}/status")).expect("it runs");
    let peak = status.lines().find_map(|it| it.strip_prefix("VmHWM:"));
    let kib = peak.and_then(|it| it.trim().strip_suffix(" kB"));
    let kib: u64 = kib.and_then(|it| it.trim().parse().ok()).expect("a peak");
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).expect("it runs");
    // The name in parentheses may contain any character. The times are fields 14 and 15 of the
    // line.
    let (_, fields) = stat.rsplit_once(')').expect("a name");
    let ticks = fields.split_whitespace().skip(11).take(2);
    let ticks: u64 = ticks.map(|it| it.parse::<u64>().expect("ticks")).sum();
    Cost {
        memory: kib * 1024,
        processor: Duration::from_millis(ticks * 10),
    }
}

/// The limits of a row.
struct Bound {
    memory: u64,
    /// Processor seconds per second of the row.
    processor: f64,
    transfer: Duration,
}

/// Loose enough for slow machines: the cost on an idle machine is far lower.
const BOUND: Bound = Bound {
    memory: 64 << 20,
    processor: 0.9,
    transfer: Duration::from_secs(45),
};

/// Prints a row and checks it.
fn judge(name: &str, before: Instant, transfer: Duration, cost: &Cost, bound: &Bound) {
    let seconds = before.elapsed().as_secs_f64();
    let share = cost.processor.as_secs_f64() / seconds;
    println!(
        "{name}: {} MiB at most, {:.2} s of processor time in {seconds:.1} s ({:.0} %), honest \
         transfer {:.1} s",
        cost.memory >> 20,
        cost.processor.as_secs_f64(),
        100.0 * share,
        transfer.as_secs_f64(),
    );
    assert!(cost.memory <= bound.memory, "{name}: memory");
    assert!(share <= bound.processor, "{name}: processor time");
    assert!(transfer <= bound.transfer, "{name}: honest transfer");
}

/// A seed under attack, from which an honest peer downloads.
fn seed_under(name: &str, kind: Kind, peers: usize) {
    let sample = sample();
    let target = seed(&sample, &[]);
    let begun = Instant::now();
    let attack = Attack::on(&sample, target.port, kind, peers);
    std::thread::sleep(head_start());
    let transfer = Instant::now();
    let home = home_of(&sample);
    let done = run(home.path(), &download(&target.peer(), &["--quiet"]));
    assert!(done.status.success(), "{name}: {}", stderr(&done));
    let (transfer, cost) = (transfer.elapsed(), cost(target.child.id()));
    println!(
        "{name}: {} hostile connections were made",
        attack.attempts()
    );
    drop(attack);
    sample.assert_in(&home.path().join("downloads"));
    judge(name, begun, transfer, &cost, &BOUND);
}

/// A download from an honest seed, under attack. One hostile peer waits to be dialled, and a
/// `crowd` of hostile peers dials us.
fn download_under(name: &str, sample: &Sample, attack: &Attack, crowd: usize) {
    let honest = seed(sample, &["--upload-cap", "400 KiB/s"]);
    let home = home_of(sample);
    let peers = [honest.peer(), attack.peer()];
    let mut command = unchoke(home.path(), &download(&peers[0], &["--peer", &peers[1]]));
    let begun = Instant::now();
    command.arg("--seed").stderr(Stdio::null());
    let target = Listening::start(command);
    for _ in 0..crowd {
        attack.join(target.port);
    }
    let whole = || {
        let out = home.path().join("downloads");
        let is_there = |(path, from, to): &(std::path::PathBuf, usize, usize)| {
            fs::read(out.join(path)).is_ok_and(|it| it == sample.payload[*from..*to])
        };
        sample.files.iter().all(is_there)
    };
    while !whole() && begun.elapsed() < BOUND.transfer {
        std::thread::sleep(Duration::from_millis(50));
    }
    let cost = cost(target.child.id());
    judge(name, begun, begun.elapsed(), &cost, &BOUND);
}

#[test]
fn a_flood_of_requests_costs_little() {
    seed_under("requests", Kind::Requests, 4);
}

#[test]
fn a_flood_of_have_all_and_have_none_costs_little() {
    seed_under("have all, have none", Kind::HaveAllHaveNone, 4);
}

#[test]
fn a_flood_of_interest_costs_little() {
    seed_under("interest", Kind::Interest, 4);
}

#[test]
fn a_flood_of_extended_messages_costs_little() {
    seed_under("extended messages", Kind::Extended, 4);
}

#[test]
fn half_open_handshakes_keep_nobody_out() {
    seed_under("slow handshakes", Kind::SlowHandshake, 200);
}

#[test]
fn idle_peers_keep_nobody_out() {
    seed_under("idle peers", Kind::Idle, 60);
}

#[test]
fn three_hundred_that_are_interested_keep_nobody_out() {
    seed_under("interested drips", Kind::Drip, 300);
}

#[test]
fn slow_readers_keep_nobody_out() {
    seed_under("slow readers", Kind::SlowReader, 60);
}

#[test]
fn a_flood_of_peer_exchange_costs_little() {
    let sample = sample();
    let attack = Attack::waiting(&sample, Kind::Exchange);
    download_under("peer exchange", &sample, &attack, 44);
}

#[test]
fn who_corrupts_comes_back_in_vain() {
    for (name, kind) in [
        ("ban evasion", Kind::Corrupt),
        ("ban evasion by leaving", Kind::CorruptAndGone),
    ] {
        let sample = sample();
        let attack = Attack::waiting(&sample, kind);
        // From three addresses, each with a new peer id every time.
        download_under(name, &sample, &attack, 3);
        let corrupted = attack.blocks_sent();
        println!("{name}: {corrupted} corrupt blocks were taken");
        assert!(corrupted <= 200, "{corrupted} corrupt blocks were taken");
    }
}
