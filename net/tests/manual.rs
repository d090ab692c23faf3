//! Completions and manual pages.

use crate::common::command::{assert_sentence, run, stdout};

#[test]
fn shells_and_man_know_every_subcommand() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = run(folder, &["completions", shell]);
        assert_eq!(script.status.code(), Some(0), "{shell}");
        assert!(stdout(&script).contains("announce"), "{shell}");
    }
    assert!(stdout(&run(folder, &["man"])).contains(".TH unchoke 1"));
    let written = run(folder, &["man", "--out", "man1"]);
    assert_eq!(written.status.code(), Some(0));
    let page = std::fs::read_to_string(folder.join("man1/unchoke-download.1")).expect("a page");
    assert!(page.contains("max\\-connections"), "{page}");
    std::fs::write(folder.join("file"), "").expect("written");
    let refused = run(folder, &["man", "--out", "file"]);
    assert_sentence(&refused, 5, "cannot write to file");
}
