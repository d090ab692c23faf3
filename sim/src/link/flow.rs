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

/// One flow; as large as a cache line.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
pub(super) struct Flow {
    /// Bytes still to send at time `at`, in 2^-48 byte. Negative after a completion: the surplus
    /// sent in the same nanosecond, which counts for the next bytes.
    pub(super) left: i128,
    /// Current rate, in 2^-48 byte/ns.
    pub(super) rate: u64,
    /// When `left` was brought up to date, ns.
    pub(super) at: u64,
    /// Highest rate allowed, in 2^-48 byte/ns.
    pub(super) ceiling: u64,
    /// Weight in the sharing of a link; at least 1.
    pub(super) weight: u32,
    pub(super) src: u32,
    pub(super) dst: u32,
    /// Where the flow stands in the list of its uplink.
    pub(super) up_place: u32,
    /// Where the flow stands in the list of its downlink.
    pub(super) down_place: u32,
}

impl Flow {
    /// Value of a number that no flow uses.
    pub(super) const IDLE: Self = Self {
        left: 0,
        rate: 0,
        at: 0,
        ceiling: INFINITE,
        weight: 1,
        src: u32::MAX,
        dst: u32::MAX,
        up_place: 0,
        down_place: 0,
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

    /// Brings `left` up to date at `now`.
    pub(super) fn settle(&mut self, now: Instant) {
        let elapsed = now.as_nanos() - self.at;
        if elapsed > 0 {
            self.left -= i128::from(self.rate) * i128::from(elapsed);
            self.at = now.as_nanos();
        }
    }

    /// When `left` reaches zero at the present rate, ns; `u64::MAX` if never.
    pub(super) fn due(&self) -> u64 {
        match (u64::try_from(self.left), self.rate) {
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

/// When each flow of an uplink has sent all its bytes at its current rate, ns; `u64::MAX` if never. In
/// the order of the list of flows, side by side, because all of them are compared for each block that
/// leaves. As large as a cache line, for as many flows as most policies unchoke.
#[derive(Clone, Debug, Default)]
#[repr(align(64))]
pub(super) struct Dues(pub(super) SmallVec<[u64; 7]>);

/// The uplink or the downlink of a host; as large as a cache line.
#[derive(Clone, Debug)]
#[repr(align(64))]
pub(super) struct Link {
    /// In 2^-48 byte/ns, like every rate here.
    pub(super) capacity: u64,
    /// Sum of the rates of the flows.
    pub(super) used: u64,
    /// Most that a flow of weight 1 gets here; [`INFINITE`] if the capacity is not used up.
    pub(super) level: u64,
    /// Sum of the rate changes made by solves of other links since the level was last computed.
    pub(super) drift: u64,
    /// Room for the number of flows that most policies unchoke; longer lists are on the heap.
    pub(super) flows: SmallVec<[u32; 6]>,
}

impl Link {
    pub(super) fn new(capacity: u64) -> Self {
        Self {
            capacity,
            used: 0,
            level: INFINITE,
            drift: 0,
            flows: SmallVec::new(),
        }
    }

    /// Adds a flow and returns its place in the list.
    pub(super) fn add(&mut self, flow: FlowId) -> u32 {
        self.flows.push(flow.0);
        u32::try_from(self.flows.len() - 1).expect("fewer flows than numbers")
    }
}

#[cfg(test)]
mod tests {
    use super::{Dues, Flow, Link};

    #[test]
    fn a_flow_a_link_and_its_dues_fit_in_a_cache_line_each() {
        let sizes = [size_of::<Flow>(), size_of::<Link>(), size_of::<Dues>()];
        assert_eq!(sizes, [64; 3]);
    }
}
