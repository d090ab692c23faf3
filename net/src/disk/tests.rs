use std::path::Path;

use sha1::{Digest as _, Sha1};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::*;
use crate::buffers::Pool;
use crate::storage::FileEntry;

const PIECE: u32 = 40_000;
const TOTAL: u64 = 100_000;

struct Bench {
    payload: Vec<u8>,
    geometry: Geometry,
    disk: Disk,
    workers: Workers,
    reports: UnboundedReceiver<Report>,
    pool: Pool,
}

fn bench(folder: &Path) -> Bench {
    let geometry = Geometry::new(TOTAL, PIECE).expect("geometry");
    let payload: Vec<u8> = (0..TOTAL).map(|i| (i * i % 251) as u8).collect();
    let hashes = payload
        .chunks(PIECE as usize)
        .map(|it| Sha1::digest(it).into());
    let entry = |path: &str, length| FileEntry {
        path: path.into(),
        length,
        pad: false,
    };
    let files = vec![entry("a", 50_000), entry("b", TOTAL - 50_000)];
    let storage = Arc::new(Storage::create(folder, files).expect("create"));
    let (sender, reports) = unbounded_channel();
    let (disk, workers) =
        Disk::start(&storage, geometry, &hashes.collect(), &sender).expect("threads");
    Bench {
        payload,
        geometry,
        disk,
        workers,
        reports,
        pool: Pool::new(4),
    }
}

impl Bench {
    async fn store(&self, block: BlockRef, flip: u8) {
        let mut data = self.pool.take(block.length as usize).await;
        let start = usize::try_from(self.geometry.offset(block)).expect("small");
        data.copy_from_slice(&self.payload[start..start + block.length as usize]);
        data[0] ^= flip;
        self.disk.store(block, data);
    }

    async fn verdict(&mut self) -> (PieceIndex, Verdict) {
        match self.reports.recv().await.expect("a report") {
            Report::Verified { piece, verdict } => (piece, verdict),
            Report::Failed(error) => panic!("{error}"),
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
