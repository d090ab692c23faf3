//! A rate that several torrents share: who may have how much of it.

use alloc::vec;
use alloc::vec::Vec;

/// Kept free for who uses hardly anything, so that it can begin at once: a block a second.
const FLOOR: u64 = 16 * 1024;

/// What somebody could use who uses `rate` of `allotted` bytes/s: anything if it uses nearly all of it,
/// otherwise somewhat more than now.
#[must_use]
pub fn wish(rate: u64, allotted: u64) -> u64 {
    if rate.saturating_mul(10) >= allotted.saturating_mul(9) {
        u64::MAX
    } else {
        (rate.saturating_add(rate / 4)).max(FLOOR)
    }
}

/// Divides `total`: nobody gets less than another unless it wishes for less, and what nobody wishes
/// for is spread evenly. The sum is at most `total`.
#[must_use]
pub fn divide(total: u64, wishes: &[u64]) -> Vec<u64> {
    let mut order: Vec<usize> = (0..wishes.len()).collect();
    order.sort_by_key(|it| (wishes[*it], *it));
    let (mut left, mut parts) = (total, vec![0; wishes.len()]);
    for (place, member) in order.iter().enumerate() {
        let others = (wishes.len() - place) as u64;
        let part = wishes[*member].min(left / others);
        parts[*member] = part;
        left -= part;
    }
    let spare = left / (wishes.len().max(1) as u64);
    for part in &mut parts {
        *part += spare;
    }
    parts
}
