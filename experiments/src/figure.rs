//! Pictures of results. They are drawn as scenes of a few primitives, and a scene is rendered to
//! SVG and PNG with a font that is embedded in the program.

mod axis;
mod bytes;
mod cdf;
mod forest;
mod matrix;
mod palette;
mod panel;
mod render;
mod scene;
mod series;

pub use render::{RenderError, png, svg};
pub use scene::Scene;

use crate::analysis::Analysis;
use crate::plan::{Figure, Plan};

/// A picture with its words.
#[derive(Clone, Debug)]
pub struct Picture {
    /// File name without its ending.
    pub name: &'static str,
    /// Which of the plan's figures it is.
    pub figure: Figure,
    /// What it shows, with n, interval method and level.
    pub caption: String,
    /// The drawing.
    pub scene: Scene,
}

/// The plan's pictures, in the order of the report.
#[must_use]
pub fn pictures(plan: &Plan, analysis: &Analysis) -> Vec<Picture> {
    Figure::ALL
        .into_iter()
        .filter(|it| plan.figures.contains(it))
        .map(|it| match it {
            Figure::Forest => forest::savings(plan, analysis),
            Figure::Time => forest::times(plan, analysis),
            Figure::Cdf => cdf::cdf(plan, analysis),
            Figure::Bytes => bytes::bytes(plan, analysis),
            Figure::Series => series::series(plan, analysis),
            Figure::Matrix => matrix::matrix(plan, analysis),
        })
        .collect()
}
