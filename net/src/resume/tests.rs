use std::time::{Duration, SystemTime};

use unchoke_core::ids::PieceIndex;

use super::*;
use crate::storage::{FileEntry, Use};

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

fn geometry() -> Geometry {
    Geometry::new(100, 20).expect("geometry")
}

fn set(pieces: &[u32]) -> Bitfield {
    let mut set = Bitfield::empty(5);
    for piece in pieces {
        set.insert(PieceIndex(*piece));
    }
    set
}

/// A torrent whose pieces 0, 2 and 4 are verified; pieces 1 and 2 each lie in two files.
fn torrent(folder: &Path) -> (Storage, Resume, Bitfield) {
    let storage = Storage::create(folder, files()).expect("create");
    let resume = Resume::new(folder, InfoHash([7; 20]), geometry());
    resume.follow(&storage).expect("slots");
    storage.write(0, &[1; 100]).expect("write");
    storage.sync().expect("sync");
    (storage, resume, set(&[0, 2, 4]))
}

/// What the next run knows when it opens the files again.
fn next_run(folder: &Path, resume: &Resume) -> Loaded {
    resume.load(&Storage::open(folder, files()).expect("open"))
}

fn known(folder: &Path, resume: &Resume) -> Known {
    match next_run(folder, resume) {
        Loaded::Known(known) => known,
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_was_saved_is_loaded_and_nothing_else_is_left() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let (storage, resume, have) = torrent(folder.path());
    assert_eq!(resume.load(&storage), Loaded::Nothing(vec![true; 3]));
    resume.reserve(3).expect("reserve");
    resume.save(&storage, &have).expect("save");
    let found = known(folder.path(), &resume);
    assert_eq!((found.good, found.doubtful), (have.clone(), set(&[])));
    assert_eq!((found.changed_files, found.ours), (0, vec![true; 3]));
    resume.save(&storage, &have).expect("save again");
    resume.unfollow().expect("remove");
    resume.unfollow().expect("nothing to remove");
    let names = fs::read_dir(folder.path()).expect("list").count();
    assert_eq!(names, 4, "a, b, c and the resume data");
}

#[test]
fn the_space_reserved_is_enough() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let (storage, resume, have) = torrent(folder.path());
    resume.reserve(3).expect("reserve");
    let reserved = fs::metadata(&resume.temporary).expect("there").len();
    resume.save(&storage, &have).expect("save");
    assert!(fs::metadata(&resume.path).expect("there").len() <= reserved);
    let widest = serde_json::to_vec(&Some(([u64::MAX; 8], false))).expect("JSON");
    assert!(widest.len() as u64 <= FILE_BYTES);
}

type Change = fn(&Path);

const CHANGES: [(&str, Change, bool); 5] = [
    (
        "touched",
        |path| {
            let file = File::options().write(true).open(path).expect("open");
            let later = SystemTime::now() + Duration::from_secs(5);
            file.set_modified(later).expect("touch");
        },
        true,
    ),
    (
        "cut",
        |path| {
            let file = File::options().write(true).open(path).expect("open");
            file.set_len(12).expect("cut");
        },
        false,
    ),
    (
        "written, with the old date",
        |path| {
            let file = File::options().write(true).open(path).expect("open");
            let date = file.metadata().and_then(|it| it.modified()).expect("date");
            std::os::unix::fs::FileExt::write_all_at(&file, b"XXXX", 4).expect("write");
            file.set_modified(date).expect("date");
        },
        true,
    ),
    (
        "removed",
        |path| fs::remove_file(path).expect("remove"),
        false,
    ),
    (
        "replaced by a folder",
        |path| {
            fs::remove_file(path).expect("remove");
            fs::create_dir(path).expect("folder");
        },
        false,
    ),
];

#[test]
fn of_changed_files_nothing_is_believed_and_of_others_all() {
    for (name, change, same) in CHANGES {
        let folder = tempfile::tempdir().expect("temporary folder");
        let (storage, resume, have) = torrent(folder.path());
        resume.save(&storage, &have).expect("save");
        change(&folder.path().join("a"));
        let found = known(folder.path(), &resume);
        assert_eq!(found.good, set(&[2, 4]), "{name}");
        assert_eq!(found.doubtful, set(&[0, 1]), "{name}");
        assert_eq!((found.changed_files, found.ours[0]), (1, same), "{name}");
    }
}

#[test]
fn a_change_seen_while_we_ran_is_not_vouched_for_by_a_later_save() {
    for (name, change, _) in CHANGES {
        let folder = tempfile::tempdir().expect("temporary folder");
        let (storage, resume, have) = torrent(folder.path());
        change(&folder.path().join("a"));
        drop(storage.read(0, &mut [0; 20]));
        resume.save(&storage, &have).expect("save");
        let found = known(folder.path(), &resume);
        assert_eq!(found.good, set(&[2, 4]), "{name}");
        // They stay in doubt even if we write to the file afterwards and are killed.
        if storage.write(0, &[2; 20]).is_ok() {
            let found = known(folder.path(), &resume);
            assert_eq!(found.good, set(&[2, 4]), "{name}");
        }
    }
}

#[test]
fn after_a_kill_what_we_wrote_is_told_from_what_others_wrote() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let (storage, resume, have) = torrent(folder.path());
    resume.save(&storage, &have).expect("save");
    storage.write(20, &[3; 20]).expect("write to a and b");
    drop(storage);
    let found = known(folder.path(), &resume);
    assert_eq!((found.good, found.changed_files), (have.clone(), 0));
    assert_eq!(found.doubtful, set(&[1]), "only what was not verified");
    // Now another program writes to `b` and restores the old date.
    CHANGES[2].1(&folder.path().join("b"));
    let found = known(folder.path(), &resume);
    assert_eq!(found.good, set(&[0, 4]));
    assert_eq!(found.doubtful, set(&[1, 2]));
}

#[test]
fn bad_slots_and_slots_of_other_files_count_for_nothing() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let (storage, resume, have) = torrent(folder.path());
    resume.save(&storage, &have).expect("save");
    storage.write(0, &[3; 100]).expect("write");
    let good = fs::read(&resume.slots).expect("read");
    for at in 0..good.len() {
        let mut bytes = good.clone();
        bytes[at] ^= 1 << (at % 8);
        fs::write(&resume.slots, &bytes).expect("write");
        assert_eq!(known(folder.path(), &resume).changed_files, 1, "byte {at}");
    }
    let mut swapped = good.clone();
    swapped.rotate_left(good.len() / 3);
    fs::write(&resume.slots, &swapped).expect("write");
    assert_eq!(known(folder.path(), &resume).changed_files, 3);
    fs::write(&resume.slots, &good[..good.len() - 1]).expect("write");
    assert_eq!(known(folder.path(), &resume).changed_files, 1);
}

#[test]
fn files_without_resume_data_are_ours_only_if_we_wrote_them() {
    let folder = tempfile::tempdir().expect("temporary folder");
    fs::write(folder.path().join("b"), "of somebody else").expect("write");
    let storage = Storage::create(folder.path(), files()).expect("create");
    let resume = Resume::new(folder.path(), InfoHash([7; 20]), geometry());
    resume.follow(&storage).expect("slots");
    storage.write(0, &[1; 20]).expect("write");
    let ours = vec![true, false, false];
    assert_eq!(
        next_run(folder.path(), &resume),
        Loaded::Nothing(ours.clone())
    );
    fs::write(&resume.path, "damaged").expect("write");
    match next_run(folder.path(), &resume) {
        Loaded::Useless(why, found) => {
            assert!(why.ends_with("is damaged"), "{why}");
            assert_eq!(found, ours);
        }
        other => panic!("{other:?}"),
    }
    for old in [
        r#"{"format":1,"pieces":"a0"}"#,
        "unchoke resume data 2, sha1 00\n",
    ] {
        fs::write(&resume.path, old).expect("write");
        match next_run(folder.path(), &resume) {
            Loaded::Useless(why, _) => assert!(why.ends_with("is of another version"), "{why}"),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_file_is_the_same_only_with_its_inode_its_birth_and_its_length() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let (storage, _, _) = torrent(folder.path());
    let stamp = storage.stamp(0).expect("there");
    // Length, two words each of `modified` and `changed`, device, inode, creation.
    let is_same_but_for = |words: &[usize]| {
        let mut other = <[u64; 8]>::from(stamp);
        for word in words {
            other[*word] += 1;
        }
        stamp.is_same_file(&Stamp::from(other))
    };
    assert!(is_same_but_for(&[1, 2, 3, 4]), "its content changed");
    assert!(is_same_but_for(&[5, 6, 7]), "it was copied with its times");
    assert!(!is_same_but_for(&[1, 6]), "another file");
    assert!(
        !is_same_but_for(&[1, 7]),
        "another file with the inode of ours"
    );
    assert!(!is_same_but_for(&[0, 1]), "rewritten with another length");
    assert!(!is_same_but_for(&[0]));
}

#[test]
fn a_check_corrects_the_claims_and_does_not_make_files_ours() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let (storage, resume, have) = torrent(folder.path());
    resume.save(&storage, &have).expect("save");
    resume.unfollow().expect("remove");
    for name in ["b", "c"] {
        fs::remove_file(folder.path().join(name)).expect("remove");
        fs::write(folder.path().join(name), [5; 33]).expect("write");
    }
    let storage = Storage::open(folder.path(), files()).expect("open");
    let before = known(folder.path(), &resume);
    assert_eq!(before.ours, [true, false, false]);
    resume.correct(&storage, &before, &set(&[2])).expect("save");
    let found = known(folder.path(), &resume);
    assert_eq!(found.good, set(&[2]));
    assert_eq!(
        found.ours,
        [true, true, false],
        "`b` has a good piece, `c` none"
    );
}

/// A random generator with the same numbers in every run: xorshift64.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % bound as u64).expect("below a usize")
    }

    fn range(&mut self, length: usize) -> std::ops::Range<usize> {
        let (from, to) = (self.below(length + 1), self.below(length + 1));
        from.min(to)..from.max(to)
    }

    /// Damages the bytes in ways that disks, editors and programs do.
    fn damage(&mut self, bytes: &mut Vec<u8>, other: &[u8]) {
        match self.below(7) {
            0 => {
                let at = self.below(bytes.len());
                bytes[at] ^= 1 << self.below(8);
            }
            1 => bytes.truncate(self.below(bytes.len())),
            2 => {
                let range = self.range(bytes.len());
                bytes[range].fill(0);
            }
            3 => {
                let (range, at) = (self.range(bytes.len()), self.below(bytes.len()));
                let copy = bytes[range].to_vec();
                bytes.splice(at..at, copy);
            }
            4 => {
                let (range, at) = (self.range(other.len().min(bytes.len())), self.below(2));
                if at == 0 {
                    bytes.splice(range.clone(), other[range].to_vec());
                } else {
                    bytes.splice(range.start.., other[range.start..].to_vec());
                }
            }
            5 => drop(bytes.drain(self.range(bytes.len()))),
            _ => {
                // Replaces a digit by another one: only the checksum can detect this.
                let at = self.below(bytes.len());
                let digit = bytes[at..].iter().position(u8::is_ascii_hexdigit);
                if let Some(digit) = digit {
                    bytes[at + digit] = b"0123456789abcdef"[self.below(16)];
                }
            }
        }
    }
}

#[test]
fn damaged_resume_data_never_yields_other_pieces_than_were_saved() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let (storage, resume, have) = torrent(folder.path());
    resume.save(&storage, &set(&[0, 1, 2, 3, 4])).expect("save");
    let other = fs::read(&resume.path).expect("read");
    resume.save(&storage, &have).expect("save");
    let good = fs::read(&resume.path).expect("read");
    let mut numbers = Numbers(0x5eed);
    let (mut useless, mut whole) = (0, 0);
    for round in 0..20_000 {
        let mut bytes = good.clone();
        for _ in 0..=numbers.below(3) {
            if !bytes.is_empty() {
                numbers.damage(&mut bytes, &other);
            }
        }
        match resume.decode(&bytes, 3) {
            None => useless += 1,
            // Complete older resume data is valid, not damaged.
            Some(_) if bytes == good || bytes == other => whole += 1,
            Some((pieces, _)) => panic!("round {round}: {pieces:?} by {bytes:?}"),
        }
    }
    assert!(
        useless > 15_000 && whole > 0,
        "{useless} damaged, {whole} whole"
    );
}

#[test]
fn resume_data_of_another_torrent_is_not_used() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let (storage, resume, have) = torrent(folder.path());
    resume.save(&storage, &have).expect("save");
    let bytes = fs::read(&resume.path).expect("read");
    assert!(resume.decode(&bytes, 3).is_some());
    assert_eq!(resume.decode(&bytes, 2), None, "another number of files");
    let of = |hash, total, piece| {
        let geometry = Geometry::new(total, piece).expect("geometry");
        Resume::new(folder.path(), InfoHash([hash; 20]), geometry).decode(&bytes, 3)
    };
    assert_eq!(of(8, 100, 20), None, "another info-hash");
    assert_eq!(of(7, 99, 20), None, "another size");
    assert_eq!(of(7, 100, 25), None, "other pieces");
}

#[test]
fn a_link_in_the_place_of_our_files_is_not_followed() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let (storage, resume, have) = torrent(folder.path());
    let victim = folder.path().join("victim");
    fs::write(&victim, "precious").expect("write");
    fs::remove_file(&resume.slots).expect("remove");
    for name in [&resume.temporary, &resume.slots] {
        std::os::unix::fs::symlink(&victim, name).expect("link");
    }
    resume.save(&storage, &have).expect("save");
    let storage = Storage::open(folder.path(), files()).expect("open");
    resume.follow(&storage).expect("slots");
    storage.write(0, &[1; 20]).expect("write");
    assert_eq!(fs::read_to_string(&victim).expect("read"), "precious");
}

/// Opening a pipe takes until somebody writes to it.
#[test]
fn a_pipe_or_a_device_in_the_place_of_our_files_is_not_read() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let (storage, resume, have) = torrent(folder.path());
    resume.save(&storage, &have).expect("save");
    let pipe = |path: &Path| {
        fs::remove_file(path).expect("remove");
        let made = std::process::Command::new("mkfifo").arg(path).status();
        assert!(made.expect("mkfifo runs").success());
    };
    pipe(&resume.slots);
    assert_eq!(known(folder.path(), &resume).good, have, "without slots");
    pipe(&resume.path);
    let Loaded::Useless(sentence, _) = next_run(folder.path(), &resume) else {
        panic!("a pipe was read");
    };
    assert!(sentence.contains("not a regular file"), "{sentence}");
    fs::remove_file(&resume.path).expect("remove");
    std::os::unix::fs::symlink("/dev/zero", &resume.path).expect("link");
    assert!(matches!(
        next_run(folder.path(), &resume),
        Loaded::Useless(..)
    ));
    fs::remove_file(&resume.path).expect("remove");
    fs::create_dir(&resume.path).expect("a folder");
    let error = resume.save(&storage, &have).expect_err("a folder is there");
    let path = resume.path.display().to_string();
    assert!(error.to_string().contains(&path), "{error}");
    fs::remove_dir(&resume.path).expect("remove");
    resume.follow(&storage).expect("slots of our own again");
    resume.save(&storage, &have).expect("save");
    assert_eq!(known(folder.path(), &resume).good, have);
}
