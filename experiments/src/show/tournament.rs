//! Output of a tournament: tables, figures and page.

pub mod page;
pub mod pictures;
pub mod tables;
