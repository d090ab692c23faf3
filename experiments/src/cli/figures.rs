//! Pictures on disk.

use std::path::{Path, PathBuf};

use clap::Args;

use super::Failure;
use super::folder::make;
use crate::run::store::write_whole;
use crate::show::figure::{Scene, png, svg};

/// In which forms pictures are written.
#[derive(Clone, Copy, Debug, Args)]
pub(super) struct Forms {
    /// Draw every figure as PNG too, not only those of which a PNG is there.
    #[arg(long)]
    png: bool,
}

impl Forms {
    /// Writes `NAME.svg` into the folder. A PNG is many times as large: it is drawn where it is asked for,
    /// and where an older one would be out of date.
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
