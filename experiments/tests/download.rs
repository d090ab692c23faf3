//! A recording of the real client is watched like a run of the simulator.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use unchoke_core::choke::Parameters;
use unchoke_core::client::redial::Ended;
use unchoke_core::client::source::Source;
use unchoke_core::client::{Input, Internet, Output};
use unchoke_core::geometry::Geometry;
use unchoke_core::ids::PeerId;
use unchoke_core::message::Message;
use unchoke_core::time::Instant;
use unchoke_core::torrent::{self, Unsent, Verdict};
use unchoke_record::tuning::Tuning;
use unchoke_record::{Origin, Recorder, base_config};

use crate::common::ended;

const PIECES: u32 = 6;
const BLOCK: u32 = 1 << 14;

/// Records a client that downloads everything from one seed.
fn record(path: &Path) {
    let bytes = u64::from(PIECES) * u64::from(2 * BLOCK);
    let config = base_config(Geometry::new(bytes, 2 * BLOCK).expect("pieces"));
    let origin = Origin {
        have: config.nothing(),
        config: Arc::new(config),
        policy: "tit_for_tat".into(),
        parameters: Parameters::new(),
        picker: "rarest_first".into(),
        run_seed: 7,
        run_peer: 0,
        connections: 50,
        tuning: Tuning::default(),
        private: false,
        name: PeerId([1; 20]),
        tiers: Vec::new(),
        web_seeds: 0,
    };
    let mut recorder = Recorder::create(path, &origin).expect("created");
    let mut client = origin.client().expect("a client");
    let seed: SocketAddr = "192.0.2.1:6881".parse().expect("an address");
    let mut inputs: VecDeque<Input<Internet>> = VecDeque::from([Input::Found {
        source: Source::User,
        addresses: vec![seed],
    }]);
    let mut now = Instant::START;
    while let Some(input) = inputs.pop_front() {
        now = now.after(Duration::from_millis(20));
        recorder.input(now, &input).expect("written");
        client.handle_input(now, input);
        while let Some(output) = client.poll_output() {
            recorder.output(&output);
            inputs.extend(answers(&output));
        }
    }
    recorder.finish().expect("written");
}

/// What a seed and a disk without faults answer.
fn answers(output: &Output<Internet>) -> Vec<Input<Internet>> {
    let of_torrent = |it| vec![Input::Torrent(it)];
    let says = |peer, message| Input::Torrent(torrent::Input::Message { peer, message });
    match output {
        Output::Dial { door, .. } => vec![Input::Met {
            door: *door,
            name: PeerId(*b"-TR4060-abcdefghijkl"),
            fast: true,
            extended: false,
        }],
        Output::Joined { peer, .. } => {
            vec![says(*peer, Message::HaveAll), says(*peer, Message::Unchoke)]
        }
        Output::Send {
            peer,
            message: Message::Request(block),
        } => vec![says(*peer, Message::Piece(*block))],
        Output::VerifyPiece { piece, .. } => of_torrent(torrent::Input::PieceVerified {
            piece: *piece,
            verdict: Verdict::Good { blocks: Vec::new() },
        }),
        Output::Close { peer, .. } => vec![Input::Closed {
            peer: *peer,
            how: Ended::ByDriver,
            unsent: Unsent::default(),
        }],
        _ => Vec::new(),
    }
}

fn lab(folder: &Path, words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lab"));
    command.current_dir(folder).args(words);
    command
}

/// The text after `name` on its line.
fn field<'a>(text: &'a str, name: &str) -> &'a str {
    let line = text.lines().find(|it| it.starts_with(name));
    line.map_or("", |it| it[name.len()..].trim())
}

#[test]
fn a_recording_becomes_a_film_a_table_and_a_trace() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    record(&folder.join("fetched.rec"));
    let words = [
        "trace",
        "fetched.rec",
        "--html",
        "film.html",
        "--trace",
        "a.trace",
    ];
    let text = ended(&mut lab(folder, &words), 0).stdout;
    for (name, count) in [
        ("join", "2"),
        ("connect", "1"),
        ("unchoke", "1"),
        ("block ", "12"),
        ("piece ", "6"),
        ("complete", "1"),
        ("peers", "2, origins 1"),
    ] {
        assert_eq!(field(&text, name), count, "{name} in {text}");
    }
    assert!(
        text.contains("-TR4060-") && text.contains("unchoke, tit_for_tat"),
        "{text}"
    );
    let page = std::fs::read_to_string(folder.join("film.html")).expect("a page");
    assert!(page.contains("recording fetched"), "the title");
    let again = ended(&mut lab(folder, &["trace", "a.trace"]), 0).stdout;
    for name in ["join", "connect", "unchoke", "block ", "piece "] {
        assert_eq!(field(&again, name), field(&text, name), "{name}");
    }
}

#[test]
fn what_is_no_recording_is_told_in_a_sentence() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    record(&folder.join("fetched.rec"));
    let said = ended(&mut lab(folder, &["trace", "fetched.rec", "--scenario"]), 2);
    assert!(said.stderr.contains("has no scenario"), "{}", said.stderr);
    std::fs::write(folder.join("bad.rec"), "{\"format\":3}").expect("written");
    let said = ended(&mut lab(folder, &["trace", "bad.rec"]), 2);
    let sentence = "line 1 of the recording is not understood";
    assert!(said.stderr.contains(sentence), "{}", said.stderr);
}
