//! The level of one link: how much each of its flows gets.

use super::flow::INFINITE;

/// The level of a link of capacity `capacity` whose flows, all of weight 1, have these limits at
/// their other ends: the largest for which the sum of `min(limit, level)` is at most `capacity`, or
/// [`INFINITE`] if the limits alone sum to no more.
///
/// The sum rises with the level, in pieces of straight lines that become ever flatter. So from any
/// guess, the line at the guess leads to a level that is not too high (Newton's method), and each
/// further step only rises, to the level itself. From the level of a moment ago, this takes two
/// steps most of the time. From another guess, the result is the same.
pub(super) fn equal_level(capacity: u64, limits: &[u64], guess: u64) -> u64 {
    let sum = limits
        .iter()
        .fold(0, |sum: u64, it| sum.saturating_add(*it));
    if sum <= capacity {
        return INFINITE;
    }
    let count = u64::try_from(limits.len()).expect("a length");
    let mut level = if guess == INFINITE {
        capacity / count
    } else {
        guess
    };
    loop {
        // What the flows take that are limited elsewhere, and how many they are. Written without
        // branches on the limits, because they cannot be predicted.
        let (mut taken, mut limited) = (0, 0);
        for limit in limits {
            let below = u64::from(*limit <= level);
            taken += limit & below.wrapping_neg();
            limited += below;
        }
        let next = if limited == count || taken > capacity {
            // The guess was too high by far.
            capacity / count
        } else {
            (capacity - taken) / (count - limited)
        };
        if next == level {
            return level;
        }
        level = next;
    }
}

/// The same for flows of any weights: `limits` holds the limit of each flow and its weight, and the
/// sum is that of `min(limit, level * weight)`. Rounded down to a level from which it no longer
/// rises in whole units.
pub(super) fn weighted_level(capacity: u64, mut limits: Vec<(u64, u64)>) -> u64 {
    let mut free = capacity;
    let mut weights: u64 = limits.iter().map(|it| it.1).sum();
    while !limits.is_empty() {
        let level = free / weights;
        let before = limits.len();
        limits.retain(|(limit, weight)| {
            // A limit that does not stay is at most `level * weight`, which is at most `free`.
            let stays = *limit > level * weight;
            if !stays {
                free -= limit;
                weights -= weight;
            }
            stays
        });
        if limits.len() == before {
            return level;
        }
    }
    INFINITE
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{INFINITE, equal_level, weighted_level};

    fn limit() -> impl Strategy<Value = u64> {
        prop_oneof![
            4 => 0..2_000_u64,
            2 => 0..=1_u64 << 52,
            1 => Just(INFINITE),
        ]
    }

    proptest! {
        #[test]
        fn any_guess_leads_to_the_level_of_equal_weights(
            capacity in prop_oneof![0..20_000_u64, 0..=1_u64 << 52],
            limits in prop::collection::vec(limit(), 0..40),
            guess in limit(),
        ) {
            let expected = weighted_level(capacity, limits.iter().map(|it| (*it, 1)).collect());
            prop_assert_eq!(equal_level(capacity, &limits, guess), expected);
        }

        #[test]
        fn the_level_is_the_largest_that_fits(
            capacity in 0..20_000_u64,
            limits in prop::collection::vec(limit(), 1..40),
        ) {
            let sum = |level: u64| limits.iter().map(|it| u128::from(level.min(*it))).sum::<u128>();
            let level = equal_level(capacity, &limits, INFINITE);
            prop_assert!(sum(level) <= u128::from(capacity));
            prop_assert!(level == INFINITE || sum(level + 1) > u128::from(capacity));
        }
    }
}
