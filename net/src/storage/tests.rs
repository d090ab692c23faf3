use std::os::unix::fs::symlink;

use unchoke_core::bitfield::Bitfield;
use unchoke_core::geometry::Geometry;
use unchoke_core::ids::PieceIndex;

use super::*;

fn entry(path: &str, length: u64) -> FileEntry {
    FileEntry {
        path: path.into(),
        length,
        pad: false,
        wanted: Use::Whole,
        executable: false,
    }
}

fn three_files() -> Vec<FileEntry> {
    vec![entry("a", 3), entry("empty", 0), entry("deep/down/b", 5)]
}

#[test]
fn a_write_across_files_reads_back_and_fills_them_to_length() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let storage = Storage::create(folder.path(), three_files()).expect("create");
    storage.create_empty().expect("create");
    storage.write(2, b"xyz").expect("write");
    let mut bytes = [9; 8];
    storage.read(2, &mut bytes[..3]).expect("read");
    assert_eq!(&bytes[..3], b"xyz");
    storage.read(0, &mut bytes).expect("read all");
    assert_eq!(&bytes, b"\0\0xyz\0\0\0");
    let length = |name| fs::metadata(folder.path().join(name)).expect(name).len();
    assert_eq!(
        (length("a"), length("empty"), length("deep/down/b")),
        (3, 0, 5)
    );
    storage.sync().expect("sync");
}

#[test]
fn padding_is_zeros_and_never_on_disk() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let mut files = three_files();
    files[0].pad = true;
    let storage = Storage::create(folder.path(), files).expect("create");
    storage.write(0, b"12345678").expect("write");
    let mut bytes = [9; 8];
    storage.read(0, &mut bytes).expect("read");
    assert_eq!(&bytes, b"\0\0\x0045678");
    assert!(!folder.path().join("a").exists());
}

#[test]
fn links_that_leave_the_folder_are_refused_before_anything_is_written() {
    let outside = tempfile::tempdir().expect("temporary folder");
    for (name, target) in [("deep", "."), ("a", "new")] {
        let folder = tempfile::tempdir().expect("temporary folder");
        symlink(outside.path().join(target), folder.path().join(name)).expect("link");
        let error = Storage::create(folder.path(), three_files()).expect_err("leaves the folder");
        assert!(error.to_string().contains("leads out"), "{error}");
        // Opening for reading succeeds; the link is detected when the file is used.
        let storage = Storage::open(folder.path(), three_files()).expect("open");
        let at = if name == "a" { 0 } else { 3 };
        assert!(storage.write(at, b"abc").is_err());
        assert!(storage.read(at, &mut [0; 3]).is_err());
    }
    let left = fs::read_dir(outside.path()).expect("list").count();
    assert_eq!(left, 0, "something was written outside");
}

#[test]
fn links_within_the_folder_are_followed() {
    let folder = tempfile::tempdir().expect("temporary folder");
    fs::create_dir_all(folder.path().join("elsewhere/down")).expect("folder");
    symlink(folder.path().join("elsewhere"), folder.path().join("deep")).expect("link");
    let storage = Storage::create(folder.path(), three_files()).expect("create");
    storage.write(3, b"01234").expect("write");
    let found = fs::read(folder.path().join("elsewhere/down/b")).expect("read");
    assert_eq!(found, b"01234");
}

#[test]
fn paths_with_dots_are_refused_even_if_the_layout_let_them_through() {
    let folder = tempfile::tempdir().expect("temporary folder");
    for path in ["../x", "/x", "a/../../x", "."] {
        let files = vec![entry(path, 4)];
        assert!(
            Storage::create(folder.path(), files.clone()).is_err(),
            "{path}"
        );
        let storage = Storage::open(folder.path(), files).expect("open");
        assert!(storage.write(0, b"abcd").is_err(), "{path}");
    }
}

#[test]
fn longer_files_are_told_and_cut_only_when_asked() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let path = folder.path().join("a");
    fs::write(&path, b"precious").expect("write");
    let storage = Storage::create(folder.path(), three_files()).expect("create");
    assert_eq!(storage.longer(), [0]);
    storage.write(0, b"abc").expect("write");
    assert_eq!(fs::read(&path).expect("read"), b"abccious");
    storage.cut(0).expect("cut");
    assert_eq!(fs::read(&path).expect("read"), b"abc");
}

#[test]
fn more_files_than_descriptors() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let files: Vec<FileEntry> = (0..300).map(|i| entry(&format!("f{i}"), 2)).collect();
    let storage = Storage::create(folder.path(), files).expect("create");
    let payload: Vec<u8> = (0..600u32).map(|i| i.to_le_bytes()[0]).collect();
    for (i, bytes) in payload.chunks(100).enumerate() {
        storage.write(i as u64 * 100, bytes).expect("write");
    }
    storage.sync().expect("sync");
    let mut back = vec![0; 600];
    storage.read(0, &mut back).expect("read");
    assert_eq!(back, payload);
}

fn length_of(path: &Path) -> Option<u64> {
    fs::metadata(path).ok().map(|it| it.len())
}

#[test]
fn reading_never_creates_extends_or_cuts() {
    for lengths in [[None, None], [Some(2), Some(1)], [Some(9), Some(0)]] {
        let folder = tempfile::tempdir().expect("temporary folder");
        fs::create_dir_all(folder.path().join("deep/down")).expect("folder");
        let paths = ["a", "deep/down/b"].map(|it| folder.path().join(it));
        for (path, length) in paths.iter().zip(lengths) {
            if let Some(length) = length {
                fs::write(path, vec![1; length]).expect("write");
            }
        }
        let before = paths.each_ref().map(|it| length_of(it));
        let storage = Storage::create(folder.path(), three_files()).expect("create");
        let error = storage.read(0, &mut [0; 8]).expect_err("not all is there");
        assert!(error.is_absence(), "{error}");
        assert!(!folder.path().join("empty").exists());
        assert_eq!(before, paths.each_ref().map(|it| length_of(it)));
    }
}

#[test]
fn a_change_by_somebody_else_is_noticed_and_never_vouched_for() {
    type Change = fn(&Path);
    let changes: [(&str, Change); 5] = [
        ("written", |path| fs::write(path, b"ABC").expect("write")),
        ("cut", |path| fs::write(path, b"").expect("write")),
        ("removed", |path| fs::remove_file(path).expect("remove")),
        ("replaced", |path| {
            fs::write(path.with_extension("new"), b"abc").expect("write");
            fs::rename(path.with_extension("new"), path).expect("rename");
        }),
        ("dated", |path| {
            let file = File::options().write(true).open(path).expect("open");
            file.set_modified(std::time::UNIX_EPOCH).expect("touch");
        }),
    ];
    for (name, change) in changes {
        for opened in [true, false] {
            let folder = tempfile::tempdir().expect("temporary folder");
            fs::write(folder.path().join("a"), b"abc").expect("write");
            let storage = Storage::create(folder.path(), three_files()).expect("create");
            if opened {
                storage.read(0, &mut [0; 3]).expect("read");
                assert_eq!(storage.take_changed(), [] as [usize; 0], "{name}");
            }
            change(&folder.path().join("a"));
            // The read may succeed or fail, but the change must be noticed.
            drop(storage.read(0, &mut [0; 3]));
            assert_eq!(storage.take_changed(), [0], "{name}, opened: {opened}");
            assert!(storage.was_changed(0), "{name}");
            assert!(!storage.vouched_stamp(0).is_some_and(|it| it.1), "{name}");
            storage.look(0);
            assert_eq!(
                storage.take_changed(),
                [] as [usize; 0],
                "told twice: {name}"
            );
        }
    }
}

#[test]
fn our_own_writes_are_no_changes() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let storage = Storage::create(folder.path(), three_files()).expect("create");
    for _ in 0..3 {
        storage.write(0, b"abcdefgh").expect("write");
        storage.read(0, &mut [0; 8]).expect("read");
        assert!(!storage.look(0) && !storage.look(2));
    }
    assert_eq!(storage.change_count(), 0);
}

#[test]
fn a_file_that_appears_meanwhile_is_not_written_over() {
    for existed in [false, true] {
        let folder = tempfile::tempdir().expect("temporary folder");
        let path = folder.path().join("a");
        let storage = Storage::create(folder.path(), three_files()).expect("create");
        if existed {
            storage.write(0, b"abc").expect("write");
            fs::rename(&path, folder.path().join("moved")).expect("rename");
        }
        fs::write(&path, b"his").expect("write");
        storage.write(0, b"abc").expect_err("it is not ours");
        storage
            .write(0, b"abc")
            .expect_err("nor is it the second time");
        assert_eq!(fs::read(&path).expect("read"), b"his", "existed: {existed}");
        // The deleted file is created again.
        fs::remove_file(&path).expect("remove");
    }
}

#[test]
fn dates_of_any_range_are_compared_and_nothing_else() {
    use std::time::{Duration, UNIX_EPOCH};
    let years = |count: u64| Duration::from_secs(count * 365 * 24 * 3600);
    let dates = [
        UNIX_EPOCH - Duration::new(1, 1),
        UNIX_EPOCH - years(60),
        UNIX_EPOCH,
        UNIX_EPOCH + Duration::from_nanos(1),
        UNIX_EPOCH + years(400),
    ];
    for date in dates {
        let folder = tempfile::tempdir().expect("temporary folder");
        let path = folder.path().join("a");
        fs::write(&path, b"abc").expect("write");
        let file = File::options().write(true).open(&path).expect("open");
        file.set_modified(date).expect("date");
        let storage = Storage::create(folder.path(), three_files()).expect("create");
        assert!(
            storage.anything_there() && storage.may_hold(0, 3),
            "{date:?}"
        );
        let stamp = storage.stamp(0).expect("it is there");
        let text = serde_json::to_string(&stamp).expect("JSON");
        let back: Stamp = serde_json::from_str(&text).expect("JSON");
        assert_eq!((back, Stamp::from_bytes(&stamp.to_bytes())), (stamp, stamp));
    }
}

#[test]
fn too_long_paths_are_refused_at_the_start() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let deep: Vec<String> = vec!["d".repeat(200); 21];
    for path in [
        deep.join("/"),
        "n".repeat(256),
        format!("new/{}", "m".repeat(256)),
    ] {
        let error = Storage::create(folder.path(), vec![entry(&path, 1)]).expect_err("too long");
        assert!(
            error.to_string().contains("more than the system allows"),
            "{error}"
        );
    }
    let longest = "n".repeat(255);
    let storage = Storage::create(folder.path(), vec![entry(&longest, 1)]).expect("create");
    storage.write(0, b"x").expect("write");
}

#[test]
fn a_failed_sync_is_not_forgotten() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let storage = Storage::create(folder.path(), three_files()).expect("create");
    storage.write(0, b"abc").expect("write");
    // The system refuses to sync a pipe, like a failing disk.
    let (reader, _writer) = std::io::pipe().expect("pipe");
    let pipe = File::from(std::os::fd::OwnedFd::from(reader));
    lock(&storage.handles).keep(0, pipe, true);
    storage.sync().expect_err("the pipe");
    lock(&storage.handles).forget(0);
    storage
        .sync()
        .expect_err("nothing that was written before counts any more");
    storage.write(0, b"abc").expect("write");
    storage
        .sync()
        .expect_err("nor does a later sync make up for it");
}

#[test]
fn foreign_files_are_told_from_ours_from_blank_ones_and_from_undecided_ones() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let names = ["his", "ours", "blank", "good", "absent"];
    let files: Vec<FileEntry> = names.map(|it| entry(it, 4)).into();
    let contents = ["mine", "wxyz", "\0\0\0\0", "good"];
    for (name, content) in names.iter().zip(contents) {
        fs::write(folder.path().join(name), content).expect("write");
    }
    let storage = Storage::create(folder.path(), files).expect("create");
    let ours = [false, true, false, false, false];
    let foreign = |piece_bytes, good: Option<u32>| {
        let geometry = Geometry::new(20, piece_bytes).expect("geometry");
        let mut pieces = Bitfield::empty(geometry.piece_count());
        good.map(|piece| pieces.insert(PieceIndex(piece)));
        storage.foreign(&ours, &pieces, &geometry).expect("read")
    };
    // One piece per file.
    assert_eq!(foreign(4, Some(3)), [0]);
    assert_eq!(foreign(4, Some(0)), [3]);
    // One piece for two files: if another piece is good, a file of the right length is accepted.
    assert_eq!(foreign(8, None), [0, 3]);
    assert_eq!(foreign(8, Some(1)), [] as [usize; 0]);
    fs::write(folder.path().join("his"), "mi").expect("write");
    storage.look(0);
    assert_eq!(foreign(8, Some(1)), [0]);
    // A whole piece of 3 bytes lies in each of `his` and `good`.
    assert_eq!(foreign(3, Some(4)), [0]);
}

#[test]
fn folders_and_files_in_each_others_place_are_refused_at_the_start() {
    for (name, folder_there) in [
        ("a", true),
        ("empty", true),
        ("deep", false),
        ("deep/down", false),
    ] {
        let folder = tempfile::tempdir().expect("temporary folder");
        let path = folder.path().join(name);
        if folder_there {
            fs::create_dir(&path).expect("folder");
        } else {
            fs::create_dir_all(path.parent().expect("has one")).expect("folder");
            fs::write(&path, "in the way").expect("write");
        }
        let error = Storage::create(folder.path(), three_files()).expect_err("in the way");
        assert!(error.to_string().contains("move it away"), "{error}");
    }
}

#[test]
fn a_suffix_that_makes_two_files_one_is_refused() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let keeping = |suffix: &str| Keeping {
        suffix: Some(suffix.into()),
        ..Keeping::default()
    };
    let files = || vec![entry("a", 3), entry("a.part", 5)];
    let error = Storage::create_with(folder.path(), files(), &keeping(".part"));
    let error = error.expect_err("two files with one name").to_string();
    assert!(
        error.contains("choose another --incomplete-suffix"),
        "{error}"
    );
    let storage = Storage::create_with(folder.path(), files(), &keeping(".new")).expect("create");
    storage.write(0, b"abcdefgh").expect("write");
    for file in 0..2 {
        storage.complete(file).expect("synced").expect("renamed");
    }
    assert_eq!(fs::read(folder.path().join("a")).expect("there"), b"abc");
    assert_eq!(
        fs::read(folder.path().join("a.part")).expect("there"),
        b"defgh"
    );
    assert!(!folder.path().join("a.new").exists());
    assert!(
        storage.take_changed().is_empty(),
        "a rename of ours is no change"
    );
}

#[test]
fn a_file_is_executable_if_the_torrent_says_so() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().expect("temporary folder");
    let mut files = three_files();
    files[0].executable = true;
    let storage = Storage::create(folder.path(), files).expect("create");
    storage.write(0, b"12345678").expect("write");
    let mode = |name| {
        folder
            .path()
            .join(name)
            .metadata()
            .expect(name)
            .permissions()
            .mode()
    };
    assert_eq!(mode("a") & 0o100, 0o100);
    assert_eq!(mode("deep/down/b") & 0o111, 0);
}

#[test]
fn what_was_never_written_is_a_hole_and_what_was_written_is_none() {
    const LENGTH: u32 = 1 << 20;
    const MIB: u64 = LENGTH as u64;
    let folder = tempfile::tempdir().expect("temporary folder");
    let files = vec![entry("a", 4 * MIB), entry("b", MIB)];
    let storage = Storage::create(folder.path(), files).expect("create");
    storage.write(MIB, &vec![0; 1 << 20]).expect("write zeros");
    storage.write(4 * MIB, b"x").expect("write");
    storage.sync().expect("sync");
    let is_hole = |at, length| storage.is_hole(at, length).expect("a file");
    if !is_hole(2 * MIB, LENGTH) {
        eprintln!("SKIPPED: this file system does not tell its holes");
        return;
    }
    assert!(is_hole(0, LENGTH) && is_hole(3 * MIB, LENGTH));
    assert!(!is_hole(MIB, LENGTH), "zeros that were written");
    assert!(!is_hole(MIB - 1, 4), "in part");
    assert!(!is_hole(3 * MIB, LENGTH + 1), "the next file was written");
}

/// So that a check of padding alone takes no time, however long the padding is.
#[test]
fn padding_is_a_hole_unless_other_padding_is_kept() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let padding = FileEntry {
        pad: true,
        ..entry("pad", 1 << 40)
    };
    let files = vec![padding, entry("a", 5)];
    let storage = Storage::open(folder.path(), files).expect("open");
    assert!(storage.is_hole(1 << 39, u32::MAX).expect("no access"));
    storage.keep_padding(vec![(7, vec![1])]);
    assert!(!storage.is_hole(0, 1 << 20).expect("no access"));
}

#[test]
fn what_is_in_memory_is_read_at_once_and_a_change_is_noticed() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let storage = Storage::create(folder.path(), three_files()).expect("create");
    storage.write(0, b"12345678").expect("write");
    let mut bytes = [0; 8];
    if !storage.read_cached(0, &mut bytes) {
        eprintln!("SKIPPED: this system cannot read from memory only");
        return;
    }
    assert_eq!(&bytes, b"12345678");
    assert_eq!(storage.take_changed(), [0; 0]);
    std::thread::sleep(std::time::Duration::from_millis(20));
    fs::write(folder.path().join("deep/down/b"), b"other").expect("write");
    storage.read_cached(0, &mut bytes);
    assert_eq!(storage.take_changed(), [2]);
    let reopened = Storage::open(folder.path(), three_files()).expect("open");
    assert!(!reopened.read_cached(0, &mut bytes), "opening may wait");
}

#[test]
fn a_read_from_memory_does_not_wait_for_a_writer() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let storage = Storage::create(folder.path(), three_files()).expect("create");
    storage.write(0, b"12345678").expect("write");
    if !storage.read_cached(0, &mut [0; 8]) {
        eprintln!("SKIPPED: this system cannot read from memory only");
        return;
    }
    let storage = Arc::new(storage);
    let (sender, answer) = std::sync::mpsc::channel();
    let writing = lock(&storage.states[0]);
    let reader = Arc::clone(&storage);
    std::thread::spawn(move || sender.send(reader.read_cached(0, &mut [0; 8])));
    let read = answer.recv_timeout(std::time::Duration::from_secs(20));
    assert_eq!(read, Ok(false), "it waits, or did not look for changes");
    drop(writing);
}
