//! Resume data and recordings with arbitrary damage: no panic, and no piece counts as verified by
//! mistake.
//!
//! A plain `cargo test` tries some hundred changes of each valid file; `UNCHOKE_FUZZ_SECONDS=600`
//! continues for that time. A failure names the number of the change and the changed bytes.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::{Duration, Instant};

use sha1::{Digest as _, Sha1};
use unchoke_core::bitfield::Bitfield;
use unchoke_core::geometry::Geometry;
use unchoke_core::ids::{InfoHash, PieceIndex};
use unchoke_net::record::replay;
use unchoke_net::resume::{Loaded, Resume};
use unchoke_net::session::End;
use unchoke_net::storage::{FileEntry, Storage, Use};

use crate::common::{run, sample_with};

/// Changes tried per kind of file in a plain `cargo test`.
const CHANGES: u64 = 400;

/// A random generator with the same numbers in every run: xorshift64.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).expect("31 bits") % bound.max(1)
    }

    fn byte(&mut self) -> u8 {
        match self.below(3) {
            0 => b"0123456789abcdef"[self.below(16)],
            1 => b"{}[]:,\"-.en \n"[self.below(13)],
            _ => u8::try_from(self.below(256)).expect("a byte"),
        }
    }

    /// One to three small changes.
    fn change(&mut self, bytes: &mut Vec<u8>) {
        for _ in 0..=self.below(3) {
            let at = self.below(bytes.len() + 1);
            let to = (at + self.below(80)).min(bytes.len());
            match self.below(6) {
                0 => bytes.insert(at, self.byte()),
                1 => bytes.truncate(at),
                2 => drop(bytes.drain(at..to)),
                3 => {
                    let copy = bytes[at..to].to_vec();
                    let there = self.below(bytes.len() + 1);
                    bytes.splice(there..there, copy);
                }
                4 if at < bytes.len() => bytes[at] ^= 1 << self.below(8),
                _ if at < bytes.len() => bytes[at] = self.byte(),
                _ => {}
            }
        }
    }
}

/// Tries changes of `good`: a fixed number, or for the time that the user asked for.
fn damage(name: &str, good: &[u8], mut attempt: impl FnMut(&[u8], &mut Dice)) {
    let seconds = std::env::var("UNCHOKE_FUZZ_SECONDS").ok();
    let seconds = seconds.map(|it| it.parse().expect("a number of seconds"));
    let deadline = seconds.map(|it| Instant::now() + Duration::from_secs(it));
    let goes_on = |count| deadline.map_or(count < CHANGES, |it| Instant::now() < it);
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
    let mut count = 0;
    while goes_on(count) {
        let mut bytes = good.to_vec();
        dice.change(&mut bytes);
        let run = catch_unwind(AssertUnwindSafe(|| attempt(&bytes, &mut dice)));
        assert!(
            run.is_ok(),
            "{name}, change {count}: {}",
            bytes.escape_ascii()
        );
        count += 1;
    }
    println!("{name}: {count} changes tried");
}

fn files() -> Vec<FileEntry> {
    let entry = |path: &str, length| FileEntry {
        path: path.into(),
        length,
        pad: false,
        wanted: Use::Whole,
        executable: false,
    };
    vec![entry("a", 30), entry("b", 30), entry("c", 40)]
}

/// A folder with three files, its resume data, and the pieces saved as verified.
fn saved(folder: &Path) -> (Resume, Bitfield) {
    let storage = Storage::create(folder, files()).expect("create");
    let geometry = Geometry::new(100, 20).expect("five pieces");
    let resume = Resume::new(folder, InfoHash([7; 20]), geometry);
    resume.follow(&storage).expect("follow");
    storage.write(0, &[1; 100]).expect("write");
    storage.sync().expect("sync");
    let mut have = Bitfield::empty(5);
    for piece in [0, 2, 4] {
        have.insert(PieceIndex(piece));
    }
    resume.save(&storage, &have).expect("save");
    (resume, have)
}

fn load(folder: &Path, resume: &Resume) -> Loaded {
    resume.load(&Storage::open(folder, files()).expect("open"))
}

#[test]
fn damaged_resume_data_is_not_believed() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let folder = folder.path();
    let (resume, have) = saved(folder);
    let path = folder.join(format!(".{}.unchoke", InfoHash([7; 20])));
    let good = fs::read(&path).expect("resume data");
    assert!(matches!(load(folder, &resume), Loaded::Known(known) if known.good == have));
    damage("resume data", &good, |bytes, dice| {
        fs::write(&path, bytes).expect("write");
        let believed = matches!(load(folder, &resume), Loaded::Known(_));
        assert_eq!(believed, bytes == good, "damaged data is accepted");
        // Correct the checksum, so that the rest of the reader sees the damage, too.
        let Some(head) = good.iter().position(|it| *it == b'\n') else {
            panic!("resume data begins with a line of its own");
        };
        let mut body = good[head + 1..].to_vec();
        dice.change(&mut body);
        let sum = hex::encode(Sha1::digest(&body));
        let forged = [&good[..head - 40], sum.as_bytes(), b"\n", &body].concat();
        fs::write(&path, forged).expect("write");
        if let Loaded::Known(known) = load(folder, &resume) {
            assert_eq!(known.good.piece_count(), 5);
            let both = known.good.iter().find(|it| known.doubtful.has(*it));
            assert_eq!(both, None, "a piece is both good and doubtful");
        }
    });
}

/// The slots record our writes since the last save. Damage in them may only cause doubt about
/// pieces.
#[test]
fn a_damaged_note_of_writes_makes_nothing_good() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let folder = folder.path();
    let (resume, have) = saved(folder);
    let path = folder.join(format!(".{}.unchoke.files", InfoHash([7; 20])));
    let good = fs::read(&path).expect("the note");
    damage("note of writes", &good, |bytes, _| {
        fs::write(&path, bytes).expect("write");
        if let Loaded::Known(known) = load(folder, &resume) {
            let more = known.good.iter().find(|it| !have.has(*it));
            assert_eq!(more, None, "more pieces are good than were saved");
        }
    });
}

/// The first lines of the recording of a download. They contain every kind of line.
async fn recorded(path: &Path) {
    let sample = sample_with(&[], 65_536, 100_000);
    let seed = sample.seed().await;
    let folder = tempfile::tempdir().expect("temporary folder");
    let mut settings = sample.settings(folder.path());
    settings.peers = vec![seed];
    settings.record = Some(path.to_owned());
    let (outcome, _) = run(settings).await;
    assert_eq!(outcome.expect("no failure").end, End::Done);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn damaged_recordings_are_refused_or_replayed() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let path = folder.path().join("recording");
    Box::pin(recorded(&path)).await;
    let count = replay(&path).expect("the same outputs");
    assert!(count > 15, "{count} inputs are too few for a session");
    let good = fs::read(&path).expect("read");
    damage("recording", &good, |bytes, _| {
        fs::write(&path, bytes).expect("write");
        if let Ok(replayed) = replay(&path) {
            assert!(replayed <= 2 * count, "more inputs than were recorded");
        }
    });
}
