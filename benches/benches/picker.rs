//! Choosing the next piece, by number of pieces.

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use unchoke_benches::Picking;
use unchoke_core::pick::PICKERS;

fn picker(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("picker");
    for id in PICKERS {
        for pieces in [100_u32, 1000, 10_000, 1 << 20] {
            let mut picking = Picking::new(id, pieces);
            group.bench_function(BenchmarkId::new(*id, pieces), |bencher| {
                bencher.iter(|| picking.pick());
            });
        }
    }
    group.finish();
}

criterion_group!(benches, picker);
criterion_main!(benches);
