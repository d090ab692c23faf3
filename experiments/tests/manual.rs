//! Completions and manual pages.

use crate::common::{Lab, PLAN};

#[test]
fn shells_and_man_know_every_subcommand() {
    let lab = Lab::new(PLAN);
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = lab.expect(0, &["completions", shell]);
        assert!(
            script.contains("tournament") && script.contains("repro"),
            "{shell}"
        );
    }
    assert!(
        lab.expect(2, &["completions", "csh"])
            .contains("possible values: bash")
    );
    assert!(lab.expect(0, &["man"]).contains(".TH lab 1"));
    lab.expect(0, &["man", "--out", "man1"]);
    let page = std::fs::read_to_string(lab.path("man1/lab-emit.1")).expect("a page");
    assert!(page.contains("whole") || page.contains("script"), "{page}");
}
