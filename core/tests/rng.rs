//! Compares random streams with the generator that they use.

use rand_chacha::ChaCha8Rng;
use rand_core::{Rng as _, SeedableRng as _};
use unchoke_core::rng::{Purpose, Streams};

/// Enough numbers to leave the generator's first buffer.
const DRAWS: usize = 200;

#[test]
fn a_stream_is_one_of_chacha8_drawn_from_its_start() {
    for (purpose, entity) in [(Purpose::Arrival, 0), (Purpose::Pick, 7)] {
        let mut generator = ChaCha8Rng::seed_from_u64(42);
        generator.set_stream(u64::from(purpose as u8) << 32 | u64::from(entity));
        let mut stream = Streams::new(42).stream(purpose, entity);
        for draw in 0..DRAWS {
            assert_eq!(stream.next_u64(), generator.next_u64(), "draw {draw}");
        }
    }
}

#[test]
fn a_copy_of_a_stream_goes_on_by_itself() {
    let mut stream = Streams::new(1).stream(Purpose::Choke, 3);
    stream.next_u64();
    let mut copy = stream.clone();
    let draws: Vec<u64> = (0..40).map(|_| stream.next_u64()).collect();
    let again: Vec<u64> = (0..40).map(|_| copy.next_u64()).collect();
    assert_eq!(draws, again);
}
