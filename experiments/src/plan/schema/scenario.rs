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
        ("unit", time(), "The time that the value 1 stands for."),
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
                vec![(
                    "window",
                    time(),
                    "Peers arrive uniformly in this time from the start.",
                )],
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
                        "Arrival time of each peer, from the start.",
                    ),
                    (
                        "file",
                        text(),
                        "File with one time per line, in seconds unless a unit is given.",
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
        ("count", whole(1, 10_000_000), "Number of these origins."),
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
            "Only peers of this access class belong to it. Then share and count refer to this class; without \
             either, all its remaining peers belong to it.",
        ),
        ("share", share(), "Share of the peers."),
        ("count", whole(0, 10_000_000), "Number of peers."),
    ];
    client(&[], own)
}

fn class() -> Value {
    let own = vec![
        ("name", text(), "Name in results."),
        ("share", share(), "Share of the peers."),
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
                "A built-in measured distribution.",
            ),
            (
                "file",
                text(),
                "File of lines `probability,value`, beside the scenario.",
            ),
            ("points", points(), "Pairs of probability and value."),
            ("unit", rate(), "The rate that the value 1 stands for."),
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
            (
                "count",
                whole(1, most),
                "Number of peers that come to download.",
            ),
            (
                "total",
                whole(2, most),
                "The same number, including the origins.",
            ),
            ("arrivals", arrivals(), "When they arrive."),
            ("stay", stay(), "How long they stay after completing."),
            (
                "patience",
                law(),
                "A peer that has not completed leaves after this time.",
            ),
            (
                "session",
                law(),
                "A peer leaves after this time, complete or not.",
            ),
            (
                "rejoins",
                whole(0, most),
                "How many times another peer joins when one leaves.",
            ),
            (
                "reachable",
                share(),
                "Share of the peers that accept incoming connections.",
            ),
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
                "Packets per acknowledgement.",
            ),
            ("segment", size(), "Payload of a packet."),
            (
                "initial_window",
                whole(1, 1000),
                "Packets that may be sent in the first round trip.",
            ),
            ("window", size(), "Most bytes in flight on a connection."),
            ("loss", share(), "Share of the packets that is lost."),
            (
                "rtt_bias",
                truth(),
                "Connections share a link in proportion to 1/round trip.",
            ),
            (
                "uneven",
                time(),
                "Connections have random shares of their links, drawn again after this time of sending.",
            ),
            (
                "connect_time",
                time(),
                "Additional time to set up a connection.",
            ),
        ],
    )
}

fn network() -> Value {
    let region = table(
        &["name", "share", "delays"],
        vec![
            ("name", text(), "Its name."),
            ("share", share(), "Share of the peers in this region."),
            (
                "delays",
                list(&time()),
                "One-way delay to each region, including this one.",
            ),
        ],
    );
    table(
        &[],
        vec![
            (
                "engine",
                words(["exact", "windows"]),
                "How a swarm is run: one event after the other, or in windows of the smallest delay, \
                 on several cores.",
            ),
            (
                "solver",
                words(["exact", "fast"]),
                "How exactly max-min fair rates are computed.",
            ),
            ("base_delay", time(), "One-way delay between any two nodes."),
            (
                "send_buffer",
                whole(1, 255),
                "Blocks that the socket buffer of a connection holds.",
            ),
            (
                "shared_subnets",
                truth(),
                "Each 256 consecutive peers share the first three bytes of their address.",
            ),
            (
                "region",
                list(&region),
                "Regions of the network and the delays between them.",
            ),
            ("transport", transport(), "Effects of TCP on the links."),
        ],
    )
}

fn tracker() -> Value {
    let outage = table(
        &["from", "until"],
        vec![
            ("from", time(), "Start of the outage."),
            ("until", time(), "End of the outage."),
        ],
    );
    table(
        &[],
        vec![
            ("numwant", whole(1, 10_000), "Most peers in one answer."),
            ("interval", time(), "Time between two announces of a peer."),
            (
                "outages",
                list(&outage),
                "Times at which it does not answer, in order.",
            ),
        ],
    )
}

fn faults() -> Value {
    table(
        &[],
        vec![
            (
                "corrupting",
                share(),
                "Share of the peers that send wrong payload.",
            ),
            (
                "overstating",
                share(),
                "Share of the peers that claim to have every piece but one.",
            ),
            (
                "understating",
                share(),
                "Share of the peers that claim to have no pieces.",
            ),
            (
                "break_mean",
                time(),
                "Mean lifetime of a connection before it breaks.",
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
