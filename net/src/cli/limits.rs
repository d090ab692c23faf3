//! Limits of a command: connections, rates and upload slots.

use clap::Args;

use super::Failure;
use crate::session::{Settings, give_slots, has_slots};
use crate::shares::{Good, Limits, Share, Shares};
use crate::text::parse_rate;

/// Options that limit transfers.
#[derive(Clone, Debug, Args)]
pub(super) struct Limiting {
    /// Most connections of all torrents together, in both directions [default: 50, or as in the profile;
    /// `run`: 500]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=5000))]
    max_connections: Option<u16>,
    /// Most connections of one torrent [default: no further limit; `run`: 50, or as in the profile]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=5000))]
    max_connections_per_torrent: Option<u16>,
    /// Limit of the payload upload of all torrents together, for example `500 KiB/s` or `10 Mbit/s`
    #[arg(long, value_name = "RATE", value_parser = parse_rate)]
    upload_cap: Option<u64>,
    /// Limit of the payload upload of one torrent
    #[arg(long, value_name = "RATE", value_parser = parse_rate)]
    upload_cap_per_torrent: Option<u64>,
    /// Limit of the payload download of all torrents together
    #[arg(long, value_name = "RATE", value_parser = parse_rate)]
    download_cap: Option<u64>,
    /// Limit of the payload download of one torrent
    #[arg(long, value_name = "RATE", value_parser = parse_rate)]
    download_cap_per_torrent: Option<u64>,
    /// Upload slots of all torrents together. Each torrent gets a part by the number of its interested
    /// peers, and its policy uses that as its parameter `slots`
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=10_000))]
    upload_slots: Option<u16>,
}

impl Limiting {
    /// Most connections of a command with one torrent, if the user set it.
    pub(super) fn connections(&self) -> Option<u16> {
        let both = [self.max_connections, self.max_connections_per_torrent];
        both.into_iter().flatten().min()
    }

    /// Most connections of one of several torrents, if the user set it.
    pub(super) fn connections_each(&self) -> Option<u16> {
        self.max_connections_per_torrent
    }

    /// Most connections of all torrents together, which are `usual` unless the user set it.
    pub(super) fn connections_all(&self, usual: u16) -> u16 {
        self.max_connections.unwrap_or(usual)
    }

    /// Caps of upload and download of a command with one torrent.
    pub(super) fn caps(&self) -> [Option<u64>; 2] {
        self.shares(None, None).join().caps()
    }

    /// The shared limits. The arguments are the connections of all torrents, unless the user set them,
    /// and of each.
    pub(super) fn shares(&self, all: Option<u16>, each: Option<u16>) -> Shares {
        let connections = all.map(|usual| self.connections_all(usual).into());
        let slots = self.upload_slots.map(u64::from);
        let all: Limits = [self.upload_cap, self.download_cap, connections, slots];
        let caps = [self.upload_cap_per_torrent, self.download_cap_per_torrent];
        Shares::new(all, [caps[0], caps[1], each.map(u64::from), None])
    }

    /// Fails if slots are to be shared, and the policy has none.
    pub(super) fn refuse_slots(&self, policy: &str) -> Result<(), Failure> {
        if self.upload_slots.is_none() || has_slots(policy) {
            return Ok(());
        }
        Err(Failure::bad_input(format!(
            "--upload-slots: the policy {policy} has no parameter `slots`; leave the option out, or choose \
             another policy"
        )))
    }

    /// The settings with the present parts of a torrent.
    pub(super) fn put_into(&self, settings: Settings, share: &Share) -> Result<Settings, Failure> {
        let mut settings = settings;
        [settings.upload_cap, settings.download_cap] = share.caps();
        let most = share.part(Good::Connections);
        if let Some(most) = most.and_then(|it| u16::try_from(it).ok()) {
            settings.max_connections = most;
        }
        if let Some(slots) = share.part(Good::Slots) {
            let policy = &settings.policy;
            self.refuse_slots(policy)?;
            give_slots(policy, &mut settings.parameters, slots);
        }
        Ok(settings)
    }
}
