use super::*;
use crate::gate::{compare, tests::rows};
use crate::plan::{Percent, Tolerance, Tolerances};

const WORDS: Words<'static> = Words {
    accepted: false,
    plan: "p",
    tolerance: "50 %",
    seeds: "6",
    strict: false,
    reproduce: "lab run p",
};

fn half() -> Tolerances {
    Tolerances::all(Tolerance::Share(Percent::FIFTY))
}

fn compared(now: &str) -> Compared {
    let before = "s,bep3,one,adopters,E1,saving,true,0.3,0.2,0.4,supported,saves,kept\n\
                     s,bep3,one,all,time,ratio,false,1,0.99,1.01,,,\n";
    compare(&rows(before), &rows(now), &half(), |_| false)
}

#[test]
fn a_regression_is_named_with_its_numbers() {
    let it = compared(
        "s,bep3,one,adopters,E1,saving,true,0.1,0.0,0.2,refuted,saves,kept\n\
            s,bep3,one,all,time,ratio,false,2,1.9,2.1,,,\n",
    );
    assert_eq!(
        WORDS.cells(&it.changes[1])[5..],
        [
            "1.000 [0.990, 1.010]",
            "2.000 [1.900, 2.100]",
            "+100.0 % [+89.8, +110.2]",
            "50 %",
            "regressed"
        ]
    );
    assert_eq!(
        WORDS.numbers(&it.changes[0]),
        "regressed; verdict turned: supported to refuted: registered 30.0 % [20.0, \
            40.0], now 10.0 % [0.0, 20.0], difference -20.0 points [-34.1, -5.9], tolerance 50 \
            points, 6 paired seeds"
    );
    assert_eq!(
        WORDS.closing(&it),
        "Regressed: time of all against bep3 at one in s: 100.0 % more than registered (95 % CI \
            89.8 to 110.2, 6 paired seeds), and 1 more row. The check fails."
    );
    assert_eq!(
        WORDS.counts(&it),
        "2 of 2 registered rows compared, tolerance 50 %: 2 regressed"
    );
}

#[test]
fn what_is_accepted_is_told_apart_from_what_is_open() {
    let accepted = Words {
        accepted: true,
        ..WORDS
    };
    let worse = "s,bep3,one,all,time,ratio,false,2,1.9,2.1,,,\n";
    let open =
        format!("s,bep3,one,adopters,E1,saving,true,0.3,0.2,0.4,inconclusive,saves,kept\n{worse}");
    let same =
        format!("s,bep3,one,adopters,E1,saving,true,0.3,0.2,0.4,supported,saves,kept\n{worse}");
    let closing = |words: Words<'_>, now: &str| words.closing(&compared(now));
    let end = " Every row that regressed is accepted";
    assert!(closing(accepted, &same).ends_with(&format!("{end}.")));
    let open_too = format!("{end}; 1 row is inconclusive or missing.");
    assert!(closing(accepted, &open).ends_with(&open_too));
    let strict = Words {
        strict: true,
        ..accepted
    };
    let fails =
        format!("{end}, but with --strict the check fails: 1 row is inconclusive or missing.");
    assert!(closing(strict, &open).ends_with(&fails));
}

#[test]
fn what_is_open_is_not_called_a_pass() {
    let it = compared(
        "s,bep3,one,adopters,E1,saving,true,0.3,0.2,0.4,inconclusive,saves,kept\n\
            s,bep3,one,all,time,ratio,false,0.4,0.39,0.41,,,\n",
    );
    let closing = WORDS.closing(&it);
    assert!(
        closing.starts_with("Inconclusive: ") && closing.contains("1 of 2 rows"),
        "{closing}"
    );
    assert!(closing.contains("no pass") && closing.contains(" Improved: time of all"));
    let strict = Words {
        strict: true,
        ..WORDS
    };
    assert!(strict.closing(&it).contains("the check fails"));
    let mut it = it;
    it.changes.remove(0);
    let better = WORDS.closing(&it);
    assert!(
        better.contains(
            "time of all against bep3 at one in s: 60.0 % less than registered (95 % \
                            CI 58.9 to 61.1"
        ),
        "{better}"
    );
}

#[test]
fn what_is_missing_is_named_in_few_words() {
    let row = |scenario: &str, baseline: &str, quantity: &str| {
        format!(
            "{scenario},{baseline},one,all,{quantity},saving,true,0.3,0.2,0.4,refuted,saves,kept\n"
        )
    };
    let some = row("s", "bep3", "E3") + &row("s", "credit", "E3");
    let more = row("t", "bep3", "E3") + &row("t", "credit", "E3") + &row("s", "credit", "E4");
    let named = |before: &str, now: &str| {
        WORDS.closing(&compare(&rows(before), &rows(now), &half(), |_| false))
    };
    let text = named(&(some.clone() + &more), &some);
    assert_eq!(
        text,
        "Inconclusive: nothing is shown to be worse, but 3 registered rows are missing in this \
            run: scenario t, reading E4; this is no pass. If that is meant, register anew with \
            --save-baseline."
    );
    let three = row("t", "bep3", "E3") + &row("t", "credit", "E4");
    let text = named(&(some.clone() + &more), &(some + &three));
    assert!(
        text.contains(
            "2 registered rows are missing in this run: reading E4, E3 of all against credit \
at one in t;"
        ),
        "{text}"
    );
    let left_out = compare(
        &rows(&(row("s", "bep3", "E3") + &more)),
        &rows(&row("s", "bep3", "E3")),
        &half(),
        |_| true,
    );
    assert_eq!(
        WORDS.closing(&left_out),
        "No change: the only row compared is as registered, within 50 %. The options of this run \
            left out 3 registered rows."
    );
}
