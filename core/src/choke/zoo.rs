//! The policies of the house, one a file, by name.

use alloc::borrow::ToOwned;

use super::entry::{Entry, ParameterError, Parameters, join};
use super::policy::BoxedPolicy;

mod aria2;
mod azureus_2x;
mod bep3;
mod bittyrant_paper;
mod bittyrant_shipped;
mod block_tft;
mod credit;
mod fairtorrent;
mod freerider;
mod large_view;
mod libtorrent_fixed;
mod libtorrent_rate;
mod mainline_342;
mod mainline_391;
mod mainline_522;
mod propshare;
mod qbittorrent;
mod random_k;
mod seed_pf;
mod smartseed;
mod superseed;
mod thrift;
mod tit_for_tat;
mod transmission;
mod unchoke_all;

pub use aria2::Aria2;
pub use azureus_2x::Azureus2x;
pub use bep3::Bep3;
pub use bittyrant_paper::BittyrantPaper;
pub use bittyrant_shipped::BittyrantShipped;
pub use block_tft::BlockTft;
pub use credit::Credit;
pub use fairtorrent::FairTorrent;
pub use freerider::Freerider;
pub use mainline_342::Mainline342;
pub use mainline_391::Mainline391;
pub use mainline_522::Mainline522;
pub use propshare::PropShare;
pub use random_k::RandomK;
pub use seed_pf::SeedPf;
pub use superseed::HidingSeed;
pub use thrift::Thrift;
pub use tit_for_tat::TitForTat;
pub use transmission::Transmission;
pub use unchoke_all::UnchokeAll;

/// Every policy of the house.
pub const REGISTRY: &[Entry] = &[
    unchoke_all::ENTRY,
    random_k::ENTRY,
    credit::ENTRY,
    bep3::ENTRY,
    tit_for_tat::ENTRY,
    thrift::ENTRY,
    mainline_342::ENTRY,
    mainline_391::ENTRY,
    mainline_522::ENTRY,
    libtorrent_fixed::ENTRY,
    libtorrent_rate::ENTRY,
    qbittorrent::ENTRY,
    transmission::ENTRY,
    aria2::ENTRY,
    azureus_2x::ENTRY,
    bittyrant_paper::ENTRY,
    bittyrant_shipped::ENTRY,
    propshare::ENTRY,
    fairtorrent::ENTRY,
    block_tft::ENTRY,
    freerider::ENTRY,
    large_view::ENTRY,
    superseed::ENTRY,
    smartseed::ENTRY,
    seed_pf::ENTRY,
];

/// The entry with this id.
#[must_use]
pub fn find(id: &str) -> Option<&'static Entry> {
    REGISTRY.iter().find(|entry| entry.id == id)
}

/// The policy `id` with these parameters.
pub fn build(id: &str, parameters: &Parameters) -> Result<BoxedPolicy, ParameterError> {
    let entry = find(id).ok_or_else(|| {
        ParameterError::UnknownPolicy(id.to_owned(), join(REGISTRY.iter().map(|it| it.id)))
    })?;
    entry.build(parameters)
}

/// A policy by name, with parameters that suit it: what a torrent can be switched to while it runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chosen {
    entry: &'static Entry,
    parameters: Parameters,
}

impl Chosen {
    /// The policy `id` with these parameters, if they suit it.
    pub fn new(id: &str, parameters: Parameters) -> Result<Self, ParameterError> {
        build(id, &parameters)?;
        let entry = find(id).expect("it was just built");
        Ok(Self { entry, parameters })
    }

    /// Its name.
    #[must_use]
    pub fn id(&self) -> &'static str {
        self.entry.id
    }

    /// What is set of its parameters.
    #[must_use]
    pub fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    /// Makes it.
    #[must_use]
    pub fn build(&self) -> BoxedPolicy {
        let policy = self.entry.build(&self.parameters);
        policy.expect("the parameters suit it")
    }
}
