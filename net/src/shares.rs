//! Limits shared by the torrents of one process: rates, connections and upload slots. Each torrent
//! reports what it uses and gets its part. A torrent that uses little leaves the rest to the others.
//! The sum of the parts never exceeds the shared limit, except that each torrent always has at least
//! one connection and one slot.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use unchoke_core::shares::{divide, wish};

/// Caps of upload and download in bytes/s; `None` means no cap.
pub type Caps = [Option<u64>; 2];

/// What is shared. The number is its index in [`Limits`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Good {
    /// Upload, bytes/s.
    Upload,
    /// Download, bytes/s.
    Download,
    /// Connections, in both directions together.
    Connections,
    /// Peers that the policy unchokes by its main rule: its parameter `slots`.
    Slots,
}

const GOODS: usize = 4;
const RATES: [Good; 2] = [Good::Upload, Good::Download];
const COUNTS: [Good; 2] = [Good::Connections, Good::Slots];

/// A limit for each [`Good`]; `None` means no limit.
pub type Limits = [Option<u64>; GOODS];

/// What one torrent uses and may use.
#[derive(Clone, Copy, Debug, Default)]
struct Member {
    used: [u64; GOODS],
    /// The parts that the torrent was given last.
    in_force: [u64; GOODS],
}

#[derive(Debug)]
struct Inner {
    /// For all torrents together.
    all: Limits,
    /// For each torrent.
    each: Limits,
    members: Vec<Option<Member>>,
}

/// The shared limits of a process. Clones share them.
#[derive(Clone, Debug)]
pub struct Shares(Arc<Mutex<Inner>>);

/// The part of one torrent. Dropping it frees the part for the others.
#[derive(Debug)]
pub struct Share {
    all: Shares,
    number: usize,
}

impl Shares {
    /// Limits without torrents: `all` for all together, `each` for each of them.
    #[must_use]
    pub fn new(all: Limits, each: Limits) -> Self {
        Self(Arc::new(Mutex::new(Inner {
            all,
            each,
            members: Vec::new(),
        })))
    }

    /// Parts for `count` torrents that start together; they begin with equal parts.
    #[must_use]
    pub fn divided(&self, count: usize) -> Vec<Share> {
        let all = self.lock().all;
        let equal = all.map(|it| it.unwrap_or(0) / (count.max(1) as u64));
        (0..count).map(|_| self.join_with(equal)).collect()
    }

    /// A part for one more torrent. It starts with what is free, at most an equal part.
    #[must_use]
    pub fn join(&self) -> Share {
        let inner = self.lock();
        let count = inner.members.iter().flatten().count() as u64 + 1;
        let free = |good: usize| {
            let all = inner.all[good].unwrap_or(0);
            all.saturating_sub(inner.held(good)).min(all / count)
        };
        let first = [0, 1, 2, 3].map(free);
        drop(inner);
        self.join_with(first)
    }

    fn join_with(&self, in_force: [u64; GOODS]) -> Share {
        let mut inner = self.lock();
        let new = Some(Member {
            in_force,
            ..Member::default()
        });
        let left = inner.members.iter().position(Option::is_none);
        let number = left.unwrap_or(inner.members.len());
        if number == inner.members.len() {
            inner.members.push(new);
        } else {
            inner.members[number] = new;
        }
        drop(inner);
        Share {
            all: self.clone(),
            number,
        }
    }

    /// A panic in another thread leaves the figures usable.
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Share {
    /// The present caps of upload and download.
    #[must_use]
    pub fn caps(&self) -> Caps {
        RATES.map(|it| self.part(it))
    }

    /// The present part of this torrent; `None` if nothing limits it.
    #[must_use]
    pub fn part(&self, good: Good) -> Option<u64> {
        let inner = self.all.lock();
        let number = good as usize;
        let in_force = inner.members[self.number].map_or(0, |it| it.in_force[number]);
        let shared = inner.all[number].map(|_| in_force.max(1));
        shared.into_iter().chain(inner.each[number]).min()
    }

    /// The largest part that this torrent can ever get.
    #[must_use]
    pub fn most(&self, good: Good) -> Option<u64> {
        let inner = self.all.lock();
        let limits = [inner.all, inner.each].map(|it| it[good as usize]);
        limits.into_iter().flatten().min()
    }

    /// Reports the rates of this torrent. Returns its new caps.
    #[must_use]
    pub fn report(&self, rates: [u64; 2]) -> Caps {
        self.adjust(RATES, rates, wish);
        self.caps()
    }

    /// Reports the number of connections, and the number of interested peers. Returns the new limits
    /// on connections and on slots.
    #[must_use]
    pub fn report_counts(&self, counts: [u64; 2]) -> Caps {
        self.adjust([Good::Connections], [counts[0]], wish_connections);
        self.adjust([Good::Slots], [counts[1]], |interested, _| {
            interested.max(1)
        });
        COUNTS.map(|it| self.part(it))
    }

    fn adjust<const N: usize>(&self, goods: [Good; N], used: [u64; N], wish: fn(u64, u64) -> u64) {
        let mut inner = self.all.lock();
        for (good, used) in goods.into_iter().zip(used) {
            let good = good as usize;
            if let Some(member) = &mut inner.members[self.number] {
                member.used[good] = used;
            }
            if let Some(all) = inner.all[good] {
                inner.adjust(self.number, good, all, wish);
            }
        }
    }
}

/// The number of connections to ask for, given that `used` of `allotted` are open: no limit if nearly
/// all are used, otherwise a few more than now. A torrent without a part uses nothing, and is not one
/// that uses all of it.
fn wish_connections(used: u64, allotted: u64) -> u64 {
    if used * 10 >= allotted.max(1) * 9 {
        u64::MAX
    } else {
        used + used / 4 + 2
    }
}

impl Inner {
    /// The sum of the parts of all torrents.
    fn held(&self, good: usize) -> u64 {
        let here = self.members.iter().flatten();
        here.map(|it| it.in_force[good]).sum()
    }

    /// Sets the part of member `number`, without exceeding what the others have left.
    fn adjust(&mut self, number: usize, good: usize, all: u64, wish: fn(u64, u64) -> u64) {
        let here = self.members.iter().flatten();
        let most = self.each[good].unwrap_or(u64::MAX);
        let wishes: Vec<u64> = here
            .map(|it| wish(it.used[good], it.in_force[good]).min(most))
            .collect();
        let place = self.members[..number].iter().flatten().count();
        let part = divide(all, &wishes)[place];
        let own = self.members[number].map_or(0, |it| it.in_force[good]);
        let others = self.held(good) - own;
        if let Some(member) = &mut self.members[number] {
            member.in_force[good] = part.min(all.saturating_sub(others));
        }
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.all.lock().members[self.number] = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONE: Limits = [None; 4];

    fn rates(upload: Option<u64>, download: Option<u64>) -> Shares {
        Shares::new([upload, download, None, None], NONE)
    }

    #[test]
    fn connections_go_where_peers_are_and_each_torrent_has_one() {
        let all = Shares::new([None, None, Some(40), None], [None, None, Some(30), None]);
        let busy = all.join();
        assert_eq!(busy.part(Good::Connections), Some(30), "its own limit");
        assert_eq!(busy.most(Good::Connections), Some(30));
        assert_eq!(busy.report_counts([30, 0]), [Some(30), None]);
        let others: Vec<Share> = (0..3).map(|_| all.join()).collect();
        assert_eq!(
            others[0].part(Good::Connections),
            Some(1),
            "even if none is free"
        );
        let mut open = [30, 0, 0, 0];
        for _ in 0..20 {
            for (number, share) in std::iter::once(&busy).chain(&others).enumerate() {
                // The others find three peers each.
                let [most, _] = share.report_counts([open[number], 0]);
                let wanted = if number == 0 { 100 } else { 3 };
                open[number] = most.expect("a limit").min(wanted);
            }
        }
        assert_eq!(open[1..], [3, 3, 3]);
        assert!(open[0] >= 20 && open.iter().sum::<u64>() <= 40, "{open:?}");
    }

    #[test]
    fn idle_torrents_soon_have_equal_parts() {
        let all = Shares::new([None, None, Some(500), None], [None, None, Some(50), None]);
        let shares: Vec<Share> = (0..50).map(|_| all.join()).collect();
        for _ in 0..2 {
            for share in &shares {
                let _: Caps = share.report_counts([0, 0]);
            }
        }
        for share in &shares {
            assert_eq!(share.part(Good::Connections), Some(10));
        }
    }

    #[test]
    fn slots_follow_the_interested_peers() {
        let all = Shares::new([None, None, None, Some(10)], NONE);
        let shares = all.divided(2);
        assert_eq!(shares[0].part(Good::Slots), Some(5));
        for _ in 0..3 {
            let _: Caps = shares[0].report_counts([0, 50]);
            let _: Caps = shares[1].report_counts([0, 2]);
        }
        assert_eq!(shares[0].part(Good::Slots), Some(8));
        assert_eq!(shares[1].part(Good::Slots), Some(2));
    }

    #[test]
    fn a_torrent_has_its_own_caps_below_the_shared_ones() {
        let all = Shares::new(
            [Some(1000), None, None, None],
            [Some(300), Some(70), None, None],
        );
        let [first, second] = [all.join(), all.join()];
        for _ in 0..4 {
            let _: Caps = first.report([300, 0]);
            let _: Caps = second.report([300, 0]);
        }
        assert_eq!(first.caps(), [Some(300), Some(70)]);
        assert_eq!(second.caps(), [Some(300), Some(70)]);
    }

    #[test]
    fn the_idle_leave_their_part_to_the_busy_and_the_sum_stays_below() {
        let shares = rates(None, Some(900_000)).divided(3);
        assert_eq!(shares[0].caps(), [None, Some(300_000)]);
        let mut caps = shares.iter().map(Share::caps).collect::<Vec<Caps>>();
        for _ in 0..20 {
            for (number, share) in shares.iter().enumerate() {
                // The first torrent uses its whole cap, the others use nothing.
                let used = if number == 0 {
                    caps[0][1].expect("a cap")
                } else {
                    0
                };
                caps[number] = share.report([0, used]);
                let sum: u64 = caps.iter().map(|it| it[1].expect("a cap")).sum();
                assert!(sum <= 900_000, "{caps:?}");
            }
        }
        assert!(caps[0][1] > Some(850_000), "{caps:?}");
        assert!(caps[1][1] >= Some(16_384), "room to begin: {caps:?}");
    }

    #[test]
    fn who_is_done_leaves_everything() {
        let mut shares = rates(Some(1000), None).divided(2);
        drop(shares.pop());
        let left = shares[0].report([500, 0]);
        assert_eq!(left, [Some(1000), None]);
    }

    #[test]
    fn who_comes_later_gets_what_others_give_back() {
        let all = rates(Some(1000), None);
        let first = all.join();
        assert_eq!(first.report([1000, 0]), [Some(1000), None]);
        let second = all.join();
        assert_eq!(second.caps(), [Some(1), None], "nothing is free yet");
        assert_eq!(first.report([1000, 0]), [Some(500), None]);
        assert_eq!(second.report([1, 0]), [Some(500), None]);
        drop(first);
        assert_eq!(second.report([500, 0]), [Some(1000), None]);
        assert_eq!(all.join().number, 0, "a place is used again");
    }
}
