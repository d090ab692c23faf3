//! Flows without messages.

use unchoke_core::rng::{Purpose, Rng, Streams};
use unchoke_core::time::Instant;
use unchoke_sim::link::{FlowId, HostId, Links, Solver};

/// Bytes of one transfer.
pub(crate) const TRANSFER_BYTES: u64 = 256 * 1024;

/// Bytes a second of each link.
pub(crate) const CAPACITY: u64 = 1_250_000;

/// Outgoing transfers of a host.
pub(crate) const FLOWS_A_HOST: u32 = 4;

/// A host at random, but not `src`.
pub(crate) fn other_host(rng: &mut Rng, src: u32, hosts: u32) -> u32 {
    let other = u32::try_from(rng.below(u64::from(hosts - 1))).expect("a host");
    if other >= src { other + 1 } else { other }
}

/// Hosts in a star, each with four outgoing transfers of 256 KiB; when one ends, the next starts.
/// All links are equal and symmetric, so every change reaches every host: the hardest case for the
/// solver.
#[derive(Clone, Debug)]
pub struct Star {
    links: Links,
    rng: Rng,
    hosts: u32,
    now: Instant,
}

impl Star {
    /// A star in which all transfers run.
    #[must_use]
    pub fn new(hosts: u32, solver: Solver) -> Self {
        let mut links = Links::new(solver);
        (0..hosts).for_each(|_| {
            links.add_host(CAPACITY, CAPACITY);
        });
        let rng = Streams::new(1).stream(Purpose::Arrival, 0);
        let mut star = Self {
            links,
            rng,
            hosts,
            now: Instant::START,
        };
        (0..hosts * FLOWS_A_HOST).for_each(|flow| star.start(flow));
        star.links.solve(star.now);
        star
    }

    fn start(&mut self, flow: u32) {
        let src = flow / FLOWS_A_HOST;
        let dst = other_host(&mut self.rng, src, self.hosts);
        let ends = (HostId(src), HostId(dst));
        self.links
            .start(self.now, FlowId(flow), ends, TRANSFER_BYTES, None);
    }

    /// The simulated time.
    #[must_use]
    pub fn now(&self) -> Instant {
        self.now
    }

    /// Advances time until this many transfers have ended.
    pub fn run(&mut self, transfers: u64) {
        let mut done = 0;
        while done < transfers {
            self.now = self.links.next_due().expect("flows never end");
            while let Some(flow) = self.links.pop_due(self.now) {
                self.links.stop(flow);
                self.start(flow.0);
                done += 1;
            }
            self.links.solve(self.now);
        }
    }
}
