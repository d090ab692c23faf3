//! Divides a rate among several torrents.

use alloc::vec;
use alloc::vec::Vec;

/// Reserved for torrents with hardly any traffic, so that they can begin at once: a block a second.
const FLOOR: u64 = 16 * 1024;

/// The rate to ask for, given that `rate` of the `allotted` bytes/s is used: no limit if nearly all
/// of it is used, otherwise somewhat more than now.
#[must_use]
pub fn wish(rate: u64, allotted: u64) -> u64 {
    if rate.saturating_mul(10) >= allotted.saturating_mul(9) {
        u64::MAX
    } else {
        (rate.saturating_add(rate / 4)).max(FLOOR)
    }
}

/// Divides `total` fairly: a torrent gets less than another only if it asks for less. The part that
/// no torrent asks for is spread evenly. The sum is at most `total`.
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
