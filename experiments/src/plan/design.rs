//! Two-level fractional factorial designs: runs, defining words, aliases.

use std::fmt::Write as _;

use super::count;

/// Most factors. Each has a letter, and there are at most 2^10 runs.
const MOST_FACTORS: usize = 10;

/// A two-level design. A set of factors is a bit mask; the first factor is the lowest bit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Design {
    factors: usize,
    /// For each factor after the base factors: the base factors of which it is the product.
    generators: Vec<u32>,
}

/// Letter of a factor.
#[must_use]
pub fn letter(factor: usize) -> char {
    char::from(b'A' + u8::try_from(factor).expect("few factors"))
}

/// A set of factors, written as letters.
fn word(set: u32) -> String {
    let has = |it: &usize| set >> it & 1 == 1;
    (0..MOST_FACTORS).filter(has).map(letter).collect()
}

impl Design {
    /// A design with `factors` factors, the last of which are generated, for example `E = ABC`. The
    /// error says what is wrong.
    pub fn new(factors: usize, generators: &[String]) -> Result<Self, String> {
        if !(2..=MOST_FACTORS).contains(&factors) || generators.len() + 2 > factors {
            return Err(format!(
                "{factors} factors with {} generators; give 2 to {MOST_FACTORS} factors and two more \
                 than generators",
                generators.len()
            ));
        }
        let base = factors - generators.len();
        let mut read = Vec::new();
        for (at, text) in generators.iter().enumerate() {
            let own = letter(base + at);
            let expected = || {
                let last = letter(base - 1);
                format!(
                    "{text:?} is no generator of {own}; write \"{own} = A{last}\", with letters A to {last}"
                )
            };
            let (left, right) = text.split_once('=').ok_or_else(expected)?;
            if left.trim() != own.to_string() {
                return Err(expected());
            }
            let mut set = 0_u32;
            for it in right.trim().chars() {
                let factor = (0..base).find(|factor| letter(*factor) == it);
                let bit = 1 << factor.ok_or_else(expected)?;
                if set & bit != 0 {
                    return Err(expected());
                }
                set |= bit;
            }
            if set.count_ones() < 2 {
                return Err(expected());
            }
            read.push(set);
        }
        Ok(Self {
            factors,
            generators: read,
        })
    }

    fn base(&self) -> usize {
        self.factors - self.generators.len()
    }

    /// The runs in standard order. Each is the set of factors at their high level.
    #[must_use]
    pub fn runs(&self) -> Vec<u32> {
        let run = |levels: u32| {
            let generated = self.generators.iter().enumerate().map(|(at, set)| {
                // A product of signs is + if an even number of them is -.
                let lows = (set & !levels).count_ones();
                u32::from(lows.is_multiple_of(2)) << (self.base() + at)
            });
            levels | generated.sum::<u32>()
        };
        (0..1 << self.base()).map(run).collect()
    }

    /// The defining words: sets of factors whose product is +1 in every run.
    #[must_use]
    pub fn defining(&self) -> Vec<u32> {
        let own = self.generators.iter().enumerate();
        let own: Vec<u32> = own.map(|(at, set)| set | 1 << (self.base() + at)).collect();
        let products = (1..1_u32 << own.len()).map(|chosen| {
            let picked = own.iter().enumerate();
            let picked = picked.filter(|(at, _)| chosen >> at & 1 == 1);
            picked.fold(0, |product, (_, word)| product ^ word)
        });
        let mut words: Vec<u32> = products.collect();
        words.sort_by_key(|it| (it.count_ones(), *it));
        words
    }

    /// Length of the shortest defining word (the resolution). At IV, no main effect is aliased with
    /// another one or with a two-factor interaction. `None` for a full design.
    #[must_use]
    pub fn resolution(&self) -> Option<u32> {
        self.defining().iter().map(|it| it.count_ones()).min()
    }

    /// The design as text: number of runs, generators, defining relation, aliases of two-factor
    /// interactions.
    #[must_use]
    pub fn described(&self) -> String {
        let runs = 1_u32 << self.base();
        let Some(resolution) = self.resolution() else {
            return format!(
                "A full two-level design of {}: {}.",
                count(self.factors, "factor"),
                count(runs, "run")
            );
        };
        let generators = self.generators.iter().enumerate();
        let generators: Vec<String> = generators
            .map(|(at, set)| format!("{} = {}", letter(self.base() + at), word(*set)))
            .collect();
        let relation: Vec<String> = self.defining().into_iter().map(word).collect();
        let mut text = format!(
            "A 2^({}-{}) design of resolution {}: {runs} runs, generators {}, defining \
             relation I = {}.",
            self.factors,
            self.generators.len(),
            ["I", "II", "III", "IV", "V"]
                .get(resolution as usize - 1)
                .map_or_else(|| resolution.to_string(), |it| (*it).to_owned()),
            generators.join(", "),
            relation.join(" = ")
        );
        write!(text, " Aliased: {}.", self.aliases().join("; "))
            .expect("writing to a string does not fail");
        text
    }

    /// Groups of two-factor interactions that are aliased with each other.
    #[must_use]
    pub fn aliases(&self) -> Vec<String> {
        let (mut groups, mut seen) = (Vec::new(), Vec::<u32>::new());
        for first in 0..self.factors {
            for second in first + 1..self.factors {
                let pair = 1_u32 << first | 1 << second;
                if seen.contains(&pair) {
                    continue;
                }
                let others = self.defining().into_iter().map(|it| it ^ pair);
                let mut group = vec![pair];
                group.extend(others.filter(|it| it.count_ones() == 2));
                group.sort_unstable();
                seen.extend(&group);
                if group.len() > 1 {
                    let group: Vec<String> = group.into_iter().map(word).collect();
                    groups.push(group.join(" = "));
                }
            }
        }
        groups
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seven() -> Design {
        let generators = ["E = ABC", "F = BCD", "G = ACD"].map(str::to_owned);
        Design::new(7, &generators).expect("a design")
    }

    /// Box, Hunter and Hunter, *Statistics for Experimenters*, 2^(7-3) of resolution IV.
    #[test]
    fn the_textbook_design_of_seven_factors() {
        let design = seven();
        assert_eq!(design.resolution(), Some(4));
        let mut words: Vec<String> = design.defining().into_iter().map(word).collect();
        words.sort_unstable();
        assert_eq!(
            words,
            ["ABCE", "ABFG", "ACDG", "ADEF", "BCDF", "BDEG", "CEFG"]
        );
        assert_eq!(design.aliases().len(), 7);
        assert!(design.aliases().contains(&"AB = CE = FG".to_owned()));
    }

    #[test]
    fn every_factor_and_pair_is_balanced() {
        let runs = seven().runs();
        assert_eq!(runs.len(), 16);
        let sign = |run: &u32, factor: usize| if run >> factor & 1 == 1 { 1 } else { -1 };
        for a in 0..7 {
            assert_eq!(runs.iter().map(|it| sign(it, a)).sum::<i32>(), 0, "{a}");
            for b in a + 1..7 {
                let product = |it: &u32| sign(it, a) * sign(it, b);
                assert_eq!(runs.iter().map(product).sum::<i32>(), 0, "{a} {b}");
            }
        }
        // In the first run every base factor is low, so products of three of them are low too.
        assert_eq!(runs[0], 0);
        assert_eq!(runs[15], 0b111_1111);
    }

    #[test]
    fn mistakes_are_told() {
        for (factors, generators) in [
            (7, vec!["E = ABX"]),
            (7, vec!["F = ABC"]),
            (7, vec!["G = AA"]),
            (7, vec!["G"]),
            (3, vec!["B = A", "C = A"]),
            (1, vec![]),
        ] {
            let generators: Vec<String> = generators.into_iter().map(str::to_owned).collect();
            assert!(Design::new(factors, &generators).is_err(), "{generators:?}");
        }
        assert_eq!(Design::new(3, &[]).expect("full").resolution(), None);
    }
}
