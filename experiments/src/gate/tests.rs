//! Of rows, what becomes of them.

use super::*;

const HEAD: &str = "scenario,contrast,adoption,group,quantity,scale,headline,estimate,\
                    ci95_low,ci95_high,size_verdict,direction_verdict,time_verdict,joint_verdict\n";

pub(super) fn rows(text: &str) -> BTreeMap<Key, Row> {
    let lines = text.lines().map(|it| format!("{it},\n"));
    read(&(HEAD.to_owned() + &lines.collect::<String>())).expect("a table")
}

fn of(scenario: &str, before: &str, now: &str) -> Change {
    let row = |it: &str| rows(&format!("{scenario},bep3,one,adopters,{it}"));
    let compared = compare(&row(before), &row(now), &Tolerances::default(), |_| false);
    assert_eq!(compared.changes.len(), 1);
    compared.changes[0].clone()
}

fn one(before: &str, now: &str) -> Change {
    of("s", before, now)
}

#[test]
fn a_saving_is_judged_by_its_whole_interval() {
    let before = "E1,saving,true,0.30,0.28,0.32,refuted,saves,kept";
    for (now, word) in [
        ("0.30,0.28,0.32", "no change"),
        ("0.31,0.27,0.34", "no change"),
        ("0.20,0.18,0.22", "regressed"),
        ("0.20,0.18,0.26", "inconclusive"),
        ("0.40,0.36,0.44", "improved"),
        ("0.33,0.20,0.46", "inconclusive"),
        ("0.33,,", "inconclusive"),
    ] {
        let change = one(before, &format!("E1,saving,true,{now},refuted,saves,kept"));
        assert_eq!(change.state.word(), word, "{now}");
    }
}

#[test]
fn for_a_ratio_of_times_less_is_better() {
    let before = "time,ratio,false,1.00,0.99,1.01,,,";
    for (now, word) in [
        ("1.20,1.10,1.30", "regressed"),
        ("0.80,0.70,0.90", "improved"),
        ("1.05,0.98,1.12", "inconclusive"),
        ("1.01,0.97,1.04", "no change"),
    ] {
        let change = one(before, &format!("time,ratio,false,{now},,,"));
        assert_eq!(change.state.word(), word, "{now}");
    }
}

/// Half-widths 0.03 and 0.04 make 0.05, on either side.
#[test]
fn the_interval_of_a_difference_has_both_in_it() {
    let before = "E1,saving,false,0.30,0.27,0.34,,,";
    let change = one(before, "E1,saving,false,0.50,0.46,0.53,,,");
    let it = change.difference.expect("both have intervals");
    let ends = (0.2 - 0.04 * 2_f64.sqrt(), 0.2 + 0.03 * 2_f64.sqrt());
    assert!((it.value - 0.2).abs() < 1e-12, "{it:?}");
    assert!((it.ci95.0 - ends.0).abs() < 1e-12, "{it:?}");
    assert!((it.ci95.1 - ends.1).abs() < 1e-12, "{it:?}");
    // A registered figure that is itself uncertain shows no regression.
    let vague = "E1,saving,false,0.30,0.10,0.50,,,";
    let sharp = "E1,saving,false,0.20,0.19,0.21,,,";
    assert_eq!(one(vague, sharp).state, State::Inconclusive);
    let change = one("time,ratio,false,2,1.9,2.1,,,", "time,ratio,false,3,3,3,,,");
    let it = change.difference.expect("both have intervals");
    assert!((it.value - 0.5).abs() < 1e-12, "a share: {it:?}");
}

/// Both intervals are wide, but every seed fell by about 0.1.
#[test]
fn the_same_seeds_are_compared_one_by_one() {
    let head = HEAD.replace('\n', ",master_seed,by_seed\n");
    let row = |figures: &str, master: &str, by_seed: &str| {
        let keys = "s,bep3,one,all";
        let text = format!("{head}{keys},E3,saving,false,{figures},,,,,{master},{by_seed}\n");
        read(&text).expect("a table")
    };
    let before = row("0.3,0.1,0.5", "7", "0.1 0.3 0.5");
    let change = |master: &str, by_seed: &str| {
        let now = row("0.2,0,0.4", master, by_seed);
        let it = &compare(&before, &now, &Tolerances::default(), |_| false).changes[0];
        (it.state, it.difference.expect("intervals"))
    };
    let (state, it) = change("7", "0.01 0.2 0.39");
    // Deviations 0.01, 0 and -0.01: standard error 0.01 / sqrt 3, t with 2 degrees 4.3027.
    let half = 4.302_653 * 0.01 / 3_f64.sqrt();
    assert!(it.paired && state == State::Regressed, "{it:?}");
    assert!((it.ci95.0 + 0.1 + half).abs() < 1e-6, "{it:?}");
    assert!((it.ci95.1 + 0.1 - half).abs() < 1e-6, "{it:?}");
    for (master, by_seed) in [("8", "0.01 0.2 0.39"), ("7", "0.01 0.39"), ("7", "")] {
        let (state, it) = change(master, by_seed);
        assert!(!it.paired && state == State::Inconclusive, "{it:?}");
    }
}

#[test]
fn the_joint_verdict_and_cut_runs_have_turns_too() {
    let change = |before: &str, now: &str| {
        let row = |words: &str| {
            let text = format!("{HEAD}s,bep3,one,adopters,E1,saving,true,0.41,0.40,0.42,{words}\n");
            read(&text).expect("a table")
        };
        compare(&row(before), &row(now), &Tolerances::default(), |_| false).changes[0].state
    };
    let good = "supported,saves,kept,shown";
    let cut = "cannot tell: 5.0 % unfinished,".repeat(4);
    let cut = cut.trim_end_matches(',');
    assert_eq!(
        change(good, "supported,saves,kept,refuted"),
        State::Regressed
    );
    assert_eq!(
        change(good, "supported,saves,kept,not shown"),
        State::Inconclusive
    );
    assert_eq!(
        change(good, cut),
        State::Inconclusive,
        "nothing is shown any more"
    );
    assert_eq!(
        change(cut, good),
        State::Inconclusive,
        "what is registered cannot tell"
    );
    let costs = "refuted,costs,kept,refuted";
    assert_eq!(
        change("refuted,no saving shown,kept,refuted", costs),
        State::NoChange
    );
    assert_eq!(
        change("refuted,saves,kept,refuted", costs),
        State::Regressed
    );
}

#[test]
fn a_verdict_that_does_not_exist_is_damage() {
    for words in ["supported,saves,kept!,shown", "kept,saves,kept,shown"] {
        let text = format!("{HEAD}s,bep3,one,adopters,E1,saving,true,0.41,0.40,0.42,{words}\n");
        let error = super::read(&text).expect_err("unknown").to_string();
        assert!(error.contains("line 2 has a verdict that"), "{error}");
    }
}

/// In a plan whose candidate is `thrift`, a contrast may be `thrift` too.
#[test]
fn a_contrast_may_have_the_name_of_the_candidate() {
    let head = HEAD.replacen("contrast,", "contrast,candidate,baseline,", 1);
    let row = |clients: &str, estimate: &str| {
        format!("s,thrift,{clients},100 %,all,E3,saving,false,{estimate},0,0.2,,,,\n")
    };
    let own = row("thrift,bep3", "0.1");
    let table = super::read(&(head.clone() + &own + &row("thrift,thrift", "0"))).expect("a table");
    let names: Vec<&str> = table.keys().map(|it| it.contrast.as_str()).collect();
    assert_eq!(names, ["thrift", "thrift itself"]);
    // Another row of the same pair is damage.
    let twice = super::read(&(head + &own + &own)).expect_err("twice");
    assert!(twice.to_string().contains("is there before"), "{twice}");
}

/// The baseline uploads nothing, so there is no saving, no figure, and no verdict on one.
#[test]
fn where_nothing_can_be_saved_nothing_gets_worse() {
    let nothing = "E1,saving,true,,,,nothing to save,nothing to save,kept,nothing to save";
    let with = |words: &str| format!("E1,saving,true,0.41,0.40,0.42,{words}");
    let good = with("supported,saves,kept,shown");
    let bad = with("refuted,costs,kept,refuted");
    for (before, now, turn, state) in [
        (nothing, nothing, None, State::NoChange),
        (nothing, &*good, Some(Turn::Better), State::Inconclusive),
        (nothing, &*bad, Some(Turn::Moved), State::Inconclusive),
        (&*good, nothing, Some(Turn::Lost), State::Inconclusive),
        (&*bad, nothing, Some(Turn::Moved), State::Inconclusive),
    ] {
        let read = |it: &str| {
            let text = format!("{HEAD}s,bep3,one,adopters,{it}\n");
            super::read(&text).expect("a table")
        };
        let compared = compare(&read(before), &read(now), &Tolerances::default(), |_| false);
        let it = &compared.changes[0];
        assert_eq!((it.turn, it.state), (turn, state), "{before} -> {now}");
    }
    // An end that an older table has is no figure either.
    let older = nothing.replacen("true,,,", "true,,,1", 1);
    let read = |it: &str| super::read(&format!("{HEAD}s,b,one,all,{it}\n")).expect("a table");
    let compared = compare(
        &read(&older),
        &read(nothing),
        &Tolerances::default(),
        |_| false,
    );
    assert_eq!(compared.changes[0].state, State::NoChange);
}

#[test]
fn verdicts_that_turn_fail_and_lost_ones_are_inconclusive() {
    let row = |verdicts: &str| format!("E1,saving,true,0.41,0.40,0.42,{verdicts}");
    for (before, now, state) in [
        (
            "supported,saves,kept",
            "refuted,saves,kept",
            State::Regressed,
        ),
        (
            "refuted,saves,kept",
            "refuted,saves but degrades,degraded",
            State::Regressed,
        ),
        (
            "inconclusive,saves,kept",
            "refuted,saves,kept",
            State::NoChange,
        ),
        (
            "refuted,saves but degrades,degraded",
            "refuted,saves (time not shown),not shown",
            State::NoChange,
        ),
        (
            "supported,saves,kept",
            "inconclusive,saves,kept",
            State::Inconclusive,
        ),
        (
            "refuted,saves,kept",
            "refuted,no saving shown,kept",
            State::Inconclusive,
        ),
        (
            "refuted,saves,kept",
            "supported,saves,kept",
            State::NoChange,
        ),
        (
            "refuted,saves,kept",
            "supported,saves but degrades,not shown",
            State::Inconclusive,
        ),
    ] {
        let now = row(now).replace("0.42", "0.421");
        assert_eq!(one(&row(before), &now).state, state, "{before} to {now}");
    }
    let quiet = row("supported,saves,kept").replace("true", "false");
    let now = row("refuted,saves,kept").replace("true", "false");
    assert_eq!(
        one(&quiet, &now).turn,
        None,
        "only headline verdicts are registered"
    );
}

#[test]
fn over_all_scenarios_only_verdicts_count() {
    let before = "E1,saving,true,0.30,,,refuted,saves,";
    let kept = of("all", before, "E1,saving,true,0.10,,,refuted,saves,");
    assert_eq!(kept.state, State::NoChange);
    let lost = of(
        "all",
        before,
        "E1,saving,true,0.10,,,refuted,no saving shown,",
    );
    assert_eq!(lost.state, State::Inconclusive);
    let better = of("all", before, "E1,saving,true,0.41,,,supported,saves,");
    assert_eq!(better.state, State::Improved);
}

#[test]
fn one_bad_row_decides_and_an_open_one_is_no_pass() {
    let before = "time,ratio,false,1.00,0.99,1.01,,,";
    let with = |now: &str| one(before, &format!("time,ratio,false,{now},,,"));
    let (bad, open) = (with("1.20,1.10,1.30"), with("1.05,0.98,1.12"));
    let (good, same) = (with("0.80,0.70,0.90"), with("1.00,0.99,1.01"));
    let of = |all: &[&Change]| {
        let changes = all.iter().copied().cloned().collect();
        Compared {
            changes,
            ..Compared::default()
        }
        .overall()
    };
    assert_eq!(of(&[&same, &bad, &open]), State::Regressed);
    assert_eq!(of(&[&same, &good, &open]), State::Inconclusive);
    assert_eq!(of(&[&same, &good]), State::Improved);
    assert_eq!(of(&[&same]), State::NoChange);
    assert_eq!(of(&[]), State::Inconclusive, "nothing was compared");
}

#[test]
fn a_table_without_a_column_is_refused() {
    let error = read("scenario,contrast\na,b\n").expect_err("columns are missing");
    assert!(error.to_string().contains("adoption"), "{error}");
    assert!(read("").is_err());
}

/// A reading in two scenarios and over both.
const TWO: &str = "good,bep3,one,adopters,E1,saving,true,0.3,0.29,0.31,refuted,saves,kept\n\
                   bad,bep3,one,adopters,E1,saving,true,0.1,0.09,0.11,refuted,saves,kept\n\
                   all,bep3,one,adopters,E1,saving,true,0.2,,,refuted,saves,\n";

fn without(text: &str, scenario: &str) -> String {
    let kept = text.lines().filter(|it| !it.starts_with(scenario));
    kept.flat_map(|it| [it, "\n"]).collect()
}

#[test]
fn a_bad_scenario_that_is_deleted_gives_no_pass() {
    // Over what is left the candidate looks better: that is no improvement.
    let now = without(TWO, "bad").replace("0.2,,,refuted", "0.3,,,supported");
    let it = compare(&rows(TWO), &rows(&now), &Tolerances::default(), |_| false);
    let states: Vec<State> = it.changes.iter().map(|it| it.state).collect();
    assert_eq!(states, [State::NoChange, State::Missing]);
    assert_eq!((it.compared(), it.registered()), (1, 3));
    assert_eq!(it.other_scenarios, 1);
    assert_eq!(it.overall(), State::Inconclusive);
}

#[test]
fn what_options_leave_out_is_counted_and_not_missed() {
    let now = rows(&without(TWO, "bad"));
    let it = compare(&rows(TWO), &now, &Tolerances::default(), |it| {
        it.scenario == "bad"
    });
    assert_eq!((it.compared(), it.left_out, it.other_scenarios), (1, 1, 1));
    assert_eq!(it.overall(), State::NoChange);
    // An option that leaves out one thing excuses nothing else.
    let it = compare(&rows(TWO), &now, &Tolerances::default(), |it| {
        it.scenario == "other"
    });
    assert_eq!(it.overall(), State::Inconclusive);
}

#[test]
fn a_scenario_more_is_new_and_what_is_over_all_is_not_compared() {
    let before = rows(&without(TWO, "bad"));
    let it = compare(&before, &rows(TWO), &Tolerances::default(), |_| false);
    assert_eq!((it.compared(), it.new, it.other_scenarios), (1, 1, 1));
    assert_eq!(it.overall(), State::NoChange);
}

#[test]
fn a_candidate_of_another_name_against_itself_is_not_missed() {
    let twin = |name: &str| format!("good,{name},100 %,all,E1,saving,false,0,0,0,,,\n");
    let before = rows(&(TWO.to_owned() + &twin("old")));
    let it = compare(
        &before,
        &rows(&(TWO.to_owned() + &twin("new"))),
        &Tolerances::default(),
        |_| false,
    );
    assert_eq!((it.compared(), it.other_twin, it.new), (3, 1, 1));
    assert_eq!(it.overall(), State::NoChange);
}

/// Verdicts are judged by themselves: another word for the same figures is no figure that moved.
#[test]
fn the_same_figures_with_another_word_are_no_change() {
    let row = |words: &str| format!("E1,saving,true,0.3,0.1,0.5,refuted,{words}");
    let change = one(
        &row("saves but degrades,not shown"),
        &row("saves (time not shown),not shown"),
    );
    assert_eq!(
        (change.turn, change.state),
        (Some(Turn::Moved), State::NoChange)
    );
}

#[test]
fn a_saving_that_became_a_cost_is_the_contrary() {
    let before = "E3,saving,true,0.02,0.019,0.022,inconclusive,saves,kept";
    let now = |word: &str| format!("E3,saving,true,-0.02,-0.022,-0.019,inconclusive,{word},kept");
    assert_eq!(one(before, &now("costs")).state, State::Regressed);
    assert_eq!(
        one(before, &now("no saving shown")).state,
        State::Inconclusive
    );
}
