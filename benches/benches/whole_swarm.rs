//! Block transfers per second of whole swarms on the workload `w1`. The throughput that criterion
//! prints is blocks per second of one core, because a run has one thread.

use std::time::Duration;

use criterion::{
    BenchmarkId, Criterion, SamplingMode, Throughput, criterion_group, criterion_main,
};
use unchoke_benches::swarm;
use unchoke_sim::world;

fn whole_swarm(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("whole_swarm");
    group
        .sampling_mode(SamplingMode::Flat)
        .sample_size(10)
        .measurement_time(Duration::from_secs(20));
    for policy in ["tit_for_tat", "bep3", "unchoke_all"] {
        for peers in [100_u32, 1000] {
            let spec = swarm(policy, peers);
            let blocks = world::run(&spec, None)
                .expect("a sound spec")
                .blocks_transferred;
            group.throughput(Throughput::Elements(blocks));
            group.bench_function(BenchmarkId::new(policy, peers), |bencher| {
                bencher.iter(|| world::run(&spec, None).expect("a sound spec"));
            });
        }
    }
    group.finish();
}

criterion_group!(benches, whole_swarm);
criterion_main!(benches);
