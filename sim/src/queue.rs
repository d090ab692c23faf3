//! What happens next: events in the total order (time, sequence).
//!
//! Three shapes, because three kinds of event behave differently:
//!
//! * [`EventQueue`]: anything, any time, in a 4-ary heap; and [`DelayLines`] beside it. Messages
//!   between nodes take few distinct delays, and time never runs backwards, so all messages of
//!   one delay come out in the order they went in: a plain FIFO per delay holds them at constant
//!   cost in sequential memory.
//! * [`Alarms`]: at most one pending moment per dense id (the next completion of an uplink, the
//!   timer of a node), which can be moved: a tree of minima. Ties are broken by id.

mod alarms;
mod heap;
mod lines;

pub use alarms::Alarms;
pub use heap::{EventQueue, Stamp};
pub(crate) use lines::give_back;
pub use lines::{DelayLines, LineId};
