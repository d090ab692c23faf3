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
    [identity(), requests()].concat()
}

/// Keys for policies and connections.
fn identity() -> Vec<Key> {
    vec![
        (
            "profile",
            words(PROFILES.iter().map(|it| it.id)),
            "What this client ships; every other key is set on top.",
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
            "Connections at most, opened by either side.",
        ),
        (
            "initiate",
            whole(1, MOST),
            "Connections from which on nobody is dialled.",
        ),
        (
            "enough",
            whole(1, MOST),
            "With fewer connections the tracker is asked early.",
        ),
        (
            "parameters",
            json!({ "type": "object" }),
            "Parameters of the policy.",
        ),
        ("upload_cap", rate(), "Cap of the payload upload."),
        ("download_cap", rate(), "Cap of the payload download."),
    ]
}

/// Keys for requests and behaviour.
fn requests() -> Vec<Key> {
    vec![
        (
            "queue_time",
            time(),
            "Requests outstanding: enough blocks for so long.",
        ),
        (
            "min_requests",
            whole(1, MOST),
            "Requests outstanding at least.",
        ),
        (
            "max_requests",
            whole(1, MOST),
            "Requests outstanding at most.",
        ),
        (
            "snub_after",
            time(),
            "A peer that owes a block for so long is snubbed.",
        ),
        (
            "endgame",
            json!({ "enum": [true, false, "strict"] }),
            "Ask a second peer for the last blocks, or with 'strict' each peer that has run out of work.",
        ),
        (
            "allowed_fast",
            whole(0, 255),
            "Pieces that a peer may ask for while it is choked (BEP 6).",
        ),
        (
            "allowed_fast_by",
            words(["network", "address"]),
            "Which pieces, by the first three bytes of the peer's address or by all.",
        ),
        (
            "takes_allowed_fast",
            truth(),
            "Ask for such pieces of peers that choke.",
        ),
        (
            "aligned_ticks",
            truth(),
            "Rechoke at whole multiples of the period, as everybody does.",
        ),
        (
            "peer_exchange",
            truth(),
            "Tell peers whom one is connected to, and dial whom they name.",
        ),
        (
            "super_seed",
            truth(),
            "Who starts with every piece reveals them one at a time.",
        ),
        (
            "rerequest_interval",
            time(),
            "With too few connections the tracker is asked again after so long.",
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
