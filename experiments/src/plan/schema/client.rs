//! Schema of what peers run: the keys of `[client]`, populations and origins.

use serde_json::{Map, Value, json};
use unchoke_core::choke::{Parameter, REGISTRY};
use unchoke_core::pick::PICKERS;
use unchoke_core::profile::PROFILES;

use super::kinds::{Key, rate, shared, size, table, text, time, truth, whole, words};

/// Most connections and requests.
const MOST: u64 = u16::MAX as u64;

/// Keys of `[client]`.
pub(super) fn limits() -> Vec<Key> {
    [identity(), requests(), times()].concat()
}

/// Keys for policies and connections.
fn identity() -> Vec<Key> {
    vec![
        (
            "profile",
            words(PROFILES.iter().map(|it| it.id)),
            "Client profile: settings of a client as released. Every other key overrides it.",
        ),
        (
            "policy",
            words(REGISTRY.iter().map(|it| it.id)),
            "Choking policy.",
        ),
        ("picker", words(PICKERS.iter().copied()), "Piece picker."),
        (
            "max_connections",
            whole(1, MOST),
            "Most connections, counting those opened by either side.",
        ),
        (
            "initiate",
            whole(1, MOST),
            "With this many connections it stops dialling.",
        ),
        (
            "enough",
            whole(1, MOST),
            "With fewer connections than this it announces early.",
        ),
        (
            "parameters",
            json!({ "type": "object" }),
            "Parameters of the policy.",
        ),
        ("upload_cap", rate(), "Limit on the payload upload."),
        ("download_cap", rate(), "Limit on the payload download."),
    ]
}

/// Keys for requests and behaviour.
fn requests() -> Vec<Key> {
    vec![
        (
            "queue_time",
            time(),
            "Outstanding requests: as many as a peer can answer in this time.",
        ),
        (
            "min_requests",
            whole(1, MOST),
            "Fewest outstanding requests.",
        ),
        ("max_requests", whole(1, MOST), "Most outstanding requests."),
        (
            "start_requests",
            whole(0, MOST),
            "Outstanding requests with which a connection begins; one more with each block until the rate stops \
             growing (libtorrent: 4). 0: as many as queue_time says from the start.",
        ),
        (
            "endgame",
            json!({ "enum": [true, false, "strict"] }),
            "Request the last blocks from a second peer; with 'strict', from each peer without other requests.",
        ),
        (
            "allowed_fast",
            whole(0, 255),
            "Number of pieces that a peer may request while choked (BEP 6).",
        ),
        (
            "allowed_fast_by",
            words(["network", "address"]),
            "Whether these pieces depend on the first three bytes of the peer's address or on all of it.",
        ),
        (
            "takes_allowed_fast",
            truth(),
            "Request such pieces from peers that choke us.",
        ),
        (
            "aligned_ticks",
            truth(),
            "Rechoke at whole multiples of the period, at the same time as all peers with this setting.",
        ),
        (
            "peer_exchange",
            truth(),
            "Send peers the addresses of other peers, and dial the addresses that they send (BEP 11).",
        ),
        (
            "super_seed",
            truth(),
            "A peer that starts with every piece reveals them one at a time (BEP 16).",
        ),
    ]
}

/// Keys for times.
fn times() -> Vec<Key> {
    vec![
        (
            "snub_after",
            time(),
            "A peer that owes a block for this long is snubbed.",
        ),
        (
            "dial_timeout",
            time(),
            "Time for an attempt to connect, handshake included.",
        ),
        (
            "handshake_timeout",
            time(),
            "Time for the handshake of an incoming connection.",
        ),
        (
            "idle_timeout",
            time(),
            "A peer that sends nothing for this long is closed.",
        ),
        (
            "keep_alive",
            time(),
            "A peer to which nothing was sent for this long gets a keep-alive; less than idle_timeout.",
        ),
        (
            "rerequest_interval",
            time(),
            "With too few connections it announces again after this time.",
        ),
    ]
}

fn parameter(parameter: &Parameter) -> (String, Value) {
    let name = parameter.name;
    let (key, mut schema) = if let Some(key) = name.strip_suffix("_ns") {
        (key, time())
    } else if let Some(key) = name.strip_suffix("_bytes") {
        (key, size())
    } else {
        (name, json!({ "type": "integer", "minimum": parameter.min }))
    };
    schema["description"] = parameter.meaning.into();
    (key.to_owned(), schema)
}

/// The parameters allowed for each policy.
pub(super) fn parameters_by_policy() -> Value {
    let by_policy = REGISTRY.iter().map(|entry| {
        let parameters: Map<String, Value> = entry.parameters.iter().map(parameter).collect();
        let parameters = json!({
            "type": "object",
            "properties": parameters,
            "additionalProperties": false,
        });
        json!({
            "if": { "properties": { "policy": { "const": entry.id } }, "required": ["policy"] },
            "then": { "properties": { "parameters": parameters } },
        })
    });
    json!({ "allOf": by_policy.collect::<Vec<Value>>() })
}

/// Adds to a table the parameters that its policy has.
pub(super) fn with_parameters(mut client: Value) -> Value {
    client["allOf"] = json!([shared("parameters_by_policy")]);
    client
}

/// A population or origin: the common keys, name, parameters, and its own keys.
pub(super) fn client(required: &[&str], own: Vec<Key>) -> Value {
    let mut keys = [own, limits()].concat();
    keys.push(("name", text(), "Name that results are grouped by."));
    with_parameters(table(required, keys))
}
