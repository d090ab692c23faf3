//! Writes figures to disk.

use std::path::{Path, PathBuf};

use clap::Args;

use super::Failure;
use super::folder::make;
use crate::run::store::write_whole;
use crate::show::figure::{Scene, png, svg};

/// File formats of figures.
#[derive(Clone, Copy, Debug, Args)]
pub(super) struct Forms {
    /// Draw every figure as PNG too, not only those that already have a PNG.
    #[arg(long)]
    png: bool,
}

impl Forms {
    /// Writes `NAME.svg` into the folder. A PNG is many times larger. It is only drawn on request,
    /// or if an older PNG exists, which would otherwise be out of date.
    pub(super) fn write(
        self,
        folder: &Path,
        name: &str,
        scene: &Scene,
    ) -> Result<Vec<PathBuf>, Failure> {
        make(folder)?;
        let file = |ending: &str| folder.join(format!("{name}.{ending}"));
        let mut written = vec![file("svg")];
        write_whole(&file("svg"), svg(scene).as_bytes())?;
        if self.png || file("png").exists() {
            write_whole(&file("png"), &png(scene)?)?;
            written.push(file("png"));
        }
        Ok(written)
    }
}
