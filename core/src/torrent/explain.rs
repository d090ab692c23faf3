//! What the peers that are connected give.

use super::Torrent;
use super::conn::Delivery;

/// What the peers that are connected give. Web seeds are not among them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Connections {
    /// All of them; the sum of the others.
    pub all: u32,
    /// They have nothing that we lack.
    pub nothing_needed: u32,
    /// They have something and choke us.
    pub choking: u32,
    /// They let us ask and are silent.
    pub silent: u32,
    /// They let us ask.
    pub open: u32,
}

impl Torrent {
    /// How many peers give what, at this moment. Web seeds are left out.
    #[must_use]
    pub fn connections(&self) -> Connections {
        let open = self.conns.iter().filter(|it| it.open && !it.closing);
        let mut all = Connections::default();
        for conn in open.filter(|it| !it.agreed.web()) {
            all.all += 1;
            let kind = if !conn.am_interested {
                &mut all.nothing_needed
            } else if conn.peer_choking {
                &mut all.choking
            } else if conn.delivery >= Delivery::Stalled {
                &mut all.silent
            } else {
                &mut all.open
            };
            *kind += 1;
        }
        all
    }
}
