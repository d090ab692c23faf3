//! `lab schema`.

use clap::Args;

use super::{Exit, Failure, print};
use crate::plan::schema::{Language, text};

/// `lab schema`.
#[derive(Args, Clone, Debug)]
pub(super) struct SchemaArgs {
    /// The kind of file.
    #[arg(value_enum)]
    language: Language,
}

pub(super) fn schema(args: &SchemaArgs) -> Result<Exit, Failure> {
    print(&text(args.language))?;
    Ok(Exit::Done)
}
