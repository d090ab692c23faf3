//! A download over TCP on the loopback interface, including sockets, disk and SHA-1.

use std::net::Ipv4Addr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use criterion::{BatchSize, Criterion, SamplingMode, Throughput, criterion_group, criterion_main};
use sha1::{Digest as _, Sha1};
use tokio::runtime::Runtime;
use tokio::sync::mpsc::unbounded_channel;
use unchoke_core::metainfo::{Builder, Metainfo};
use unchoke_net::session::{Goal, Session, Settings};

const BYTES: usize = 256 << 20;
const PIECE_BYTES: u32 = 1 << 20;

/// Writes the payload into `folder` and makes its torrent.
fn torrent(folder: &Path) -> Arc<Metainfo> {
    let payload: Vec<u8> = (0..BYTES as u64 / 8)
        .flat_map(|i| i.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_le_bytes())
        .collect();
    std::fs::write(folder.join("payload"), &payload).expect("a writable folder");
    let hashes: Vec<[u8; 20]> = payload
        .chunks(PIECE_BYTES as usize)
        .map(|it| Sha1::digest(it).into())
        .collect();
    let builder = Builder {
        name: "payload".into(),
        length: BYTES as u64,
        piece_bytes: PIECE_BYTES,
        ..Builder::default()
    };
    let bytes = builder.encode(&hashes).expect("a torrent");
    Arc::new(Metainfo::parse(&bytes).expect("our own torrent"))
}

async fn open(settings: Settings) -> Session {
    // Notices have no receiver, as in a program without output.
    let (notices, _) = unbounded_channel();
    Session::open(settings, notices)
        .await
        .expect("files and a port")
}

fn loopback_download(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let metainfo = torrent(folder.path());
    let runtime = Runtime::new().expect("a runtime");
    // Unchokes at once, so that the benchmark does not wait for a rechoke.
    let common = |folder: &Path| Settings {
        trackers: false,
        policy: "unchoke_all".into(),
        ..Settings::new(Arc::clone(&metainfo), folder.to_path_buf())
    };
    let seed = Settings {
        goal: Goal::Seed,
        ..common(folder.path())
    };
    let seed = runtime.block_on(open(seed));
    let address = (Ipv4Addr::LOCALHOST, seed.port()).into();
    runtime.spawn(seed.run(std::future::pending()));

    let mut group = criterion.benchmark_group("loopback_download");
    group.throughput(Throughput::Bytes(BYTES as u64));
    group
        .sampling_mode(SamplingMode::Flat)
        .sample_size(10)
        .measurement_time(Duration::from_secs(10));
    group.bench_function("256 MiB", |bencher| {
        let fresh = || tempfile::tempdir().expect("a temporary folder");
        bencher.iter_batched(
            fresh,
            |folder| {
                let settings = Settings {
                    peers: vec![address],
                    ..common(folder.path())
                };
                runtime.block_on(async {
                    let outcome = open(settings).await.run(std::future::pending()).await;
                    assert!(outcome.expect("a download").have.is_full());
                });
                folder
            },
            BatchSize::PerIteration,
        );
    });
    group.finish();
}

criterion_group!(benches, loopback_download);
criterion_main!(benches);
