//! Sweeps, of a plan and by themselves.

use std::fs;

use crate::common::{Lab, PLAN};

const SWEEP: &str =
    "\n[[sweep]]\nname = \"peers\"\nkey = \"scenario.*.set.peers\"\nvalues = [8, 12]\nseeds = 3\n";

fn with_sweep(change: &str, to: &str) -> Lab {
    assert!(SWEEP.contains(change));
    let plan = PLAN.replace("\"one\", \"100 %\"", "\"one\", \"50 %\", \"100 %\"");
    Lab::new(&(plan + &SWEEP.replace(change, to)))
}

#[test]
fn a_sweep_runs_what_it_tells_and_no_more() {
    let lab = with_sweep("", "");
    let before = lab.expect(0, &["run", "tiny.toml", "--dry-run"]);
    assert!(before.contains("39 runs, 39 missing"), "{before}");
    let sweeps = before.lines().find(|it| it.starts_with("sweeps "));
    let sweeps = sweeps.expect("a line").split_whitespace();
    assert_eq!(
        sweeps.collect::<Vec<_>>()[..5],
        ["sweeps", "9", "runs", "9", "missing"]
    );
    let said = lab.expect(0, &["run", "tiny.toml", "--no-plots"]);
    assert!(said.contains("39 of 39 runs now"), "{said}");
    let csv = fs::read_to_string(lab.path("results/tiny/sweep.csv")).expect("sweep.csv");
    // Upload of adopters that are half of the swarm, bytes of the whole swarm, and bytes of its
    // origin, at each of two values.
    assert_eq!(csv.lines().count(), 1 + 2 * 3, "{csv}");
    // The same at each share of adopters: one, half and all.
    let csv = fs::read_to_string(lab.path("results/tiny/adoption.csv")).expect("adoption.csv");
    let shares: Vec<&str> = csv
        .lines()
        .skip(1)
        .filter_map(|it| it.split(',').nth(1))
        .collect();
    let each = ["one", "50 %", "100 %"].map(|it| [it; 3]).concat();
    assert_eq!(shares, each, "{csv}");
    let units = |folder: &str| {
        let files = fs::read_dir(lab.path(folder)).expect("units");
        let names = files.map(|it| it.expect("an entry").file_name());
        names
            .filter(|it| it.to_string_lossy().ends_with(".jsonl"))
            .count()
    };
    // The plan's own units have twelve peers. With eight peers, the sweep adds three kinds of
    // swarms with three seeds: no single adopter, and no candidate against itself.
    assert_eq!(units("results/tiny/units"), 30 + 9);
    let after = lab.expect(0, &["run", "tiny.toml", "--dry-run"]);
    assert!(after.contains("39 runs, 0 missing"), "{after}");
    let anew = lab.expect(0, &["run", "tiny.toml", "--dry-run", "--force"]);
    assert!(anew.contains("39 runs, 39 anew"), "{anew}");
}

#[test]
fn a_wrong_sweep_is_told_before_the_first_run() {
    for (change, to, told) in [
        (
            "peers\"\nvalues",
            "peerz\"\nvalues",
            "sweep \"peers\" at 8: ",
        ),
        ("[8, 12]", "[8, -1]", "sweep \"peers\" at -1: "),
        (
            "scenario.*.set.peers",
            "scenario.9.set.peers",
            "the plan has no \"9\"",
        ),
        ("seeds = 3", "seeds = 0", "key sweep.0.seeds: 0 runs"),
        ("[8, 12]", "[8]", "key sweep.0.values: 1 value;"),
    ] {
        let lab = with_sweep(change, to);
        let said = lab.expect(2, &["run", "tiny.toml"]);
        assert!(said.contains(told), "{to}: {said}");
        assert_eq!(said.trim_end().lines().count(), 1, "{said}");
        assert!(!lab.path("results/tiny/units").exists(), "{to}");
    }
}

/// The claim may be about time; the figure of the sweep is about bytes too.
#[test]
fn the_figure_of_a_sweep_has_points_whatever_is_claimed() {
    let claim = "primary = \"time\"\nmargins = { claim = \"10 %\" }\nadoption";
    let plan = PLAN.replacen("adoption", claim, 1);
    let lab = Lab::new(&(plan + SWEEP));
    lab.expect(0, &["run", "tiny.toml", "--quiet"]);
    let csv = fs::read_to_string(lab.path("results/tiny/sweep.csv")).expect("sweep.csv");
    for quantity in ["T", "E1", "E3", "E4"] {
        assert!(csv.contains(&format!(",{quantity},")), "{quantity}: {csv}");
    }
    let figure = fs::read_to_string(lab.path("results/tiny/figures/sweep_1.svg"));
    let points = dots(&figure.expect("a figure"));
    assert_eq!(points, 3 * 2, "three panels with two values");
}

/// The horizon ends the swarms of one value before their peers have completed.
#[test]
fn a_value_with_runs_that_are_cut_short_has_no_numbers() {
    let horizon = "set.horizon\"\nvalues = [\"11 s\", \"1 h\"]";
    let lab = with_sweep("set.peers\"\nvalues = [8, 12]", horizon);
    lab.expect(0, &["run", "tiny.toml", "--quiet", "--no-plots"]);
    let csv = fs::read_to_string(lab.path("results/tiny/sweep.csv")).expect("sweep.csv");
    assert_eq!(csv.lines().count(), 1 + 2 * 3, "{csv}");
    for it in csv.lines().skip(1) {
        assert_eq!(it.contains("11 s"), it.ends_with(",,,,,,"), "{it}");
    }
}

/// Number of points. A line of length zero with round ends is a dot.
fn dots(figure: &str) -> usize {
    figure.matches("h0M").count() + figure.matches("h0\"").count()
}

fn quick(lab: &Lab, code: i32, more: &[&str]) -> String {
    let usual = ["sweep", "flash-homog", "--seeds", "2", "--quiet"];
    let small = ["--set", "size=1 MiB", "--set", "piece=64 KiB"];
    lab.expect(code, &[&usual[..], &small[..], more].concat())
}

#[test]
fn a_quick_look_says_what_is_wrong_with_its_options() {
    let lab = Lab::new(PLAN);
    for (more, told) in [
        (
            "peers=8",
            "peers=8: needs a key and two values or more, e.g. peers=10,20",
        ),
        ("client.policy=bep3,tit_for_tat", "client.policy: "),
        ("peers=8,12 --set policy=bep3", "give --policy ID"),
        (
            "peers=8,12 --set client={policy=\"bep3\"}",
            "give --policy ID",
        ),
        ("peerz=8,12", "peerz"),
        ("peers=8,many", "many"),
        ("peers=8,12,8", "peers: the value 8 is there twice"),
        ("peers=8,12 peers=16,20", "peers: is given twice"),
        (
            "peers=8,12 --set peers=9",
            "--set peers=9: the sweep sets peers too",
        ),
        (
            "size=1MiB,1024KiB",
            "size: 1MiB and 1024KiB give the same runs",
        ),
        (
            "peers=8,12 --policy bep3 --policy bep3",
            "--policy bep3: is given twice",
        ),
        ("peers=8,12 --policy nobody", "there is no choking policy"),
        ("peers=8,12 --seeds 0", "lab sweep, --seeds 0: "),
    ] {
        let arguments = [
            &["sweep", "flash-hetero"],
            &more.split(' ').collect::<Vec<_>>()[..],
        ];
        let said = lab.expect(2, &arguments.concat());
        assert!(said.contains(told), "{more}: {said}");
        assert_eq!(said.trim_end().lines().count(), 1, "{said}");
    }
    let said = lab.expect(2, &["sweep", "nowhere", "peers=8,12", "--quiet"]);
    assert!(
        said.contains("nowhere") && !said.contains("sweep.toml"),
        "{said}"
    );
    assert!(!lab.path("results").exists(), "nothing was run");
    let said = lab.expect(2, &["compare", "bep3", "--set", "nothing.of=1"]);
    assert!(said.starts_with("lab: lab compare, --set"), "{said}");
}

#[test]
fn a_quick_look_tells_each_value_and_replaces_no_other() {
    let lab = Lab::new(PLAN);
    let said = quick(&lab, 0, &["peers=4,6"]);
    let rows = |said: &str| -> Vec<Vec<String>> {
        let rows = said.lines().filter(|it| it.contains('┆')).skip(1);
        let cells = |it: &str| {
            it.split('┆')
                .map(|it| it.trim_matches(['│', ' ']).to_owned())
                .collect()
        };
        rows.map(cells).collect()
    };
    let told = rows(&said);
    let of = |at: usize| [&*told[at][0], &*told[at][1]];
    assert_eq!(told.len(), 4, "{said}");
    assert_eq!([of(0), of(3)], [["4", "tit_for_tat"], ["6", "unchoke_all"]]);
    assert!(told.iter().all(|it| it[2].ends_with(']')), "{said}");
    assert!(
        said.contains("repeat    lab sweep flash-homog peers=4,6 "),
        "{said}"
    );
    let table = || fs::read_to_string(lab.path("results/exploratory/sweep/sweep.csv"));
    let first = table().expect("a table");
    quick(&lab, 0, &["peers=4,6"]);
    let refused = quick(&lab, 2, &["peers=4,5"]);
    assert!(
        refused.contains("holds the results of `lab sweep flash-homog peers=4,6 ")
            && refused.contains("--overwrite"),
        "{refused}"
    );
    assert_eq!(table().expect("a table"), first);
    // What is wrong with the arguments comes before what is in the folder.
    let wrong = quick(&lab, 2, &["peerz=4,5"]);
    assert!(
        wrong.contains("peerz") && !wrong.contains("holds"),
        "{wrong}"
    );
    quick(&lab, 0, &["peers=4,5", "--overwrite"]);
    assert_ne!(table().expect("a table"), first);
}

/// With fewer than 99 % of the peers finished, times tend to the horizon whatever the policy does.
#[test]
fn a_quick_look_compares_no_runs_that_are_cut_short() {
    let lab = Lab::new(PLAN);
    let said = quick(&lab, 0, &["horizon=11 s,1 h", "--set", "peers=4"]);
    let cut = said
        .lines()
        .filter(|it| it.contains("cannot tell: ") && it.contains(" % unfinished"));
    assert!(cut.clone().all(|it| it.contains("11 s")), "{said}");
    assert_eq!(cut.count(), 2, "{said}");
    let folder = lab.path("results/exploratory/sweep");
    let csv = fs::read_to_string(folder.join("sweep.csv")).expect("a table");
    for it in csv.lines().skip(1) {
        let cut = it.starts_with("11 s,") && !it.contains("completed_fraction");
        assert_eq!(it.contains("cannot tell: "), cut, "{it}");
    }
    let figure = fs::read_to_string(folder.join("sweep.svg")).expect("a figure");
    assert_eq!(dots(&figure), 3 * 2, "one value is left");
    assert!(figure.contains("Left out: 2 points"), "{figure}");
}

/// Both arms of a run that is cut short tend to the same time and to no saving, so no figure of it is a verdict.
#[test]
fn a_run_that_is_cut_short_has_no_verdict() {
    let lab = Lab::new(PLAN);
    let told = |horizon: &str| -> Vec<bool> {
        let set = format!("scenario.0.set.horizon={horizon}");
        let out = horizon.replace(' ', "_");
        let arguments = [
            "run",
            "tiny.toml",
            "--set",
            &set,
            "--out",
            &out,
            "--no-plots",
        ];
        let said = lab.expect(0, &arguments);
        let repeat = said.lines().find(|it| it.starts_with("repeat "));
        assert!(repeat.expect("a line").ends_with(&format!(" --out {out}")));
        let summary = lab.path(&out).join("summary.csv");
        let mut rows = csv::Reader::from_path(summary).expect("summary.csv");
        let columns = rows.headers().expect("columns").clone();
        let at = |name: &str| columns.iter().position(|it| it == name).expect("a column");
        let [scenario, quantity, time] = ["scenario", "quantity", "time_verdict"].map(at);
        rows.records()
            .map(|it| it.expect("a row"))
            // Rows over all scenarios have no verdict on time.
            .filter(|it| it[scenario] == *"flash-hetero" && it[quantity] == *"E3")
            .map(|it| it[time].starts_with("cannot tell: "))
            .collect()
    };
    let whole = told("1 h");
    assert!(
        !whole.is_empty() && whole.iter().all(|it| !it),
        "all complete"
    );
    for horizon in ["11 s", "15 s", "20 s", "25 s"] {
        let cut = told(horizon);
        assert!(!cut.is_empty() && cut.iter().all(|it| *it), "{horizon}");
    }
}
