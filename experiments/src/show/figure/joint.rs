//! Bytes against time: one mark per comparison, and the region in which the claim holds.

use super::Picture;
use super::axis::Axis;
use super::palette::{self, GREEN, GREY, INK};
use super::panel::{Frame, caption, columns, legend, legend_of, title};
use super::scene::{Color, Scene, Style};
use crate::findings::analysis::{Analysis, Comparison, Quantity, answers};
use crate::plan::{Adoption, Estimand, Figure, Percent, Plan, Primary};
use crate::show::words::who_adopts;

/// Height of a panel.
const HEIGHT: f64 = 300.0;
/// Room left of a panel for the numbers of its axis.
const AXIS: f64 = 28.0;
/// Lower savings, and longer times than the limit below, are drawn at the edge.
const LEAST_SAVING: f64 = -100.0;
const MOST_TIME: f64 = 2.5;

/// Corners of the marks of the scenarios, around the centre. The first is a dot.
const SHAPES: [&[(f64, f64)]; 6] = [
    &[],
    &[(-3.6, -3.6), (3.6, -3.6), (3.6, 3.6), (-3.6, 3.6)],
    &[(0.0, -5.0), (4.8, 3.6), (-4.8, 3.6)],
    &[(0.0, -5.4), (5.4, 0.0), (0.0, 5.4), (-5.4, 0.0)],
    &[(0.0, 5.0), (4.8, -3.6), (-4.8, -3.6)],
    &[
        (-5.0, 0.0),
        (-2.5, -4.4),
        (2.5, -4.4),
        (5.0, 0.0),
        (2.5, 4.4),
        (-2.5, 4.4),
    ],
];

/// A mark: the saving in per cent, the ratio of times, the contrast, and the shape of its scenario.
struct Mark {
    contrast: usize,
    shape: usize,
    saving: (f64, (f64, f64)),
    time: (f64, (f64, f64)),
}

pub(super) fn joint(plan: &Plan, analysis: &Analysis) -> Picture {
    let mut scene = Scene::new(1000.0, 0.0);
    let y = title(
        &mut scene,
        "Bytes saved and time taken, one mark a scenario and contrast",
    );
    let names: Vec<_> = (0..plan.contrasts.len())
        .map(|at| (plan.versus(at), palette::policy(at)))
        .collect();
    let y = legend(&mut scene, y + 4.0, &names);
    let top = scenarios(&mut scene, plan, y) + 38.0;
    let few = Adoption::minority(&plan.adoption);
    let mut panels = vec![
        (Estimand::E1, few),
        (Estimand::E3, Adoption::ALL),
        (Estimand::E4, Adoption::ALL),
    ];
    panels.retain(|it| plan.estimands.contains(&it.0));
    let places = columns(1000.0, panels.len().max(1), 44.0);
    for ((estimand, adoption), pixels) in panels.iter().zip(places) {
        let marks = marks(plan, analysis, *estimand, *adoption);
        let head = format!("{}, {}", estimand.title(), who_adopts(*adoption));
        let corner = corner(plan, *estimand);
        panel(&mut scene, &head, (&marks, corner), (pixels, top));
    }
    let text = format!(
        "Right is less traffic (percent saved), down is faster (ratio of geometric-mean completion times). Green: \
         what the claim means, {}. Bars: 95 % intervals over {}. \
         E1 and its times are those of the adopters. Marks beyond an axis lie on it. Data: summary.csv.",
        meaning(plan),
        plan.seeds_of_intervals("paired seed")
    );
    caption(&mut scene, top + HEIGHT + 44.0, &text);
    Picture {
        name: "joint".to_owned(),
        figure: Figure::Joint,
        scenario: None,
        caption: text,
        scene,
    }
}

/// The claim, in words.
fn meaning(plan: &Plan) -> String {
    match plan.primary {
        Primary::Bytes => format!(
            "{} with times within {}",
            plan.claimed(Estimand::E1),
            plan.margins.time
        ),
        Primary::Time => format!(
            "{} of time with {}",
            plan.claimed(Estimand::T),
            plan.margins.kept_beside_time()
        ),
    }
}

/// Least saving of a reading, in percent, and longest time, as a ratio, with which the claim holds.
/// A claim about time asks nothing of bytes but what the margin of the upload says, which is E1.
fn corner(plan: &Plan, estimand: Estimand) -> (f64, f64) {
    let margins = &plan.margins;
    let claim = margins.claim.fraction();
    match plan.primary {
        Primary::Bytes => (claim * 100.0, 1.0 + margins.time.fraction()),
        Primary::Time => {
            let upload = margins.upload.filter(|_| estimand == Estimand::E1);
            let upload = upload.map_or(f64::INFINITY, Percent::fraction);
            (upload * -100.0, 1.0 - claim)
        }
    }
}

/// Which shape a scenario has, if there are enough shapes for all.
fn shape_of(plan: &Plan, scenario: usize) -> usize {
    if plan.scenarios.len() <= SHAPES.len() {
        scenario
    } else {
        0
    }
}

/// The shapes with the names of their scenarios.
fn scenarios(scene: &mut Scene, plan: &Plan, y: f64) -> f64 {
    if plan.scenarios.len() > SHAPES.len() || plan.scenarios.len() == 1 {
        return y;
    }
    let names: Vec<&str> = plan.scenarios.iter().map(|it| it.name.as_str()).collect();
    legend_of(scene, y, &names, |scene, (x, y), at| {
        draw_shape(scene, (x + 7.0, y), at, INK);
    })
}

fn draw_shape(scene: &mut Scene, (x, y): (f64, f64), shape: usize, color: Color) {
    let corners = SHAPES[shape];
    if corners.is_empty() {
        scene.dot((x, y), 4.0, color);
    } else {
        let corners = corners.iter().map(|it| (x + it.0, y + it.1));
        scene.area(corners.collect(), color, 1.0);
    }
}

fn marks(plan: &Plan, analysis: &Analysis, estimand: Estimand, adoption: Adoption) -> Vec<Mark> {
    let quantity = Quantity::Saving(estimand);
    let mut all = Vec::new();
    for contrast in 0..plan.contrasts.len() {
        let savings = answers(&analysis.comparisons, quantity, contrast, adoption);
        // Where nothing can be saved, there is no place for a mark.
        for saving in savings.filter(|it| !it.has_nothing_to_save()) {
            let is_time = |it: &&Comparison| {
                it.of.quantity == Quantity::Time
                    && (it.of.scenario, it.of.contrast, it.of.adoption, it.of.group)
                        == (
                            saving.of.scenario,
                            saving.of.contrast,
                            adoption,
                            saving.of.group,
                        )
            };
            let Some(time) = analysis.comparisons.iter().find(is_time) else {
                continue;
            };
            let percent = |it: f64| it * 100.0;
            let (low, high) = saving.estimate.ci95;
            all.push(Mark {
                contrast,
                shape: shape_of(plan, saving.of.scenario),
                saving: (
                    percent(saving.estimate.value),
                    (percent(low), percent(high)),
                ),
                time: (time.estimate.value, time.estimate.ci95),
            });
        }
    }
    all
}

/// A mark with its two intervals.
fn mark(scene: &mut Scene, frame: &Frame, it: &Mark) {
    let color = palette::policy(it.contrast);
    let (x, y) = (frame.x.within(it.saving.0), frame.y.within(it.time.0));
    let (low, high) = it.saving.1;
    if low.is_finite() && high.is_finite() {
        scene.line(
            &[(frame.x.within(low), y), (frame.x.within(high), y)],
            color,
            1.0,
        );
    }
    let (low, high) = it.time.1;
    if low.is_finite() && high.is_finite() {
        scene.line(
            &[(x, frame.y.within(low)), (x, frame.y.within(high))],
            color,
            1.0,
        );
    }
    draw_shape(scene, (x, y), it.shape, color);
}

fn panel(
    scene: &mut Scene,
    head: &str,
    (marks, (claim, limit)): (&[Mark], (f64, f64)),
    (pixels, top): ((f64, f64), f64),
) {
    let savings = || {
        marks
            .iter()
            .map(|it| it.saving.0)
            .filter(|it| it.is_finite())
    };
    let times = || marks.iter().map(|it| it.time.0).filter(|it| it.is_finite());
    let least = savings().fold(-10.0, f64::min).max(LEAST_SAVING) - 4.0;
    let fastest = times().fold(limit.min(0.8), f64::min) - 0.05;
    let slowest = times().fold(1.2, f64::max).min(MOST_TIME) + 0.05;
    let frame = Frame {
        x: Axis::new((least, 104.0_f64.max(claim + 10.0)), pixels),
        y: Axis::new((fastest, slowest), (top + HEIGHT, top)),
    };
    let corner = (frame.x.within(claim), frame.y.within(limit));
    scene.area(
        vec![
            corner,
            (pixels.1, corner.1),
            (pixels.1, top + HEIGHT),
            (corner.0, top + HEIGHT),
        ],
        GREEN,
        0.16,
    );
    // The name of the axis stands over its numbers, and the heading over both.
    let style = Style::new(13.0, INK).bold();
    scene.text((pixels.0, top - 29.0), head, style);
    let style = Style::new(11.0, GREY);
    scene.text((pixels.0 - AXIS, top - 12.0), "time, ratio", style);
    frame.draw(scene, "", "saved, %");
    for (at, line) in [(0.0, true), (1.0, false)] {
        if line {
            let x = frame.x.at(at);
            scene.line(&[(x, top), (x, top + HEIGHT)], GREY, 1.0);
        } else {
            let y = frame.y.at(at);
            scene.line(&[(pixels.0, y), (pixels.1, y)], GREY, 1.0);
        }
    }
    for it in marks {
        mark(scene, &frame, it);
    }
    if marks.is_empty() {
        scene.text(
            (pixels.0 + 8.0, top + 40.0),
            "no comparison",
            Style::new(12.0, INK),
        );
    }
}
