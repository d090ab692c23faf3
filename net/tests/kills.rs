//! A killed process loses no verified piece, and its resume data never claims an unverified one.

use std::process::Stdio;
use std::time::Duration;

use crate::common::command::{signal, stderr, unchoke};
use crate::common::disk::{
    BIG, assert_claims_are_true, good_on_disk, home_of, overwrite, resume_of, scene,
};
use unchoke_core::ids::PieceIndex;
use unchoke_net::resume::Loaded;

/// A random generator with the same numbers in every run: xorshift64.
fn numbers(mut state: u64) -> impl FnMut(u64) -> u64 {
    move |bound| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state % bound
    }
}

/// Kills as many downloads as `UNCHOKE_KILLS` says, by default a few. 200 kills take about two
/// minutes: `UNCHOKE_KILLS=200 cargo test -p unchoke-net --test all killed_at_any_time`
#[test]
fn killed_at_any_time_nothing_false_is_claimed_and_nothing_verified_is_lost() {
    let asked = std::env::var("UNCHOKE_KILLS").ok();
    let kills: u32 = asked.map_or(12, |it| it.parse().expect("a number of kills"));
    let mut scene = scene();
    let mut random = numbers(0xdead_beef);
    let mut least = 0;
    for round in 0..kills {
        let (sample, out) = (&scene.sample, scene.out());
        let words = scene.words(&["--quiet", "--download-cap", "600 KiB/s"]);
        let mut child = unchoke(scene.home.path(), &words)
            .stderr(Stdio::null())
            .spawn()
            .expect("the command starts");
        std::thread::sleep(Duration::from_millis(20 + random(400)));
        if random(5) == 0 {
            signal(&child, "INT");
        } else {
            child.kill().expect("kills");
        }
        let code = child.wait().expect("ends").code();
        assert!(
            matches!(code, None | Some(0 | 130)),
            "round {round}: {code:?}"
        );
        let claims = assert_claims_are_true(sample, &out);
        let good = good_on_disk(sample, &out);
        assert!(
            good >= least.max(claims),
            "round {round}: {good} pieces of {least}"
        );
        least = good;
        let big = scene.home.path().join(BIG);
        if random(3) == 0 && big.exists() {
            // Another program writes to the file between two runs.
            overwrite(&big, random(690_000), &[round.to_le_bytes()[0]; 9]);
            least = least.saturating_sub(2);
            assert_claims_are_true(sample, &out);
        }
        if good == 25 {
            scene.assert_fetched(&scene.download(&["--quiet"]));
            (scene.home, least) = (home_of(sample), 0);
        }
    }
    scene.assert_fetched(&scene.download(&["--quiet"]));
}

#[test]
fn a_kill_costs_no_hash_of_what_was_saved_before() {
    let scene = scene();
    let half = scene.download(&["--quiet", "--pieces", "12"]);
    assert!(half.status.success(), "{}", stderr(&half));
    let before = good_on_disk(&scene.sample, &scene.out());
    let words = scene.words(&["--quiet", "--download-cap", "200 KiB/s"]);
    let mut child = unchoke(scene.home.path(), &words)
        .spawn()
        .expect("the command starts");
    // As soon as it has fetched more than it had, however busy the machine is.
    let start = std::time::Instant::now();
    while good_on_disk(&scene.sample, &scene.out()) <= before {
        assert!(start.elapsed() < Duration::from_mins(1), "nothing fetched");
        std::thread::sleep(Duration::from_millis(20));
    }
    child.kill().expect("kills");
    child.wait().expect("ends");
    let (resume, storage) = resume_of(&scene.sample, &scene.out());
    let Loaded::Known(known) = resume.load(&storage) else {
        panic!("no resume data");
    };
    assert!(known.good.count() >= 12, "{} pieces", known.good.count());
    assert_eq!(known.changed_files, 0, "our own writes");
    assert!(
        known.doubtful.count() > 0,
        "pieces fetched since then may be good"
    );
    assert!(
        !known
            .doubtful
            .iter()
            .any(|piece: PieceIndex| known.good.has(piece))
    );
}
