//! The event queue. Events come in the total order (time, sequence).
//!
//! There are three structures, for three kinds of event:
//!
//! * [`EventQueue`]: any event at any time, in a 4-ary heap.
//! * [`DelayLines`]: messages between nodes. There are few distinct delays and time never runs
//!   backwards, so all messages with one delay arrive in the order in which they were sent. One
//!   FIFO per delay holds them at constant cost in sequential memory.
//! * [`Alarms`]: at most one pending time per dense id (the next completion of an uplink, the timer
//!   of a node), which can be moved. A tree of minima; among equal times the lowest id is first.

mod alarms;
mod heap;
mod lines;

pub use alarms::Alarms;
pub use heap::{EventQueue, Stamp};
pub use lines::{DelayLines, LineId};
pub(crate) use lines::{LINES_MAX, give_back};
