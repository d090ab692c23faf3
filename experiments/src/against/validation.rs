//! Checks of the simulator against theory and published measurements: `lab validate`.
//!
//! Map: a [`plan`] is a TOML file with cases (scenarios with changes) and checks; [`run`] runs the
//! cases over their seeds; [`measure`] computes one number per run, using `contacts` and
//! `availability` for numbers that need the event log; [`formula`] computes what theory expects of
//! a scenario; [`judge`] compares; [`table`] writes the outcome. [`solver`] compares the two link
//! solvers.
//!
//! Deliberately not here: tolerances. The plans state each tolerance with its reason; it comes from
//! the sources, not from our runs. A check that fails stays in its plan, together with an
//! explanation.

mod availability;
mod contacts;
pub mod formula;
pub mod judge;
pub mod measure;
pub mod plan;
mod run;
pub mod solver;
pub mod table;

pub use plan::Size;
pub use run::{Options, Outcome, left_out, run};

/// Name and text of each plan, in the order of the output table.
pub const PLANS: &[(&str, &str)] = &[
    (
        "kumar_ross",
        include_str!("../../plans/validation/kumar_ross.toml"),
    ),
    (
        "mundinger",
        include_str!("../../plans/validation/mundinger.toml"),
    ),
    (
        "qiu_srikant",
        include_str!("../../plans/validation/qiu_srikant.toml"),
    ),
    (
        "missing_piece",
        include_str!("../../plans/validation/missing_piece.toml"),
    ),
    (
        "missing_piece_dwell",
        include_str!("../../plans/validation/missing_piece_dwell.toml"),
    ),
    ("legout", include_str!("../../plans/validation/legout.toml")),
    (
        "bharambe",
        include_str!("../../plans/validation/bharambe.toml"),
    ),
    (
        "coupons",
        include_str!("../../plans/validation/coupons.toml"),
    ),
    (
        "bittyrant",
        include_str!("../../plans/validation/bittyrant.toml"),
    ),
    (
        "bittyrant_alone",
        include_str!("../../plans/validation/bittyrant_alone.toml"),
    ),
    (
        "availability",
        include_str!("../../plans/validation/availability.toml"),
    ),
    (
        "propshare",
        include_str!("../../plans/validation/propshare.toml"),
    ),
    (
        "fairtorrent",
        include_str!("../../plans/validation/fairtorrent.toml"),
    ),
    (
        "freeriders",
        include_str!("../../plans/validation/freeriders.toml"),
    ),
    (
        "super_seeding",
        include_str!("../../plans/validation/super_seeding.toml"),
    ),
    ("murai", include_str!("../../plans/validation/murai.toml")),
];
