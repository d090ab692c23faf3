//! One decision of each choking policy over 50 and 500 connections.

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use unchoke_benches::Choking;
use unchoke_core::choke::REGISTRY;

fn choker(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("choker");
    for entry in REGISTRY {
        for connections in [50_u32, 500] {
            let mut choking = Choking::new(entry.id, connections);
            group.bench_function(BenchmarkId::new(entry.id, connections), |bencher| {
                bencher.iter(|| choking.rechoke());
            });
        }
    }
    group.finish();
}

criterion_group!(benches, choker);
criterion_main!(benches);
