//! A policy from outside the repository. Follows `experiments/README.md`, with the example as the
//! program.

use std::fs;
use std::process::Command;

use unchoke_core::choke::REGISTRY;

use crate::common::{Lab, ended, example, own_policy};

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn a_policy_from_outside_is_compared_with_the_zoo() {
    let run = |arguments: &[&str]| {
        Command::new(example("my_policy"))
            .arg("compare")
            .args(arguments)
            .output()
    };
    let small = [
        "loyal",
        "--seeds",
        "2",
        "--set",
        "scenario.0.set={ peers = 8, size = \"1 MiB\", piece = \"64 KiB\" }",
    ];
    let all = run(&small).expect("runs");
    assert!(all.status.success(), "{}", text(&all.stderr));
    let said = text(&all.stdout);
    let rows = said.lines().filter(|it| it.contains("flash-hetero"));
    let uploading = REGISTRY.iter().filter(|it| it.uploads).count();
    assert_eq!(rows.count(), uploading, "{said}");
    assert!(said.contains("loyal as 10 %"), "{said}");
    assert_eq!(
        run(&small).expect("runs").stdout,
        all.stdout,
        "again, the same"
    );

    let one = run(&[&small[..], &["--against", "bep3"]].concat()).expect("runs");
    assert_eq!(text(&one.stdout).matches("flash-hetero").count(), 1);
    let unknown = run(&["loyal", "--against", "nice"]).expect("runs");
    assert_eq!(unknown.status.code(), Some(2));
    assert!(text(&unknown.stderr).contains("--against nice: no other policy"));
}

#[test]
fn the_example_fits_forty_lines() {
    let lines = include_str!("../examples/my_policy.rs").lines().count();
    assert!(lines <= 40, "{lines} lines");
}

/// Every command of `lab` accepts the policy. The command lines are those of the README, except for
/// the name of the program.
#[test]
fn the_walk_through_runs_as_it_stands() {
    let walk = own_policy();
    let lab = Lab::new(&walk.plan);
    fs::write(lab.path("mixed.toml"), &walk.scenario).expect("written");
    let mut said = String::new();
    for line in &walk.lines {
        let mut words = line.split(' ').skip_while(|it| *it != "--");
        words.next().expect("cargo run --release -- COMMAND");
        let mut command = Command::new(example("my_policy"));
        command.current_dir(lab.path(""));
        said += &ended(command.args(words), 0).stdout;
    }
    let known = "  loyal            the four that gave most";
    assert!(said.contains(known), "{said}");
    assert!(said.contains("clients    loyal"), "{said}");
    assert!(said.contains("\n  loyal "), "half of a swarm: {said}");
    assert!(said.contains("No change: all "), "{said}");
    assert!(said.contains("loyal as 10 %"), "{said}");
    // The unit files belong to this build of the program; another build, or `lab`, may have another
    // policy.
    let units = fs::read_dir(lab.path("results/tiny/units")).expect("units");
    let mut units = units.map(|it| it.expect("an entry").path());
    let unit = units.find(|it| it.extension().is_some_and(|it| it == "jsonl"));
    let unit = fs::read_to_string(unit.expect("a unit")).expect("text");
    let engine = unit.split("\"engine\":\"").nth(1).expect("its engine");
    let engine = engine.split('"').next().expect("a word");
    assert_eq!(engine.len(), 16 + 1 + 16, "{engine}");
    // A program without the policy prints an error.
    let refused = lab.expect(2, &["run", "tiny.toml"]);
    assert!(refused.contains("no choking policy 'loyal'"), "{refused}");
}

#[test]
fn a_policy_changes_the_swarm_and_an_unknown_one_is_refused() {
    let run = |policy: &str, code: i32| {
        let mut command = Command::new(example("my_policy"));
        command.args(["sim", "flash-hetero", "--set", "peers=12"]);
        command.args(["--set", "size=1MiB", "--policy", policy]);
        ended(&mut command, code)
    };
    let digest = |policy: &str| {
        let said = run(policy, 0).stdout;
        let line = said.lines().find(|it| it.starts_with("digest"));
        line.expect("a digest").to_owned()
    };
    assert_eq!(digest("loyal"), digest("loyal"));
    assert_ne!(digest("loyal"), digest("freerider"));
    let refused = run("nice", 2).stderr;
    assert!(
        refused.contains("no choking policy 'nice'") && refused.contains(", loyal"),
        "{refused}"
    );
}

/// A torrent of 16 KiB of zeros, in one piece.
#[cfg(unix)]
fn torrent() -> Vec<u8> {
    const SHA1_OF_16_KIB_OF_ZEROS: [u8; 20] = [
        0x89, 0x72, 0x56, 0xb6, 0x70, 0x9e, 0x1a, 0x4d, 0xa9, 0xda, 0xba, 0x92, 0xb6, 0xbd, 0xe3,
        0x9c, 0xcf, 0xcc, 0xd8, 0xc1,
    ];
    let head = "d4:infod6:lengthi16384e4:name4:file12:piece lengthi16384e6:pieces20:";
    [head.as_bytes(), &SHA1_OF_16_KIB_OF_ZEROS, b"ee"].concat()
}

/// The same program seeds and downloads with its policy, and prints an error for an unknown policy.
#[cfg(unix)]
#[test]
fn a_policy_from_outside_downloads() {
    use std::io::{BufRead as _, BufReader};
    use std::process::Stdio;

    let folder = tempfile::tempdir().expect("folder");
    let put = |name: &str, bytes: &[u8]| fs::write(folder.path().join(name), bytes).expect(name);
    put("file", &[0; 16_384]);
    put("file.torrent", &torrent());
    let client = |words: &[&str]| {
        let mut command = Command::new(example("my_policy"));
        command.current_dir(folder.path()).args(words);
        command.args(["--no-tracker", "--no-lsd", "--no-dht", "--portmap", "never"]);
        command
    };
    let refused = ended(
        &mut client(&["download", "file.torrent", "--policy", "nice"]),
        2,
    );
    let known = refused.stderr.contains("no choking policy 'nice'");
    assert!(
        known && refused.stderr.contains(", loyal"),
        "{}",
        refused.stderr
    );
    let words = [
        "seed",
        "file.torrent",
        "--data",
        ".",
        "--policy",
        "loyal",
        "--json",
    ];
    let mut seeding = client(&words);
    let mut seeding = seeding.stdout(Stdio::piped()).spawn().expect("it seeds");
    let mut lines = BufReader::new(seeding.stdout.take().expect("piped")).lines();
    let port = lines.find_map(|line| {
        let event: serde_json::Value = serde_json::from_str(&line.ok()?).ok()?;
        event["port"].as_u64()
    });
    let peer = format!("127.0.0.1:{}", port.expect("the port it listens on"));
    let words = [
        "download",
        "file.torrent",
        "--out",
        "got",
        "--policy",
        "loyal",
        "--peer",
        &peer,
    ];
    let mut download = client(&words);
    download.args(["--timeout", "60 s", "--quiet", "--record", "got.rec"]);
    ended(&mut download, 0);
    seeding
        .kill()
        .and_then(|()| seeding.wait())
        .expect("it ends");
    let got = fs::read(folder.path().join("got/file")).expect("downloaded");
    assert_eq!(got, [0; 16_384]);
    // Its recording can be read by the same program.
    let mut trace = Command::new(example("my_policy"));
    trace.current_dir(folder.path()).args(["trace", "got.rec"]);
    let said = ended(&mut trace, 0).stdout;
    assert!(said.contains("complete   1"), "{said}");
}
