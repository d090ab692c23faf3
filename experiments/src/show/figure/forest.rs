//! Paired differences with their intervals: one panel per adoption, one row per reading, one mark
//! per scenario.

use super::Picture;
use super::axis::Axis;
use super::interval::{arrow, interval, is_known};
use super::palette::{self, GREY, INK, RULE, VERMILION};
use super::panel::{EDGE, caption, columns, legend, title};
use super::scene::{Color, Scene, Style};
use crate::findings::analysis::{Analysis, Quantity, answers};
use crate::findings::stats::estimate::Estimate;
use crate::findings::stats::method::of_runs;
use crate::plan::{Adoption, Estimand, Figure, Plan, Primary};

const LABELS: f64 = 130.0;

/// Converts estimates to an axis in per cent.
#[derive(Clone, Copy)]
pub(super) struct Scale {
    pub(super) percent: fn(f64) -> f64,
    /// Largest extent of the axis.
    pub(super) most: (f64, f64),
}

impl Scale {
    /// For savings.
    pub(super) const SAVING: Self = Self {
        percent: |it| it * 100.0,
        most: (-100.0, 100.0),
    };
    /// For ratios, as a change.
    pub(super) const CHANGE: Self = Self {
        percent: |it| (it - 1.0) * 100.0,
        most: (-60.0, 100.0),
    };
}

/// A group of rows: the quantity, its heading, and a limit to draw.
struct Block {
    quantity: Quantity,
    head: String,
    limit: f64,
}

/// Data of a forest plot before it is drawn.
struct Forest<'a> {
    plan: &'a Plan,
    analysis: &'a Analysis,
    blocks: Vec<Block>,
    scale: Scale,
    limit_name: &'static str,
}

pub(super) fn savings(plan: &Plan, analysis: &Analysis) -> Picture {
    let block = |it: &Estimand| Block {
        quantity: Quantity::Saving(*it),
        head: format!("{}  {}", it.id(), it.title()),
        limit: plan.claim_of(*it).fraction() * 100.0,
    };
    let forest = Forest {
        plan,
        analysis,
        blocks: plan.estimands.iter().map(block).collect(),
        scale: Scale::SAVING,
        limit_name: "claim",
    };
    let mut scene = Scene::new(1060.0, 0.0);
    let readings = match plan.primary {
        Primary::Bytes => "reading of \"bandwidth\"",
        Primary::Time => "reading",
    };
    let head = format!("{}, by {readings}", saved(plan));
    let y = title(&mut scene, &head);
    let bottom = forest.draw(&mut scene, y);
    let (right, claimed, focal) = match plan.primary {
        Primary::Bytes => ("less traffic", plan.claimed(Estimand::E1), "E1 and E2"),
        Primary::Time => (
            "sooner (T) or less traffic",
            format!("{} of T and any of the others", plan.claimed(Estimand::T)),
            "T, E1 and E2",
        ),
    };
    let text = format!(
        "Saving 1 - candidate/baseline in percent; right of 0 is {right}. Each mark is of {}. Thick line: 90 % \
         interval, whose ends are the one-sided 95 % bounds of the verdicts; thin line: 95 % interval; {}. Dashed: \
         the claim, {claimed}. {focal} are of the adopters and the same peers in the baseline run, E3 to E5 of the \
         whole swarm. Arrows leave the axis. Data: summary.csv.",
        plan.seeds_of_intervals("paired seed"),
        method(plan),
    );
    caption(&mut scene, bottom, &text);
    Picture {
        name: "forest".to_owned(),
        figure: Figure::Forest,
        scenario: None,
        caption: text,
        scene,
    }
}

pub(super) fn times(plan: &Plan, analysis: &Analysis) -> Picture {
    let block = |quantity, head: &str, margin: crate::plan::Percent| Block {
        quantity,
        head: head.to_owned(),
        limit: margin.fraction() * 100.0,
    };
    let forest = Forest {
        plan,
        analysis,
        blocks: vec![
            block(Quantity::Time, "geometric mean", plan.margins.time),
            block(Quantity::Tail, "95th percentile", plan.margins.tail),
        ],
        scale: Scale::CHANGE,
        limit_name: "margin",
    };
    let mut scene = Scene::new(1060.0, 0.0);
    let y = title(&mut scene, &timed(plan));
    let bottom = forest.draw(&mut scene, y);
    let text = format!(
        "Change of completion time in percent; right of 0 is slower. Adopters and the same peers \
         in the baseline run. Each mark is of {}. Thick line: 90 % interval, whose upper \
         end must stay left of the dashed margin ({} and {}) for time to be kept; thin line: 95 % \
         interval, whose lower end must lie right of it for time to be called degraded. Student t \
         on paired log ratios for the mean; {} for the percentile. Arrows leave \
         the axis. Data: summary.csv.",
        plan.seeds_of_intervals("paired seed"),
        plan.margins.time,
        plan.margins.tail,
        method(plan),
    );
    caption(&mut scene, bottom, &text);
    Picture {
        name: "completion_time".to_owned(),
        figure: Figure::Time,
        scenario: None,
        caption: text,
        scene,
    }
}

/// Head of a figure of savings. A plan that lists its contrasts may have others than of its
/// candidate.
pub(super) fn saved(plan: &Plan) -> String {
    if plan.contrasts_listed {
        "What each contrast saves".to_owned()
    } else {
        format!("What {} saves", plan.candidate.name)
    }
}

/// Head of a figure of completion times; likewise.
pub(super) fn timed(plan: &Plan) -> String {
    if plan.contrasts_listed {
        "Completion time, by contrast".to_owned()
    } else {
        let name = &plan.candidate.name;
        format!("Completion time under {name}, against each baseline")
    }
}

pub(super) fn method(plan: &Plan) -> String {
    let method = of_runs(plan.method, plan.seed_range().0 as usize);
    format!("{} over seeds", method.name())
}

impl Forest<'_> {
    fn draw(&self, scene: &mut Scene, y: f64) -> f64 {
        let scenarios: Vec<_> = self
            .plan
            .scenarios
            .iter()
            .enumerate()
            .map(|(at, it)| (it.name.clone(), palette::scenario(at)))
            .collect();
        let top = legend(scene, y + 4.0, &scenarios) + 16.0;
        let row = 8.0 + 9.0 * scenarios.len() as f64;
        let height = self.blocks.len() as f64 * (24.0 + row * self.plan.contrasts.len() as f64);
        let range = self.range();
        let mut positions = columns(scene.width - LABELS, self.plan.adoption.len(), 4.0);
        for it in &mut positions {
            *it = (it.0 + LABELS, it.1 + LABELS);
        }
        let mut bottom = top + height;
        for (adoption, pixels) in self.plan.adoption.iter().zip(&positions) {
            let axis = Axis::new(range, *pixels);
            self.grid(scene, &axis, *adoption, (top, bottom));
        }
        let mut y = top;
        for block in &self.blocks {
            scene.text(
                (EDGE, y + 13.0),
                block.head.clone(),
                Style::new(13.0, INK).bold(),
            );
            let block_height = 24.0 + row * self.plan.contrasts.len() as f64;
            for pixels in &positions {
                let x = Axis::new(range, *pixels).within(block.limit);
                scene.dashed((x, y + 22.0), (x, y + block_height), VERMILION, 1.25);
            }
            y += 24.0;
            for at in 0..self.plan.contrasts.len() {
                let name = self.plan.versus(at);
                let middle = y + row / 2.0;
                scene.text(
                    (EDGE + LABELS - 4.0, middle),
                    name,
                    Style::new(12.0, INK).end(),
                );
                for (adoption, pixels) in self.plan.adoption.iter().zip(&positions) {
                    let axis = Axis::new(range, *pixels);
                    self.marks(scene, &axis, block.quantity, (at, *adoption), y + 8.0);
                }
                y += row;
            }
        }
        bottom += 36.0;
        bottom
    }

    fn grid(&self, scene: &mut Scene, axis: &Axis, adoption: Adoption, (top, bottom): (f64, f64)) {
        let head = match adoption {
            Adoption::One => "one peer adopts".to_owned(),
            Adoption::Share(_) => format!("{} of peers adopt", adoption.label()),
        };
        let middle = f64::midpoint(axis.start, axis.end);
        scene.text(
            (middle, top - 8.0),
            head,
            Style::new(13.0, INK).bold().middle(),
        );
        for tick in axis.ticks(10.0) {
            let x = axis.at(tick);
            let zero = tick.abs() < 1e-9;
            scene.line(
                &[(x, top + 4.0), (x, bottom)],
                if zero { GREY } else { RULE },
                1.0,
            );
            let text = super::axis::label(tick);
            scene.text((x, bottom + 12.0), text, Style::new(11.0, GREY).middle());
        }
        let what = format!("%   (dashed: {})", self.limit_name);
        scene.text(
            (middle, bottom + 28.0),
            what,
            Style::new(11.0, GREY).middle(),
        );
    }

    fn range(&self) -> (f64, f64) {
        let (mut low, mut high) = (
            -10.0_f64,
            self.blocks.iter().map(|it| it.limit).fold(10.0, f64::max),
        );
        for block in &self.blocks {
            for contrast in 0..self.plan.contrasts.len() {
                for adoption in &self.plan.adoption {
                    for it in answers(
                        &self.analysis.comparisons,
                        block.quantity,
                        contrast,
                        *adoption,
                    ) {
                        let percent = |it: f64| (self.scale.percent)(it);
                        let ends = [it.estimate.ci95.0, it.estimate.ci95.1].map(percent);
                        // An unbounded interval must not widen the axis.
                        for end in ends.into_iter().filter(|it| it.is_finite()) {
                            (low, high) = (low.min(end), high.max(end));
                        }
                    }
                }
            }
        }
        (
            low.max(self.scale.most.0) - 3.0,
            high.min(self.scale.most.1) + 5.0,
        )
    }

    fn marks(
        &self,
        scene: &mut Scene,
        axis: &Axis,
        quantity: Quantity,
        (contrast, adoption): (usize, Adoption),
        top: f64,
    ) {
        for it in answers(&self.analysis.comparisons, quantity, contrast, adoption) {
            let estimate = it.estimate.map(self.scale.percent);
            let y = top + 9.0 * it.of.scenario as f64;
            mark(scene, axis, &estimate, y, palette::scenario(it.of.scenario));
        }
    }
}

fn mark(scene: &mut Scene, axis: &Axis, it: &Estimate, y: f64, color: Color) {
    if !it.value.is_finite() {
        return;
    }
    let known = is_known(it.ci95);
    if known {
        interval(scene, axis, it.ci95, y, (color, 1.0));
        interval(scene, axis, it.bound95, y, (color, 2.75));
    }
    if it.value < axis.from || it.value > axis.to {
        // The number must not cover the arrow or the visible part of the interval.
        let ends = if known { it.ci95 } else { (it.value, it.value) };
        let (tip, back, at, text) = if it.value < axis.from {
            let at = axis.within(ends.1).max(axis.start + 7.0) + 6.0;
            (axis.start, 7.0, at, Style::new(9.5, color))
        } else {
            let at = axis.within(ends.0).min(axis.end - 7.0) - 6.0;
            (axis.end, -7.0, at, Style::new(9.5, color).end())
        };
        arrow(scene, (tip, y), (back, 4.0), color);
        scene.text((at, y - 0.5), format!("{:.0} %", it.value), text);
    } else {
        scene.dot((axis.at(it.value), y), 3.25, color);
    }
}

#[cfg(test)]
mod tests {
    use super::{Axis, Color, Estimate, Scene};
    use crate::findings::toy::analysed;
    use crate::show::figure::scene::Shape;
    use crate::show::figure::{pictures, png, svg};

    /// One run has no interval, also if its value leaves the axis.
    #[test]
    fn an_unknown_interval_is_not_drawn() {
        let axis = Axis::new((0.0, 10.0), (100.0, 200.0));
        let unknown = (f64::NEG_INFINITY, f64::INFINITY);
        let marked = |value: f64| {
            let mut scene = Scene::new(300.0, 20.0);
            let estimate = Estimate {
                value,
                ci95: unknown,
                bound95: unknown,
            };
            super::mark(&mut scene, &axis, &estimate, 9.0, Color(1, 2, 3));
            scene.shapes
        };
        assert!(matches!(marked(5.0)[..], [Shape::Dot { .. }]));
        let [Shape::Area { .. }, Shape::Text { at, .. }] = &marked(20.0)[..] else {
            panic!("an arrow and its number");
        };
        assert!((100.0..200.0).contains(&at.0), "{at:?}");
    }

    /// The contrasts of a plan need not be those of its candidate, and a claim may be about time.
    #[test]
    fn heads_and_captions_are_about_what_is_drawn() {
        let texts = |plan: &crate::plan::Plan, analysis: &_| {
            let drawn = [super::savings(plan, analysis), super::times(plan, analysis)];
            drawn.map(|it| svg(&it.scene))
        };
        let (mut plan, analysis) = analysed();
        let [savings, times] = texts(&plan, &analysis);
        assert!(savings.contains(">What tit_for_tat saves, by reading of \"bandwidth\"<"));
        assert!(times.contains(">Completion time under tit_for_tat, against each baseline<"));
        plan.contrasts_listed = true;
        plan.primary = crate::plan::Primary::Time;
        let [savings, times] = texts(&plan, &analysis);
        assert!(savings.contains(">What each contrast saves, by reading<"));
        assert!(savings.contains("T, E1 and E2 are"));
        assert!(times.contains(">Completion time, by contrast<"));
    }

    #[test]
    fn every_picture_of_the_plan_is_drawn_the_same_twice() {
        let (plan, analysis) = analysed();
        let drawn = pictures(&plan, &analysis);
        assert_eq!(drawn.len(), 9);
        for it in &drawn {
            let text = svg(&it.scene);
            assert_eq!(text, svg(&it.scene));
            assert!(
                it.caption.contains("24"),
                "the caption of {} says n",
                it.name
            );
            assert_eq!(&png(&it.scene).expect("png")[1..4], b"PNG");
        }
    }
}
