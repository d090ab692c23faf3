//! Line charts over the values of a setting, with bands over seeds.

use super::Picture;
use super::axis::{Axis, label};
use super::palette::{self, GREY, INK, RULE};
use super::panel::{caption, columns, legend, title};
use super::scene::{Color, Scene, Style};
use crate::findings::analysis::sweep::Response;
use crate::findings::analysis::{Analysis, Statement, by_adoption};
use crate::findings::stats::estimate::Estimate;
use crate::plan::{Adoption, Estimand, Figure, Plan, without_interval};

/// Height of a panel.
const HEIGHT: f64 = 220.0;

/// Values by horizontal position; `None` if there is none.
#[derive(Clone, Debug)]
pub struct Curve {
    /// Its name.
    pub name: String,
    /// One per value of the setting.
    pub points: Vec<Option<Estimate>>,
}

/// A panel of curves.
#[derive(Clone, Debug)]
pub struct Panel {
    /// Its heading, with the unit.
    pub head: String,
    /// The value that means no change, if there is one.
    pub unchanged: Option<f64>,
    /// The curves, in the order of the legend.
    pub curves: Vec<Curve>,
}

/// Draws panels side by side. All have the same values of a setting.
#[must_use]
pub fn lines(
    head: &str,
    (setting, values): (&str, &[String]),
    panels: &[Panel],
    text: &str,
) -> Scene {
    let mut scene = Scene::new(1000.0, 0.0);
    let y = title(&mut scene, head);
    let names = panels
        .first()
        .map_or(&[][..], |it| &it.curves)
        .iter()
        .enumerate();
    let names: Vec<(String, Color)> = names
        .map(|(at, it)| (it.name.clone(), palette::policy(at)))
        .collect();
    let top = legend(&mut scene, y + 4.0, &names) + 22.0;
    for (panel, pixels) in panels
        .iter()
        .zip(columns(1000.0, panels.len().max(1), 44.0))
    {
        draw(&mut scene, panel, (setting, values), (pixels, top));
    }
    caption(&mut scene, top + HEIGHT + 38.0, text);
    scene
}

/// A curve with its band, over the values that have a figure.
fn response(scene: &mut Scene, (x, y): (&Axis, &Axis), curve: &Curve, color: Color) {
    let known = curve.points.iter().enumerate();
    let known = known.filter_map(|(at, it)| Some((x.at(at as f64), (*it)?)));
    let known: Vec<(f64, Estimate)> = known.filter(|it| it.1.value.is_finite()).collect();
    let end = |it: &(f64, Estimate), end: f64| {
        (
            it.0,
            y.within(if end.is_finite() { end } else { it.1.value }),
        )
    };
    let up = known.iter().map(|it| end(it, it.1.ci95.1));
    let down = known.iter().rev().map(|it| end(it, it.1.ci95.0));
    if known.len() > 1 {
        scene.area(up.chain(down).collect(), color, 0.16);
    }
    let line: Vec<(f64, f64)> = known
        .iter()
        .map(|it| (it.0, y.within(it.1.value)))
        .collect();
    scene.line(&line, color, 1.75);
    for place in line {
        scene.dot(place, 3.0, color);
    }
}

fn draw(
    scene: &mut Scene,
    panel: &Panel,
    (setting, values): (&str, &[String]),
    (pixels, top): ((f64, f64), f64),
) {
    let bottom = top + HEIGHT;
    let points = panel
        .curves
        .iter()
        .flat_map(|it| it.points.iter().flatten());
    let ends = points.flat_map(|it| [it.value, it.ci95.0, it.ci95.1]);
    let ends: Vec<f64> = ends
        .chain(panel.unchanged)
        .filter(|it| it.is_finite())
        .collect();
    let least = ends.iter().copied().fold(f64::INFINITY, f64::min);
    let most = ends.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let (least, most) = if ends.is_empty() {
        (0.0, 1.0)
    } else {
        (least, most)
    };
    let pad = (most - least) * 0.06 + 1e-6;
    let y = Axis::new((least - pad, most + pad), (bottom, top));
    let x = Axis::new((-0.3, values.len() as f64 - 0.7), pixels);
    for tick in y.ticks(5.0) {
        let unchanged = panel.unchanged.is_some_and(|it| (it - tick).abs() < 1e-9);
        let color = if unchanged { GREY } else { RULE };
        scene.line(
            &[(pixels.0, y.at(tick)), (pixels.1, y.at(tick))],
            color,
            0.75,
        );
        scene.text(
            (pixels.0 - 6.0, y.at(tick)),
            label(tick),
            Style::new(11.0, GREY).end(),
        );
    }
    for (at, value) in values.iter().enumerate() {
        let place = (x.at(at as f64), bottom + 13.0);
        scene.text(place, value.clone(), Style::new(11.0, GREY).middle());
    }
    scene.line(&[(pixels.0, bottom), (pixels.1, bottom)], GREY, 1.0);
    scene.text(
        (pixels.0, top - 13.0),
        panel.head.clone(),
        Style::new(12.0, INK).bold(),
    );
    let middle = f64::midpoint(pixels.0, pixels.1);
    scene.text(
        (middle, bottom + 29.0),
        setting,
        Style::new(11.5, GREY).middle(),
    );
    for (at, curve) in panel.curves.iter().enumerate() {
        response(scene, (&x, &y), curve, palette::policy(at));
    }
}

/// A panel of a plan's sweep: heading, estimand, whether it is about few adopters, and saving or
/// time.
type Shown = (&'static str, Estimand, bool);

const SHOWN: [Shown; 3] = [
    ("saved upload of adopters, %", Estimand::E1, false),
    ("saved bytes of the swarm, %", Estimand::E3, false),
    ("completion time, ratio", Estimand::E3, true),
];

/// The panels for the statements at each value; `None` if there are no statements.
fn panels(
    names: &[String],
    stated: impl Fn(usize, Estimand) -> Vec<Option<Statement>>,
) -> Vec<Panel> {
    let panel = |(head, estimand, time): Shown| Panel {
        head: head.to_owned(),
        unchanged: Some(if time { 1.0 } else { 0.0 }),
        curves: names
            .iter()
            .enumerate()
            .map(|(at, name)| Curve {
                name: name.clone(),
                points: stated(at, estimand)
                    .into_iter()
                    .map(|it| {
                        let it = it.filter(|it| !it.saving.cut)?;
                        Some(if time {
                            it.time.estimate
                        } else {
                            it.saving.estimate.map(|it| it * 100.0)
                        })
                    })
                    .collect(),
            })
            .collect(),
    };
    SHOWN.map(panel).to_vec()
}

/// The figure of a sweep.
pub(super) fn sweep(number: usize, response: &Response) -> Picture {
    let values: Vec<String> = response.points.iter().map(|it| it.value.clone()).collect();
    let names = response.points.first().map_or(&[][..], |it| &it.contrasts);
    let stated = |contrast: usize, estimand: Estimand| -> Vec<Option<Statement>> {
        let at = |it: &Statement| (it.contrast, it.estimand) == (contrast, estimand);
        let points = response.points.iter();
        points
            .map(|it| it.statements.iter().find(|it| at(it)).cloned())
            .collect()
    };
    let seeds = response.points.first().map_or("", |it| it.seeds.as_str());
    let seeds = without_interval(seeds.to_owned(), seeds == "1");
    let text = format!(
        "What changes with {}: mean over scenarios, band: 95 % interval over paired seeds, of which there \
         are {seeds}. Adopters: at the plan's smallest share; swarm and times: where all adopt. Values \
         stand evenly, whatever their distances. Data: sweep.csv.",
        response.sweep.name
    );
    Picture {
        name: format!("sweep_{}", number + 1),
        figure: Figure::Sweep,
        scenario: None,
        scene: lines(
            &format!("Over {}", response.sweep.name),
            (&response.sweep.name, &values),
            &panels(names, stated),
            &text,
        ),
        caption: text,
    }
}

/// The figure over shares of adopters, for the contrasts that have several.
pub(super) fn adoption(plan: &Plan, analysis: &Analysis) -> Option<Picture> {
    let statements = by_adoption(plan, analysis);
    let mut several: Vec<usize> = statements.iter().map(|it| it.contrast).collect();
    several.dedup();
    if several.is_empty() {
        return None;
    }
    let names: Vec<String> = several.iter().map(|it| plan.versus(*it)).collect();
    let mut levels = plan.adoption.clone();
    levels.sort();
    let stated = |at: usize, estimand| -> Vec<Option<Statement>> {
        let key = |adoption: &Adoption| (several[at], estimand, *adoption);
        let is =
            |it: &&Statement, adoption| (it.contrast, it.estimand, it.adoption) == key(adoption);
        let each = levels.iter();
        each.map(|level| statements.iter().find(|it| is(it, level)).cloned())
            .collect()
    };
    let values: Vec<String> = levels.iter().map(|it| Adoption::label(*it)).collect();
    let text = format!(
        "What changes with the share of adopters: mean over scenarios, band: 95 % interval over {}. \
         Upload is that of the adopters, bytes and times those of all peers. Data: adoption.csv.",
        plan.seeds_of_intervals("paired seed")
    );
    Some(Picture {
        name: "adoption".to_owned(),
        figure: Figure::Sweep,
        scenario: None,
        scene: lines(
            "Over the share of adopters",
            ("adopters", &values),
            &panels(&names, stated),
            &text,
        ),
        caption: text,
    })
}
