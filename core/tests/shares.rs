//! Sharing a rate between several torrents.

use proptest::prelude::*;
use unchoke_core::shares::{divide, wish};

#[test]
fn who_wishes_for_little_leaves_the_rest_to_others() {
    assert_eq!(
        divide(900, &[u64::MAX, u64::MAX, u64::MAX]),
        [300, 300, 300]
    );
    assert_eq!(divide(900, &[u64::MAX, 100, u64::MAX]), [400, 100, 400]);
    // Together they want less than the rate, so the rest is divided equally.
    assert_eq!(divide(900, &[100, 200, 300]), [200, 300, 400]);
    assert_eq!(divide(5, &[]), []);
}

#[test]
fn who_uses_what_it_has_may_have_more() {
    assert_eq!(wish(95, 100), u64::MAX);
    assert_eq!(wish(0, 1 << 20), 16 * 1024);
    assert_eq!(wish(1 << 20, 1 << 30), (1 << 20) + (1 << 18));
}

proptest! {
    #[test]
    fn no_more_is_given_than_there_is(total: u64, wishes in prop::collection::vec(any::<u64>(), 1..20)) {
        let parts = divide(total, &wishes);
        let sum = parts.iter().try_fold(0_u64, |sum, it| sum.checked_add(*it));
        prop_assert!(sum.is_some_and(|sum| sum <= total));
        let least = parts.iter().min().copied().unwrap_or(0);
        for (part, wish) in parts.iter().zip(&wishes) {
            prop_assert!(*part >= least.min(*wish));
        }
    }
}
