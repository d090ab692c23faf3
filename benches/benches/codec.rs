//! Encoding and decoding messages, and parsing a .torrent file.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use unchoke_benches::{UNPAID, messages};
use unchoke_core::wire::{Decoded, Decoder, encode, wire_len};

fn codec(criterion: &mut Criterion) {
    let messages = messages();
    let mut group = criterion.benchmark_group("codec");
    group.throughput(Throughput::Elements(messages.len() as u64));
    group.bench_function("encode", |bencher| {
        let mut out = Vec::new();
        bencher.iter(|| {
            out.clear();
            for message in &messages {
                encode(black_box(message), &mut out);
            }
        });
    });
    group.bench_function("decode", |bencher| {
        let decoder = Decoder::new(1000);
        let mut bytes = Vec::new();
        let unpaid = messages.iter().take(UNPAID);
        unpaid.for_each(|message| encode(message, &mut bytes));
        bencher.iter(|| {
            let (mut rest, mut count) = (&bytes[..], 0);
            while let Ok(Decoded::Message { message, used }) = decoder.decode(black_box(rest)) {
                black_box(message);
                rest = &rest[used..];
                count += 1;
            }
            assert_eq!(count, UNPAID);
        });
    });
    group.bench_function("wire_len", |bencher| {
        bencher.iter(|| {
            messages
                .iter()
                .map(|it| wire_len(black_box(it)))
                .sum::<u32>()
        });
    });
    group.finish();
}

criterion_group!(benches, codec);
criterion_main!(benches);
