//! The schema of scenarios. The reader in the simulator is authoritative; a test compares every
//! list of keys here with the reader's.

use super::client::{client, limits, parameters_by_policy, with_parameters};
use super::kinds::{
    Key, Model, decimal, definitions, list, models, points, rate, share, size, table, text, time,
    truth, whole, words,
};
use serde_json::Value;

fn exponential() -> Model {
    ("exponential", vec!["mean"], vec![("mean", time(), "Mean.")])
}

fn weibull() -> Model {
    let keys = vec![
        ("scale", time(), "Scale."),
        ("shape", decimal(), "Shape, from 0.1 to 10."),
    ];
    ("weibull", vec!["scale", "shape"], keys)
}

fn measured() -> Model {
    let keys = vec![
        (
            "file",
            text(),
            "File of lines `probability,value`, beside the scenario.",
        ),
        ("points", points(), "Pairs of probability and value."),
        ("unit", time(), "The time that a value of 1 means."),
    ];
    ("measured", vec!["unit"], keys)
}

fn law() -> Value {
    models(false, vec![exponential(), weibull(), measured()])
}

fn arrivals() -> Value {
    models(
        true,
        vec![
            (
                "flash",
                vec![],
                vec![("window", time(), "Uniform over this time from the start.")],
            ),
            (
                "poisson",
                vec!["mean_gap"],
                vec![("mean_gap", time(), "Mean gap.")],
            ),
            (
                "decay",
                vec!["tau"],
                vec![("tau", time(), "The rate falls as exp(-t/tau).")],
            ),
            weibull(),
            measured(),
            (
                "trace",
                vec![],
                vec![
                    (
                        "times",
                        list(&time()),
                        "When each peer comes, from the start.",
                    ),
                    (
                        "file",
                        text(),
                        "File with one time a line, in seconds unless it has a unit.",
                    ),
                ],
            ),
        ],
    )
}

fn stay() -> Value {
    models(
        true,
        vec![
            ("at_once", vec![], vec![]),
            ("forever", vec![], vec![]),
            exponential(),
            weibull(),
            measured(),
        ],
    )
}

fn access() -> Vec<Key> {
    vec![
        ("up", rate(), "Uplink."),
        ("down", rate(), "Downlink."),
        (
            "delay",
            time(),
            "One-way delay to the middle of the network.",
        ),
    ]
}

fn origin() -> Value {
    let own = vec![
        ("count", whole(1, 10_000_000), "How many such seeds."),
        (
            "region",
            text(),
            "Name of their region; the first if left out.",
        ),
    ];
    client(&["up", "down"], [own, access()].concat())
}

fn population() -> Value {
    let own = vec![
        (
            "class",
            text(),
            "Only peers of this access class run it; share and count are of those then, and without \
             either it takes all of them that are left.",
        ),
        ("share", share(), "How many of the peers."),
        ("count", whole(0, 10_000_000), "How many peers."),
    ];
    client(&[], own)
}

fn class() -> Value {
    let own = vec![
        ("name", text(), "Name in results."),
        ("share", share(), "How many of the peers."),
    ];
    table(&["up", "down"], [own, access()].concat())
}

fn capacity() -> Value {
    table(
        &[],
        vec![
            (
                "distribution",
                words(["bittyrant_fig1"]),
                "A measured distribution of the house.",
            ),
            (
                "file",
                text(),
                "File of lines `probability,value`, beside the scenario.",
            ),
            ("points", points(), "Pairs of probability and value."),
            ("unit", rate(), "The rate that a value of 1 means."),
            ("scale", decimal(), "Every uplink is multiplied by this."),
            ("down", rate(), "Downlink, the same for all."),
            (
                "down_factor",
                decimal(),
                "Downlink as a multiple of the uplink.",
            ),
            (
                "delay",
                time(),
                "One-way delay to the middle of the network.",
            ),
        ],
    )
}

fn peers() -> Value {
    let most = 10_000_000;
    table(
        &[],
        vec![
            ("count", whole(1, most), "How many peers come to download."),
            (
                "total",
                whole(2, most),
                "The same with the origins included.",
            ),
            ("arrivals", arrivals(), "When they come."),
            (
                "stay",
                stay(),
                "How long they stay once they have every piece.",
            ),
            (
                "patience",
                law(),
                "After so long a peer that is not done gives up and leaves.",
            ),
            (
                "session",
                law(),
                "After so long a peer leaves, done or not.",
            ),
            (
                "rejoins",
                whole(0, most),
                "How often another joins in the place of one that leaves.",
            ),
            ("reachable", share(), "How many accept connections."),
            ("class", list(&class()), "Access links by share."),
            (
                "capacity",
                capacity(),
                "Access links by a measured distribution.",
            ),
        ],
    )
}

fn transport() -> Value {
    table(
        &[],
        vec![
            ("headers", size(), "Header bytes of each packet."),
            (
                "packets_per_ack",
                whole(1, 1000),
                "Packets that one acknowledgement answers.",
            ),
            ("segment", size(), "Payload of a packet."),
            (
                "initial_window",
                whole(1, 1000),
                "Packets that slow start begins with.",
            ),
            ("window", size(), "Bytes in flight on a connection at most."),
            ("loss", share(), "Packets that are lost."),
            (
                "rtt_bias",
                truth(),
                "Connections share a link in proportion to 1/round trip.",
            ),
            (
                "uneven",
                time(),
                "Connections have uneven shares of their links, drawn anew after so long of sending.",
            ),
            (
                "connect_time",
                time(),
                "Setting up a connection takes so much longer.",
            ),
        ],
    )
}

fn network() -> Value {
    let region = table(
        &["name", "share", "delays"],
        vec![
            ("name", text(), "Its name."),
            ("share", share(), "How many of the peers are there."),
            (
                "delays",
                list(&time()),
                "One-way delay to each region, itself included.",
            ),
        ],
    );
    table(
        &[],
        vec![
            (
                "solver",
                words(["exact", "fast"]),
                "How the max-min fair rates are computed.",
            ),
            ("base_delay", time(), "One-way delay between any two nodes."),
            (
                "send_buffer",
                whole(1, 255),
                "Blocks that the socket buffer takes.",
            ),
            (
                "shared_subnets",
                truth(),
                "256 peers in a row share the first three bytes of their addresses.",
            ),
            (
                "region",
                list(&region),
                "Parts of the network and the delays between them.",
            ),
            ("transport", transport(), "What TCP adds."),
        ],
    )
}

fn tracker() -> Value {
    let outage = table(
        &["from", "until"],
        vec![
            ("from", time(), "It begins."),
            ("until", time(), "It is over."),
        ],
    );
    table(
        &[],
        vec![
            ("numwant", whole(1, 10_000), "Peers in one answer at most."),
            ("interval", time(), "Time between two announces of a peer."),
            (
                "outages",
                list(&outage),
                "When it does not answer, in order.",
            ),
        ],
    )
}

fn faults() -> Value {
    table(
        &[],
        vec![
            ("corrupting", share(), "Peers whose payload is wrong."),
            (
                "overstating",
                share(),
                "Peers that say they have every piece but one.",
            ),
            ("understating", share(), "Peers that say they have nothing."),
            (
                "break_mean",
                time(),
                "Mean time after which a connection breaks.",
            ),
        ],
    )
}

/// The schema of scenarios.
pub(super) fn schema() -> Value {
    let torrent = table(
        &["size", "piece"],
        vec![("size", size(), "Payload."), ("piece", size(), "A piece.")],
    );
    let mut schema = table(
        &["torrent", "origin", "peers"],
        vec![
            ("name", text(), "Name in results; \"unnamed\" if left out."),
            (
                "version",
                whole(1, u64::from(u32::MAX)),
                "Raised with each change of results.",
            ),
            ("about", text(), "One sentence: what it is for."),
            ("horizon", time(), "Runs end here at the latest."),
            (
                "sample_every",
                time(),
                "Time between two points of the time series.",
            ),
            ("torrent", torrent, "Size and division of the torrent."),
            ("network", network(), "What lies between the nodes."),
            ("tracker", tracker(), "The tracker."),
            (
                "client",
                with_parameters(table(&[], limits())),
                "What peers run where nothing else is said.",
            ),
            (
                "origin",
                list(&origin()),
                "Who starts with every piece and never leaves.",
            ),
            ("peers", peers(), "Who comes to download."),
            ("population", list(&population()), "What the peers run."),
            ("faults", faults(), "What goes wrong."),
        ],
    );
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema".into();
    schema["title"] = "Unchoke scenario".into();
    schema["$defs"] = definitions();
    schema["$defs"]["parameters_by_policy"] = parameters_by_policy();
    schema
}
