//! Computes the comparisons of a tournament. The statistical unit is a seed. Values of several
//! scenarios with the same seed are averaged first, because they may be correlated.

use std::collections::BTreeMap;

use super::Tournament;
use super::fixture::Fixture;
use super::reading::{Reading, Readings};
use super::replicator::{Survival, survival};
use crate::findings::stats::estimate::Estimate;
use crate::findings::stats::interval::{t_estimate, t_p_value};
use crate::findings::stats::math::exp;
use crate::findings::stats::moments::mean;
use crate::findings::stats::multiple::{holm, may_be_least};
use crate::findings::verdict::Unfinished;

/// Significance level of every interval and every family of tests.
pub const LEVEL: f64 = 0.05;

/// Results of a contender's pure swarm.
#[derive(Clone, Debug)]
pub struct Pure {
    /// Geometric-mean completion time, seconds, over scenarios, with its interval.
    pub time: Estimate,
    /// Copies uploaded by a peer per completed copy.
    pub upload: f64,
    /// Bytes sent by all nodes per useful byte.
    pub cost: f64,
    /// Copies sent by origins per completed copy.
    pub origin: f64,
    /// Share of the peers that completed.
    pub completed: f64,
    /// Whether it may be the fastest. With 95 % confidence, the fastest contender has this flag.
    pub may_be_best: bool,
}

/// The result of one meeting for one of the two contenders.
#[derive(Clone, Copy, Debug)]
pub struct Cell {
    /// Logarithm of the ratio of completion times.
    pub time: Estimate,
    /// p-value of the time ratio, adjusted for all ratios of the matrix (Holm).
    pub time_p: f64,
    /// Upload, relative to that of the peer that it replaces. `None` if that peer uploads nothing,
    /// or if no peer is replaced.
    pub upload: Option<Upload>,
}

/// Upload of a peer, relative to that of the peer that it replaces.
#[derive(Clone, Copy, Debug)]
pub struct Upload {
    /// The ratio.
    pub ratio: Estimate,
    /// p-value of the ratio, adjusted for all ratios of the matrix (Holm).
    pub p: f64,
}

impl Upload {
    /// Whether the ratio is significantly different from one.
    #[must_use]
    pub fn is_shown(&self) -> bool {
        self.p < LEVEL
    }
}

impl Cell {
    /// Whether the ratio is significantly different from one.
    #[must_use]
    pub fn is_shown(&self) -> bool {
        self.time_p < LEVEL
    }
}

/// Summary of one contender.
#[derive(Clone, Copy, Debug)]
pub struct Score {
    /// Rank by completion time of its pure swarm, from 1.
    pub place: usize,
    /// Share of the opponents against which it is at least as fast in half-and-half swarms.
    pub robustness: f64,
    /// Number of opponents against which it is shown to be faster, and slower, in half-and-half
    /// swarms.
    pub half: (usize, usize),
    /// Share of the others' swarms in which a few peers of it are faster than those they replace.
    pub aggressiveness: f64,
    /// Others' swarms in which it is shown faster and slower.
    pub few: (usize, usize),
    /// Geometric mean over the others' swarms of its completion time, relative to those it
    /// replaces, as a few among them.
    pub few_time: f64,
    /// Mean over the others' swarms of its upload, relative to those it replaces.
    pub few_upload: f64,
    /// Others' swarms in which it is shown to upload less and more.
    pub few_upload_shown: (usize, usize),
}

/// All results of a tournament.
#[derive(Clone, Debug)]
pub struct Standing {
    /// Pure swarms, by contender.
    pub pure: Vec<Pure>,
    /// Row: a few peers of it; column: in a swarm of the other.
    pub few: Vec<Vec<Option<Cell>>>,
    /// Row against column, half and half.
    pub half: Vec<Vec<Option<Cell>>>,
    /// Summaries, by contender.
    pub scores: Vec<Score>,
    /// By contender: what is left of it where the faster spread.
    pub survival: Vec<Survival>,
    /// In one kind of swarm, peers were unfinished when the runs ended. Then nothing else here has a
    /// meaning.
    pub cut: Option<Unfinished>,
}

/// Uploads below this number of copies count as zero.
const NOTHING: f64 = 1e-9;

/// Samples of one meeting with one value per seed: log ratio of times, and upload.
type Samples = (Vec<f64>, Option<Vec<f64>>);

struct Reader<'a> {
    readings: &'a Readings,
    scenarios: usize,
    seeds: u32,
}

impl Reader<'_> {
    /// The mean over scenarios of a value, one per seed.
    fn by_seed(&self, value: impl Fn(usize, u32) -> f64) -> Vec<f64> {
        let one = |seed| {
            let each: Vec<f64> = (0..self.scenarios).map(|it| value(it, seed)).collect();
            mean(&each)
        };
        (0..self.seeds).map(one).collect()
    }

    fn mean_over_seeds(&self, value: impl Fn(u32) -> f64) -> f64 {
        let each: Vec<f64> = (0..self.seeds).map(value).collect();
        mean(&each)
    }

    /// A few peers against the very peers that run the incumbent's policy in their place.
    fn few(&self, adopter: usize, incumbent: usize) -> Samples {
        let pair = |scenario, seed| {
            let mixed = self
                .readings
                .at(Fixture::Few(adopter, incumbent), scenario, seed);
            let pure = self.readings.at(Fixture::Pure(incumbent), scenario, seed);
            (mixed, pure.twins(mixed))
        };
        let time = self.by_seed(|scenario, seed| {
            let (mixed, twin) = pair(scenario, seed);
            mixed.time.0 - twin.0
        });
        // The uploads of few peers differ by orders of magnitude with their links: a mean of
        // ratios would be one of slow peers, so the ratio is one of means.
        let usual: Vec<f64> = (0..self.scenarios)
            .map(|scenario| self.mean_over_seeds(|seed| pair(scenario, seed).1.1))
            .collect();
        let upload = usual.iter().all(|it| *it > NOTHING).then(|| {
            let mut shares = self.by_seed(|scenario, seed| {
                let (mixed, twin) = pair(scenario, seed);
                1.0 + (mixed.upload.0 - twin.1) / usual[scenario]
            });
            // If the adopter never uploads, rounding must not make seeds differ.
            let nothing = self.by_seed(|scenario, seed| pair(scenario, seed).0.upload.0);
            if nothing.iter().all(|it| *it == 0.0) {
                shares.fill(0.0);
            }
            shares
        });
        (time, upload)
    }

    /// Half and half, `first` against `second`. In the twin run the halves are exchanged, so that
    /// each peer runs both policies and is compared with itself.
    fn half(&self, first: usize, second: usize) -> Samples {
        let time = self.by_seed(|scenario, seed| {
            let run = |fixture| self.readings.at(fixture, scenario, seed);
            let (run, twin) = (
                run(Fixture::Half(first, second)),
                run(Fixture::Half(second, first)),
            );
            let adopting = run.adopters.len() as f64 / run.count as f64;
            adopting * (run.time.0 - twin.time.0) + (1.0 - adopting) * (twin.time.1 - run.time.1)
        });
        (time, None)
    }
}

impl Standing {
    /// The results after all matches.
    #[must_use]
    pub fn of(tournament: &Tournament, readings: &Readings) -> Self {
        let reader = Reader {
            readings,
            scenarios: tournament.plan.scenarios.len(),
            seeds: tournament.seeds(),
        };
        let count = tournament.contenders().len();
        let pure = pure(&reader, count);
        let pairs = || (0..count).flat_map(|a| (0..count).map(move |b| (a, b)));
        let few = pairs().filter(|(a, b)| a != b);
        let few: Vec<_> = few.map(|(a, b)| ((a, b), reader.few(a, b))).collect();
        let logs = few.iter().map(|(pair, samples)| (*pair, &samples.0));
        let survival = survival(count, &logs.collect());
        let few = matrix(count, few);
        let half = pairs().filter(|(a, b)| a < b);
        let mut half = matrix(
            count,
            half.map(|(a, b)| ((a, b), reader.half(a, b))).collect(),
        );
        // The same meeting from the other side.
        for (a, b) in pairs().filter(|(a, b)| a > b) {
            half[a][b] = half[b][a].map(|it| Cell {
                time: it.time.map(|it| -it),
                ..it
            });
        }
        let scores = (0..count).map(|at| score(at, &pure, &few[at], &half[at]));
        let scores = scores.collect();
        Self {
            pure,
            few,
            half,
            scores,
            survival,
            cut: cut(readings),
        }
    }
}

/// The kind of swarm with the most unfinished peers, if these are too many.
fn cut(readings: &Readings) -> Option<Unfinished> {
    let mut swarms: BTreeMap<(Fixture, usize), Vec<f64>> = BTreeMap::new();
    for ((fixture, scenario, _), it) in &readings.0 {
        let swarm = swarms.entry((*fixture, *scenario)).or_default();
        swarm.push(it.completed);
    }
    let least = swarms.values().map(|it| mean(it)).fold(1.0, f64::min);
    Unfinished::of([least; 2])
}

fn pure(reader: &Reader<'_>, count: usize) -> Vec<Pure> {
    let of = |at: usize, value: fn(&Reading) -> f64| {
        reader
            .by_seed(|scenario, seed| value(reader.readings.at(Fixture::Pure(at), scenario, seed)))
    };
    let times: Vec<Vec<f64>> = (0..count).map(|at| of(at, |it| it.time.0)).collect();
    let may_be_best = may_be_least(&times, LEVEL);
    let one = |at: usize| Pure {
        time: t_estimate(&times[at]).map(exp),
        upload: mean(&of(at, |it| it.upload.0)),
        cost: mean(&of(at, |it| it.cost)),
        origin: mean(&of(at, |it| it.origin)),
        completed: mean(&of(at, |it| it.completed)),
        may_be_best: may_be_best[at],
    };
    (0..count).map(one).collect()
}

/// Estimates of all meetings, with p-values adjusted for all of them together.
fn matrix(count: usize, samples: Vec<((usize, usize), Samples)>) -> Vec<Vec<Option<Cell>>> {
    let p_values: Vec<f64> = samples.iter().map(|it| t_p_value(&it.1.0)).collect();
    let adjusted = holm(&p_values);
    let ratios = samples.iter().filter_map(|it| it.1.1.as_ref());
    let from_one = ratios.map(|it| t_p_value(&it.iter().map(|it| it - 1.0).collect::<Vec<f64>>()));
    let mut upload_adjusted = holm(&from_one.collect::<Vec<f64>>()).into_iter();
    let mut cells = vec![vec![None; count]; count];
    for (((row, column), (time, upload)), time_p) in samples.into_iter().zip(adjusted) {
        cells[row][column] = Some(Cell {
            time: t_estimate(&time),
            time_p,
            upload: upload.map(|it| Upload {
                ratio: t_estimate(&it),
                p: upload_adjusted.next().expect("one for each ratio"),
            }),
        });
    }
    cells
}

fn score(at: usize, pure: &[Pure], few: &[Option<Cell>], half: &[Option<Cell>]) -> Score {
    let shown = |cells: &[Option<Cell>]| {
        let shown = || cells.iter().flatten().filter(|it| it.is_shown());
        let faster = shown().filter(|it| it.time.value < 0.0).count();
        (faster, shown().count() - faster)
    };
    let uploads = || few.iter().flatten().filter_map(|it| it.upload);
    let told = uploads().filter(Upload::is_shown).count();
    let less = uploads().filter(|it| it.is_shown() && it.ratio.value < 1.0);
    let less = less.count();
    let share = |cells: &[Option<Cell>], good: fn(f64) -> bool| {
        let all = cells.iter().flatten();
        let found = all.clone().filter(|it| good(it.time.value)).count();
        found as f64 / all.count() as f64
    };
    let times: Vec<f64> = few.iter().flatten().map(|it| it.time.value).collect();
    let ratios: Vec<f64> = uploads().map(|it| it.ratio.value).collect();
    let faster = |it: &&Pure| it.time.value < pure[at].time.value;
    Score {
        place: 1 + pure.iter().filter(faster).count(),
        robustness: share(half, |it| it <= 0.0),
        half: shown(half),
        aggressiveness: share(few, |it| it < 0.0),
        few: shown(few),
        few_time: exp(mean(&times)),
        few_upload: mean(&ratios),
        few_upload_shown: (less, told - less),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::findings::tournament::fixture::matches;
    use crate::run::engine::Engine as _;
    use crate::run::toy::{Toy, plan};

    fn standing(toy: Toy) -> (Tournament, Standing) {
        let tournament = Tournament::new(plan()).expect("a tournament");
        let mut readings = Readings::default();
        for at in 0..tournament.contenders().len() {
            let plan = tournament.plan_of(at);
            for it in matches(&tournament, at, &toy).expect("units") {
                readings.insert(&it, &toy.run(&plan, &it.unit).expect("runs"));
            }
        }
        let standing = Standing::of(&tournament, &readings);
        (tournament, standing)
    }

    /// In the toy swarm the candidate is always 1.5 times as slow and uploads half as much,
    /// whatever its policy. So no contender differs from another.
    #[test]
    fn what_is_alike_is_not_told_apart() {
        let toy = Toy {
            upload: 50,
            time: 150,
            noise: 2,
        };
        let (_, it) = standing(toy);
        assert!(it.pure.iter().all(|it| it.may_be_best));
        assert!((it.pure[0].upload - 0.4).abs() < 0.01, "{:?}", it.pure[0]);
        for (first, second) in [(0, 1), (0, 2), (1, 2)] {
            let alone = it.few[first][second].expect("they met");
            let half = it.half[first][second].expect("they met");
            for cell in [alone, half] {
                assert!(!cell.is_shown() && cell.time.value.abs() < 0.02, "{cell:?}");
            }
            let upload = alone.upload.expect("it uploads").ratio.value;
            assert!((upload - 1.0).abs() < 0.02, "{alone:?}");
        }
        assert!(it.few[1][1].is_none() && it.half[1][1].is_none());
    }

    fn reading(peers: &[(f64, f64)], adopters: &[usize], times: (f64, f64)) -> Reading {
        Reading {
            time: times,
            upload: (0.9, 1.1),
            cost: 1.0,
            origin: 0.5,
            completed: 1.0,
            peers: peers.to_vec(),
            adopters: adopters.to_vec(),
            count: 2,
        }
    }

    /// Three policies whose log times differ by 0, 0.1 and 0.3 whatever they meet. The second of
    /// two peers takes 2 longer. There is a little noise by seed.
    #[test]
    fn planted_effects_are_found() {
        let tournament = Tournament::new(plan()).expect("a tournament");
        let toy = Toy {
            upload: 50,
            time: 100,
            noise: 2,
        };
        let slow = [0.0, 0.1, 0.3];
        let mut readings = Readings::default();
        for at in 0..3 {
            for it in matches(&tournament, at, &toy).expect("units") {
                let noise = f64::from(it.unit.seed_index % 5) / 100.0;
                let first = slow[at] + noise;
                let made = match it.fixture {
                    Fixture::Pure(_) => {
                        let peers = [(first + 1.0, 0.5), (first + 3.0, 1.5)];
                        reading(&peers, &[], (first + 2.0, f64::NAN))
                    }
                    Fixture::Few(_, other) | Fixture::Half(_, other) => {
                        reading(&[], &[1], (first + 3.0, slow[other] + 1.0))
                    }
                };
                readings
                    .0
                    .insert((it.fixture, it.unit.scenario, it.unit.seed_index), made);
            }
        }
        let it = Standing::of(&tournament, &readings);
        for (first, second) in [(0, 1), (1, 0), (2, 0), (1, 2)] {
            let alone = it.few[first][second].expect("they met");
            let half = it.half[first][second].expect("they met");
            for cell in [alone, half] {
                let planted = slow[first] - slow[second];
                assert!((cell.time.value - planted).abs() < 0.03, "{cell:?}");
                assert!(cell.is_shown());
            }
            // It uploads 0.9 copies in the place of the second peer, which uploads 1.5.
            let upload = alone.upload.expect("it uploads");
            assert!((upload.ratio.value - 0.6).abs() < 1e-9, "{upload:?}");
        }
        let counts: Vec<_> = it
            .scores
            .iter()
            .map(|it| (it.place, it.half, it.few))
            .collect();
        assert_eq!(
            counts,
            [
                (1, (2, 0), (2, 0)),
                (2, (1, 1), (1, 1)),
                (3, (0, 2), (0, 2))
            ]
        );
        assert!((it.scores[1].robustness - 0.5).abs() < 1e-12);
        assert!((it.scores[0].aggressiveness - 1.0).abs() < 1e-12);
        let best: Vec<bool> = it.pure.iter().map(|it| it.may_be_best).collect();
        assert_eq!(best, [true, false, false]);
        assert_eq!(it.cut, None);
        // Nobody is ranked by runs that ended too early.
        for (key, it) in &mut readings.0 {
            if key.0 == Fixture::Half(0, 1) {
                it.completed = 0.9;
            }
        }
        let cut = Standing::of(&tournament, &readings).cut.expect("cut");
        assert_eq!(cut.to_string(), "cannot tell: 10.0 % unfinished");
    }
}
