//! Choosing the next piece, over the number of pieces.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use unchoke_core::bitfield::Bitfield;
use unchoke_core::pick::{PICKERS, PickView, build};
use unchoke_core::rng::{Purpose, Streams};

fn picker(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("picker");
    for id in PICKERS {
        for pieces in [100_u32, 1000, 10_000] {
            let mut rng = Streams::new(1).stream(Purpose::Pick, 0);
            let everything = Bitfield::full(pieces);
            let copies: Vec<u16> = (0..pieces)
                .map(|_| 1 + u16::try_from(rng.below(40)).expect("small"))
                .collect();
            let view = PickView {
                unbegun: everything.words(),
                peer_has: everything.words(),
                availability: &copies,
                have_count: 10,
            };
            let mut picker = build(id).expect("a registered picker");
            group.bench_function(BenchmarkId::new(*id, pieces), |bencher| {
                bencher.iter(|| picker.pick(black_box(&view), &mut rng));
            });
        }
    }
    group.finish();
}

criterion_group!(benches, picker);
criterion_main!(benches);
