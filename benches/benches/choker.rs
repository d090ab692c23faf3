//! One decision of each choking policy over 50 and 500 connections.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use unchoke_core::choke::{Parameters, PeerView, REGISTRY, Snapshot, Trigger, build};
use unchoke_core::ids::PeerKey;
use unchoke_core::rng::{Purpose, Streams};
use unchoke_core::time::Instant;

fn choker(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("choker");
    for entry in REGISTRY {
        for count in [50_u32, 500] {
            let mut rng = Streams::new(1).stream(Purpose::Choke, 0);
            let mut policy = build(entry.id, &Parameters::new()).expect("a registered policy");
            let view = |key| PeerView {
                peer: PeerKey(key),
                peer_interested: key % 3 > 0,
                am_interested: true,
                am_choking: true,
                down_rate: u64::from(key) * 7919 % 10_007,
                ..PeerView::default()
            };
            let peers: Vec<PeerView> = (0..count).map(view).collect();
            let snapshot = Snapshot {
                now: Instant::from_secs(100),
                am_seed: false,
                upload_capacity: Some(1_250_000),
                upload_rate: 1_000_000,
                piece_count: 400,
                piece_bytes: 262_144,
                peers: &peers,
            };
            for peer in &peers {
                policy.decide(Trigger::Connected(peer.peer), &snapshot, &mut rng);
            }
            let mut tick = 0;
            group.bench_function(BenchmarkId::new(entry.id, count), |bencher| {
                bencher.iter(|| {
                    tick += 1;
                    policy.decide(Trigger::Tick(tick), black_box(&snapshot), &mut rng)
                });
            });
        }
    }
    group.finish();
}

criterion_group!(benches, choker);
criterion_main!(benches);
