//! Rate caps shared by the torrents of one process. Each torrent reports its rates twice a second
//! and gets its new caps. The sum of the caps never exceeds the shared cap.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use unchoke_core::shares::{divide, wish};

/// Caps of upload and download in bytes/s; `None` means no cap.
pub type Caps = [Option<u64>; 2];

/// The rates and caps of one torrent: upload and download, in bytes/s.
#[derive(Clone, Copy, Debug, Default)]
struct Member {
    rates: [u64; 2],
    /// The caps that the torrent was given last.
    in_force: [u64; 2],
}

#[derive(Debug)]
struct Inner {
    caps: Caps,
    members: Vec<Option<Member>>,
}

/// The shared limits of a process. Clones share them.
#[derive(Clone, Debug)]
pub struct Shares(Arc<Mutex<Inner>>);

/// The part of one torrent in the caps. Dropping it frees the part for the others.
#[derive(Debug)]
pub struct Share {
    all: Shares,
    number: usize,
}

impl Shares {
    /// Limits without torrents.
    #[must_use]
    pub fn new(caps: Caps) -> Self {
        Self(Arc::new(Mutex::new(Inner {
            caps,
            members: Vec::new(),
        })))
    }

    /// Parts for `count` torrents that start together; they begin with equal caps.
    #[must_use]
    pub fn divided(caps: Caps, count: usize) -> Vec<Share> {
        let all = Self::new(caps);
        let equal = caps.map(|it| it.unwrap_or(0) / (count.max(1) as u64));
        (0..count).map(|_| all.join_with(equal)).collect()
    }

    /// A part for one more torrent. It starts with the free rate, at most an equal part.
    #[must_use]
    pub fn join(&self) -> Share {
        let inner = self.lock();
        let count = inner.members.iter().flatten().count() as u64 + 1;
        let free = |way: usize| {
            let cap = inner.caps[way].unwrap_or(0);
            cap.saturating_sub(inner.held(way)).min(cap / count)
        };
        let first = [0, 1].map(free);
        drop(inner);
        self.join_with(first)
    }

    fn join_with(&self, in_force: [u64; 2]) -> Share {
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
    /// The initial caps of this torrent.
    #[must_use]
    pub fn caps(&self) -> Caps {
        let inner = self.all.lock();
        let in_force = inner.members[self.number].map(|it| it.in_force);
        let in_force = in_force.unwrap_or_default();
        [0, 1].map(|way| inner.caps[way].map(|_| in_force[way].max(1)))
    }

    /// Reports the rates of this torrent. Returns its new caps.
    #[must_use]
    pub fn report(&self, rates: [u64; 2]) -> Caps {
        let mut inner = self.all.lock();
        if let Some(member) = &mut inner.members[self.number] {
            member.rates = rates;
        }
        for way in [0, 1] {
            if let Some(cap) = inner.caps[way] {
                inner.adjust(self.number, way, cap);
            }
        }
        drop(inner);
        self.caps()
    }
}

impl Inner {
    /// The sum of the caps of all torrents.
    fn held(&self, way: usize) -> u64 {
        let here = self.members.iter().flatten();
        here.map(|it| it.in_force[way]).sum()
    }

    /// Sets the cap of member `number`, without exceeding what the others have left.
    fn adjust(&mut self, number: usize, way: usize, cap: u64) {
        let here = self.members.iter().flatten();
        let wishes: Vec<u64> = here
            .map(|it| wish(it.rates[way], it.in_force[way]))
            .collect();
        let place = self.members[..number].iter().flatten().count();
        let part = divide(cap, &wishes)[place];
        let own = self.members[number].map_or(0, |it| it.in_force[way]);
        let others = self.held(way) - own;
        if let Some(member) = &mut self.members[number] {
            member.in_force[way] = part.min(cap.saturating_sub(others));
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

    #[test]
    fn the_idle_leave_their_part_to_the_busy_and_the_sum_stays_below() {
        let shares = Shares::divided([None, Some(900_000)], 3);
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
        let mut shares = Shares::divided([Some(1000), None], 2);
        drop(shares.pop());
        let left = shares[0].report([500, 0]);
        assert_eq!(left, [Some(1000), None]);
    }

    #[test]
    fn who_comes_later_gets_what_others_give_back() {
        let all = Shares::new([Some(1000), None]);
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
