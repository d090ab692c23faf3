use std::time::{Duration, SystemTime};

use unchoke_core::ids::PieceIndex;

use super::*;
use crate::storage::FileEntry;

fn torrent(folder: &Path) -> (Storage, Resume, Bitfield) {
    let entry = |path: &str, length| FileEntry {
        path: path.into(),
        length,
        pad: false,
    };
    let storage = Storage::create(folder, vec![entry("a", 30), entry("b", 30)]).expect("create");
    storage.write(0, &[1; 60]).expect("write");
    storage.sync().expect("sync");
    let geometry = Geometry::new(60, 20).expect("geometry");
    let resume = Resume::new(folder, InfoHash([7; 20]), geometry);
    let mut have = Bitfield::empty(3);
    have.insert(PieceIndex(0));
    have.insert(PieceIndex(2));
    (storage, resume, have)
}

#[test]
fn what_was_saved_is_loaded_and_nothing_else_is_left() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let (storage, resume, have) = torrent(folder.path());
    assert_eq!(resume.load(&storage), None);
    resume.reserve(2).expect("reserve");
    resume.save(&storage, &have).expect("save");
    assert_eq!(resume.load(&storage), Some(have.clone()));
    resume.save(&storage, &have).expect("save again");
    let names = fs::read_dir(folder.path()).expect("list").count();
    assert_eq!(names, 3, "a, b and the resume data");
}

#[test]
fn changed_cut_and_missing_files_are_not_believed() {
    type Change = fn(&Path);
    let changes: [(&str, Change); 4] = [
        ("touched", |path| {
            let file = File::options().write(true).open(path).expect("open");
            let later = SystemTime::now() + Duration::from_secs(5);
            file.set_modified(later).expect("touch");
        }),
        ("cut", |path| {
            let file = File::options().write(true).open(path).expect("open");
            file.set_len(12).expect("cut");
        }),
        ("removed", |path| fs::remove_file(path).expect("remove")),
        ("replaced by a folder", |path| {
            fs::remove_file(path).expect("remove");
            fs::create_dir(path).expect("folder");
        }),
    ];
    for (name, change) in changes {
        let folder = tempfile::tempdir().expect("temporary folder");
        let (storage, resume, have) = torrent(folder.path());
        resume.save(&storage, &have).expect("save");
        change(&folder.path().join("a"));
        assert_eq!(resume.load(&storage), None, "{name}");
    }
}

#[test]
fn hostile_resume_data_is_ignored() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let (storage, resume, have) = torrent(folder.path());
    resume.save(&storage, &have).expect("save");
    let good = fs::read_to_string(&resume.path).expect("read");
    let broken = [
        String::new(),
        "{}".into(),
        good[..good.len() / 2].into(),
        good.replace(r#""pieces":"a0""#, r#""pieces":"a0a0""#),
        good.replace(r#""pieces":"a0""#, r#""pieces":"zz""#),
        good.replace("07", "08"),
        good.replace(r#""piece_bytes":20"#, r#""piece_bytes":40"#),
        good.replace(r#""format":1"#, r#""format":2"#),
        good.replace("[{", "[null,{"),
    ];
    for text in broken {
        assert_ne!(text, good, "the edit did nothing");
        fs::write(&resume.path, &text).expect("write");
        assert_eq!(resume.load(&storage), None, "{text}");
    }
}

#[test]
fn a_link_in_the_place_of_the_temporary_file_is_not_followed() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let (storage, resume, have) = torrent(folder.path());
    let victim = folder.path().join("victim");
    fs::write(&victim, "precious").expect("write");
    std::os::unix::fs::symlink(&victim, &resume.temporary).expect("link");
    resume.save(&storage, &have).expect("save");
    assert_eq!(fs::read_to_string(&victim).expect("read"), "precious");
}
