//! Output for readers: text, tables, figures and pages.

pub mod browser;
pub mod factorial;
pub mod figure;
pub mod output;
pub mod report;
pub mod swarm_replay;
pub mod tournament;
pub mod words;
