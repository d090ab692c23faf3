//! Flows without messages between hosts in a star, by number of hosts.

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use unchoke_benches::Star;
use unchoke_sim::link::Solver;

const TRANSFERS: u64 = 20_000;

fn link_solver(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("link_solver");
    group
        .throughput(Throughput::Elements(TRANSFERS))
        .sample_size(10);
    for (name, solver) in [("exact", Solver::Exact), ("fast", Solver::Fast)] {
        for hosts in [100_u32, 1000, 10_000] {
            group.bench_function(BenchmarkId::new(name, hosts), |bencher| {
                let warm = || {
                    let mut star = Star::new(hosts, solver);
                    star.run(TRANSFERS);
                    star
                };
                bencher.iter_batched_ref(warm, |star| star.run(TRANSFERS), BatchSize::LargeInput);
            });
        }
    }
    group.finish();
}

criterion_group!(benches, link_solver);
criterion_main!(benches);
