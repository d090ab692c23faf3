//! Forest plots of many scenarios: one figure per quantity, one panel per baseline, one row per
//! scenario, one mark per adoption.

use super::Picture;
use super::axis::{Axis, label};
use super::forest::{Scale, method, saved, timed};
use super::interval::{arrow, interval, is_known};
use super::palette::{self, GREY, INK, RULE, VERMILION};
use super::panel::{EDGE, caption, columns, legend, title};
use super::scene::{Color, Scene, Style};
use crate::findings::analysis::{Analysis, Overall, Quantity, answers};
use crate::findings::stats::estimate::Estimate;
use crate::findings::stats::math::exp;
use crate::findings::stats::meta::LEAST_SCENARIOS;
use crate::plan::{Estimand, Figure, Plan};

const LABELS: f64 = 118.0;
/// Distance between two marks of a row.
const STEP: f64 = 6.5;

/// Data of a figure before it is drawn.
struct Grid<'a> {
    plan: &'a Plan,
    analysis: &'a Analysis,
    quantity: Quantity,
    scale: Scale,
    limit: f64,
}

/// One figure per reading.
pub(super) fn savings(plan: &Plan, analysis: &Analysis) -> Vec<Picture> {
    let one = |estimand: &Estimand| {
        let grid = Grid {
            plan,
            analysis,
            quantity: Quantity::Saving(*estimand),
            scale: Scale::SAVING,
            limit: plan.claim_of(*estimand).fraction() * 100.0,
        };
        let right = match estimand {
            Estimand::T => "sooner",
            _ => "less traffic",
        };
        let head = format!("{} of {}, {}", saved(plan), estimand.id(), estimand.title());
        let whose = if estimand.is_focal() {
            "Of the adopters and the same peers in the baseline run."
        } else {
            "Of the whole swarm."
        };
        let text = format!(
            "Saving 1 - candidate/baseline in percent, right of 0 is {right}. {whose} Each mark is of {}. 95 % \
             interval: {}. Dashed: the claim, {}. Last row: mean over the scenarios as a random effect \
             (DerSimonian and Laird) with its 95 % prediction interval, if there are {LEAST_SCENARIOS} scenarios at \
             least. Triangles leave the axis. Data: summary.csv.",
            plan.seeds_of_intervals("paired seed"),
            method(plan),
            plan.claimed(*estimand),
        );
        let name = format!("forest_{}", estimand.id());
        grid.draw(&head, name, Figure::Forest, text)
    };
    plan.estimands.iter().map(one).collect()
}

/// Figures of geometric mean and 95th percentile of completion time.
pub(super) fn times(plan: &Plan, analysis: &Analysis) -> Vec<Picture> {
    let rows = [
        (
            Quantity::Time,
            "completion_time",
            "geometric mean",
            plan.margins.time,
            "Student t on paired log ratios".to_owned(),
        ),
        (
            Quantity::Tail,
            "completion_tail",
            "95th percentile",
            plan.margins.tail,
            method(plan),
        ),
    ];
    let one = |(quantity, name, what, margin, method): (_, &str, &str, crate::plan::Percent, _)| {
        let grid = Grid {
            plan,
            analysis,
            quantity,
            scale: Scale::CHANGE,
            limit: margin.fraction() * 100.0,
        };
        let head = format!("{}: {what}", timed(plan));
        let text = format!(
            "Change of the {what} of completion time in percent, right of 0 is slower; adopters and \
             the same peers in the baseline run. Each mark is of {}. 95 % interval: \
             {method}. Dashed: the margin of {margin}. Triangles leave the axis. Data: summary.csv.",
            plan.seeds_of_intervals("paired seed"),
        );
        grid.draw(&head, name.to_owned(), Figure::Time, text)
    };
    rows.into_iter().map(one).collect()
}

impl Grid<'_> {
    fn draw(&self, head: &str, name: String, figure: Figure, text: String) -> Picture {
        let plan = self.plan;
        let mut scene = Scene::new(1060.0, 0.0);
        let y = title(&mut scene, head);
        let levels = plan.adoption.len();
        let names: Vec<(String, Color)> = plan
            .adoption
            .iter()
            .enumerate()
            .map(|(at, it)| (crate::show::words::adopts(*it), palette::level(at, levels)))
            .collect();
        let top = legend(&mut scene, y + 4.0, &names) + 26.0;
        let row = 10.0 + STEP * levels as f64;
        let pooled = self.pooled().next().is_some();
        let rows = plan.scenarios.len() + usize::from(pooled);
        let bottom = top + row * rows as f64;
        self.row_names(&mut scene, (top, row), pooled);
        let range = self.range();
        let positions = columns(scene.width - LABELS, plan.contrasts.len(), 6.0);
        for (contrast, pixels) in positions.iter().enumerate() {
            let axis = Axis::new(range, (pixels.0 + LABELS, pixels.1 + LABELS));
            self.frame(&mut scene, &axis, contrast, (top, bottom));
            self.marks(&mut scene, &axis, contrast, (top, row));
        }
        caption(&mut scene, bottom + 34.0, &text);
        Picture {
            name,
            figure,
            scenario: None,
            caption: text,
            scene,
        }
    }

    fn row_names(&self, scene: &mut Scene, (top, row): (f64, f64), pooled: bool) {
        let own = self.plan.scenarios.iter().map(|it| it.name.as_str());
        let last = pooled.then_some("all scenarios");
        for (at, name) in own.chain(last).enumerate() {
            let y = top + row * at as f64;
            scene.line(&[(EDGE, y), (scene.width - EDGE, y)], RULE, 0.75);
            let at = (EDGE, y + row / 2.0);
            scene.text(at, name, Style::new(12.0, INK).bold());
        }
    }

    fn frame(&self, scene: &mut Scene, axis: &Axis, contrast: usize, (top, bottom): (f64, f64)) {
        let name = self.plan.versus(contrast);
        let at = (f64::midpoint(axis.start, axis.end), top - 12.0);
        scene.text(at, name, Style::new(13.0, INK).bold().middle());
        for tick in axis.ticks(5.0) {
            let x = axis.at(tick);
            let zero = tick.abs() < 1e-9;
            let color = if zero { GREY } else { RULE };
            scene.line(&[(x, top), (x, bottom)], color, 1.0);
            let at = (x, bottom + 12.0);
            scene.text(at, label(tick), Style::new(11.0, GREY).middle());
        }
        let x = axis.within(self.limit);
        scene.dashed((x, top), (x, bottom), VERMILION, 1.25);
        let at = (f64::midpoint(axis.start, axis.end), bottom + 28.0);
        scene.text(at, "%", Style::new(11.0, GREY).middle());
    }

    fn marks(&self, scene: &mut Scene, axis: &Axis, contrast: usize, (top, row): (f64, f64)) {
        let levels = self.plan.adoption.len();
        for (level, adoption) in self.plan.adoption.iter().enumerate() {
            let color = palette::level(level, levels);
            let offset = 5.0 + STEP * (level as f64 + 0.5);
            for it in answers(
                &self.analysis.comparisons,
                self.quantity,
                contrast,
                *adoption,
            ) {
                let y = top + row * it.of.scenario as f64 + offset;
                mark(scene, axis, &it.estimate.map(self.scale.percent), y, color);
            }
            let y = top + row * self.plan.scenarios.len() as f64 + offset;
            let of = |it: &&Overall| it.contrast == contrast && it.adoption == *adoption;
            let found = self.pooled().find(of).and_then(|it| it.pooled);
            if let Some(it) = found {
                // A large ratio is a small saving, so the ends change places.
                let saving = |it: f64| (self.scale.percent)(1.0 - exp(it));
                let ends = it.prediction95.unwrap_or((it.mean, it.mean));
                let ends = (saving(ends.1), saving(ends.0));
                let estimate = Estimate {
                    value: saving(it.mean),
                    ci95: ends,
                    bound95: ends,
                };
                mark(scene, axis, &estimate, y, color);
            }
        }
    }

    /// Readings over all scenarios; none for times.
    fn pooled(&self) -> impl Iterator<Item = &Overall> {
        let all = self.analysis.overall.iter();
        all.filter(|it| Quantity::Saving(it.estimand) == self.quantity && it.pooled.is_some())
    }

    fn range(&self) -> (f64, f64) {
        let (mut low, mut high) = (-10.0_f64, self.limit.max(10.0));
        for contrast in 0..self.plan.contrasts.len() {
            for adoption in &self.plan.adoption {
                for it in answers(
                    &self.analysis.comparisons,
                    self.quantity,
                    contrast,
                    *adoption,
                ) {
                    let value = (self.scale.percent)(it.estimate.value);
                    if value.is_finite() {
                        (low, high) = (low.min(value), high.max(value));
                    }
                }
            }
        }
        let (least, most) = self.scale.most;
        (low.max(least) - 6.0, high.min(most) + 6.0)
    }
}

/// A dot with its interval; an arrow if either leaves the axis.
fn mark(scene: &mut Scene, axis: &Axis, it: &Estimate, y: f64, color: Color) {
    if !it.value.is_finite() {
        return;
    }
    if is_known(it.ci95) {
        interval(scene, axis, it.ci95, y, (color, 1.25));
    }
    if it.value < axis.from || it.value > axis.to {
        let left = it.value < axis.from;
        let (tip, back) = if left {
            (axis.start, 6.0)
        } else {
            (axis.end, -6.0)
        };
        arrow(scene, (tip, y), (back, 3.0), color);
    } else {
        scene.dot((axis.at(it.value), y), 2.75, color);
    }
}
