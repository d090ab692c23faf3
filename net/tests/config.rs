//! The config file: where it is found, and that the command line wins.

use std::path::Path;

use crate::common::command::{assert_sentence, run, stderr, stdout};
use crate::common::sample;

fn write(folder: &Path, text: &str) {
    let path = folder.join(".config/unchoke");
    std::fs::create_dir_all(&path).expect("a folder");
    std::fs::write(path.join("config.toml"), text).expect("written");
}

/// A folder with a torrent and this config file.
fn home(text: &str) -> crate::common::Sample {
    let sample = sample();
    sample.write_torrent(sample.folder.path());
    write(sample.folder.path(), text);
    sample
}

#[test]
fn the_file_of_the_user_counts_and_the_command_line_wins() {
    let sample = home("[show]\njson = true\nhashes = true\n");
    let home = sample.folder.path();
    let is_json = |words: &[&str]| {
        let output = run(home, words);
        assert!(output.status.success(), "{}", stderr(&output));
        stdout(&output).starts_with('{')
    };
    let show = ["show", "sample.torrent"];
    assert!(is_json(&show));
    assert!(!is_json(&[&show[..], &["--json=false"]].concat()));
    assert!(!is_json(&[&show[..], &["--no-config"]].concat()));
    std::fs::write(home.join("other.toml"), "hashes = true").expect("written");
    assert!(!is_json(&[&show[..], &["--config", "other.toml"]].concat()));
    assert!(!is_json(&[&["--config", "other.toml"], &show[..]].concat()));
    let words = ["show", "sample.torrent", "--config", "absent.toml"];
    assert_sentence(&run(home, &words), 2, "config file absent.toml");
}

#[test]
fn an_option_of_the_command_line_removes_the_one_that_it_excludes() {
    let sample = home("quiet = true\nno-tracker = true\nidle-timeout = \"1 s\"\n");
    let home = sample.folder.path();
    let download = ["download", "sample.torrent", "--out", "elsewhere"];
    let quiet = run(home, &download);
    assert_sentence(&quiet, 1, "--idle-timeout");
    assert_eq!(stdout(&quiet), "");
    let json = run(home, &[&download[..], &["--json"]].concat());
    assert!(
        stdout(&json).contains("\"event\":\"listening\""),
        "{}",
        stderr(&json)
    );
}

#[test]
fn config_shows_what_is_in_effect_and_can_be_read_again() {
    let text = "upload-cap = \"500 KiB/s\"\npeer = [\"a:1\", \"b:2\"]\n[run]\nratio = 1.5\nno-dht = true\n";
    let sample = home(text);
    let home = sample.folder.path();
    let shown = run(home, &["config"]);
    let shown = stdout(&shown);
    assert!(shown.contains(".config/unchoke/config.toml"), "{shown}");
    let table: toml::Table = shown.parse().expect("a config file");
    let run_table = table["run"].as_table().expect("a table");
    assert_eq!(run_table["ratio"].as_str(), Some("1.5"));
    assert_eq!(run_table["upload-cap"].as_str(), Some("500 KiB/s"));
    assert_eq!(run_table["peer"].as_array().map(Vec::len), Some(2));
    assert_eq!(run_table["no-dht"].as_bool(), Some(true));
    assert_eq!(table["download"]["no-dht"].as_bool(), Some(false));
    assert_eq!(table["download"]["out"].as_str(), Some("downloads"));
    std::fs::write(home.join("again.toml"), &shown).expect("written");
    let again = run(home, &["config", "--config", "again.toml"]);
    let again: toml::Table = stdout(&again).parse().expect("a config file");
    assert_eq!(again, table);
    let one = stdout(&run(home, &["config", "seed"]));
    assert!(one.contains("[seed]") && !one.contains("[run]"), "{one}");
}

#[test]
fn mistakes_in_the_file_are_one_sentence() {
    for (text, said) in [
        (
            "upload_cap = 1",
            "config.toml: there is no option `upload_cap`; did you mean `upload-cap`?",
        ),
        (
            "[run]\nratio = \"much\"",
            "config.toml: invalid value 'much' for '--ratio",
        ),
        ("ratio =", "config.toml: line 1: "),
    ] {
        let sample = home(text);
        let home = sample.folder.path();
        std::fs::create_dir(home.join("watch")).expect("a folder");
        assert_sentence(&run(home, &["run", "watch"]), 2, said);
        assert_sentence(&run(home, &["config"]), 2, said);
    }
    let sample = home("");
    let said = run(sample.folder.path(), &["config", "man"]);
    assert_sentence(&said, 2, "`man` has no options to show");
}
