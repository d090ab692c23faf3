//! A plan with factors, for readers: tables, sentences, and the page.

pub mod output;
pub mod report;
