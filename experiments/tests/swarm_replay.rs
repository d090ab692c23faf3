//! The swarm replay: the recording must agree with the run, and the page in a browser with the
//! recording. Without a browser the second part is skipped with a message; with
//! `UNCHOKE_REQUIRE_CHROMIUM=1` that is a failure.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use unchoke_experiments::show::swarm_replay::{Film, Recorder, UNIT_BYTES, fragment, page};
use unchoke_sim::result::RunResult;
use unchoke_sim::scenario::{Scenario, expand};
use unchoke_sim::trace::Header;
use unchoke_sim::world;

fn film(peers: usize, more: &[&str]) -> (Film, RunResult) {
    let populations = "population=[{share=\"50 %\", policy=\"bep3\"}, {policy=\"tit_for_tat\"}]";
    let mut sets = vec![format!("peers={peers}"), populations.to_owned()];
    sets.extend(more.iter().map(|it| (*it).to_owned()));
    let scenario = Scenario::builtin("flash-hetero", &sets).expect("our own scenario");
    let spec = expand(&scenario, 3);
    let mut recorder = Recorder::new(&Header::new(&scenario, &spec)).expect("small enough");
    let result = world::run(&spec, Some(&mut recorder)).expect("a spec that can be run");
    (recorder.finish(result.ended_at), result)
}

fn tiny() -> (Film, RunResult) {
    film(12, &["size=2 MiB", "piece=64 KiB"])
}

#[test]
fn the_last_step_is_the_end_of_the_run() {
    let (film, result) = tiny();
    let last = film.frames.last().expect("a step");
    let steps = film.frames.len() as u64;
    assert!((200..=400).contains(&steps), "{steps}");
    let end_ns = film.end.as_nanos();
    assert!((steps - 1) * film.step_ns <= end_ns && end_ns < steps * film.step_ns);
    for (node, it) in result.nodes.iter().enumerate() {
        assert_eq!(last.pieces[node], it.piece_count);
        assert_eq!(last.down[node], it.ledger.payload_received());
        assert!(last.up[node] <= it.ledger.payload_sent);
        let life = if it.left_at.is_some() { 3 } else { 2 };
        assert_eq!(last.lives[node], life);
    }
    // Every copy belongs to a node, and the origin has one of each piece.
    let present = (0..13).filter(|node| last.lives[*node] == 2).count();
    assert!(last.copies.iter().all(|it| *it as usize == present));
    // Flows contain part of a step's bytes. In a swarm this small, no flow is left out.
    for pair in film.frames.windows(2) {
        let moved: u64 = pair[1].down.iter().sum::<u64>() - pair[0].down.iter().sum::<u64>();
        let drawn: u64 = pair[1].flows.iter().map(|it| u64::from(it.units)).sum();
        assert!(
            (drawn * UNIT_BYTES).abs_diff(moved) <= UNIT_BYTES * (1 + drawn),
            "{drawn} {moved}"
        );
        assert_eq!(pair[1].flow_count as usize, pair[1].flows.len());
    }
}

#[test]
fn a_page_stands_alone_and_stays_small() {
    let (mut film, _) = tiny();
    film.header.scenario = "</script><script>alert(1)</script>".to_owned();
    film.header.clients[0].name = "<!--".to_owned();
    let text = page(film.clone());
    assert_eq!(
        text.matches("</script").count(),
        text.matches("<script").count()
    );
    assert_eq!(text.matches("<script").count(), 3, "none is made of a name");
    assert!(!text.contains("<!--"));
    for word in [
        "src=", "href=", "@import", "url(", "fetch(", "XMLHttp", "import(",
    ] {
        assert!(!text.contains(word), "the page loads nothing: {word}");
    }
    assert!(
        text.contains("<svg") && text.contains("The swarm at "),
        "without JavaScript too"
    );
    assert!(text.len() < 200_000, "{} bytes", text.len());
    assert_eq!(text, page(film.clone()), "the same every time");
    assert!(fragment(film).len() < text.len());
}

#[test]
fn a_long_and_busy_run_is_bounded() {
    let (film, _) = film(100, &["size=4 MiB", "piece=16 KiB", "policy=unchoke_all"]);
    assert!(film.frames.len() <= 400);
    assert!(
        film.frames
            .iter()
            .all(|it| it.flows.len() <= film.flow_limit)
    );
    let text = page(film);
    assert!(text.len() < 1_500_000, "{} bytes", text.len());
}

// ---- in a browser

fn chromium() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let names = ["chromium", "chromium-browser", "google-chrome"];
    let found = std::env::split_paths(&path)
        .flat_map(|folder| names.map(|it| folder.join(it)))
        .find(|it| it.is_file());
    let required = std::env::var_os("UNCHOKE_REQUIRE_CHROMIUM").is_some_and(|it| it == "1");
    assert!(
        found.is_some() || !required,
        "UNCHOKE_REQUIRE_CHROMIUM=1, and no Chromium is on PATH"
    );
    if found.is_none() {
        eprintln!("SKIPPED: no Chromium on PATH, the swarm replay is not tried in a browser");
    }
    found
}

/// Uses the page as a reader would, and reports what it shows.
const VISIT: &str = r##"
<script>
(() => {
  const said = { errors: [] };
  addEventListener("error", (it) => said.errors.push(it.message));
  addEventListener("securitypolicyviolation", (it) => said.errors.push(it.blockedURI));
  const replay = window.unchokeReplay;
  const canvas = document.querySelector(".replay-swarm");
  const pixels = () => {
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    let sum = 0;
    for (let at = 0; at < data.length; at++) sum = (sum * 31 + data[at]) % 1000000007;
    return sum;
  };
  const press = (key, target = canvas) =>
    target.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
  const text = (at) => document.querySelector(at).textContent;
  said.title = document.title;
  said.steps = [];
  for (let f = 0; f < replay.frames; f++) said.steps.push(replay.describe(f));
  said.pictures = [0.1, 0.3, 0.6, 0.9].map((it) => {
    replay.show(Math.floor(it * replay.frames));
    return pixels();
  });
  replay.show(Math.floor(replay.frames / 3));
  said.before = text("#replay-chosen");
  const head = JSON.parse(text("#replay-head"));
  const box = canvas.getBoundingClientRect();
  const at = (it) => it * box.width / head.side;
  canvas.dispatchEvent(new MouseEvent("click", {
    clientX: box.left + at(head.x[5]), clientY: box.top + at(head.y[5]), bubbles: true,
  }));
  said.clicked = text("#replay-chosen");
  said.rows = document.querySelectorAll(".replay-peer tbody tr").length;
  press("ArrowDown");
  said.down = text("#replay-chosen");
  press("Escape");
  said.escaped = text("#replay-chosen");
  press("Home");
  said.home = text(".replay-now b");
  press("ArrowRight");
  said.right = text(".replay-now b");
  press(" ");
  said.playing = text(".replay-controls button");
  press(" ");
  said.paused = text(".replay-controls button");
  said.loaded = performance.getEntriesByType("resource").length;
  const out = document.createElement("pre");
  out.id = "said";
  out.textContent = JSON.stringify(said);
  document.body.append(out);
})();
</script>
</html>
"##;

fn browse(chromium: &Path, folder: &Path, page: &Path) -> (String, String) {
    let mut command = Command::new(chromium);
    command.args([
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--window-size=1180,820",
        "--virtual-time-budget=3000",
        "--enable-logging=stderr",
        "--dump-dom",
    ]);
    command.arg(format!(
        "--user-data-dir={}",
        folder.join("profile").display()
    ));
    command.arg(format!("file://{}", page.display()));
    let output = command.output().expect("Chromium starts");
    let text = |it: Vec<u8>| String::from_utf8_lossy(&it).into_owned();
    (text(output.stdout), text(output.stderr))
}

/// The content of each step that the browser should have unpacked.
fn steps(film: &Film) -> Vec<Value> {
    let units = |sums: &[u64]| -> Vec<u64> { sums.iter().map(|it| it / UNIT_BYTES).collect() };
    let step = |it: &unchoke_experiments::show::swarm_replay::Frame| {
        let flows: Vec<_> = it
            .flows
            .iter()
            .map(|it| json!([it.from, it.to, it.units]))
            .collect();
        let state =
            |it: &unchoke_sim::trace::Tie| u8::from(it.connected) + 2 * u8::from(it.unchokes);
        let ties: Vec<_> = it
            .ties
            .iter()
            .map(|(pair, tie)| json!([pair.0, pair.1, state(tie)]))
            .collect();
        json!([
            it.lives,
            it.pieces,
            units(&it.down),
            units(&it.up),
            it.copies,
            it.gained,
            it.flow_count,
            flows,
            ties,
        ])
    };
    film.frames.iter().map(step).collect()
}

#[test]
fn a_browser_shows_what_was_recorded() {
    let Some(chromium) = chromium() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let (film, _) = tiny();
    let alone = page(film.clone());
    let part = fragment(film.clone());
    let report = format!(
        "<!doctype html>\n<html>\n<meta charset=\"utf-8\">\n<title>plan</title>\n<main>\n\
         <h2 id=\"replay\">One run</h2>\n{part}</main>\n</html>\n"
    );
    for text in [alone, report] {
        let said = visit(&chromium, folder.path(), &text.replace("</html>", VISIT));
        judge(&said, &film);
    }
}

/// Opens a page and returns its report. It may print nothing else and load nothing.
fn visit(chromium: &Path, folder: &Path, text: &str) -> Value {
    let file = folder.join("page.html");
    std::fs::write(&file, text).expect("written");
    let (dom, log) = browse(chromium, folder, &file);
    let said = dom
        .split("<pre id=\"said\">")
        .nth(1)
        .and_then(|it| it.split("</pre>").next());
    let said = said.unwrap_or_else(|| panic!("the page did not run:\n{log}"));
    let said = said
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&amp;", "&");
    let said: Value = serde_json::from_str(&said).expect("JSON");
    assert_eq!(said["title"], "ready");
    assert_eq!(said["errors"], json!([]));
    assert_eq!(said["loaded"], 0, "no network request is made");
    let errors: Vec<&str> = log
        .lines()
        .filter(|it| it.contains("CONSOLE") && !it.contains("willReadFrequently"))
        .collect();
    assert!(errors.is_empty(), "{errors:?}");
    said
}

/// Checks that the report agrees with the recording.
fn judge(said: &Value, film: &Film) {
    for (at, (own, expected)) in said["steps"]
        .as_array()
        .expect("steps")
        .iter()
        .zip(steps(film))
        .enumerate()
    {
        assert_eq!(*own, expected, "step {at}");
    }
    let pictures = said["pictures"].as_array().expect("four");
    assert!(
        (1..4).all(|it| pictures[it] != pictures[it - 1]),
        "each looks different"
    );
    let text = |key: &str| said[key].as_str().expect("a text").to_owned();
    assert!(
        text("before").starts_with("None: click on one"),
        "{}",
        text("before")
    );
    assert!(
        text("clicked").starts_with("Peer 5, leecher: class "),
        "{}",
        text("clicked")
    );
    assert!(
        text("clicked").contains(" connections, unchokes "),
        "{}",
        text("clicked")
    );
    assert!(
        said["rows"].as_u64().is_some_and(|it| it >= 4),
        "{}",
        said["rows"]
    );
    assert!(text("down").starts_with("Peer 6, "), "{}", text("down"));
    assert!(text("escaped").starts_with("None: "));
    assert_ne!(text("home"), text("right"));
    assert_eq!(
        (text("playing"), text("paused")),
        ("Pause".to_owned(), "Play".to_owned())
    );
}
