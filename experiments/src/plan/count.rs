//! Numbers in sentences.

use std::fmt::Debug;

use unchoke_core::text::counted;

use super::Plan;

/// [`counted`] for any kind of number, as text: `1 seed`, `2 seeds`.
#[must_use]
pub fn count(number: impl TryInto<u64, Error: Debug>, one: &'static str) -> String {
    counted(number.try_into().expect("a count"), one).to_string()
}

impl Plan {
    /// The numbers of paired runs as text: `30`, or `30 to 60 (by scenario)`.
    #[must_use]
    pub fn seeds_said(&self) -> String {
        match self.seed_range() {
            (least, most) if least == most => least.to_string(),
            (least, most) => format!("{least} to {most} (by scenario)"),
        }
    }

    /// The same with the name of one of them: `30 seeds`, or `30 to 60 seeds (by scenario)`.
    #[must_use]
    pub fn seeds_counted(&self, one: &'static str) -> String {
        match self.seed_range() {
            (least, most) if least == most => count(least, one),
            (least, most) => format!("{least} to {most} {one}s (by scenario)"),
        }
    }

    /// The same for a sentence about intervals: `1 seed, which gives no interval`.
    #[must_use]
    pub fn seeds_of_intervals(&self, one: &'static str) -> String {
        without_interval(self.seeds_counted(one), self.seed_range().1 == 1)
    }
}

/// A number of seeds in a sentence about intervals. A single one has none.
#[must_use]
pub fn without_interval(seeds: String, single: bool) -> String {
    if single {
        seeds + ", which gives no interval"
    } else {
        seeds
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::toy::plan;

    #[test]
    fn only_one_is_singular() {
        assert_eq!(count(0_usize, "row"), "0 rows");
        assert_eq!(count(1_u64, "row"), "1 row");
        let mut plan = plan();
        assert_eq!(plan.seeds_counted("paired seed"), "24 paired seeds");
        plan.scenarios[0].seed_count = Some(1);
        let mixed = plan.seeds_counted("paired seed");
        assert_eq!(mixed, "1 to 24 paired seeds (by scenario)");
        plan.scenarios[1].seed_count = Some(1);
        assert_eq!(plan.seeds_counted("paired seed"), "1 paired seed");
        assert_eq!(
            plan.seeds_of_intervals("seed"),
            "1 seed, which gives no interval"
        );
        plan.scenarios[0].seed_count = Some(2);
        let some = plan.seeds_of_intervals("seed");
        assert_eq!(some, "1 to 2 seeds (by scenario)");
    }
}
