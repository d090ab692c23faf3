//! Upload shares in thousandths.

use alloc::vec::Vec;

use crate::choke::policy::Decision;
use crate::ids::PeerKey;

/// Sum of the weights that a policy gives out. Small against the stride of the scheduler, so that
/// the shares come out right, and fine enough for a thousandth.
pub(crate) const WHOLE: u32 = 1000;

/// Weights that add up to about `whole`, in proportion to `shares`; at least 1 each.
pub(crate) fn proportional(shares: &[(PeerKey, u64)], whole: u32) -> Vec<(PeerKey, u32)> {
    let sum: u128 = shares.iter().map(|(_, share)| u128::from(*share)).sum();
    let weight = |share: u64| {
        let weight = u128::from(share) * u128::from(whole) / sum.max(1);
        u32::try_from(weight).expect("at most the whole").max(1)
    };
    shares
        .iter()
        .map(|(peer, share)| (*peer, weight(*share)))
        .collect()
}

/// Exactly these are unchoked, and the upload is theirs in proportion to their shares.
pub(crate) fn divide(shares: &[(PeerKey, u64)]) -> Decision {
    Decision {
        weights: proportional(shares, WHOLE),
        ..Decision::exactly(shares.iter().map(|it| it.0).collect())
    }
}

/// Upload capacity where none is told: what is sent now and 10 kB/s more, at least 20 kB/s, so that
/// it is found by growing. libtorrent's removed `bittyrant_choker`.
pub(crate) fn capacity(told: Option<u64>, upload_rate: u64) -> u64 {
    told.unwrap_or_else(|| upload_rate.saturating_add(10_000).max(20_000))
}
