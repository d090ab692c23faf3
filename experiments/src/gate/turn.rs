//! Where the registered verdicts of a row went.

use super::Row;
use crate::findings::verdict::{CANNOT_TELL, Direction, Joint, NOTHING_TO_SAVE, Size, Time};

/// What became of the verdicts of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Turn {
    /// One said that something good is shown and now says that the contrary is.
    Against,
    /// One said that something good is shown, and says no more than that it is not shown.
    Lost,
    /// One moved between nothing shown and something bad shown: the figure tells whether that is a
    /// change or only another number of seeds.
    Moved,
    /// One now says that something good is shown.
    Better,
}

/// Words of a verdict from bad to good, those that are as good as each other together; and whether the
/// first says the contrary of the last rather than nothing.
type Scale = ([&'static [&'static str]; 3], bool);

const SCALES: [Scale; 4] = [
    (
        [
            &[Size::Refuted.word()],
            &[Size::Inconclusive.word()],
            &[Size::Supported.word()],
        ],
        true,
    ),
    (
        [
            &[Direction::NoSavingShown.word(), Direction::Costs.word()],
            // What is known of time is on the scale of time.
            &[
                Direction::SavesButDegrades.word(),
                Direction::SavesTimeOpen.word(),
            ],
            &[Direction::Saves.word()],
        ],
        false,
    ),
    (
        [
            &[Time::Degraded.word()],
            &[Time::NotShown.word()],
            &[Time::Kept.word()],
        ],
        true,
    ),
    (
        [
            &[Joint::Refuted.word()],
            &[Joint::NotShown.word()],
            &[Joint::Shown.word()],
        ],
        true,
    ),
];

/// Whether a word says nothing of the candidate: runs were cut, or the baseline has no such bytes.
pub(super) fn tells_nothing(word: &str) -> bool {
    word == NOTHING_TO_SAVE || word.starts_with(CANNOT_TELL)
}

/// Where the verdicts went; `None` if they are the same.
pub(super) fn turn(before: &Row, now: &Row) -> Option<Turn> {
    let pairs = before.verdicts.iter().zip(&now.verdicts).zip(SCALES);
    let turns = pairs.filter(|((old, new), _)| old != new);
    let turns = turns.map(|((old, new), (words, contrary))| {
        let saves = |word: &str| {
            let levels = words[1..].iter();
            levels.flat_map(|it| it.iter()).any(|it| *it == word)
        };
        if new == Direction::Costs.word() && saves(old) {
            return Turn::Against;
        }
        let place = |word: &String| words.iter().position(|it| it.contains(&word.as_str()));
        match (place(old), place(new)) {
            (Some(2), Some(0)) if contrary => Turn::Against,
            (Some(old), Some(new)) if old == new => Turn::Moved,
            (Some(0 | 1), Some(0 | 1)) if contrary => Turn::Moved,
            (Some(old), Some(new)) if new > old => Turn::Better,
            (Some(old), None) if old < 2 && tells_nothing(new) => Turn::Moved,
            (None, Some(new)) if tells_nothing(old) && new < 2 => Turn::Moved,
            (None, Some(_)) if tells_nothing(old) => Turn::Better,
            (None, None) if tells_nothing(old) && tells_nothing(new) => Turn::Moved,
            _ => Turn::Lost,
        }
    });
    turns.min()
}
