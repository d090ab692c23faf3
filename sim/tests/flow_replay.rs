//! The example `flow_replay`, as a program and as a function, on traces worked out by hand.
//!
//! Capacities are 1e9 bytes/s divided by powers of two. These are whole numbers of 2^-48 byte/ns,
//! so times are exact to the nanosecond.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

#[path = "../examples/flow_replay.rs"]
#[allow(dead_code, reason = "the test has a main of its own")]
mod example;

/// A file of this name with this text.
fn file(name: &str, text: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("flow_replay_{name}"));
    std::fs::write(&path, text).expect("a file that can be written");
    path
}

/// The output of the program with its lines joined by `, `, or its error with TRACE as the file
/// name.
fn replay(name: &str, trace: &str, latency_s: &str) -> Result<String, String> {
    let path = file(name, trace).display().to_string();
    match example::run(&[path.clone(), latency_s.to_owned()]) {
        Ok(text) => Ok(text.trim_end().replace('\n', ", ")),
        Err(sentence) => Err(sentence.replace(&path, "TRACE")),
    }
}

#[track_caller]
fn prints(name: &str, trace: &str, latency_s: &str, expected: &str) {
    let expected = Ok(expected.to_owned());
    assert_eq!(replay(name, trace, latency_s), expected, "{trace}");
}

/// One server and two clients. The clients are never the bottleneck.
const STAR: &str = "H 1000000000 0\nH 0 4000000000\nH 0 4000000000\n";

#[test]
fn one_flow_takes_its_size_over_the_capacity_and_the_latency() {
    let trace = "H 250000000 0\nH 0 1000000000\nF 0 0 1 1000000000\n";
    let at = "0 4.000000000, mean 4.000000000";
    prints("one", trace, "0", at);
    let at = "0 4.025000001, mean 4.025000001";
    prints("one_later", trace, "0.025000001", at);
    // The downlink can be the bottleneck, too.
    let trace = "H 1000000000 0\nH 0 250000000\nF 0.5 0 1 1000000000\n";
    prints("one_down", trace, "0", "0 4.500000000, mean 4.500000000");
}

#[test]
fn two_flows_share_an_uplink() {
    // Half each until the short flow completes after 1 s; then the long one sends its last 500 MB
    // alone.
    let trace = format!("{STAR}F 0 0 1 1000000000\nF 0 0 2 500000000\n");
    let times = "0 1.500000000, 1 1.000000000, mean 1.250000000";
    prints("two", &trace, "0", times);
    // Two equal flows share evenly and complete together.
    let trace = format!("{STAR}F 0 0 1 1000000000\nF 0 0 2 1000000000\n");
    let times = "0 2.000000000, 1 2.000000000, mean 2.000000000";
    prints("two_equal", &trace, "0", times);
}

#[test]
fn one_flow_starts_while_another_runs() {
    // 1 GB alone in the first second; then half each until the second is done at 2 s; then 500 MB.
    let trace = format!("{STAR}F 0 0 1 2000000000\nF 1 0 2 500000000\n");
    let times = "0 2.500000000, 1 2.000000000, mean 2.250000000";
    prints("later", &trace, "0", times);
    // The latency delays every first byte alike.
    let times = "0 2.750000000, 1 2.250000000, mean 2.500000000";
    prints("later_still", &trace, "0.25", times);
    // Flow numbers follow the input, whichever flow starts first.
    let trace = format!("{STAR}F 1 0 2 500000000\nF 0 0 1 2000000000\n");
    let times = "0 2.000000000, 1 2.500000000, mean 2.250000000";
    prints("turned", &trace, "0", times);
}

#[test]
fn a_flow_that_starts_as_another_completes_has_the_link_alone() {
    let trace = format!("{STAR}F 0 0 1 1000000000\nF 1 0 2 1000000000\n");
    let times = "0 1.000000000, 1 2.000000000, mean 1.500000000";
    prints("handover", &trace, "0", times);
}

#[test]
fn a_downlink_bound_receiver_frees_its_senders() {
    // Two senders send to a slow receiver, 250 MB/s each. The first also sends to a fast receiver,
    // which gets the other 750 MB/s of its uplink: 1.5 GB in 2 s until the slow receiver is done,
    // then 1 GB in the next second.
    let hosts = "H 1000000000 0\nH 1000000000 0\nH 0 500000000\nH 0 4000000000\n";
    let flows = "F 0 0 2 500000000\nF 0 1 2 500000000\nF 0 0 3 2500000000\n";
    let times = "0 2.000000000, 1 2.000000000, 2 3.000000000, mean 2.333333333";
    prints("downlink", &format!("{hosts}{flows}"), "0", times);
}

#[test]
fn what_never_completes_does_not_count_for_the_mean() {
    let hosts = "H 1000000000 0\nH 0 1000000000\nH 0 0\n";
    let trace = format!("{hosts}F 0 0 1 1000000000\n\nF 0 0 2 1\nF 0 1 2 1\n");
    let times = "0 1.000000000, 1 never, 2 never, mean 1.000000000";
    prints("never", &trace, "0", times);
    prints("empty", "", "0", "mean 0.000000000");
    prints("nothing", hosts, "0", "mean 0.000000000");
    // A flow of 0 bytes completes at once.
    let trace = format!("{hosts}F 3 0 1 0\n");
    prints("no_bytes", &trace, "1", "0 4.000000000, mean 4.000000000");
}

#[test]
fn a_rate_with_a_remainder_costs_less_than_a_nanosecond_a_second() {
    // 1 MB/s is 281 474 976 710.656 units/ns. Rounded down, 2.3e-12 of it are lost.
    let trace = "H 1000000 0\nH 0 7000000\nF 0 0 1 100000000\n";
    let times = "0 100.000000001, mean 100.000000001";
    prints("remainder", trace, "0", times);
}

#[test]
fn what_is_wrong_is_said_in_one_sentence() {
    let host = "H 1 1\n";
    for (trace, latency, sentence) in [
        (
            "H 1",
            "0",
            "TRACE: line 1: neither `H up down` nor `F start_s src dst bytes`: `H 1`",
        ),
        (
            "\nH 1 -1",
            "0",
            "TRACE: line 2: not a whole number: `H 1 -1`",
        ),
        (
            "H 1 16000000001",
            "0",
            "TRACE: line 1: a capacity above 16000000000 bytes/s: `H 1 16000000001`",
        ),
        ("F 0 0 0 1", "0", "TRACE: line 1: no such host: `F 0 0 0 1`"),
        (
            &format!("{host}F 0 0 1 1"),
            "0",
            "TRACE: line 2: no such host: `F 0 0 1 1`",
        ),
        (
            &format!("{host}F -1 0 0 1"),
            "0",
            "TRACE: line 2: no start in seconds: `F -1 0 0 1`",
        ),
        (
            &format!("{host}F NaN 0 0 1"),
            "0",
            "TRACE: line 2: no start in seconds: `F NaN 0 0 1`",
        ),
        (
            &format!("{host}F 0 0 0 1e6"),
            "0",
            "TRACE: line 2: not a whole number: `F 0 0 0 1e6`",
        ),
        (
            &format!("{host}F 0 0 0 1\n{host}"),
            "0",
            "TRACE: line 3: a host after a flow: `H 1 1`",
        ),
        (host, "soon", "LATENCY_S: not seconds: `soon`"),
        (host, "-0.1", "LATENCY_S: not seconds: `-0.1`"),
    ] {
        assert_eq!(replay("wrong", trace, latency), Err(sentence.to_owned()));
    }
    let usage = Err("usage: flow_replay TRACE LATENCY_S".to_owned());
    assert_eq!(example::run(&[]), usage);
    assert_eq!(example::run(&[const { String::new() }; 3]), usage);
}

/// The program. Cargo builds it with the tests; if only this test was built, it is built now.
fn program(arguments: &[&str]) -> Output {
    let test = std::env::current_exe().expect("its own path");
    let folder = test.parent().and_then(Path::parent).expect("deps");
    let name = format!("flow_replay{}", std::env::consts::EXE_SUFFIX);
    let program = folder.join("examples").join(name);
    if !program.exists() {
        let profile = match folder.file_name().and_then(|it| it.to_str()) {
            Some("debug") | None => "dev",
            Some(profile) => profile,
        };
        let cargo = Command::new(env!("CARGO"))
            .args(["build", "--quiet", "--package", env!("CARGO_PKG_NAME")])
            .args(["--example", "flow_replay", "--profile", profile])
            .status();
        assert!(cargo.expect("cargo").success(), "the example builds");
    }
    let output = Command::new(&program).args(arguments).output();
    output.unwrap_or_else(|error| panic!("{}: {error}", program.display()))
}

#[test]
fn the_program_prints_to_stdout_and_fails_on_stderr() {
    let trace = format!("{STAR}F 0 0 1 2000000000\nF 1 0 2 500000000\n");
    let path = file("program", &trace).display().to_string();
    let output = program(&[&path, "0.25"]);
    assert!(output.status.success(), "{output:?}");
    let times = "0 2.750000000\n1 2.250000000\nmean 2.500000000\n";
    assert_eq!(String::from_utf8_lossy(&output.stdout), times);
    assert!(output.stderr.is_empty(), "{output:?}");

    let path = file("program_wrong", "H 1 1\nF 0 0 7 1\n")
        .display()
        .to_string();
    for (arguments, sentence) in [
        (
            &[&*path, "0"][..],
            format!("flow_replay: {path}: line 2: no such host: `F 0 0 7 1`\n"),
        ),
        (
            &[],
            "flow_replay: usage: flow_replay TRACE LATENCY_S\n".to_owned(),
        ),
        (
            &["no such file", "0"],
            "flow_replay: no such file: No such file or directory (os error 2)\n".to_owned(),
        ),
    ] {
        let output = program(arguments);
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        assert!(output.stdout.is_empty(), "{output:?}");
        assert_eq!(String::from_utf8_lossy(&output.stderr), sentence);
    }
}
