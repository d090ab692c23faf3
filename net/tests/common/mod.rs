//! Shared by the tests: sample torrents with all cases that have caused problems.
#![allow(dead_code, reason = "each test file uses its own part")]

pub(crate) mod clients;
pub(crate) mod command;
pub(crate) mod disk;
pub(crate) mod front_ends;
pub(crate) mod hostile;
pub(crate) mod peer;
pub(crate) mod ports;
pub(crate) mod proxy;
pub(crate) mod scripted;
pub(crate) mod tls;
pub(crate) mod tracker;
pub(crate) mod web;

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use sha1::{Digest as _, Sha1};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use unchoke_core::metainfo::{Builder, Metainfo, NewFile};
use unchoke_net::session::{Goal, Notice, Outcome, Session, SessionError, Settings};

/// Time limit for each step of a test. A hang counts as failure.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// A torrent and the folder with its payload.
pub(crate) struct Sample {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) payload: Vec<u8>,
    pub(crate) metainfo: Arc<Metainfo>,
    pub(crate) torrent: Vec<u8>,
    pub(crate) files: Vec<(PathBuf, usize, usize)>,
}

pub(crate) fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let words = std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    });
    words.flatten().take(length).collect()
}

/// What makes the data of a sample differ from all others. Tests run at once and use ports that others
/// used before: a peer that comes to the wrong client must not find its torrent there.
#[derive(Clone, Copy)]
pub(crate) struct Mark([u32; 2]);

impl Mark {
    pub(crate) fn new() -> Self {
        static MARKS: AtomicU32 = AtomicU32::new(0);
        Self([std::process::id(), MARKS.fetch_add(1, Ordering::Relaxed)])
    }

    fn set(self, payload: &mut [u8]) {
        let mark = self.0.into_iter().flat_map(u32::to_le_bytes);
        for (byte, change) in payload.iter_mut().zip(mark) {
            *byte ^= change;
        }
    }
}

/// Nested folders, an empty file, a Unicode name, files shorter than a block, a short last piece.
pub(crate) fn sample() -> Sample {
    sample_with(&[], 32 * 1024, 700_001)
}

pub(crate) fn sample_with(trackers: &[String], piece_bytes: u32, big: usize) -> Sample {
    sample_called("sample", trackers, piece_bytes, big)
}

/// The same with another name.
pub(crate) fn sample_called(
    name: &str,
    trackers: &[String],
    piece_bytes: u32,
    big: usize,
) -> Sample {
    sample_marked(name, trackers, piece_bytes, big, Mark::new())
}

/// The same with data that another sample may have as well.
pub(crate) fn sample_marked(
    name: &str,
    trackers: &[String],
    piece_bytes: u32,
    big: usize,
    mark: Mark,
) -> Sample {
    let names: [(&[&str], usize); 5] = [
        (&["first.bin"], 100_000),
        (&["nothing.txt"], 0),
        (&["a", "b", "c", "deep.dat"], 7),
        (&["größe-世界.bin"], big),
        (&["a", "last"], 12_345),
    ];
    let total = names.iter().map(|it| it.1).sum();
    let mut payload = noise(total);
    mark.set(&mut payload);
    let builder = Builder {
        name: name.into(),
        files: Some(
            names
                .iter()
                .map(|(path, length)| NewFile {
                    path: path.iter().map(ToString::to_string).collect(),
                    length: *length as u64,
                })
                .collect(),
        ),
        piece_bytes,
        trackers: trackers.iter().map(|it| vec![it.clone()]).collect(),
        ..Builder::default()
    };
    let hashes = payload.chunks(piece_bytes as usize);
    let hashes: Vec<[u8; 20]> = hashes.map(|it| Sha1::digest(it).into()).collect();
    let torrent = builder.encode(&hashes).expect("a torrent");
    let metainfo = Arc::new(Metainfo::parse(&torrent).expect("our own torrent"));
    let folder = tempfile::tempdir().expect("temporary folder");
    let mut files = Vec::new();
    let mut start = 0;
    for (path, length) in names {
        let path: PathBuf = std::iter::once(name).chain(path.iter().copied()).collect();
        files.push((path, start, start + length));
        start += length;
    }
    let sample = Sample {
        folder,
        payload,
        metainfo,
        torrent,
        files,
    };
    sample.write_payload(sample.folder.path());
    sample
}

impl Sample {
    pub(crate) fn write_payload(&self, folder: &Path) {
        for (path, start, end) in &self.files {
            let path = folder.join(path);
            fs::create_dir_all(path.parent().expect("has a folder")).expect("folder");
            fs::write(path, &self.payload[*start..*end]).expect("write");
        }
    }

    /// Fails unless `folder` contains every file with the right content.
    pub(crate) fn assert_in(&self, folder: &Path) {
        for (path, start, end) in &self.files {
            let found = fs::read(folder.join(path)).expect("the file is there");
            assert!(
                found == self.payload[*start..*end],
                "{} differs",
                path.display()
            );
        }
    }

    /// Writes the .torrent file. Returns its path.
    pub(crate) fn write_torrent(&self, folder: &Path) -> PathBuf {
        let path = folder.join("sample.torrent");
        fs::write(&path, &self.torrent).expect("write");
        path
    }

    pub(crate) fn settings(&self, folder: &Path) -> Settings {
        Settings {
            trackers: false,
            idle_timeout: Some(PATIENCE),
            // With this random seed, the first rechoke comes within a second, not after ten.
            run_seed: 11,
            ..Settings::new(Arc::clone(&self.metainfo), folder.to_path_buf())
        }
    }

    /// Starts a seed on a port of its own. It runs until the runtime ends.
    pub(crate) async fn seed(&self) -> SocketAddr {
        let mut settings = self.settings(self.folder.path());
        settings.goal = Goal::Seed;
        self.run_in_background(settings).await
    }

    pub(crate) async fn run_in_background(&self, settings: Settings) -> SocketAddr {
        let (notices, _) = unbounded_channel();
        let session = Session::open(settings, notices).await.expect("opens");
        let port = session.port();
        tokio::spawn(session.run(std::future::pending()));
        (Ipv4Addr::LOCALHOST, port).into()
    }
}

/// Runs a session to its end. Returns its result and all notices.
pub(crate) async fn run(settings: Settings) -> (Result<Outcome, SessionError>, Vec<Notice>) {
    let (notices, heard) = unbounded_channel();
    let run = async {
        let session = Session::open(settings, notices).await?;
        session.run(std::future::pending()).await
    };
    let outcome = tokio::time::timeout(PATIENCE * 2, run).await;
    (outcome.expect("no test takes so long"), drain(heard))
}

pub(crate) fn drain(mut heard: UnboundedReceiver<Notice>) -> Vec<Notice> {
    std::iter::from_fn(|| heard.try_recv().ok()).collect()
}
