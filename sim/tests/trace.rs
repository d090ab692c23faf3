//! Traces in both forms: a written trace is read back equal, and a damaged one is refused.
//!
//! `UPDATE_GOLDEN=1 cargo test -p unchoke-sim --test golden` rewrites the golden traces. A change
//! of the schema raises its version.

use std::path::Path;

use crate::common::{ORIGIN, PEER, header, swarm};
use proptest::prelude::*;
use unchoke_core::geometry::Geometry;
use unchoke_core::ids::{BlockRef, PieceIndex};
use unchoke_core::time::Instant;
use unchoke_sim::spec::{Stay, SwarmSpec};
use unchoke_sim::trace::{
    End, Form, Happening, Header, Life, Reader, SCHEMA, Sink, Tie, TraceError, Watch, Writer,
};
use unchoke_sim::world;

const FORMS: [Form; 2] = [Form::JsonLines, Form::Binary];

/// One origin and two leechers share three pieces. The last piece is short.
fn tiny() -> SwarmSpec {
    let late = unchoke_sim::spec::NodeSpec {
        arrives_at: Instant::from_secs(1),
        stay: Stay::AtOnce,
        class: 1,
        ..PEER
    };
    let mut spec = swarm("bep3", vec![ORIGIN, PEER, late]);
    spec.geometry = Geometry::new(75_000, 32_768).expect("sizes of a torrent");
    spec
}

fn trace_of(spec: &SwarmSpec, form: Form) -> (Vec<u8>, End) {
    let mut writer = Writer::new(Vec::new(), form, &header(spec));
    let result = world::run(spec, Some(&mut writer)).expect("a spec that can be run");
    let end = End {
        at: result.ended_at,
        digest: result.digest,
    };
    (
        writer.finish(result.ended_at).expect("memory takes all"),
        end,
    )
}

type Events = Vec<(Instant, Happening)>;

fn read(bytes: &[u8]) -> Result<(Header, Events, End), TraceError> {
    let mut reader = Reader::open(bytes)?;
    let mut events = Vec::new();
    while let Some(it) = reader.next_event()? {
        events.push(it);
    }
    let end = reader.end().expect("it has been read to its end");
    Ok((reader.header().clone(), events, end))
}

fn write(header: &Header, events: &Events, at: Instant, form: Form) -> Vec<u8> {
    let mut writer = Writer::new(Vec::new(), form, header);
    for (at, happening) in events {
        writer.record(*at, happening);
    }
    writer.finish(at).expect("memory takes all")
}

#[test]
fn both_forms_tell_the_same_of_a_run() {
    let spec = tiny();
    let [lines, binary] = FORMS.map(|form| trace_of(&spec, form));
    let (from_lines, from_binary) = (read(&lines.0), read(&binary.0));
    let (head, events, end) = from_binary.expect("whole");
    assert_eq!(end, binary.1);
    assert_eq!(head, header(&spec));
    assert_eq!(write(&head, &events, end.at, Form::JsonLines), lines.0);
    let (head, events, end) = from_lines.expect("whole");
    assert_eq!(write(&head, &events, end.at, Form::Binary), binary.0);
}

#[test]
fn golden_traces() {
    for (form, file) in FORMS.into_iter().zip(["tiny.jsonl", "tiny.trace"]) {
        let (bytes, _) = trace_of(&tiny(), form);
        let path = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("tests/golden")
            .join(file);
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            std::fs::write(&path, &bytes).expect("the golden file can be written");
        }
        let golden = std::fs::read(&path).expect("the golden file is there");
        assert!(
            bytes == golden,
            "the trace differs from tests/golden/{file} of schema {SCHEMA}"
        );
    }
}

#[test]
fn a_trace_that_was_cut_is_refused_wherever_it_was_cut() {
    for form in FORMS {
        let (bytes, _) = trace_of(&tiny(), form);
        for length in 0..bytes.len() {
            let error = read(&bytes[..length]).expect_err("cut");
            let fits = matches!(error, TraceError::Cut { .. } | TraceError::NotATrace);
            assert!(fits, "{form:?} {length}: {error}");
        }
    }
    let (bytes, _) = trace_of(&tiny(), Form::Binary);
    let error = read(&bytes[..bytes.len() - 30]).expect_err("cut");
    let text = error.to_string();
    assert!(text.starts_with("cut short at byte "), "{text}");
    assert!(text.contains(" events: write it again"), "{text}");
}

#[test]
fn a_changed_byte_is_found() {
    let (bytes, _) = trace_of(&tiny(), Form::Binary);
    for at in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[at] ^= 0x04;
        assert!(read(&changed).is_err(), "byte {at}");
    }
}

#[test]
fn what_no_writer_writes_is_one_sentence() {
    let (lines, _) = trace_of(&tiny(), Form::JsonLines);
    let text = String::from_utf8(lines).expect("text");
    for (from, to, sentence) in [
        (
            r#""schema":1"#,
            r#""schema":9"#,
            "a trace of schema 9, and this program reads schema 1: write it again",
        ),
        (
            r#"{"event":"trace""#,
            r#"{"event":"trace","x":[[[1"#,
            "not a trace: give a file that --trace wrote",
        ),
        (
            r#""node":2,"class":1"#,
            r#""node":2,"class":7"#,
            "damaged at line 4: node 2 is of a class or client that is not listed; write it again",
        ),
        (
            r#""total_bytes":75000"#,
            r#""total_bytes":0"#,
            "damaged at line 4: total size is 0, so that there is nothing to transfer; write it again",
        ),
        (
            r#"{"t_ns":0,"event":"join","node":0}"#,
            r#"{"t_ns":0,"event":"jump","node":0}"#,
            "damaged at line 5: no event is called \"jump\"; write it again",
        ),
        (
            r#"{"t_ns":0,"event":"join","node":0}"#,
            r#"{"t_ns":0,"event":"join","node":5}"#,
            "damaged at line 5: node 5 of 3; write it again",
        ),
        (
            r#"{"t_ns":0,"event":"join","node":0}"#,
            r#"{"t_ns":9999999999,"event":"join","node":0}"#,
            "damaged at line 6: time runs backwards; write it again",
        ),
        (
            r#"{"t_ns":0,"event":"join","node":0}"#,
            r#"{"t_ns":0,"event":"choke","node":0}"#,
            "damaged at line 5: a key is missing; write it again",
        ),
        (
            r#""begin":0,"#,
            r#""begin":1,"#,
            "the digest of the events differs",
        ),
        (
            r#""length":9464"#,
            r#""length":9465"#,
            "no block has 9465 bytes from 0 on",
        ),
    ] {
        assert!(text.contains(from), "{from}");
        let error = read(text.replacen(from, to, 1).as_bytes()).expect_err(to);
        assert!(error.to_string().contains(sentence), "{error}");
    }
    assert!(matches!(
        read(b"\x7fELF, or so"),
        Err(TraceError::NotATrace)
    ));
    let twice = [text.as_bytes(), b"{}\n"].concat();
    let error = read(&twice).expect_err("too long").to_string();
    assert!(error.contains("something follows the end"), "{error}");
}

#[test]
fn a_watch_ends_where_the_run_does() {
    let spec = tiny();
    let mut watch = Watch::new(&header(&spec));
    let result = world::run(&spec, Some(&mut watch)).expect("a spec that can be run");
    assert_eq!(watch.now(), result.ended_at);
    let lives = [0, 1, 2].map(|it| watch.life(it));
    assert_eq!(lives, [Life::Seed, Life::Seed, Life::Gone]);
    for node in &result.nodes {
        assert_eq!(watch.pieces(node.node), node.piece_count);
    }
    // All payload moved within the window.
    let moved: u64 = result
        .nodes
        .iter()
        .map(|it| it.ledger.payload_received())
        .sum();
    let ended_ms = result.ended_at.as_millis();
    let rates: u64 = watch.rates().values().sum();
    assert!(rates.abs_diff(moved * 1000 / ended_ms) <= 4, "{rates}");
    assert_eq!(
        watch.ties(2).count(),
        0,
        "a peer that left has no connections"
    );
    assert_eq!(
        watch.ties(0).count(),
        0,
        "seeds have nothing for each other"
    );
}

#[test]
fn a_watch_knows_who_serves_whom_on_the_way() {
    let mut spec = tiny();
    let whole = world::run(&spec, None).expect("a spec that can be run");
    // The run ends while the last pieces are in flight.
    spec.horizon = Instant::from_nanos(whole.ended_at.as_nanos() - 30_000_000);
    let mut watch = Watch::new(&header(&spec));
    let result = world::run(&spec, Some(&mut watch)).expect("a spec that can be run");
    assert_eq!(result.ended_at, spec.horizon);
    let (connected, unchokes) = (true, true);
    assert_eq!(
        watch.tie(0, 1),
        Tie {
            connected,
            unchokes
        }
    );
    assert!(watch.tie(1, 0).connected && !watch.tie(1, 0).unchokes);
    assert_eq!(watch.life(1), Life::Leecher);
    assert!((1..3).contains(&watch.pieces(1)));
    assert!(watch.rates()[&(0, 1)] > 1000);
}

fn happening() -> impl Strategy<Value = Happening> {
    let (node, other, piece) = (0..300_u32, 0..300_u32, (0..400_u32).prop_map(PieceIndex));
    let pair = (node.clone(), other);
    prop_oneof![
        node.clone().prop_map(|node| Happening::Join { node }),
        node.clone().prop_map(|node| Happening::Leave { node }),
        node.clone().prop_map(|node| Happening::Complete { node }),
        pair.clone()
            .prop_map(|(node, other)| Happening::Connect { node, other }),
        pair.clone()
            .prop_map(|(node, other)| Happening::Disconnect { node, other }),
        pair.clone()
            .prop_map(|(node, other)| Happening::Choke { node, other }),
        pair.clone()
            .prop_map(|(node, other)| Happening::Unchoke { node, other }),
        (node.clone(), piece.clone()).prop_map(|(node, piece)| Happening::Piece { node, piece }),
        (node, piece.clone()).prop_map(|(node, piece)| Happening::Corrupt { node, piece }),
        (pair, piece, 0..4_u32, 1..=16_384_u32, any::<bool>()).prop_map(
            |((node, other), piece, block, length, regular)| {
                let begin = block * 16_384;
                let length = if regular { 16_384 } else { length };
                let block = BlockRef {
                    piece,
                    begin,
                    length,
                };
                Happening::Block { node, other, block }
            }
        ),
    ]
}

/// Traces that no run would give: any events in any order, at any time.
fn traces() -> impl Strategy<Value = (Header, Events, Instant)> {
    let gap = prop_oneof![Just(0_u64), 0..1000_u64, 0..1_u64 << 40];
    let events = proptest::collection::vec((gap, happening()), 0..200);
    (events, any::<u64>(), "\\PC*").prop_map(|(events, seed, name)| {
        let mut nodes = vec![PEER; 300];
        nodes[7].arrives_at = Instant::from_nanos(seed);
        let mut spec = swarm("bep3", nodes);
        spec.seed = seed;
        spec.geometry = Geometry::new(400 * 65_536, 65_536).expect("sizes of a torrent");
        let header = Header {
            scenario: name,
            ..header(&spec)
        };
        let mut now = 0;
        let events: Events = events
            .into_iter()
            .map(|(gap, happening)| {
                now += gap;
                (Instant::from_nanos(now), happening)
            })
            .collect();
        (header, events, Instant::from_nanos(now + 1))
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_is_written_is_read_and_both_forms_agree((header, events, at) in traces()) {
        let [lines, binary] = FORMS.map(|form| write(&header, &events, at, form));
        for bytes in [&lines, &binary] {
            let (read_header, read_events, read_end) = read(bytes).expect("whole");
            prop_assert_eq!(&read_header, &header);
            prop_assert_eq!(&read_events, &events);
            prop_assert_eq!(read_end.at, at);
        }
        prop_assert!(binary.len() < lines.len());
    }

    #[test]
    fn noise_never_panics(noise in proptest::collection::vec(any::<u8>(), 0..400), at in 0..2000_usize) {
        let (whole, _) = trace_of(&tiny(), Form::Binary);
        let mut bytes = whole[..at.min(whole.len())].to_vec();
        bytes.extend(noise);
        prop_assert!(bytes == whole || read(&bytes).is_err());
    }
}
