//! When a plan is registered, amended, in place of another, or refused.

use super::*;
use crate::plan::{Changes, load};
use crate::run::toy::PLAN;

fn plan(text: &str) -> Plan {
    load("toy.toml", text, &Changes::default()).expect("right")
}

fn registered(folder: &Path, text: &str, force: bool) -> Result<Status, RegistrationError> {
    let mut plan = plan(text);
    register(&mut plan, folder, force)?;
    note(&plan, folder, 10, "e1")?;
    Ok(plan.status)
}

fn with_margin(margin: &str, amendments: &str) -> String {
    let margins = format!("margins.time = \"{margin}\"\n{amendments}adoption =");
    PLAN.replacen("adoption =", &margins, 1)
}

#[test]
fn a_plan_that_changed_after_its_runs_says_so() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let status = registered(folder, PLAN, false).expect("the first");
    assert_eq!(status, Status::Registered);
    assert_eq!(
        registered(folder, PLAN, false).expect("the same"),
        Status::Registered
    );
    let error = registered(folder, &with_margin("8 %", ""), false).expect_err("changed");
    let text = error.to_string();
    assert!(
        text.contains("10 runs") && text.contains("margins.time: \"5 %\" -> \"8 %\""),
        "{text}"
    );
    let amended = with_margin("8 %", "amendments = \"2026-11-29: 5 % was too strict.\"\n");
    let status = registered(folder, &amended, false).expect("amended");
    let expected = Status::Amended {
        after_runs: 10,
        changed: vec!["margins.time: \"5 %\" -> \"8 %\"".to_owned()],
    };
    assert_eq!(status, expected);
    assert_eq!(
        registered(folder, &amended, false).expect("again"),
        expected
    );
    // What the author said stays, and is not told in other words.
    let other = amended.replace("5 % was too strict", "5 % was a slip of the pen");
    let status = registered(folder, &other, false).expect("amended");
    assert!(status.changed()[1].starts_with("amendments: 2026-11-29: 5 % was too strict. -> "));
    registered(folder, &amended, false).expect("amended again");
    let error = registered(folder, &with_margin("8 %", ""), false).expect_err("taken out");
    assert!(error.to_string().contains("amendments: "), "{error}");
    // An amendment does not cover the next change.
    let silent = amended.replace("8 %\"", "9 %\"");
    assert!(registered(folder, &silent, false).is_err());
    // Another plan with the same name.
    let status = registered(folder, &with_margin("9 %", ""), true).expect("forced");
    assert_eq!(status, Status::Replaced { runs: 10 });
    let kept = Registration::load(folder)
        .expect("readable")
        .expect("there");
    assert_eq!((kept.replaced.len(), kept.replaced[0].runs), (1, 10));
    // Before the first run of the new one it may still change, and the old one is not forgotten.
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    registered(folder, PLAN, false).expect("the first");
    register(&mut plan(&with_margin("8 %", "")), folder, true).expect("forced");
    let mut third = plan(&with_margin("9 %", ""));
    register(&mut third, folder, false).expect("nothing was run");
    assert_eq!(third.status, Status::Replaced { runs: 10 });
}

#[test]
fn before_the_first_run_a_plan_may_change() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut first = plan(PLAN);
    register(&mut first, folder.path(), false).expect("the first");
    let mut second = plan(&with_margin("8 %", ""));
    register(&mut second, folder.path(), false).expect("nothing was run");
    assert_eq!(second.status, Status::Registered);
    // One unit is enough, even if the plan was interrupted then.
    fs::create_dir(folder.path().join("units")).expect("a folder");
    fs::write(folder.path().join("units/a.jsonl"), "").expect("a file");
    let mut third = plan(PLAN);
    assert!(register(&mut third, folder.path(), false).is_err());
}

#[test]
fn an_exploratory_run_never_replaces_a_registered_one() {
    let folder = tempfile::tempdir().expect("a folder");
    registered(folder.path(), PLAN, false).expect("the first");
    let seeds = Changes {
        seeds: Some(3),
        ..Changes::default()
    };
    let mut tried = load("toy.toml", PLAN, &seeds).expect("right");
    let error = register(&mut tried, folder.path(), false).expect_err("exploratory");
    assert!(error.to_string().contains("exploratory"), "{error}");
    register(&mut tried, folder.path(), true).expect("forced");
    assert_eq!(tried.status, Status::Exploratory, "and stays so");
}

#[test]
fn damage_is_told() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join(FILE), "{").expect("a file");
    let error = registered(folder.path(), PLAN, false).expect_err("damaged");
    assert!(error.to_string().contains("is damaged"), "{error}");
    registered(folder.path(), PLAN, true).expect("forced");
}

/// Whoever damages or deletes the file does not get a plan that nothing was seen of.
#[test]
fn runs_that_were_seen_are_not_forgotten() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    fs::write(folder.join(FILE), "{").expect("a file");
    fs::create_dir(folder.join("units")).expect("a folder");
    fs::write(folder.join("units/a.jsonl"), "").expect("a file");
    let replaced = Status::Replaced { runs: 1 };
    assert_eq!(registered(folder, PLAN, true).expect("forced"), replaced);
    let amended = with_margin("8 %", "amendments = \"2026-11-29: 5 % was too strict.\"\n");
    let status = registered(folder, &amended, false).expect("amended");
    assert_eq!(status.word(), "amended after 1 run");
    assert_eq!(status.changed()[0], "plan: another one -> this one");
    // Without the file, the manifest still knows.
    fs::remove_file(folder.join(FILE)).expect("deleted");
    let manifest = |status: &str| {
        let text = format!("{{\"status\": \"{status}\", \"units\": 5}}");
        fs::write(folder.join("manifest.json"), text).expect("a file");
    };
    manifest(&status.word());
    let error = registered(folder, PLAN, false).expect_err("deleted");
    assert!(error.to_string().contains("it is not there"), "{error}");
    // Runs with other options were seen too.
    manifest("exploratory");
    let error = registered(folder, PLAN, false).expect_err("seen");
    assert!(error.to_string().contains("5 runs"), "{error}");
    let status = registered(folder, PLAN, true).expect("forced");
    assert_eq!(status, Status::Replaced { runs: 5 });
    // So were runs of which nothing is known.
    fs::remove_file(folder.join(FILE)).expect("deleted");
    fs::remove_file(folder.join("manifest.json")).expect("deleted");
    let error = registered(folder, PLAN, false).expect_err("units alone");
    assert!(error.to_string().contains("holds 1 run and no"), "{error}");
    let there = tempfile::tempdir().expect("a folder");
    let from = [folder.to_owned()];
    let error = take_over(&plan(PLAN), there.path(), &from).expect_err("units alone");
    assert!(error.to_string().contains("holds 1 run and no"), "{error}");
}

/// The plan in the file is the one that was registered, so that an edited file is not believed.
#[test]
fn an_edited_plan_in_the_registration_is_damage() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    registered(folder, PLAN, false).expect("the first");
    let text = fs::read_to_string(folder.join(FILE)).expect("a file");
    let edited = text.replacen("5 %", "8 %", 1);
    assert_ne!(text, edited);
    fs::write(folder.join(FILE), edited).expect("a file");
    let error = registered(folder, &with_margin("8 %", ""), false).expect_err("edited");
    assert!(error.to_string().contains("another plan than"), "{error}");
    // An amendment that changes nothing else is no damage.
    fs::write(folder.join(FILE), text).expect("a file");
    let said = with_margin("5 %", "amendments = \"2026-11-29: nothing yet.\"\n");
    for _ in 0..2 {
        let status = registered(folder, &said, false).expect("the same plan");
        assert_eq!(status, Status::Registered);
    }
}

#[test]
fn other_words_for_the_same_plan_are_noted_and_amend_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    registered(folder, PLAN, false).expect("the first");
    let line = PLAN.lines().find(|it| it.starts_with("question"));
    let line = line.expect("a question");
    let reworded = PLAN.replace(line, "question = \"In other words?\"");
    for _ in 0..2 {
        let status = registered(folder, &reworded, false).expect("the same plan");
        assert_eq!(status, Status::Registered);
    }
    let kept = Registration::load(folder)
        .expect("readable")
        .expect("there");
    assert_eq!((kept.reworded.len(), kept.amendments.len()), (1, 0));
    assert!(kept.reworded[0].changed[0].contains("In other words?"));
    // Whoever reads the results is told both wordings.
    let mut again = plan(&reworded);
    register(&mut again, folder, false).expect("the same plan");
    let both = told(&again.reworded[0]);
    assert_eq!(both.before, "Does the toy save?");
    assert_eq!(both.after, "In other words?");
    // What was expected is registered, and not only words.
    let line = PLAN.lines().find(|it| it.starts_with("expectation"));
    let line = line.expect("an expectation");
    let other = reworded.replace(line, "expectation = \"Something else.\"");
    assert!(registered(folder, &other, false).is_err());
}

/// Units that are copied from another machine keep the plan that they were made with.
#[test]
fn a_merge_takes_the_registration_over() {
    let here = tempfile::tempdir().expect("a folder");
    let there = tempfile::tempdir().expect("a folder");
    registered(there.path(), PLAN, false).expect("the first");
    let from = [there.path().to_owned()];
    take_over(&plan(PLAN), here.path(), &from).expect("taken over");
    assert!(registered(here.path(), &with_margin("8 %", ""), false).is_err());
    let status = registered(here.path(), PLAN, false).expect("the same plan");
    assert_eq!(status, Status::Registered);
}
