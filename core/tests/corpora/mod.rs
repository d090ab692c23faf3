//! Runs every input of the corpora, and small changes of each, through the properties of its
//! parser.
//!
//! Each folder is a corpus. An input that once broke something stays in it. `core/fuzz` searches
//! for more.

mod datagrams;
mod exchanges;
mod properties;

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use properties::ALL;

/// Number of changed copies of each input.
const CHANGES: u64 = 200;

fn corpus(parser: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpora");
    let entries = fs::read_dir(folder.join(parser)).expect("each parser has a corpus");
    let mut paths: Vec<PathBuf> = entries.map(|it| it.expect("an entry").path()).collect();
    paths.sort();
    let read = |path: PathBuf| {
        let bytes = fs::read(&path).expect("an input of the corpus");
        (path, bytes)
    };
    paths.into_iter().map(read).collect()
}

/// Random numbers that are the same on every machine: Marsaglia's xorshift with a final
/// multiplication.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let mixed = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33;
        usize::try_from(mixed).expect("31 bits") % n
    }
}

/// One to three small changes: to a byte, a cut, a part of another input, or a digit of a length.
fn change(input: &[u8], others: &[(PathBuf, Vec<u8>)], dice: &mut Dice) -> Vec<u8> {
    let mut bytes = input.to_vec();
    for _ in 0..=dice.below(3) {
        let at = dice.below(bytes.len() + 1);
        let byte = u8::try_from(dice.below(256)).expect("a byte");
        match dice.below(6) {
            0 => bytes.insert(at, byte),
            1 => bytes.truncate(at),
            2 if at < bytes.len() => bytes[at] ^= 1 << dice.below(8),
            3 if at < bytes.len() => bytes[at] = b"0123456789ilde:-"[dice.below(16)],
            4 if at < bytes.len() => {
                bytes.remove(at);
            }
            _ => {
                let other = &others[dice.below(others.len())].1;
                let from = dice.below(other.len() + 1);
                let to = from + dice.below(other.len() - from + 1);
                bytes.splice(at..at, other[from..to].iter().copied());
            }
        }
    }
    bytes
}

#[test]
fn every_parser_keeps_its_promises_over_its_corpus() {
    for (parser, property) in ALL {
        let corpus = corpus(parser);
        assert!(
            corpus.len() >= 10,
            "{parser}: the corpus has too few inputs"
        );
        let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
        for (path, input) in &corpus {
            let shown = path.display();
            let changed = (0..CHANGES).map(|_| change(input, &corpus, &mut dice));
            for bytes in std::iter::once(input.clone()).chain(changed) {
                let run = catch_unwind(AssertUnwindSafe(|| property(&bytes)));
                assert!(
                    run.is_ok(),
                    "{parser}, {shown} or near it: {}",
                    bytes.escape_ascii()
                );
            }
        }
    }
}
