use std::path::Path;

use sha1::{Digest as _, Sha1};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::*;
use crate::buffers::Pool;
use crate::storage::{FileEntry, Use};

const PIECE: u32 = 40_000;
const TOTAL: u64 = 100_000;

struct Bench {
    payload: Vec<u8>,
    geometry: Geometry,
    storage: Arc<Storage>,
    disk: Disk,
    workers: Workers,
    reports: UnboundedReceiver<Report>,
    pool: Pool,
}

fn bench(folder: &Path) -> Bench {
    let entry = |path: &str, length| FileEntry {
        path: path.into(),
        length,
        pad: false,
        wanted: Use::Whole,
        executable: false,
    };
    bench_with(
        folder,
        vec![entry("a", 50_000), entry("b", TOTAL - 50_000)],
        None,
    )
}

/// `zeros` is the range of payload bytes that are zero.
fn bench_with(
    folder: &Path,
    files: Vec<FileEntry>,
    zeros: Option<std::ops::Range<usize>>,
) -> Bench {
    let geometry = Geometry::new(TOTAL, PIECE).expect("geometry");
    let mut payload: Vec<u8> = (0..TOTAL).map(|i| (i * i % 251) as u8).collect();
    payload[zeros.unwrap_or_default()].fill(0);
    let hashes = payload
        .chunks(PIECE as usize)
        .map(|it| Sha1::digest(it).into());
    let storage = Arc::new(Storage::create(folder, files).expect("create"));
    let (sender, reports) = unbounded_channel();
    let none = Bitfield::empty(3);
    let (disk, workers) = Disk::start(
        &storage,
        &geometry,
        &PieceHashes::version_1(hashes.collect()),
        &none,
        &sender,
    )
    .expect("threads");
    Bench {
        payload,
        geometry,
        storage,
        disk,
        workers,
        reports,
        pool: Pool::new(4),
    }
}

impl Bench {
    /// Writes and verifies every piece.
    async fn complete(&mut self) {
        for piece in (0..3).map(PieceIndex) {
            for index in 0..self.geometry.blocks_in(piece) {
                self.store(self.geometry.block(piece, index), 0).await;
            }
            self.disk.verify(piece, false);
            let good = Verdict::Good { blocks: Vec::new() };
            assert_eq!(self.verdict().await, (piece, good));
        }
    }

    async fn load(&self, piece: u32, index: u32) -> Result<Buffer, StorageError> {
        let block = self.geometry.block(PieceIndex(piece), index);
        let mut data = self.pool.take(block.length as usize).await;
        let here = self.disk.load_cached(block, &mut data);
        let early = here.then(|| data.to_vec());
        let loaded = self.disk.load(block, data).await.expect("answered");
        if let Some(early) = early {
            let same = loaded.as_ref().is_ok_and(|it| **it == early[..]);
            assert!(
                same,
                "other bytes were served at once, or they are not good"
            );
        }
        loaded
    }

    /// Waits for `count` pieces to be reported as lost. Returns them in order.
    async fn lost(&mut self, count: usize) -> Vec<u32> {
        let mut lost = Vec::new();
        while lost.len() < count {
            match self.reports.recv().await.expect("a report") {
                Report::Lost { piece } => lost.push(piece.0),
                other => panic!("{other:?}"),
            }
        }
        lost.sort_unstable();
        lost
    }

    async fn store(&self, block: BlockRef, flip: u8) {
        let mut data = self.pool.take(block.length as usize).await;
        let start = usize::try_from(self.geometry.offset(block)).expect("small");
        data.copy_from_slice(&self.payload[start..start + block.length as usize]);
        data[0] ^= flip;
        self.disk.store(vec![(block, data)]);
    }

    async fn verdict(&mut self) -> (PieceIndex, Verdict) {
        match self.reports.recv().await.expect("a report") {
            Report::Verified { piece, verdict } => (piece, verdict),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn blocks_in_any_order_make_good_pieces_and_read_back() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let mut bench = bench(folder.path());
    for piece in (0..3).map(PieceIndex) {
        let mut order: Vec<u32> = (0..bench.geometry.blocks_in(piece)).collect();
        order.rotate_left(piece.0 as usize);
        for index in order {
            bench.store(bench.geometry.block(piece, index), 0).await;
        }
        bench.disk.verify(piece, false);
        let good = Verdict::Good { blocks: Vec::new() };
        assert_eq!(bench.verdict().await, (piece, good));
    }
    let block = bench.geometry.block(PieceIndex(1), 0);
    let data = bench.pool.take(block.length as usize).await;
    let data = bench.disk.load(block, data).await.expect("answered");
    let data = data.expect("read");
    assert_eq!(*data, bench.payload[40_000..40_000 + 16_384]);
    bench.disk.stop();
    bench.workers.join();
    assert!(
        bench.reports.recv().await.is_none(),
        "nothing is left to say"
    );
}

#[tokio::test]
async fn the_digests_of_a_bad_piece_name_the_bad_block() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let mut bench = bench(folder.path());
    let piece = PieceIndex(0);
    let mut seen = Vec::new();
    for flip in [1, 0] {
        for index in 0..bench.geometry.blocks_in(piece) {
            let flip = if index == 1 { flip } else { 0 };
            bench.store(bench.geometry.block(piece, index), flip).await;
        }
        bench.disk.verify(piece, true);
        seen.push(bench.verdict().await.1);
    }
    let [Verdict::Bad { blocks: bad }, Verdict::Good { blocks: good }] = &seen[..] else {
        panic!("{seen:?}");
    };
    let differing: Vec<usize> = (0..3).filter(|i| bad[*i] != good[*i]).collect();
    assert_eq!(differing, [1]);
}

#[tokio::test]
async fn a_block_written_twice_is_hashed_as_it_lies_on_disk() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let mut bench = bench(folder.path());
    let piece = PieceIndex(0);
    for (index, flip) in [(0, 0), (1, 7), (1, 0), (2, 0)] {
        bench.store(bench.geometry.block(piece, index), flip).await;
    }
    bench.disk.verify(piece, false);
    let good = Verdict::Good { blocks: Vec::new() };
    assert_eq!(bench.verdict().await, (piece, good));
}

#[tokio::test]
async fn a_piece_that_cannot_be_written_is_lost_not_good() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let mut bench = bench(folder.path());
    std::fs::create_dir(folder.path().join("a")).expect("a folder in the way");
    bench.store(bench.geometry.block(PieceIndex(0), 0), 0).await;
    bench.disk.verify(PieceIndex(0), false);
    let failed = bench.reports.recv().await.expect("a report");
    assert!(matches!(failed, Report::Failed(_)), "{failed:?}");
    assert_eq!(bench.verdict().await, (PieceIndex(0), Verdict::Lost));
}

#[tokio::test]
async fn what_is_deleted_or_cut_is_reported_and_never_served() {
    // `b` contains the end of piece 1 and all of piece 2.
    for (name, cut, expected) in [("b", None, [1, 2]), ("a", Some(10_000), [0, 1])] {
        let folder = tempfile::tempdir().expect("temporary folder");
        let mut bench = bench(folder.path());
        bench.complete().await;
        let path = folder.path().join(name);
        match cut {
            None => std::fs::remove_file(&path).expect("remove"),
            Some(length) => {
                let file = std::fs::File::options().write(true).open(&path);
                file.and_then(|it| it.set_len(length)).expect("cut");
            }
        }
        for piece in expected {
            let last = bench.geometry.blocks_in(PieceIndex(piece)) - 1;
            bench
                .load(piece, last)
                .await
                .expect_err("not what was verified");
        }
        assert_eq!(bench.lost(2).await, expected, "{name}");
        let other = (0..3)
            .find(|it| !expected.contains(it))
            .expect("one is left");
        bench.load(other, 0).await.expect("the other file is whole");
        assert_eq!(path.exists(), cut.is_some(), "reading created it");
        let length = cut.map(|_| path.metadata().expect("there").len());
        assert_eq!(length, cut, "reading extended it");
    }
}

#[tokio::test]
async fn damage_is_found_without_a_request_and_mended_pieces_are_served_again() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let mut bench = bench(folder.path());
    bench.complete().await;
    let path = folder.path().join("a");
    let mut bytes = std::fs::read(&path).expect("read");
    bytes[45_000] ^= 1;
    std::fs::write(&path, &bytes).expect("write");
    assert_eq!(
        bench.lost(1).await,
        [1],
        "piece 0 of that file is good still"
    );
    bench.load(0, 0).await.expect("served");
    bench.load(1, 0).await.expect_err("bad");
    for index in 0..3 {
        bench
            .store(bench.geometry.block(PieceIndex(1), index), 0)
            .await;
    }
    bench.disk.verify(PieceIndex(1), false);
    let good = Verdict::Good { blocks: Vec::new() };
    assert_eq!(bench.verdict().await, (PieceIndex(1), good));
    let block = bench.load(1, 0).await.expect("served");
    assert_eq!(*block, bench.payload[40_000..40_000 + 16_384]);
}

#[tokio::test]
async fn a_file_that_is_only_touched_is_served_on() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let mut bench = bench(folder.path());
    bench.complete().await;
    let file = std::fs::File::options()
        .write(true)
        .open(folder.path().join("a"));
    file.and_then(|it| it.set_modified(std::time::SystemTime::UNIX_EPOCH))
        .expect("touch");
    for piece in 0..3 {
        bench.load(piece, 0).await.expect("good as before");
    }
    bench.disk.stop();
    bench.workers.join();
    assert!(bench.reports.recv().await.is_none(), "nothing was lost");
}

#[tokio::test]
async fn a_piece_whose_first_blocks_vanish_before_the_last_come_is_not_good() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let mut bench = bench(folder.path());
    bench.store(bench.geometry.block(PieceIndex(0), 0), 0).await;
    bench.store(bench.geometry.block(PieceIndex(0), 1), 0).await;
    // The answer comes after the earlier blocks were written.
    bench.load(0, 0).await.expect_err("not verified yet");
    std::fs::remove_file(folder.path().join("a")).expect("remove");
    bench.store(bench.geometry.block(PieceIndex(0), 2), 0).await;
    bench.disk.verify(PieceIndex(0), false);
    let (piece, verdict) = bench.verdict().await;
    assert_eq!(piece, PieceIndex(0));
    assert!(!matches!(verdict, Verdict::Good { .. }), "{verdict:?}");
}

#[tokio::test]
async fn damage_that_no_stamp_shows_is_found_when_asked() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let mut bench = bench(folder.path());
    bench.complete().await;
    // Bypass the disk threads, like a failing disk: they take this for their own write.
    let storage = Arc::clone(&bench.storage);
    storage.write(85_000, b"rotten").expect("write");
    bench.load(2, 0).await.expect("nothing shows");
    bench.disk.inspect(PieceIndex(2));
    assert_eq!(bench.lost(1).await, [2]);
    bench.load(2, 0).await.expect_err("known to be bad");
}

/// Files with padding that spans from the first block into the second.
fn padded() -> Vec<FileEntry> {
    let entry = |path: &str, length, pad| FileEntry {
        path: path.into(),
        length,
        pad,
        wanted: Use::Whole,
        executable: false,
    };
    vec![
        entry("a", 10_000, false),
        entry("pad", 10_000, true),
        entry("b", TOTAL - 20_000, false),
    ]
}

/// A peer may send any bytes as padding. They count as zeros, whatever the order of the blocks.
#[tokio::test]
async fn padding_is_zeros_whatever_was_sent_and_in_whatever_order() {
    for order in [[0, 1, 2], [2, 1, 0], [1, 0, 2], [0, 2, 1]] {
        let folder = tempfile::tempdir().expect("temporary folder");
        let mut bench = bench_with(folder.path(), padded(), Some(10_000..20_000));
        for index in order {
            let block = bench.geometry.block(PieceIndex(0), index);
            let start = usize::try_from(bench.geometry.offset(block)).expect("small");
            let mut data = bench.pool.take(block.length as usize).await;
            data.copy_from_slice(&bench.payload[start..start + block.length as usize]);
            for (at, byte) in (start..).zip(data.iter_mut()) {
                *byte |= if (10_000..20_000).contains(&at) {
                    0xaa
                } else {
                    0
                };
            }
            bench.disk.store(vec![(block, data)]);
        }
        bench.disk.verify(PieceIndex(0), false);
        let good = Verdict::Good { blocks: Vec::new() };
        assert_eq!(bench.verdict().await, (PieceIndex(0), good), "{order:?}");
        assert!(!folder.path().join("pad").exists());
    }
}

/// Some torrent creators hash non-zero padding. Then the padding that peers sent is used, whatever
/// the order of the blocks.
#[tokio::test]
async fn a_piece_may_be_good_with_the_padding_that_was_sent() {
    for order in [[0, 1, 2], [2, 1, 0]] {
        let folder = tempfile::tempdir().expect("temporary folder");
        let mut bench = bench_with(folder.path(), padded(), None);
        let mut digests = Vec::new();
        // Flip the first byte of a block: block 0 begins with a file, block 1 with padding.
        for (flipped, good) in [(Some(0), false), (Some(1), false), (None, true)] {
            for index in order {
                let flip = u8::from(flipped == Some(index));
                bench
                    .store(bench.geometry.block(PieceIndex(0), index), flip)
                    .await;
            }
            bench.disk.verify(PieceIndex(0), true);
            if good {
                let odd = bench.reports.recv().await.expect("a report");
                assert!(matches!(odd, Report::OddPadding { .. }), "{odd:?}");
            }
            match bench.verdict().await.1 {
                Verdict::Good { blocks } if good => digests.push(blocks),
                Verdict::Padded { blocks } if !good => digests.push(blocks),
                other => panic!("{other:?} with {flipped:?} flipped"),
            }
        }
        assert_ne!(digests[0], digests[2], "who sent a wrong file is known");
        assert_eq!(digests[1], digests[2], "nobody is blamed for padding");
        for index in 0..3 {
            let block = bench.geometry.block(PieceIndex(0), index);
            let start = usize::try_from(bench.geometry.offset(block)).expect("small");
            let end = start + block.length as usize;
            let served = bench.load(0, index).await.expect("served");
            assert_eq!(*served, bench.payload[start..end], "block {index}");
        }
        bench.disk.inspect(PieceIndex(0));
        bench.disk.stop();
        bench.workers.join();
        assert!(bench.reports.recv().await.is_none(), "it is still good");
        assert!(!folder.path().join("pad").exists());
    }
}
