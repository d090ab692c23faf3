//! `--proxy` and `--bind`.

use clap::Args;

use crate::route::{Bind, Proxy, Route};

/// Options that choose the route of outgoing connections.
#[derive(Clone, Debug, Args)]
pub(super) struct Leaving {
    /// Connect through this SOCKS5 proxy only: `socks5://[USER:PASSWORD@]HOST:PORT`. UDP trackers are
    /// then not asked, and only this machine can connect to us
    #[arg(long, value_name = "URL")]
    proxy: Option<Proxy>,
    /// Connect from this address or network interface only
    #[arg(long, value_name = "ADDRESS|INTERFACE")]
    bind: Option<Bind>,
}

impl Leaving {
    pub(super) fn route(&self) -> Route {
        Route::new(self.proxy.clone(), self.bind.clone())
    }
}
