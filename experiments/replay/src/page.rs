//! The replay as a part of a page, and as a page of its own.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use unchoke_sim::trace::Header;

use crate::encode::encode;
use crate::layout::{Layout, SIDE, layout};
use crate::record::{Film, UNIT_BYTES};

/// The script, in parts that share one scope.
const STEPS: &str = include_str!("../assets/steps.js");
const DRAW: &str = include_str!("../assets/draw.js");
const CONTROLS: &str = include_str!("../assets/controls.js");
const STYLE: &str = include_str!("../assets/replay.css");

/// The browser enforces that nothing is loaded from elsewhere.
const POLICY: &str = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'";

/// Dark blue to yellow, by the share of pieces that a peer has. Readers with any kind of colour
/// vision see the colours as ordered (Nuñez, Anderton and Renslow 2018, `cividis`).
pub const PROGRESS: [[u8; 3]; 5] = [
    [0, 34, 78],
    [65, 77, 107],
    [124, 123, 120],
    [188, 175, 111],
    [254, 232, 56],
];

/// Text escaped for HTML.
#[must_use]
pub fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

/// The client whose peers are marked: the first one, if peers run several. Otherwise `None`.
#[must_use]
pub fn marked(header: &Header) -> Option<u16> {
    let leechers = header.nodes.iter().filter(|it| !it.origin);
    let mut clients: Vec<u16> = leechers.map(|it| it.client).collect();
    clients.sort_unstable();
    clients.dedup();
    (clients.len() > 1).then(|| clients[0])
}

/// The step that a still picture shows.
#[must_use]
pub const fn middle(film: &Film) -> usize {
    film.frames.len() / 2
}

/// A complete page. `still` draws the film's middle step as SVG, for readers without JavaScript.
#[must_use]
pub fn page(film: Film, still: impl FnOnce(&Film, &Layout) -> String) -> String {
    let title = escape(&film.title());
    let body = fragment(film, still);
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{POLICY}\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<title>{title}</title>\n\
         <style>body {{ margin: 0 auto; max-width: 1180px; padding: 16px 20px; color: #222; \
         font: 16px/1.5 \"Source Sans 3\", Helvetica, Arial, sans-serif; }} \
         h1 {{ font-size: 22px; margin: 0 0 8px; }}</style>\n\
         <h1>{title}</h1>\n{body}</html>\n"
    )
}

/// A part of a page; a page can have only one. `still` is as for [`page`].
#[must_use]
pub fn fragment(mut film: Film, still: impl FnOnce(&Film, &Layout) -> String) -> String {
    let packed = encode(&mut film);
    let layout = layout(&film.header);
    let picture = still(&film, &layout);
    let head = head(&film, &layout);
    // Text from a scenario must not end the script element.
    let head = head.to_string().replace('<', "\\u003c");
    let packed = STANDARD.encode(packed);
    let sentence = escape(&sentence(&film));
    let dot = marked(&film.header).map_or(String::new(), |client| {
        let name = &film.header.clients[usize::from(client)].name;
        format!(", a white dot that it runs {}", escape(name))
    });
    let help = format!(
        "Circles are leechers, squares are seeds, diamonds are origins; the colour says how many \
         of the pieces a peer has{dot}."
    );
    format!(
        "<style>\n{STYLE}</style>\n<div class=\"replay\" id=\"replay-stage\">\n\
         <figure class=\"replay-still\" role=\"img\" aria-label=\"{sentence}\">\n{picture}\n\
         <figcaption>{sentence} {help} With JavaScript this is a film of the whole run.\
         </figcaption>\n</figure>\n</div>\n\
         <script type=\"application/json\" id=\"replay-head\">{head}</script>\n\
         <script type=\"text/plain\" id=\"replay-steps\">{packed}</script>\n\
         <script>\n\"use strict\";\n(() => {{\n{STEPS}\n{DRAW}\n{CONTROLS}}})();\n</script>\n"
    )
}

fn seconds(ns: u64) -> f64 {
    ns as f64 / 1e9
}

/// Description of the still picture.
fn sentence(film: &Film) -> String {
    let at = middle(film);
    let frame = &film.frames[at];
    let count = |life: u8| {
        let peers = frame.lives.iter().zip(&film.header.nodes);
        peers
            .filter(|(it, node)| **it == life && !node.origin)
            .count()
    };
    format!(
        "The swarm at {:.1} s of {:.1} s: {} leechers and {} seeds beside the origins, {} flows in a \
         step of {} s.",
        seconds(film.step_ns * (at as u64 + 1)).min(seconds(film.end.as_nanos())),
        seconds(film.end.as_nanos()),
        count(1),
        count(2),
        frame.flow_count,
        seconds(film.step_ns),
    )
}

/// The data for the page besides the steps.
fn head(film: &Film, layout: &Layout) -> serde_json::Value {
    let nodes = &film.header.nodes;
    let origins: Vec<usize> = (0..nodes.len()).filter(|it| nodes[*it].origin).collect();
    let each = |value: fn(&unchoke_sim::trace::NodeInfo) -> u64| -> Vec<u64> {
        nodes.iter().map(value).collect()
    };
    let clients: Vec<&str> = film
        .header
        .clients
        .iter()
        .map(|it| it.name.as_str())
        .collect();
    json!({
        "title": film.title(),
        "frames": film.frames.len(),
        "step_s": seconds(film.step_ns),
        "end_s": seconds(film.end.as_nanos()),
        "peers": nodes.len(),
        "pieces": film.piece_count,
        "columns": film.columns(),
        "pieces_a_column": film.pieces_a_column,
        "unit_bytes": UNIT_BYTES,
        "flow_limit": film.flow_limit,
        "first": middle(film),
        "side": SIDE,
        "radius": layout.radius,
        "names_radius": layout.names,
        "x": layout.at.iter().map(|it| it.0).collect::<Vec<f64>>(),
        "y": layout.at.iter().map(|it| it.1).collect::<Vec<f64>>(),
        "origins": origins,
        "classes": film.header.classes,
        "class": each(|it| it.class.into()),
        "clients": clients,
        "client": each(|it| it.client.into()),
        "up": each(|it| it.up),
        "down": each(|it| it.down),
        "marked": marked(&film.header),
        "colors": PROGRESS,
    })
}
