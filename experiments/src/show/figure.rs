//! Figures of results. A figure is drawn as a scene of a few primitives. A scene is rendered to
//! SVG, and to PNG with a font that is embedded in the program.

mod axis;
mod bytes;
mod cdf;
mod classes;
mod doses;
mod effects;
mod forest;
mod gallery;
mod grid;
pub mod heat;
mod interval;
mod joint;
mod ladder;
mod matrix;
mod palette;
mod panel;
pub mod pareto;
mod render;
mod response;
mod scaling;
mod scene;
mod series;
mod svg;
pub mod testbed;

pub use effects::effects;
pub use gallery::{Glance, glance};
pub(crate) use palette::{INK, WHITE};
pub use render::RenderError;
pub use response::{Curve, Panel, lines};
pub use scaling::scaling;
pub use scene::{Color, Scene, Shape};
pub use svg::{bare, svg};

use crate::findings::analysis::Analysis;
use crate::plan::{Figure, Plan};

/// A figure with its caption.
#[derive(Clone, Debug)]
pub struct Picture {
    /// File name without extension.
    pub name: String,
    /// Kind of figure, as plans name it.
    pub figure: Figure,
    /// The scenario that it shows; `None` for the whole plan.
    pub scenario: Option<usize>,
    /// What it shows, with the number of seeds, the interval method and its level.
    pub caption: String,
    /// The drawing.
    pub scene: Scene,
}

/// The scene with its caption as a PNG file, at twice its size.
pub fn png(scene: &Scene) -> Result<Vec<u8>, RenderError> {
    render::bare_png(&panel::captioned(scene))
}

/// Most scenarios in one figure. For a plan with more, some figures are drawn per scenario.
const TOGETHER: usize = 4;

/// The figures of a plan in the order of the report.
#[must_use]
pub fn pictures(plan: &Plan, analysis: &Analysis) -> Vec<Picture> {
    let wanted = Figure::ALL.into_iter();
    let wanted = wanted.filter(|it| plan.figures.contains(it));
    let drawn = wanted.flat_map(|it| match it {
        Figure::Joint => vec![joint::joint(plan, analysis)],
        Figure::Sweep => {
            let each = analysis.sweeps.iter().enumerate();
            let sweeps = each.map(|(at, it)| response::sweep(at, it));
            response::adoption(plan, analysis)
                .into_iter()
                .chain(doses::doses(plan, analysis))
                .chain(sweeps)
                .collect()
        }
        Figure::Classes => apart(plan, |it| classes::classes(plan, analysis, it)),
        Figure::Forest if few(plan) => vec![forest::savings(plan, analysis)],
        Figure::Forest => grid::savings(plan, analysis),
        Figure::Time if few(plan) => vec![forest::times(plan, analysis)],
        Figure::Time => grid::times(plan, analysis),
        Figure::Cdf => vec![cdf::cdf(plan, analysis)],
        Figure::Bytes => vec![bytes::bytes(plan, analysis)],
        Figure::Series => apart(plan, |it| Some(series::series(plan, analysis, it))),
        Figure::Matrix => apart(plan, |it| matrix::matrix(plan, analysis, it)),
        Figure::Ladder if !plan.ladder.is_empty() => vec![ladder::ladder(plan, analysis)],
        // A plan without a ladder has no such figure; its factorial study draws the effects.
        Figure::Ladder | Figure::Effects => Vec::new(),
    });
    drawn.collect()
}

fn few(plan: &Plan) -> bool {
    plan.scenarios.len() <= TOGETHER
}

/// One figure of all scenarios, or one per scenario.
fn apart(plan: &Plan, draw: impl Fn(&[usize]) -> Option<Picture>) -> Vec<Picture> {
    let all: Vec<usize> = (0..plan.scenarios.len()).collect();
    if few(plan) {
        return draw(&all).into_iter().collect();
    }
    let one = |it: &usize| {
        let picture = draw(&[*it])?;
        let within = &plan.scenarios[*it].name;
        Some(Picture {
            name: format!("{}_{within}", picture.name),
            scenario: Some(*it),
            ..picture
        })
    };
    all.iter().filter_map(one).collect()
}
