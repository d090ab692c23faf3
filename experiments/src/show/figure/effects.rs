//! Main effects of the factors: one panel per quantity, one row per factor, one mark per level.

use super::Picture;
use super::axis::{Axis, label};
use super::interval::interval;
use super::palette::{BLUE, GREY, INK, ORANGE, RULE, VERMILION};
use super::panel::{EDGE, caption, columns, legend, title};
use super::scene::{Scene, Style};
use crate::findings::analysis::Quantity;
use crate::findings::factorial::effects::quantities;
use crate::findings::factorial::{Effect, Study};
use crate::findings::stats::estimate::Estimate;
use crate::findings::stats::math::exp;
use crate::plan::Figure;
use crate::show::words;

const LABELS: f64 = 130.0;
const ROW: f64 = 26.0;
/// Panels in a row.
const PANELS: usize = 3;

/// The figure of a plan with factors.
#[must_use]
pub fn effects(study: &Study<'_>) -> Picture {
    let mut scene = Scene::new(1060.0, 0.0);
    let head = format!(
        "What {} saves against {} at either level of each factor",
        study.plan.pair(0).0.name,
        study.plan.pair(0).1.name
    );
    let y = title(&mut scene, &head);
    let names = [("low level", BLUE), ("high level", ORANGE)];
    let names = names.map(|(name, color)| (name.to_owned(), color));
    let mut y = legend(&mut scene, y + 4.0, &names) + 8.0;
    let factors = study.factorial.factors.len();
    let positions = columns(scene.width - LABELS, PANELS, 8.0);
    for (scenario, within) in study.plan.scenarios.iter().enumerate() {
        scene.text((EDGE, y), within.name.clone(), Style::new(14.0, INK).bold());
        for (at, quantity) in quantities(study.plan).into_iter().enumerate() {
            let column = at % PANELS;
            let top = y + 34.0 + (at / PANELS) as f64 * (ROW * factors as f64 + 62.0);
            if column == 0 {
                factor_names(&mut scene, study, top);
            }
            let pixels = positions[column];
            let pixels = (pixels.0 + LABELS, pixels.1 + LABELS);
            panel(&mut scene, study, (scenario, quantity), pixels, top);
        }
        let rows = quantities(study.plan).len().div_ceil(PANELS) as f64;
        y += 34.0 + rows * (ROW * factors as f64 + 62.0);
    }
    let text = format!(
        "Saving 1 - candidate/baseline in percent (for completion time: how much shorter), averaged \
         over the settings at the level; right of 0 is less. Bars: 95 % Student t interval over \
         {}. A star marks factors that turn a shown saving into a shown loss. \
         Data: effects.csv.",
        study.plan.seeds_of_intervals("paired seed")
    );
    caption(&mut scene, y - 16.0, &text);
    Picture {
        name: "effects".to_owned(),
        figure: Figure::Effects,
        scenario: None,
        caption: text,
        scene,
    }
}

fn factor_names(scene: &mut Scene, study: &Study<'_>, top: f64) {
    for (at, factor) in study.factorial.factors.iter().enumerate() {
        let place = (EDGE + LABELS - 4.0, top + ROW * (at as f64 + 0.5));
        scene.text(place, factor.name.clone(), Style::new(12.0, INK).end());
    }
}

fn panel(
    scene: &mut Scene,
    study: &Study<'_>,
    (scenario, quantity): (usize, Quantity),
    pixels: (f64, f64),
    top: f64,
) {
    let here = |it: &&Effect| it.scenario == scenario && it.quantity == quantity;
    let effects: Vec<&Effect> = study.effects.iter().filter(here).collect();
    let saving = |it: &Estimate| it.map(|log| (1.0 - exp(log)) * 100.0);
    let ends = effects.iter().flat_map(|it| {
        let each = [saving(&it.low), saving(&it.high)];
        each.map(|it| [it.ci95.0, it.ci95.1]).concat()
    });
    let finite = ends.filter(|it| it.is_finite());
    let (low, high) = finite.fold((0.0, 0.0), |ends: (f64, f64), it| {
        (ends.0.min(it), ends.1.max(it))
    });
    let room = (high - low).max(1.0) * 0.06;
    let axis = Axis::new((low - room, high + room), pixels);
    let bottom = top + ROW * effects.len() as f64;
    let head = words::title(quantity);
    scene.text((pixels.0, top - 10.0), head, Style::new(12.0, INK).bold());
    for tick in axis.ticks(5.0) {
        let x = axis.at(tick);
        let color = if tick.abs() < 1e-9 { GREY } else { RULE };
        scene.line(&[(x, top), (x, bottom)], color, 1.0);
        let at = (x, bottom + 11.0);
        scene.text(at, label(tick), Style::new(10.5, GREY).middle());
    }
    for it in effects {
        let y = top + ROW * (it.factor as f64 + 0.5);
        for (level, color, shift) in [(&it.low, BLUE, -4.5), (&it.high, ORANGE, 4.5)] {
            let mark = saving(level);
            interval(scene, &axis, mark.ci95, y + shift, (color, 1.75));
            scene.dot((axis.within(mark.value), y + shift), 3.5, color);
        }
        if it.flips() {
            let at = (pixels.1 + 2.0, y);
            scene.text(at, "*", Style::new(16.0, VERMILION).bold().end());
        }
    }
}
