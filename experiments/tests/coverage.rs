//! `lab coverage`: how often the intervals of a plan's own pairs cover the true value.

use crate::common::{Lab, PLAN};

fn small() -> Lab {
    Lab::new(&PLAN.replace(
        "peers = 12, size = \"2 MiB\"",
        "peers = 6, size = \"512 KiB\"",
    ))
}

#[test]
fn every_pair_of_the_plan_has_a_row_with_shares() {
    let lab = small();
    let arguments = [
        "coverage",
        "tiny.toml",
        "--seeds",
        "100",
        "--study",
        "5",
        "--studies",
        "200",
        "--resamples",
        "50",
        "--quiet",
    ];
    let said = lab.expect(0, &arguments);
    assert!(
        said.contains("Studies of 5 seeds drawn from 100 runs"),
        "{said}"
    );
    // Five seeds are too few for a bootstrap, and a plan writes into a folder of its own.
    assert!(
        said.contains("No bootstraps: they need studies of 20 seeds"),
        "{said}"
    );
    let table = lab.path("results/exploratory/tiny/coverage.csv");
    let mut rows = csv::Reader::from_path(table).expect("coverage.csv");
    let columns = rows.headers().expect("columns").clone();
    let at = |name: &str| columns.iter().position(|it| it == name).expect("a column");
    let number =
        |row: &csv::StringRecord, name: &str| -> f64 { row[at(name)].parse().expect("a number") };
    let rows: Vec<csv::StringRecord> = rows.records().map(|it| it.expect("a row")).collect();
    for adoption in ["one", "100 %"] {
        assert!(
            rows.iter().any(|it| it[at("adoption")] == *adoption),
            "{adoption}"
        );
    }
    for row in &rows {
        assert_eq!(
            (
                &row[at("runs")],
                &row[at("study_seeds")],
                &row[at("studies")]
            ),
            ("100", "5", "200")
        );
        let none = ["bootstrapped", "studentised", "bca"].map(|it| &row[at(it)]);
        assert_eq!(none, ["0", "", ""]);
        let parts = ["student", "student_above", "student_below"].map(|it| number(row, it));
        assert!((parts.iter().sum::<f64>() - 1.0).abs() < 1e-6, "{row:?}");
        // One adopter of six is too few for any interval. Where all adopt, 95 % of 200 studies are 190, give or
        // take 3.
        let all_adopt = row[at("adoption")] == *"100 %";
        assert!(!all_adopt || (0.9..=1.0).contains(&parts[0]), "{row:?}");
    }
}

#[test]
fn no_bootstraps_leave_their_columns_empty() {
    let lab = small();
    let arguments =
        "coverage tiny.toml --seeds 100 --study 5 --studies 20 --bootstrapped 0 --out out --quiet";
    let said = lab.expect(0, &arguments.split(' ').collect::<Vec<_>>());
    assert!(!said.contains("unknown"), "{said}");
    let last = said.lines().find(|it| it.contains("every"));
    let last: Vec<&str> = last.expect("a row").split('┆').map(str::trim).collect();
    assert_eq!(last[4], "-", "{said}");
    let csv = std::fs::read_to_string(lab.path("out/coverage.csv")).expect("coverage.csv");
    assert!(csv.lines().skip(1).all(|it| it.ends_with(",0,,")), "{csv}");
    let none = [
        &arguments.split(' ').collect::<Vec<_>>()[..],
        &["--studies", "0"],
    ]
    .concat();
    assert_eq!(lab.run(&none).status.code(), Some(2));
}

#[test]
fn too_few_runs_define_no_true_value() {
    let said = small().expect(2, &["coverage", "tiny.toml", "--seeds", "99"]);
    assert!(said.contains("give --seeds 100 or more"), "{said}");
    assert_eq!(said.trim_end().lines().count(), 1, "{said}");
}
