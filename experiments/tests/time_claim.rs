//! A plan whose claim is about time, from the plan to the gate.

use std::fs;

use crate::common::{Lab, PLAN};

#[test]
fn a_claim_about_time_has_rows_an_answer_and_a_gate() {
    let claim = "primary = \"time\"\nmargins = { claim = \"10 %\", upload = \"5 %\" }\nadoption";
    let lab = Lab::new(&PLAN.replacen("adoption", claim, 1));
    let said = lab.expect(0, &["run", "tiny.toml"]);
    let told = |begin: &str| said.lines().any(|it| it.trim_start().starts_with(begin));
    assert!(
        told("downloader finishes ") && told("swarm finishes "),
        "{said}"
    );
    let read = |name: &str| fs::read_to_string(lab.path(name)).expect("written");
    let summary = read("results/tiny/summary.csv");
    let row = |begin: &str| {
        let found = summary.lines().find(|it| it.starts_with(begin));
        found.map(|it| it.split(',').map(str::to_owned).collect::<Vec<_>>())
    };
    let columns = row("scenario,").expect("a head");
    let column = |name: &str| columns.iter().position(|it| it == name).expect("a column");
    let own = "flash-hetero,unchoke_all,tit_for_tat,unchoke_all,100 %,all";
    let time = row(&format!("{own},T,saving,true,")).expect("a row of time");
    let ratio = row(&format!("{own},time,ratio,false,")).expect("its ratio");
    let number =
        |row: &[String], name: &str| -> f64 { row[column(name)].parse().expect("a number") };
    let sum = number(&time, "estimate") + number(&ratio, "estimate");
    assert!((sum - 1.0).abs() < 1e-6, "{time:?} {ratio:?}");
    assert!(["supported", "refuted", "inconclusive"].contains(&&*time[column("size_verdict")]));
    assert!(["shown", "refuted", "not shown"].contains(&&*time[column("joint_verdict")]));
    assert!(row("all,unchoke_all,tit_for_tat,unchoke_all,100 %,all,T,saving,true,").is_some());
    let report = read("results/tiny/report.html");
    assert!(report.contains("The claim is about time: T is one minus"));
    assert!(report.contains("the upload within 5 %"));
    // The gate reads and judges the same rows.
    lab.expect(
        0,
        &[
            "run",
            "tiny.toml",
            "--no-plots",
            "--save-baseline",
            "base.csv",
        ],
    );
    let check = [
        "run",
        "tiny.toml",
        "--no-plots",
        "--check",
        "--baseline",
        "base.csv",
    ];
    let same = lab.expect(0, &check);
    assert!(same.contains("No change: all "), "{same}");
    let power = lab.expect(0, &["gate", "base.csv", "--power"]);
    assert!(power.contains("T of all"), "{power}");
}
