//! The state of one flow and of one link.

use smallvec::SmallVec;
use unchoke_core::time::Instant;

/// A host, numbered from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct HostId(pub u32);

/// A flow, numbered by the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FlowId(pub u32);

/// Level of an unsaturated link, and ceiling of a flow without a ceiling.
pub(super) const INFINITE: u64 = u64::MAX;

/// Bits after the binary point of a byte count.
const BYTE_SHIFT: u32 = 48;

/// Capacity of a link of `bytes_per_s`, in 2^-48 byte/ns, rounded down. At most 2^52, which is 16
/// GB/s: then the rates of thousands of such flows can be added without overflow.
pub(super) fn units_of(bytes_per_s: u64) -> u64 {
    let units = (u128::from(bytes_per_s) << BYTE_SHIFT) / 1_000_000_000;
    u64::try_from(units).unwrap_or(u64::MAX).min(1 << 52)
}

/// A rate in 2^-48 byte/ns as bytes/s, rounded down.
pub(super) fn per_second(rate: u64) -> u64 {
    u64::try_from((u128::from(rate) * 1_000_000_000) >> BYTE_SHIFT)
        .expect("fits, as it came from bytes/s")
}

/// One flow: what it still has to send, and where it stands. Its rate is in `Links::rates`. Two lie
/// in a cache line.
#[derive(Clone, Copy, Debug)]
pub(super) struct Flow {
    /// Bytes still to send at time `at`, in 2^-48 byte. Negative after a completion: the surplus
    /// sent in the same nanosecond, which counts for the next bytes.
    pub(super) left: i128,
    /// When `left` was brought up to date, ns.
    pub(super) at: u64,
    pub(super) src: u32,
    /// Its place in the list of its uplink. The crossing there says where it goes.
    pub(super) place: u32,
}

impl Flow {
    /// Value of a number that no flow uses.
    pub(super) const IDLE: Self = Self {
        left: 0,
        at: 0,
        src: u32::MAX,
        place: 0,
    };

    pub(super) fn is_active(&self) -> bool {
        self.src != u32::MAX
    }

    /// `bytes` in units of 2^-48 byte.
    pub(super) fn units(bytes: u64) -> i128 {
        i128::from(bytes) << BYTE_SHIFT
    }

    /// Bytes left to send, rounded up.
    pub(super) fn left_bytes(&self) -> u64 {
        let left = u128::try_from(self.left).unwrap_or(0);
        u64::try_from(left.div_ceil(1 << BYTE_SHIFT)).expect("fits, as it came from bytes")
    }

    /// Brings `left` up to date at `now`, for a flow that has had this rate since `at`.
    pub(super) fn settle(&mut self, now: Instant, rate: u64) {
        let elapsed = now.as_nanos() - self.at;
        if elapsed > 0 {
            self.left -= i128::from(rate) * i128::from(elapsed);
            self.at = now.as_nanos();
        }
    }

    /// When `left` reaches zero at this rate, ns; `u64::MAX` if never.
    pub(super) fn due(&self, rate: u64) -> u64 {
        match (u64::try_from(self.left), rate) {
            (_, 0) => u64::MAX,
            // The usual case: less than 64 KiB are left, so a 64-bit division is enough.
            (Ok(left), rate) => self.at.saturating_add(left.div_ceil(rate)),
            (Err(_), rate) => {
                let wait = u128::try_from(self.left).map_or(0, |it| it.div_ceil(u128::from(rate)));
                let wait = u64::try_from(wait).unwrap_or(u64::MAX);
                self.at.saturating_add(wait)
            }
        }
    }
}

/// When each flow of an uplink has sent all its bytes at its current rate, ns; `u64::MAX` if never.
/// In the order of the list of flows, side by side, because all of them are compared for each block
/// that leaves. As large as a cache line, for as many flows as most policies unchoke.
#[derive(Clone, Debug, Default)]
#[repr(align(64))]
pub(super) struct Dues(pub(super) SmallVec<[u64; 7]>);

/// A flow as one of its two links sees it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Crossing {
    /// Highest rate allowed, in 2^-48 byte/ns.
    pub(super) ceiling: u64,
    /// Weight in the sharing of a link; at least 1.
    pub(super) weight: u32,
    pub(super) flow: u32,
    /// The link at the flow's other end.
    pub(super) other: u32,
    /// Its place in the list of that link.
    pub(super) place: u32,
}

/// The flows of a link. Room for as many as most policies unchoke; longer lists are on the heap.
#[derive(Clone, Debug, Default)]
#[repr(align(64))]
pub(super) struct Crossings(pub(super) SmallVec<[Crossing; 5]>);

/// How much of the uplink or the downlink of a host is in use.
#[derive(Clone, Copy, Debug)]
pub(super) struct Load {
    /// In 2^-48 byte/ns, like every rate here.
    pub(super) capacity: u64,
    /// Sum of the rates of the flows.
    pub(super) used: u64,
    /// Sum of the rate changes made by solves of other links since the level was last computed.
    pub(super) drift: u64,
}

#[cfg(test)]
mod tests {
    use super::{Crossings, Dues, Flow};

    #[test]
    fn what_a_solve_reads_lies_in_few_cache_lines() {
        let sizes = [size_of::<Flow>(), size_of::<Dues>(), size_of::<Crossings>()];
        assert_eq!(sizes, [32, 64, 128]);
    }
}
