//! Rate caps that the torrents of one process share. Each tells twice a second what it uses, and hears
//! what it may use; together they never have more than the cap.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use unchoke_core::shares::{divide, wish};

/// Rates up and down, bytes/s; `None` is no cap.
pub type Caps = [Option<u64>; 2];

/// What one torrent uses and may use, up and down, bytes/s.
#[derive(Clone, Copy, Debug, Default)]
struct Member {
    rates: [u64; 2],
    /// What it was told last.
    in_force: [u64; 2],
}

#[derive(Debug)]
struct Inner {
    caps: Caps,
    members: Vec<Option<Member>>,
}

/// The limits of a process. Clones are the same limits.
#[derive(Clone, Debug)]
pub struct Shares(Arc<Mutex<Inner>>);

/// One torrent's part of the caps; the others have it when this value is dropped.
#[derive(Debug)]
pub struct Share {
    all: Shares,
    number: usize,
}

impl Shares {
    /// Nobody has a part of `caps` yet.
    #[must_use]
    pub fn new(caps: Caps) -> Self {
        Self(Arc::new(Mutex::new(Inner {
            caps,
            members: Vec::new(),
        })))
    }

    /// Parts for so many torrents that begin together, equal at first.
    #[must_use]
    pub fn divided(caps: Caps, count: usize) -> Vec<Share> {
        let all = Self::new(caps);
        let equal = caps.map(|it| it.unwrap_or(0) / (count.max(1) as u64));
        (0..count).map(|_| all.join_with(equal)).collect()
    }

    /// A part for one more: at first what is free, at most an equal part.
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

    /// A panic elsewhere leaves the figures usable.
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Share {
    /// What it may use at first.
    #[must_use]
    pub fn caps(&self) -> Caps {
        let inner = self.all.lock();
        let in_force = inner.members[self.number].map(|it| it.in_force);
        let in_force = in_force.unwrap_or_default();
        [0, 1].map(|way| inner.caps[way].map(|_| in_force[way].max(1)))
    }

    /// It uses these rates up and down; what it may use from now on.
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
    /// What all of them have.
    fn held(&self, way: usize) -> u64 {
        let here = self.members.iter().flatten();
        here.map(|it| it.in_force[way]).sum()
    }

    /// Gives member `number` its part, but nothing that another still has.
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
                // The first uses all that it may, the others nothing.
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
