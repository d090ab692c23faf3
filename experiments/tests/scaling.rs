//! `lab scaling` as a user sees it.

use std::path::Path;
use std::process::Command;

use crate::common::ended;
use unchoke_experiments::against::scaling::table::{Row, read};

fn scaling(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lab"));
    command.current_dir(folder).arg("scaling").args(arguments);
    command
}

fn table(folder: &Path) -> Vec<Row> {
    let text = std::fs::read_to_string(folder.join("out/scaling.csv")).expect("a table");
    read(&text).expect("our own table")
}

#[test]
fn a_size_is_measured_once_by_one_engine() {
    let folder = tempfile::tempdir().expect("a folder");
    let arguments = ["--max", "100", "--policy", "bep3", "--out", "out"];
    let run = |more: &[&str]| {
        let all = [&arguments, more].concat();
        ended(&mut scaling(folder.path(), &all), 0).stderr
    };
    assert!(run(&[]).contains("bep3"), "one line per run");
    let rows = table(folder.path());
    let ours: Vec<&Row> = rows.iter().filter(|it| it.is_ours()).collect();
    assert_eq!(ours.len(), 1);
    let it = ours[0];
    assert_eq!((it.series.as_str(), it.peers), ("bep3", 100));
    // 99 peers receive 1 600 blocks each, some of them twice.
    let blocks = it.blocks.expect("counted");
    assert!((99 * 1600..2 * 99 * 1600).contains(&blocks), "{blocks}");
    assert!(
        it.blocks_per_cpu_s > 1000.0 && it.cpu_s > Some(0.0),
        "{it:?}"
    );
    let memory = it.bytes_per_peer.expect("measured");
    assert!((1e3..1e6).contains(&memory), "{memory}");
    for name in ["PeerSim BitTorrent", "SimGrid", "libtorrent"] {
        let theirs = rows.iter().find(|it| it.series == name).expect("a row");
        assert!(
            theirs.source.starts_with("measured elsewhere"),
            "{theirs:?}"
        );
    }
    for name in ["exponents.csv", "figures/scaling.svg"] {
        assert!(folder.path().join("out").join(name).is_file(), "{name}");
    }
    let exponents = std::fs::read_to_string(folder.path().join("out/exponents.csv"));
    let exponents = exponents.expect("a table");
    assert!(
        exponents.contains("\nSimGrid,blocks_per_cpu_s,3,"),
        "{exponents}"
    );
    for name in ["bep3", "libtorrent"] {
        assert!(!exponents.contains(name), "too few sizes: {exponents}");
    }
    assert_eq!(run(&[]), "", "nothing is measured twice");
    assert_eq!(table(folder.path()), rows);
    assert!(run(&["--force"]).contains("bep3"), "unless it must be");
    // Rows from another engine are not kept.
    let path = folder.path().join("out/scaling.csv");
    let text = std::fs::read_to_string(&path).expect("a table");
    std::fs::write(&path, text.replace(&it.engine, "0123456789abcdef")).expect("written");
    assert!(run(&[]).contains("bep3"), "measured again");
    assert_eq!(table(folder.path())[0].engine, it.engine);
}

#[test]
fn mistakes_are_one_sentence_and_a_status() {
    let folder = tempfile::tempdir().expect("a folder");
    let arguments = ["--max", "100", "--policy", "tit_for_cat"];
    let text = ended(&mut scaling(folder.path(), &arguments), 2).stderr;
    assert!(
        text.contains("tit_for_cat") && !text.contains("panicked"),
        "{text}"
    );
    assert_eq!(text.lines().count(), 1, "{text}");
    let text = ended(
        &mut scaling(folder.path(), &["--max", "1", "--out", "none"]),
        2,
    )
    .stderr;
    assert!(
        text.contains("smallest swarm of the plan has 100 peers"),
        "{text}"
    );
    assert!(!folder.path().join("none").exists());
    std::fs::create_dir(folder.path().join("out")).expect("a folder");
    std::fs::write(folder.path().join("out/scaling.csv"), "a,b\n1,2\n").expect("written");
    let text = ended(&mut scaling(folder.path(), &["--out", "out"]), 2).stderr;
    assert!(text.contains("scaling.csv: is no table"), "{text}");
}
