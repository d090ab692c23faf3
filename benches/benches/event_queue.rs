//! Hold operations (take the next event, schedule another) on the queues of the simulator.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use unchoke_core::rng::{Purpose, Streams};
use unchoke_core::time::Instant;
use unchoke_sim::queue::DelayLines;

const HOLDS: u64 = 1000;

fn event_queue(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("event_queue");
    group.throughput(Throughput::Elements(HOLDS));
    for pending in [1000_u64, 100_000, 1_000_000] {
        let mut lines = DelayLines::new();
        for i in 0..pending {
            lines.push(Instant::from_nanos(i), 25_000_000, i);
        }
        group.bench_function(BenchmarkId::new("delay_line", pending), |bencher| {
            bencher.iter(|| {
                for _ in 0..HOLDS {
                    let (stamp, event) = lines.pop().expect("never empty");
                    lines.push(stamp.at, 25_000_000, event);
                }
            });
        });

        let mut rng = Streams::new(1).stream(Purpose::Arrival, 0);
        let mut heap = DelayLines::new();
        for i in 0..pending {
            heap.push_any(Instant::from_nanos(rng.below(10_000_000_000)), i);
        }
        group.bench_function(BenchmarkId::new("heap", pending), |bencher| {
            bencher.iter(|| {
                for _ in 0..HOLDS {
                    let (stamp, event) = heap.pop().expect("never empty");
                    let later = stamp.at.as_nanos() + rng.below(10_000_000_000);
                    heap.push_any(Instant::from_nanos(later), event);
                }
            });
        });
    }
    group.finish();
}

criterion_group!(benches, event_queue);
criterion_main!(benches);
