//! Output of a plan with factors: tables, text and page.

pub mod output;
pub mod report;
