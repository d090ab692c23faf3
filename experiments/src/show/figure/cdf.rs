//! Distribution of completion times for each policy.

use super::Picture;
use super::axis::Axis;
use super::palette::{self, GREY};
use super::panel::{Frame, caption, columns, legend, names, title};
use super::scene::{Color, Scene, Style};
use crate::findings::analysis::{Analysis, Completion};
use crate::plan::{Figure, Plan};
use crate::run::unit::pure_mixes;

/// Most panels in a row.
const ROW: usize = 3;

pub(super) fn cdf(plan: &Plan, analysis: &Analysis) -> Picture {
    let mut scene = Scene::new(1000.0, 0.0);
    let y = title(
        &mut scene,
        "Completion time of peers, whole swarms of one policy",
    );
    let mixes = pure_mixes(plan);
    let names = names(plan, &mixes);
    let mut top = legend(&mut scene, y + 4.0, &names) + 16.0;
    let positions = columns(scene.width, ROW.min(plan.scenarios.len()), 40.0);
    for (scenario, within) in plan.scenarios.iter().enumerate() {
        let column = scenario % positions.len();
        if scenario > 0 && column == 0 {
            top += 320.0;
        }
        let curves: Vec<_> = analysis
            .pictures
            .completions
            .iter()
            .filter(|it| it.scenario == scenario)
            .collect();
        let longest = curves
            .iter()
            .map(|it| it.quantiles_s[100])
            .fold(0.0, f64::max);
        let frame = Frame {
            x: Axis::new((0.0, longest * 1.02), positions[column]),
            y: Axis::new((0.0, 100.0), (top + 240.0, top)),
        };
        frame.draw(&mut scene, &within.name, "seconds since arrival");
        // Above the frame, where no curve is.
        let at = (frame.x.end, top - 13.0);
        let style = Style::new(11.0, GREY).end();
        scene.text(at, "% of peers complete", style);
        // Draw the candidate last, on top of the others.
        for curve in curves.iter().rev() {
            let at = mixes
                .iter()
                .position(|it| *it == curve.mix)
                .expect("a pure mix");
            let width = if at == 0 { 2.5 } else { 1.75 };
            steps(&mut scene, &frame, curve, (palette::policy(at), width));
        }
    }
    let text = format!(
        "Share of peers (%) that have every piece, by seconds since their own arrival; origin seeds left \
         out. Line: the peers of all runs together. Band: 95 % Student t interval of the time by which that \
         share is complete, over {}. Data: completion.csv.",
        plan.seeds_of_intervals("run seed")
    );
    caption(&mut scene, top + 290.0, &text);
    Picture {
        name: "completion_cdf".to_owned(),
        figure: Figure::Cdf,
        scenario: None,
        caption: text,
        scene,
    }
}

/// The completed share over time with its band. Peers that did not complete keep the curve below
/// 100 %.
fn steps(scene: &mut Scene, frame: &Frame, curve: &Completion, (color, width): (Color, f64)) {
    let mut points = vec![(frame.x.at(0.0), frame.y.at(0.0))];
    points.push((frame.x.at(curve.quantiles_s[0]), frame.y.at(0.0)));
    for (percent, time) in curve.quantiles_s.iter().enumerate() {
        let share = percent as f64;
        if share <= curve.completed * 100.0 {
            points.push((frame.x.at(*time), frame.y.at(share)));
        }
    }
    band(scene, frame, curve, color);
    scene.line(&points, color, width);
}

/// The area between the ends of the intervals, up to the completed share.
fn band(scene: &mut Scene, frame: &Frame, curve: &Completion, color: Color) {
    let shares = curve.by_run_s.iter().enumerate();
    let shown = shares.filter(|(percent, it)| {
        let finite = it.ci95.0.is_finite() && it.ci95.1.is_finite();
        finite && *percent as f64 <= curve.completed * 100.0
    });
    let ends: Vec<_> = shown
        .map(|(percent, it)| {
            let y = frame.y.at(percent as f64);
            let [low, high] = [it.ci95.0, it.ci95.1].map(|end| (frame.x.within(end), y));
            (low, high)
        })
        .collect();
    if ends.len() > 1 {
        let up = ends.iter().map(|it| it.0);
        let down = ends.iter().rev().map(|it| it.1);
        scene.area(up.chain(down).collect(), color, 0.18);
    }
}
