//! The commands of `lab`: what the user types and what is printed.

mod process;
pub mod sim;
