//! The client: its parts, and the whole.

mod announcer;
mod book;
mod parts;
mod stories;
mod words;
