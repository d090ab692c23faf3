//! The commands in the texts are commands of this version.

use std::fs;
use std::path::{Path, PathBuf};

use clap::Parser as _;
use clap::error::ErrorKind;

use super::Lab;

/// The texts that show commands.
fn texts() -> Vec<PathBuf> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut texts: Vec<PathBuf> = ["../README.md", "README.md", "../results/README.md"]
        .iter()
        .map(|it| here.join(it))
        .collect();
    for folder in ["book/src", "book/src/exercises"] {
        let pages = fs::read_dir(here.join(folder)).expect("pages");
        let pages = pages.map(|it| it.expect("a page").path());
        texts.extend(pages.filter(|it| it.extension().is_some_and(|it| it == "md")));
    }
    texts
}

/// The words of a command up to what a shell reads, or its comment.
fn words(command: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quoted = false;
    for it in command.chars() {
        match it {
            '\'' => quoted = !quoted,
            '#' | '>' | '|' | '&' if !quoted => break,
            ' ' if !quoted => words.push(String::new()),
            it => words.last_mut().expect("one word at least").push(it),
        }
    }
    words.retain(|it| !it.is_empty());
    words
}

#[test]
fn commands_in_the_texts_have_known_options() {
    let mut commands = 0;
    for file in texts() {
        let text = fs::read_to_string(&file).expect("a text");
        // Commands are lines of a block, or stand in backquotes, over lines if they are long.
        let blocks = text.split("```").skip(1).step_by(2);
        let lines = blocks.flat_map(str::lines).map(str::to_owned);
        let prose = text.split("```").step_by(2);
        let inline = prose.flat_map(|it| it.split('`').skip(1).step_by(2));
        let inline = inline.map(|it| it.replace('\n', " "));
        for command in lines.chain(inline).filter(|it| it.starts_with("lab ")) {
            commands += 1;
            let Err(error) = Lab::try_parse_from(words(&command)) else {
                continue;
            };
            // A text may leave out what must be there, or have a placeholder for a number.
            let unknown = [ErrorKind::UnknownArgument, ErrorKind::InvalidSubcommand];
            assert!(
                !unknown.contains(&error.kind()),
                "{}: {command}\n{error}",
                file.display()
            );
        }
    }
    assert!(commands > 60, "only {commands} commands");
}
