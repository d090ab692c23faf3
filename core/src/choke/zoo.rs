//! The policies of this library, one per file, listed by name.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

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

/// Every policy of this library.
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

/// The policy of this library with this id.
#[must_use]
pub fn find(id: &str) -> Option<&'static Entry> {
    REGISTRY.iter().find(|entry| entry.id == id)
}

/// Makes the policy `id` of this library with these parameters.
pub fn build(id: &str, parameters: &Parameters) -> Result<BoxedPolicy, ParameterError> {
    Policies::HOUSE.build(id, parameters)
}

/// The policies of this library together with those that a program adds.
#[derive(Clone, Debug, Default)]
pub struct Policies {
    own: Vec<&'static Entry>,
}

impl Policies {
    /// The policies of this library only.
    pub const HOUSE: Self = Self { own: Vec::new() };

    /// The policies of this library and these. Fails with a sentence if two policies have the same
    /// id.
    pub fn with(own: &[&'static Entry]) -> Result<Self, String> {
        for (at, it) in own.iter().enumerate() {
            if find(it.id).is_some() {
                let id = it.id;
                return Err(format!(
                    "{id} is the id of a policy of the zoo; choose another"
                ));
            }
            if own[..at].iter().any(|before| before.id == it.id) {
                return Err(format!(
                    "two policies have the id {}; choose another",
                    it.id
                ));
            }
        }
        Ok(Self { own: own.to_vec() })
    }

    /// All policies: those of this library in the order of the registry, then the added ones.
    pub fn each(&self) -> impl Iterator<Item = &'static Entry> {
        REGISTRY.iter().chain(self.own.iter().copied())
    }

    /// The entry with this id.
    pub fn find(&self, id: &str) -> Result<&'static Entry, ParameterError> {
        let unknown =
            || ParameterError::UnknownPolicy(id.to_owned(), join(self.each().map(|it| it.id)));
        self.each().find(|it| it.id == id).ok_or_else(unknown)
    }

    /// The policy `id` with these parameters, if they are valid for it.
    pub fn choose(&self, id: &str, parameters: Parameters) -> Result<Chosen, ParameterError> {
        let entry = self.find(id)?;
        entry.build(&parameters)?;
        Ok(Chosen { entry, parameters })
    }

    /// The policy `id` with these parameters.
    pub fn build(&self, id: &str, parameters: &Parameters) -> Result<BoxedPolicy, ParameterError> {
        self.find(id)?.build(parameters)
    }
}

/// A policy by name, with valid parameters. A running torrent can be switched to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chosen {
    entry: &'static Entry,
    parameters: Parameters,
}

impl Chosen {
    /// The policy `id` of this library with these parameters, if they are valid for it.
    pub fn new(id: &str, parameters: Parameters) -> Result<Self, ParameterError> {
        Policies::HOUSE.choose(id, parameters)
    }

    /// Its name.
    #[must_use]
    pub fn id(&self) -> &'static str {
        self.entry.id
    }

    /// The parameters that are set.
    #[must_use]
    pub fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    /// Makes the policy.
    #[must_use]
    pub fn build(&self) -> BoxedPolicy {
        let policy = self.entry.build(&self.parameters);
        policy.expect("the parameters suit it")
    }
}
