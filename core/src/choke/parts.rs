//! Code that several policies share.

pub(crate) mod azureus;
pub(crate) mod everybody;
pub(crate) mod libtorrent;
pub(crate) mod mainline;
pub(crate) mod near;
pub(crate) mod rank;
pub(crate) mod served;
pub(crate) mod weight;
