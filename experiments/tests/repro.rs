//! `lab repro` with a small table of its own: every verdict occurs, each with the right reason.

use std::fs;

use crate::common::{Lab, PLAN};

const CLAIMS: &str = r#"
[[figure]]
claim = "bytes"
where = "front page"
says = "saves {min} to {max} %"
file = "results/tiny/summary.csv"
column = "estimate"
rows = { quantity = "E3", headline = "true", scenario = "flash-hetero" }
scale = 100
digits = 1

[[rerun]]
claim = "runs"
where = "front page"
plan = "tiny.toml"
minutes = 1
memory_mb = 50
"#;

const REPRO: [&str; 3] = ["repro", "--claims", "claims.toml"];

fn with<'a>(more: &[&'a str]) -> Vec<&'a str> {
    REPRO.iter().chain(more).copied().collect()
}

#[test]
fn claims_are_checked_line_by_line() {
    let lab = Lab::new(PLAN);
    lab.expect(0, &["run", "tiny.toml", "--quiet", "--no-plots"]);
    let put = |name: &str, text: &str| fs::write(lab.path(name), text).expect("written");
    put("claims.toml", CLAIMS);
    put("README.md", "Nothing of this kind.\n");

    let said = lab.expect(1, &REPRO);
    assert!(
        said.contains("PASS        runs: 4 of 24 runs, the same digests"),
        "{said}"
    );
    assert!(
        said.contains("1 passed, 1 failed, 0 cannot be told"),
        "{said}"
    );
    let wanted = said
        .split("must say \"")
        .nth(1)
        .and_then(|it| it.split('"').next());
    let wanted = wanted.expect("the sentence that the README lacks");
    put(
        "README.md",
        &format!("It **{}**.\n", wanted.replacen(' ', "\n", 1)),
    );
    let said = lab.expect(0, &with(&["--strict"]));
    assert!(said.contains("2 passed, 0 failed"), "{said}");

    let said = lab.expect(0, &with(&["--full", "--only", "runs"]));
    assert!(said.contains("all tables the same, sha256 "), "{said}");
    let table = lab.expect(0, &with(&["--list"]));
    assert!(table.contains("| claim | command | expected |"), "{table}");
    assert!(table.lines().count() == 4, "{table}");

    let manifest = lab.path("results/tiny/manifest.json");
    let text = fs::read_to_string(&manifest).expect("a manifest");
    let engine = text.find("\"engine\": \"").expect("an engine") + 11;
    fs::write(
        &manifest,
        format!("{}x{}", &text[..engine], &text[engine..]),
    )
    .expect("written");
    let said = lab.expect(0, &REPRO);
    assert!(
        said.contains("CANNOT TELL runs: results/tiny was made by engine x"),
        "{said}"
    );
    lab.expect(1, &with(&["--strict"]));
    let said = lab.expect(2, &with(&["--only", "nothing"]));
    assert!(
        said.contains("no claim has \"nothing\" in its name"),
        "{said}"
    );
}

#[test]
fn a_committed_run_that_does_not_come_out_again_fails() {
    let lab = Lab::new(PLAN);
    lab.expect(0, &["run", "tiny.toml", "--quiet", "--no-plots"]);
    fs::write(lab.path("claims.toml"), CLAIMS).expect("written");
    let file = lab.path("results/tiny/runs.csv.gz");
    let mut text = String::new();
    let stored = fs::File::open(&file).expect("runs");
    std::io::Read::read_to_string(&mut flate2::read::GzDecoder::new(stored), &mut text)
        .expect("text");
    // The digest is the last column.
    let lines: Vec<String> = text
        .lines()
        .enumerate()
        .map(|(at, line)| {
            if at == 0 {
                line.to_owned()
            } else {
                format!("{line}0")
            }
        })
        .collect();
    let written = fs::File::create(&file).expect("runs");
    let mut packer = flate2::write::GzEncoder::new(written, flate2::Compression::fast());
    std::io::Write::write_all(&mut packer, (lines.join("\n") + "\n").as_bytes()).expect("packed");
    packer.finish().expect("packed");
    let said = lab.expect(1, &with(&["--only", "runs", "--runs", "2"]));
    assert!(said.contains("FAIL        runs: unit "), "{said}");
    assert!(
        said.contains("look inside with `lab replay tiny --unit"),
        "{said}"
    );
}
