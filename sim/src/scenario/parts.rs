//! Sizes of populations, as parts of all peers or of the peers of one access class.

use super::error::{Fault, quoted};
use super::section::one_of;
use super::{Capacity, Part, Population, Scenario};
use crate::units::{Decimal, Share, share_of};

/// Names of the classes into which peers with measured capacities are grouped.
const QUARTERS: [&str; 4] = ["q1", "q2", "q3", "q4"];

/// Names of the access classes.
pub(super) fn class_names(capacity: &Capacity) -> Vec<&str> {
    match capacity {
        Capacity::Classes(classes) => classes.iter().map(|it| it.name.as_str()).collect(),
        Capacity::Measured(_) => QUARTERS.to_vec(),
    }
}

/// Number of peers in each class.
fn class_sizes(capacity: &Capacity, count: u32) -> Vec<u32> {
    let ends = match capacity {
        Capacity::Classes(classes) => {
            let shares = classes.iter().map(|it| u64::from(it.share.millionths()));
            bounds(shares, count)
        }
        // The peer with rank r is in quarter 4 r / count.
        Capacity::Measured(_) => (1..=4_u64)
            .map(|it| u32::try_from((it * u64::from(count)).div_ceil(4)).expect("at most count"))
            .collect(),
    };
    let starts = std::iter::once(&0).chain(&ends);
    ends.iter()
        .zip(starts)
        .map(|(end, start)| end - start)
        .collect()
}

/// Where each share ends when `count` items are assigned in order. Each share is within one item of
/// its exact size.
pub(super) fn bounds(millionths: impl Iterator<Item = u64>, count: u32) -> Vec<u32> {
    let sums = millionths.scan(0, |sum, it| {
        *sum += it;
        Some(*sum)
    });
    sums.map(|sum| share_of(sum, count)).collect()
}

/// Indices of the populations; those tied to a class come first.
pub(super) fn tied_first(populations: &[Population]) -> impl Iterator<Item = usize> {
    let of = |tied: bool| {
        let all = populations.iter().enumerate();
        all.filter(move |it| it.1.class.is_some() == tied)
            .map(|it| it.0)
    };
    of(true).chain(of(false))
}

/// Peers that are divided among a group of populations.
struct Pool {
    /// Indices of these populations.
    members: Vec<usize>,
    /// Number of peers.
    size: u32,
}

/// The pools of the classes that populations are tied to. A class that does not exist has no peers.
fn tied(scenario: &Scenario) -> Vec<Pool> {
    let capacity = &scenario.peers.capacity;
    let sizes = class_sizes(capacity, scenario.peers.count);
    let classes = class_names(capacity).into_iter().zip(sizes);
    let pool = |(name, size): (&str, u32)| {
        let all = scenario.populations.iter().enumerate();
        let members = all.filter(|it| it.1.class.as_deref() == Some(name));
        let members: Vec<usize> = members.map(|it| it.0).collect();
        (!members.is_empty()).then_some(Pool { members, size })
    };
    classes.filter_map(pool).collect()
}

/// The pool of all peers that are in no tied population.
fn others(scenario: &Scenario, taken: u32) -> Pool {
    let all = scenario.populations.iter().enumerate();
    let members = all.filter(|it| it.1.class.is_none());
    Pool {
        members: members.map(|it| it.0).collect(),
        size: scenario.peers.count - taken,
    }
}

/// Number of peers in each population.
pub(super) fn counts(scenario: &Scenario) -> Vec<u32> {
    let mut counts = vec![0; scenario.populations.len()];
    for pool in tied(scenario) {
        deal(&scenario.populations, &pool, &mut counts);
    }
    let rest = others(scenario, counts.iter().sum());
    deal(&scenario.populations, &rest, &mut counts);
    counts
}

/// Divides the peers of a pool among its populations.
fn deal(populations: &[Population], pool: &Pool, counts: &mut [u32]) {
    let parts = || pool.members.iter().map(|it| populations[*it].part);
    let shares = parts().map(|part| match part {
        Part::Share(share) => u64::from(share.millionths()),
        Part::Count(_) | Part::Rest => 0,
    });
    let bounds = bounds(shares, pool.size);
    let mut left = pool.size;
    for (i, part) in parts().enumerate() {
        let wanted = match part {
            Part::Share(_) => bounds[i] - if i == 0 { 0 } else { bounds[i - 1] },
            Part::Count(count) => count,
            Part::Rest => 0,
        };
        // Rounding may ask for one peer more than is left.
        let dealt = wanted.min(left);
        counts[pool.members[i]] = dealt;
        left -= dealt;
    }
    if let Some(rest) = parts().position(|it| it == Part::Rest) {
        counts[pool.members[rest]] = left;
    }
}

/// Checks that the populations together are exactly all peers.
pub(super) fn check_parts(scenario: &Scenario) -> Result<(), Fault> {
    let names = class_names(&scenario.peers.capacity);
    for (i, it) in scenario.populations.iter().enumerate() {
        if let Some(class) = it.class.as_deref().filter(|it| !names.contains(it)) {
            let expected = one_of(names.iter().copied());
            return Err((format!("population.{i}.class"), expected, quoted(class)));
        }
    }
    let mut taken = vec![0; scenario.populations.len()];
    for pool in tied(scenario) {
        let class = scenario.populations[pool.members[0]].class.as_deref();
        let of = format!(" of class {}", class.expect("it is tied"));
        check_pool(&scenario.populations, &pool, &of, false)?;
        deal(&scenario.populations, &pool, &mut taken);
    }
    let rest = others(scenario, taken.iter().sum());
    if rest.members.is_empty() && rest.size > 0 && !taken.is_empty() {
        let expected = "a population without a class for the peers that the others leave";
        let found = format!("{} peers that run nothing", rest.size);
        return Err(("population".to_owned(), expected.to_owned(), found));
    }
    let of = if rest.size < scenario.peers.count {
        " that no class has taken"
    } else {
        ""
    };
    check_pool(&scenario.populations, &rest, of, true)
}

/// Checks that the parts fit into the pool and, if `all`, fill it. `of` names the pool in errors.
fn check_pool(populations: &[Population], pool: &Pool, of: &str, all: bool) -> Result<(), Fault> {
    let fault =
        |expected: &str, found: String| Err(("population".to_owned(), expected.to_owned(), found));
    let of_peers = match of {
        "" => String::new(),
        of => format!(" of the peers{of}"),
    };
    let (mut shares, mut counts, mut rests) = (0_u64, 0_u64, 0);
    for i in &pool.members {
        match populations[*i].part {
            Part::Share(share) => shares += u64::from(share.millionths()),
            Part::Count(count) => counts += u64::from(count),
            Part::Rest => rests += 1,
        }
    }
    let (whole, size) = (u64::from(Share::ALL.millionths()), u64::from(pool.size));
    let percent = format!("{} %", Decimal::from_millionths(shares * 100));
    let taken = counts + shares * size / whole;
    let must_fill = all && rests == 0 && (size > 0 || !pool.members.is_empty());
    if rests > 1 {
        let expected = format!("one population without share and count{of_peers}");
        return fault(&expected, rests.to_string());
    }
    if must_fill && counts == 0 && shares != whole {
        return fault(&format!("shares that sum to 100 %{of_peers}"), percent);
    }
    if must_fill && counts > 0 && (shares > 0 || counts != size) {
        let expected = format!(
            "counts that sum to the {size} peers{of}, or one population without share and count for \
             the rest"
        );
        let found = format!("a sum of {taken}");
        return fault(&expected, found);
    }
    if shares > whole {
        return fault(
            &format!("shares that sum to at most 100 %{of_peers}"),
            percent,
        );
    }
    if taken > size {
        let expected = format!("populations of at most {size} peers{of} together");
        return fault(&expected, taken.to_string());
    }
    Ok(())
}
