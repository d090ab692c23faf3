//! Memory that will be used soon.

use crate::stream::EndId;
use crate::world::warm::Concern;

/// Lists that are used again.
#[derive(Debug, Default)]
pub(super) struct Soon {
    pub(super) concerns: Vec<Concern>,
    /// Streams whose blocks will leave.
    pub(super) ends: Vec<EndId>,
}
