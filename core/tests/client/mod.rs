//! The client core, part by part and as a whole.

mod announcer;
mod book;
mod parts;
mod stories;
mod words;
