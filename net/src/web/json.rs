//! The answers of the interface as JSON. The events of `--json` use the same names.

use serde_json::{Map, Value, json};
use unchoke_core::choke::Trigger;
use unchoke_core::client::explain::{Candidates, Hindrance, Unmet};
use unchoke_core::ledger::{Kind, Ledger, Waste};

use super::metrics::columns;
use crate::policies;
use crate::session::board::{
    Board, COLUMNS, Cell, Detail, Era, Panel, PeerShown, RoundShown, Shown,
};
use crate::session::{Explained, LastWord, Status};

/// Grows when a name is changed or removed. New names may be added without a new version.
pub(crate) const SCHEMA_VERSION: u32 = 1;
/// Most peers shown per round; the others are counted.
const MOST_JUDGED: usize = 100;

/// Adds the version.
pub(super) fn versioned(mut value: Value) -> Value {
    if let Some(object) = value.as_object_mut() {
        object.insert("schema_version".into(), SCHEMA_VERSION.into());
    }
    value
}

pub(super) fn torrents(board: &Board) -> Value {
    let panels = board.panels();
    let all = panels.iter().map(|it| summary(it, &it.shown()));
    let total: Map<String, Value> = named(columns(&board.total()));
    json!({ "torrents": all.collect::<Vec<Value>>(), "total": total })
}

fn named(columns: Vec<(String, u64)>) -> Map<String, Value> {
    let cells = columns.into_iter();
    cells.map(|(name, bytes)| (name, bytes.into())).collect()
}

fn summary(panel: &Panel, shown: &Shown) -> Value {
    let mut value = status(&shown.status);
    value["info_hash"] = panel.info_hash.clone().into();
    value["name"] = panel.name.clone().into();
    value["state"] = shown.state.name().into();
    value["policy"] = shown.policy.clone().into();
    value["ledger"] = Value::Object(named(columns(&shown.status.ledger)));
    value
}

pub(super) fn torrent(panel: &Panel, shown: &Shown) -> Value {
    let mut value = summary(panel, shown);
    value["detail"] = shown.detail.as_ref().map_or(Value::Null, detail);
    value
}

fn detail(it: &Detail) -> Value {
    json!({
        "peers": it.peers.iter().map(peer).collect::<Vec<Value>>(),
        "cells": it.cells.iter().map(cell).collect::<Vec<Value>>(),
        "explained": explained(&it.explained),
        "eras": it.eras.iter().map(era).collect::<Vec<Value>>(),
    })
}

fn peer(it: &PeerShown) -> Value {
    let (state, view) = (&it.state, &it.state.view);
    json!({
        "peer": view.peer.0,
        "address": it.address.to_string(),
        "connected_s": it.connected_s,
        "am_choking": view.am_choking,
        "am_interested": view.am_interested,
        "peer_choking": view.peer_choking,
        "peer_interested": view.peer_interested,
        "is_seed": view.is_seed,
        "snubbed": view.snubbed,
        "down_rate": view.down_rate,
        "up_rate": view.up_rate,
        "down_bytes": view.down_bytes,
        "up_bytes": view.up_bytes,
        "have_count": view.have_count,
        "wanted_count": view.wanted_count,
        "queued_requests": view.queued_requests,
        "outstanding_requests": state.outstanding,
        "download_waits_for": state.lack.name(),
        "upload_waits_for": state.wait.name(),
    })
}

fn cell(it: &Cell) -> Value {
    json!([it.pieces, it.have, it.begun, it.least_copies, it.copies])
}

fn era(it: &Era) -> Value {
    let [before, after] = it.ledgers.map(|it| columns(&it));
    let grown = before.into_iter().zip(after);
    // A sum may fall: when a connection closes, its unsent bytes are subtracted.
    let grown = grown.map(|((name, from), (_, to))| (name, to.saturating_sub(from)));
    let parameters = it.parameters.iter().cloned();
    json!({
        "policy": it.policy,
        "parameters": named(parameters.collect()),
        "from_s": it.from.as_secs_f64(),
        "to_s": it.to.as_secs_f64(),
        "ledger": named(grown.collect()),
    })
}

/// The rounds that are kept.
pub(super) fn rounds(panel: &Panel) -> Value {
    let all = panel.rounds(0);
    json!({ "rounds": all.iter().map(|it| round(it)).collect::<Vec<Value>>() })
}

pub(super) fn history(panel: &Panel) -> Value {
    json!({ "columns": COLUMNS, "rows": panel.history() })
}

pub(super) fn policies() -> Value {
    let policy = |entry: &unchoke_core::choke::Entry| {
        let parameters = entry.parameters.iter().map(|it| {
            json!({
                "name": it.name, "key": it.key(), "default": it.default, "min": it.min, "max": it.max,
                "meaning": it.meaning,
            })
        });
        json!({
            "id": entry.id,
            "summary": entry.summary,
            "parameters": parameters.collect::<Vec<Value>>(),
        })
    };
    json!({ "policies": policies::all().each().map(policy).collect::<Vec<Value>>() })
}

/// A decision.
pub(super) fn round(shown: &RoundShown) -> Value {
    let it = &shown.round;
    let (trigger, peer) = match it.trigger {
        Trigger::Tick(_) => ("tick", None),
        Trigger::Interest(peer) => ("interest", Some(peer)),
        Trigger::Connected(peer) => ("connected", Some(peer)),
        Trigger::Disconnected(peer) => ("disconnected", Some(peer)),
        Trigger::Block(peer) => ("block", Some(peer)),
    };
    let all = &it.reasons.judged;
    let judged = all.iter().take(MOST_JUDGED).map(|judged| {
        let scores = judged.scores.iter();
        let scores = scores.map(|(name, value)| ((*name).to_owned(), (*value).into()));
        let address = shown.addresses.get(&judged.peer);
        let kept = it.kept.contains(&judged.peer);
        json!({
            "peer": judged.peer.0,
            "address": address.map(ToString::to_string),
            "rank": judged.rank,
            "standing": judged.standing.name(),
            "was_unchoked": judged.was_unchoked,
            "scores": scores.collect::<Map<String, Value>>(),
            "why": judged.why,
            "dropped": judged.dropped && !kept,
            "kept_for_its_pieces": kept,
        })
    });
    let at = std::time::Duration::from_nanos(it.at.as_nanos());
    json!({
        "number": it.number,
        "at_s": at.as_secs_f64(),
        "policy": shown.policy,
        "trigger": trigger,
        "peer": peer.map(|it| it.0),
        "am_seed": it.am_seed,
        "rule": it.reasons.rule,
        "judged": judged.collect::<Vec<Value>>(),
        "left_out": all.len().saturating_sub(MOST_JUDGED),
    })
}

/// The figures of a session.
pub(crate) fn status(status: &Status) -> Value {
    json!({
        "seconds": status.elapsed.as_secs_f64(),
        "have_pieces": status.have_pieces,
        "pieces": status.pieces,
        "have_bytes": status.have_bytes,
        "total_bytes": status.total_bytes,
        "down_bytes_per_s": status.down_rate,
        "up_bytes_per_s": status.up_rate,
        "peers": status.peers,
        "web_seeds": status.web_seeds,
        "left_s": status.left.map(|it| it.as_secs()),
        "waits_for": status.waits_for.map(hindrance),
    })
}

fn hindrance(it: Hindrance) -> &'static str {
    match it {
        Hindrance::NobodyKnown => "nobody_known",
        Hindrance::Trying => "trying",
        Hindrance::NobodyMet => "nobody_met",
        Hindrance::NothingNeeded => "nothing_needed",
        Hindrance::Choked => "choked",
        Hindrance::Silence => "silence",
        Hindrance::Nothing => "nothing",
    }
}

/// The ledger with the columns of the simulator.
pub(crate) fn ledger(ledger: &Ledger) -> Value {
    let named = |names: &[&str], bytes: &[u64]| {
        let cells = names.iter().zip(bytes);
        Value::Object(
            cells
                .map(|(name, it)| ((*name).to_owned(), (*it).into()))
                .collect(),
        )
    };
    let (causes, kinds) = (Waste::ALL.map(Waste::name), Kind::ALL.map(Kind::name));
    json!({
        "payload_useful_bytes": ledger.payload_useful,
        "payload_wasted_bytes": named(&causes, &ledger.payload_wasted),
        "payload_sent_bytes": ledger.payload_sent,
        "protocol_received_by_message_bytes": named(&kinds, &ledger.protocol_received()),
        "protocol_sent_by_message_bytes": named(&kinds, &ledger.protocol_sent()),
        "protocol_received_bytes": ledger.protocol_received().iter().sum::<u64>(),
        "protocol_sent_bytes": ledger.protocol_sent().iter().sum::<u64>(),
        "received_bytes": ledger.received(),
        "sent_bytes": ledger.sent(),
    })
}

fn reason(why: Unmet) -> &'static str {
    match why {
        Unmet::Refused => "refused",
        Unmet::TimedOut => "timed out",
        Unmet::Unreachable => "unreachable",
        Unmet::Encryption => "encryption",
        Unmet::HungUp => "hung up",
        Unmet::OtherTorrent => "other torrent",
    }
}

/// The counts, each with the name of its column.
pub(crate) fn figures(it: &Candidates) -> Vec<(&'static str, u32)> {
    let mut all = vec![
        ("known", it.known),
        ("untried", it.untried),
        ("trying", it.trying),
        ("connected", it.connected),
        ("parted", it.parted),
    ];
    all.extend(Unmet::ALL.map(|why| (reason(why), it.failed_by(why))));
    all.push(("forgotten", it.forgotten));
    all
}

/// Why no data arrives.
pub(crate) fn explained(it: &Explained) -> Value {
    let words = |all: &[LastWord]| -> Vec<Value> {
        let word = |it: &LastWord| json!({ "url": it.url, "said": it.said, "failed": it.failed });
        all.iter().map(word).collect()
    };
    let candidates = it.explanation.candidates.iter().map(|it| {
        let mut row = serde_json::Map::new();
        row.insert("source".into(), format!("{:?}", it.source).into());
        for (name, count) in figures(it) {
            row.insert(name.replace(' ', "_"), count.into());
        }
        Value::Object(row)
    });
    let connections = &it.explanation.connections;
    json!({
        "text": it.sentence,
        "hindrance": format!("{:?}", it.explanation.hindrance()),
        "candidates": candidates.collect::<Vec<Value>>(),
        "connections": {
            "all": connections.all,
            "nothing_needed": connections.nothing_needed,
            "choking": connections.choking,
            "silent": connections.silent,
            "open": connections.open,
        },
        "trackers": words(&it.trackers),
        "web_seeds": words(&it.web_seeds),
        "dht": it.dht,
        "off": it.off,
    })
}

/// Makes an event of `--json` from the same value.
pub(crate) fn event(name: &str, mut value: Value) -> Value {
    value["event"] = name.into();
    value
}
