//! Compares the files of a download with the claims of its resume data.

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::process::Output;

use unchoke_core::bitfield::Bitfield;
use unchoke_net::choice::Choice;
use unchoke_net::resume::{Loaded, Resume};
use unchoke_net::session::{Check, check, file_entries};
use unchoke_net::storage::{FileEntry, Keeping, Storage};

use super::command::{Listening, run, seed, stderr};
use super::{Sample, sample};

/// The largest file of a download.
pub(crate) const BIG: &str = "downloads/sample/größe-世界.bin";

/// A folder with the .torrent file; downloads go to its subfolder `downloads`.
pub(crate) fn home_of(sample: &Sample) -> tempfile::TempDir {
    let home = tempfile::tempdir().expect("temporary folder");
    sample.write_torrent(home.path());
    home
}

/// The sample, a seed of it, and a folder to download to.
pub(crate) struct Scene {
    pub(crate) sample: Sample,
    pub(crate) home: tempfile::TempDir,
    peer: String,
    /// It seeds as long as it is not dropped.
    _seed: Listening,
}

pub(crate) fn scene() -> Scene {
    let sample = sample();
    let seed = seed(&sample, &[]);
    Scene {
        home: home_of(&sample),
        peer: seed.peer(),
        sample,
        _seed: seed,
    }
}

impl Scene {
    /// The words of a download from the seed.
    pub(crate) fn words<'a>(&'a self, extra: &[&'a str]) -> Vec<&'a str> {
        download(&self.peer, extra)
    }

    pub(crate) fn download(&self, extra: &[&str]) -> Output {
        run(self.home.path(), &self.words(extra))
    }

    pub(crate) fn out(&self) -> PathBuf {
        self.home.path().join("downloads")
    }

    pub(crate) fn assert_fetched(&self, done: &Output) {
        assert!(done.status.success(), "{}", stderr(done));
        self.sample.assert_in(&self.out());
    }
}

pub(crate) fn download<'a>(peer: &'a str, extra: &[&'a str]) -> Vec<&'a str> {
    let words = ["download", "sample.torrent", "--no-tracker", "--peer", peer];
    [&words[..], extra].concat()
}

/// The suffix of incomplete files in tests that use one.
pub(crate) const SUFFIX: &str = ".part";

/// The files of a download, whether incomplete ones have the suffix or not.
fn open(sample: &Sample, folder: &Path) -> Option<Storage> {
    let keeping = Keeping {
        suffix: Some(SUFFIX.into()),
        ..Keeping::default()
    };
    Storage::open_with(folder, entries(sample, folder), &keeping).ok()
}

/// The files of the sample below `folder`.
fn entries(sample: &Sample, folder: &Path) -> Vec<FileEntry> {
    file_entries(&sample.metainfo, folder, &Choice::default())
}

/// A folder with a finished download.
pub(crate) fn fetched(sample: &Sample) -> tempfile::TempDir {
    let home = home_of(sample);
    let seed = seed(sample, &[]);
    let done = run(home.path(), &download(&seed.peer(), &["--quiet"]));
    assert!(done.status.success(), "{}", stderr(&done));
    home
}

/// The resume data and the storage of a download.
pub(crate) fn resume_of(sample: &Sample, folder: &Path) -> (Resume, Storage) {
    let storage = open(sample, folder).expect("open");
    let metainfo = &sample.metainfo;
    let resume = Resume::new(
        storage.root(),
        metainfo.info_hash,
        metainfo.geometry.clone(),
    );
    (resume, storage)
}

/// Fails if the resume data claims a bad piece. Returns the number of claimed pieces.
pub(crate) fn assert_claims_are_true(sample: &Sample, folder: &Path) -> u32 {
    if !folder.exists() {
        return 0; // The process was killed before it created the folder.
    }
    let (resume, storage) = resume_of(sample, folder);
    let Loaded::Known(known) = resume.load(&storage) else {
        return 0;
    };
    let geometry = &sample.metainfo.geometry;
    for piece in known.good.iter() {
        let start = u64::from(piece.0) * u64::from(geometry.piece_bytes());
        let mut bytes = vec![0; geometry.piece_len(piece) as usize];
        storage
            .read(start, &mut bytes)
            .expect("what is claimed is there");
        let start = usize::try_from(start).expect("small");
        assert!(
            bytes == sample.payload[start..start + bytes.len()],
            "piece {piece} is claimed"
        );
    }
    known.good.count()
}

/// Number of good pieces on disk, whether claimed or not.
pub(crate) fn good_on_disk(sample: &Sample, folder: &Path) -> u32 {
    let Some(storage) = open(sample, folder) else {
        return 0; // The process was killed before it created the folder.
    };
    let pieces = sample.metainfo.geometry.piece_count();
    let (none, all) = (Bitfield::empty(pieces), Bitfield::full(pieces));
    check(&storage, &sample.metainfo, none, all, &Check::default()).count()
}

pub(crate) fn overwrite(path: &Path, at: u64, bytes: &[u8]) {
    let file = File::options().write(true).open(path).expect("open");
    file.write_all_at(bytes, at).expect("write");
}

pub(crate) fn cut(path: &Path, length: u64) {
    let file = File::options().write(true).open(path).expect("open");
    file.set_len(length).expect("cut");
}
