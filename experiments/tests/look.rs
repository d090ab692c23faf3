//! Looking inside a run as a user does: traces, stopping a run, the state at that time.

use std::process::Command;

use crate::common::ended;

const SMALL: [&str; 4] = ["sim", "small", "--set", "size=2 MiB"];

struct Lab(tempfile::TempDir);

impl Lab {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder"))
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lab"));
        command.current_dir(self.0.path()).args(arguments);
        command
    }

    fn text(&self, arguments: &[&str]) -> String {
        ended(&mut self.command(arguments), 0).stdout
    }

    fn fails(&self, arguments: &[&str], sentence: &str) {
        let said = ended(&mut self.command(arguments), 2);
        assert_eq!(said.stdout, "");
        assert_eq!(said.stderr, format!("lab: {sentence}\n"));
    }

    fn bytes(&self, file: &str) -> Vec<u8> {
        std::fs::read(self.0.path().join(file)).expect("a file")
    }
}

fn small<'a>(more: &[&'a str]) -> Vec<&'a str> {
    [&SMALL[..], more].concat()
}

/// The text after `name` on its line.
fn field<'a>(text: &'a str, name: &str) -> &'a str {
    let line = text.lines().find(|it| it.starts_with(name));
    line.map_or("", |it| it[name.len()..].trim())
}

#[test]
fn a_trace_in_either_form_becomes_the_other() {
    let lab = Lab::new();
    let run = lab.text(&small(&["--trace", "a.trace"]));
    lab.text(&small(&["--trace", "a.jsonl"]));
    let said = lab.text(&["trace", "a.trace", "--trace", "b.jsonl"]);
    lab.text(&["trace", "a.jsonl", "--trace", "b.trace"]);
    assert_eq!(lab.bytes("a.jsonl"), lab.bytes("b.jsonl"));
    assert_eq!(lab.bytes("a.trace"), lab.bytes("b.trace"));
    assert!(lab.bytes("a.trace").len() * 5 < lab.bytes("a.jsonl").len());
    assert_eq!(field(&said, "digest"), field(&run, "digest"));
    assert_eq!(field(&said, "block "), field(&run, "blocks transferred"));
    assert_eq!(field(&said, "complete"), "10");
}

#[test]
fn the_scenario_in_a_trace_gives_the_same_run() {
    let lab = Lab::new();
    let run = lab.text(&small(&["--seed", "5", "--trace", "a.trace"]));
    let scenario = lab.text(&["trace", "a.trace", "--scenario"]);
    std::fs::write(lab.0.path().join("again.toml"), scenario).expect("written");
    let again = lab.text(&["sim", "again.toml", "--seed", "5"]);
    assert_eq!(field(&again, "digest"), field(&run, "digest"));
}

#[test]
fn a_run_stops_where_it_is_told_to_and_shows_its_state() {
    let lab = Lab::new();
    let text = lab.text(&small(&[
        "--until", "60 s", "--peers", "--peer", "0", "--trace", "s.trace",
    ]));
    assert!(text.contains(" within 60.000 s\n"), "{text}");
    assert!(
        text.contains("\npeer 0: origin, class origin, client origin, 8/8 pieces\n"),
        "{text}"
    );
    assert_eq!(
        text.matches("┆ leecher ┆").count(),
        20,
        "one row in each table: {text}"
    );
    // The whole trace, read up to that time, gives the same.
    lab.text(&small(&["--trace", "w.trace"]));
    let whole = lab.text(&[
        "trace", "w.trace", "--until", "60 s", "--peers", "--peer", "0",
    ]);
    let tables = |text: &str| text.find("\nat 60.000 s").map(|at| text[at..].to_owned());
    let (own, whole) = (tables(&text), tables(&whole));
    let own = own.map(|it| it.replace("trace     s.trace\n", ""));
    assert!(own.is_some() && own == whole, "{own:?} {whole:?}");
}

#[test]
fn what_cannot_be_done_is_one_sentence() {
    let lab = Lab::new();
    lab.text(&small(&["--trace", "a.trace"]));
    lab.fails(
        &small(&["--trace", "a.txt"]),
        "--trace a.txt: the name should end in .jsonl or .trace; or choose the form with \
         --trace-form",
    );
    lab.fails(
        &small(&["--peer", "11"]),
        "--peer 11: the swarm has the peers 0 to 10",
    );
    lab.fails(
        &["trace", "a.trace", "--trace", "./a.trace"],
        "--trace ./a.trace: this is a.trace, which is read and would be written over; give another \
         name",
    );
    let whole = lab.bytes("a.trace");
    std::fs::write(lab.0.path().join("cut.trace"), &whole[..whole.len() - 9]).expect("written");
    let events = field(&lab.text(&["trace", "a.trace"]), "block ").to_owned();
    assert!(events.parse::<u32>().is_ok_and(|it| it > 1000), "{events}");
    let error = ended(&mut lab.command(&["trace", "cut.trace"]), 2).stderr;
    assert!(
        error.starts_with("lab: cut.trace: cut short at byte "),
        "{error}"
    );
    lab.fails(
        &small(&["--peers", "--format", "json"]),
        "--peers and --peer print tables, which are no JSON: leave one of them out, or write a \
         --trace",
    );
    // This path cannot be written.
    let said = ended(&mut lab.command(&small(&["--trace", "no/such.trace"])), 5);
    assert_eq!(
        said.stderr,
        "lab: no/such.trace: No such file or directory (os error 2)\n"
    );
}

#[test]
fn a_unit_is_named_by_what_it_is() {
    let lab = Lab::new();
    let plan = [
        "choke_vs_naive",
        "--seeds",
        "10",
        "--set",
        "scenario.*.set.peers=12",
    ];
    let plan = [&plan[..], &["--set", "scenario.*.set.size=1 MiB"]].concat();
    let units = lab.text(&[&["list"][..], &plan].concat());
    let unit = units
        .lines()
        .find(|it| it.contains("  naive  0 %  seed 3 "))
        .expect("a unit");
    let seed = unit.split(['(', ')']).nth(1).expect("its seed");
    let scenario = unit.split("  ").nth(1).expect("its scenario");
    let named = ["--scenario", scenario, "--mix", "naive", "--run-seed", seed];
    let text = lab.text(&[&["replay"][..], &plan, &named].concat());
    assert_eq!(field(&text, "unit"), &unit[..32]);
    assert!(
        text.contains("\nnot compared: there is no stored result "),
        "{text}"
    );
    let stopped = lab.text(&[&["replay"][..], &plan, &named, &["--until", "9 s"]].concat());
    assert!(
        stopped.ends_with(
            "\nended     9.000 s\nstopped on the way: not compared with a stored result\n"
        )
    );
    let unclear = [&["replay"][..], &plan, &["--mix", "naive"]].concat();
    let error = ended(&mut lab.command(&unclear), 2).stderr;
    assert!(
        error.starts_with("lab: 30 units of the plan fit; name one with --unit, or with "),
        "{error}"
    );
    assert_eq!(error.trim_end().lines().count(), 1 + 30, "all are listed");
}
