//! A tournament, for readers: tables, pictures, and the page.

pub mod page;
pub mod pictures;
pub mod tables;
