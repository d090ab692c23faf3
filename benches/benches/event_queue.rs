//! Hold operations (take the next event, schedule another) on the queues of the simulator.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use unchoke_benches::Holds;

const HOLDS: u64 = 1000;

fn event_queue(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("event_queue");
    group.throughput(Throughput::Elements(HOLDS));
    for pending in [1000_u64, 100_000, 1_000_000] {
        for (name, mut holds) in [
            ("delay_line", Holds::of_one_delay(pending)),
            ("heap", Holds::of_any_time(pending)),
        ] {
            group.bench_function(BenchmarkId::new(name, pending), |bencher| {
                bencher.iter(|| holds.run(HOLDS));
            });
        }
    }
    group.finish();
}

criterion_group!(benches, event_queue);
criterion_main!(benches);
