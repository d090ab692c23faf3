use std::os::unix::fs::symlink;

use super::*;

fn entry(path: &str, length: u64) -> FileEntry {
    FileEntry {
        path: path.into(),
        length,
        pad: false,
    }
}

fn three_files() -> Vec<FileEntry> {
    vec![entry("a", 3), entry("empty", 0), entry("deep/down/b", 5)]
}

#[test]
fn a_write_across_files_reads_back_and_fills_them_to_length() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let storage = Storage::create(folder.path(), three_files()).expect("create");
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
fn links_that_leave_the_folder_are_refused() {
    let outside = tempfile::tempdir().expect("temporary folder");
    let folder = tempfile::tempdir().expect("temporary folder");
    symlink(outside.path(), folder.path().join("deep")).expect("link");
    symlink(outside.path().join("new"), folder.path().join("a")).expect("dangling link");
    let storage = Storage::create(folder.path(), three_files()).expect("create");
    assert!(storage.write(0, b"abc").is_err());
    let error = storage.write(3, b"01234").expect_err("left the folder");
    assert!(error.to_string().contains("leads out"), "{error}");
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
        let storage = Storage::create(folder.path(), vec![entry(path, 4)]).expect("create");
        assert!(storage.write(0, b"abcd").is_err(), "{path}");
    }
}

#[test]
fn longer_files_are_not_cut() {
    let folder = tempfile::tempdir().expect("temporary folder");
    fs::write(folder.path().join("a"), b"precious").expect("write");
    let error = Storage::create(folder.path(), three_files()).expect_err("must refuse");
    assert!(error.to_string().contains("8 bytes"), "{error}");
    assert_eq!(
        fs::read(folder.path().join("a")).expect("read"),
        b"precious"
    );
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
