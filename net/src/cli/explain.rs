//! `--explain`: a table that shows why no data arrives.

use comfy_table::{CellAlignment, Table, presets};
use unchoke_core::client::explain::{Candidates, Hindrance};
use unchoke_core::client::source::Source;

use crate::session::Explained;
use crate::web::json::figures;

fn source(source: Source) -> &'static str {
    match source {
        Source::User => "named by you",
        Source::Tracker => "trackers",
        Source::Resume => "earlier sessions",
        Source::LocalNetwork => "local network",
        Source::Link => "magnet link",
        Source::Incoming => "incoming",
        Source::Dht => "DHT",
        Source::PeerExchange => "peer exchange",
    }
}

/// What a download waits for, in a few words.
pub(super) fn hindrance(it: Hindrance) -> &'static str {
    match it {
        Hindrance::NobodyKnown => "no peer is known",
        Hindrance::Trying => "connecting",
        Hindrance::NobodyMet => "no peer is connected",
        Hindrance::NothingNeeded => "no peer has a missing piece",
        Hindrance::Choked => "all peers choke us",
        Hindrance::Silence => "peers do not answer",
        Hindrance::Nothing => "data is on its way",
    }
}

/// The whole table, for a terminal.
pub(super) fn table(it: &Explained) -> String {
    let connections = &it.explanation.connections;
    let peers = format!(
        "peers: {} connected, {} without a piece we need, {} choking us, {} silent, {} unchoking us",
        connections.all,
        connections.nothing_needed,
        connections.choking,
        connections.silent,
        connections.open
    );
    let servers = [("tracker", &it.trackers), ("web seed", &it.web_seeds)];
    let words = servers.into_iter().flat_map(|(kind, words)| {
        words.iter().map(move |word| {
            let said = word.said.as_deref().unwrap_or("not asked yet");
            format!("{kind} {}: {said}", word.url)
        })
    });
    let mut lines = vec![candidates(it), peers];
    lines.extend(words);
    lines.extend(it.dht.clone());
    if !it.off.is_empty() {
        lines.push(format!("off: {}", it.off.join(", ")));
    }
    lines.join("\n")
}

fn candidates(it: &Explained) -> String {
    let all = &it.explanation.candidates;
    if all.is_empty() {
        return "addresses: none known".into();
    }
    let mut table = Table::new();
    table.load_style(presets::UTF8_FULL_CONDENSED);
    let told: Vec<bool> = (0..figures(&all[0]).len())
        .map(|column| all.iter().any(|it| figures(it)[column].1 > 0))
        .collect();
    // Leave out columns without a count: with them the table would be wider than a terminal.
    let cells = |it: &Candidates| {
        let all = figures(it).into_iter().zip(&told);
        let told = all.filter(|it| *it.1).map(|it| it.0);
        told.collect::<Vec<(&'static str, u32)>>()
    };
    let heads = cells(&all[0]).into_iter().map(|it| it.0);
    table.set_header(std::iter::once("addresses from").chain(heads));
    for it in all {
        let cells = cells(it).into_iter().map(|it| match it.1 {
            0 => "-".to_owned(),
            count => count.to_string(),
        });
        table.add_row(std::iter::once(source(it.source).to_owned()).chain(cells));
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table.to_string()
}
