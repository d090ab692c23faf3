//! The exercises of the book: their plans and the solutions outside the tree give the figures of the pages.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::common::{Lab, ended, example};

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("book/src/exercises")
}

fn page(name: &str) -> String {
    fs::read_to_string(folder().join(name)).expect("a page of the book")
}

/// Rows of the table that the page's command for this example prints. A cell may take several lines.
fn solution(page: &str, name: &str) -> Vec<Vec<String>> {
    let command = page.lines().find(|it| it.starts_with("`cargo run"));
    let command = command.expect("a command").trim_matches('`');
    let (cargo, arguments) = command.split_once(" -- ").expect("arguments");
    assert!(cargo.ends_with(&format!("--example {name}")), "{cargo}");
    let mut shell = Command::new("sh");
    let line = format!("\"$0\" {arguments}");
    let said = ended(shell.args(["-c", &line]).arg(example(name)), 0).stdout;
    let mut rows: Vec<Vec<String>> = Vec::new();
    for line in said.lines().filter(|it| it.starts_with('│')) {
        let cells = line.trim_matches('│').split('┆');
        let cells: Vec<String> = cells.map(|it| it.trim().to_owned()).collect();
        match rows.last_mut().filter(|_| cells[0].is_empty()) {
            None => rows.push(cells),
            Some(row) => {
                for (whole, part) in row.iter_mut().zip(cells) {
                    let both = format!("{whole} {part}");
                    both.trim().clone_into(whole);
                }
            }
        }
    }
    rows.remove(0);
    rows
}

#[test]
fn solutions_1_and_3_give_the_tables_of_their_pages() {
    for (file, name, policy) in [
        ("1-choking.md", "exercise_1", "best_three"),
        ("3-selfish.md", "exercise_3", "haggle"),
    ] {
        let page = page(file);
        for row in solution(&page, name) {
            let [_, against, _, few, _, all] = &row[..] else {
                panic!("{row:?}");
            };
            let wanted = format!("| `{policy}` against `{against}` | {few} | {all} |");
            assert!(page.contains(&wanted), "{file} lacks {wanted}");
        }
    }
}

#[test]
fn solution_2_gives_the_figure_of_its_page() {
    let page = page("2-proportional.md");
    let rows = solution(&page, "exercise_2");
    let time = rows[0][5].replace(['[', ']', ','], "");
    let [ratio, low, high] = time.split(' ').collect::<Vec<_>>()[..] else {
        panic!("no interval: {rows:?}");
    };
    let row = format!("| none | {ratio}, {low} to {high} |");
    let sentence = format!(
        "takes {ratio} of the\ntime of a swarm of `propshare` (95 % interval {low} to {high})"
    );
    for wanted in [row, sentence] {
        assert!(page.contains(&wanted), "{wanted}");
    }
}

/// Estimate and interval of a comparison in `summary.csv`.
fn summary(lab: &Lab, plan: &str, wanted: [&str; 4]) -> [f64; 3] {
    let file = lab.path("out").join(plan).join("summary.csv");
    let mut reader = csv::Reader::from_path(&file).expect("a table");
    let head = reader.headers().expect("a head").clone();
    let at = |name: &str| head.iter().position(|it| it == name).expect("a column");
    let keys = ["baseline", "adoption", "group", "quantity"].map(at);
    let values = ["estimate", "ci95_low", "ci95_high"].map(at);
    let rows = reader.records().map(|it| it.expect("a row"));
    let mut rows = rows.filter(|row| &row[at("scenario")] == "flash-hetero");
    let row = rows.find(|row| keys.map(|it| &row[it]) == wanted);
    let row = row.unwrap_or_else(|| panic!("no row {wanted:?}"));
    values.map(|it| row[it].parse().expect("a number"))
}

fn run(plan: &str) -> Lab {
    let lab = Lab::new("");
    let file = folder().join(plan).to_string_lossy().into_owned();
    let out = format!("out/{plan}");
    lab.expect(0, &["run", &file, "--out", &out, "--quiet", "--no-plots"]);
    lab
}

#[test]
fn plan_1_gives_the_figures_of_its_page() {
    let plan = "1-choking.toml";
    let (lab, page) = (run(plan), page("1-choking.md"));
    let page = page.split_whitespace().collect::<Vec<_>>().join(" ");
    let time = |baseline| summary(&lab, plan, [baseline, "100 %", "all", "time"]);
    let [saved, ..] = summary(&lab, plan, ["unchoke_all", "100 %", "all", "E3"]);
    let [all, all_low, all_high] = time("unchoke_all");
    let [random, random_low, random_high] = time("random_k");
    for wanted in [
        format!("saves {:.1} % of the swarm's bytes (E3)", saved * 100.0),
        format!("is {all:.2} [{all_low:.2}, {all_high:.2}] of that of `unchoke_all`"),
        format!("and {random:.2} [{random_low:.2}, {random_high:.2}] of that of `random_k`"),
    ] {
        assert!(page.contains(&wanted), "{wanted}");
    }
}

#[test]
fn plan_3_gives_the_table_of_its_page() {
    let plan = "3-selfish.toml";
    let (lab, page) = (run(plan), page("3-selfish.md"));
    for (adoption, group) in [("one", "adopters"), ("50 %", "adopters"), ("100 %", "all")] {
        let of = |quantity| summary(&lab, plan, ["bep3", adoption, group, quantity]);
        let [saved, saved_low, saved_high] = of("E1").map(|it| it * 100.0);
        let [time, low, high] = of("time");
        let row = format!(
            "| {adoption} | {saved:.1} % [{saved_low:.1}, {saved_high:.1}] | {time:.3} [{low:.3}, {high:.3}] |"
        );
        let row = row.replace('-', "\u{2212}");
        assert!(page.contains(&row), "{row}");
    }
}
