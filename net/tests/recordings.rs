//! Recordings of sessions: a replay gives the same outputs, and a failed write does no harm.

use std::net::Ipv4Addr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use unchoke_core::message::{Extended, ExtendedHandshake, Message};
use unchoke_core::wire::{HANDSHAKE_BYTES, PEX_ID, PEX_NAME};
use unchoke_net::record::{is_recording, replay};
use unchoke_net::session::End;

use crate::common::command::{assert_sentence, run as run_command, seed, stderr};
use crate::common::peer::{bytes_of, handshake};
use crate::common::{Sample, run, sample, sample_with};

/// A `ut_pex` message whose IPv6 list contains an IPv4-mapped address and a real IPv6 address.
fn exchange() -> Vec<u8> {
    let mapped = Ipv4Addr::new(127, 0, 0, 9).to_ipv6_mapped().octets();
    let other = std::net::Ipv6Addr::LOCALHOST.octets();
    let payload = [
        &b"d6:added636:"[..],
        &other,
        b"\x00\x09",
        &mapped,
        b"\x00\x098:added6.f2:\x02\x108:dropped618:",
        &mapped,
        b"\x00\x07e",
    ]
    .concat();
    let length = u32::try_from(payload.len() + 2).expect("short");
    [&length.to_be_bytes()[..], &[20, PEX_ID], &payload].concat()
}

/// A peer that sends addresses by peer exchange and stays until it is closed.
async fn gossip(sample: &Sample) -> std::net::SocketAddr {
    let listener = TcpListener::bind(("127.0.0.3", 0)).await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let mut hello = handshake(&sample.metainfo, b"-XX0000-gossip000000").to_vec();
    hello[25] = 0x10;
    let extended = ExtendedHandshake {
        extensions: [(PEX_NAME.to_owned(), PEX_ID)].into(),
        ..ExtendedHandshake::default()
    };
    let extended = Extended::Handshake(extended);
    hello.extend(bytes_of(&Message::Extended(Box::new(extended))));
    hello.extend(exchange());
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.expect("somebody");
        stream.write_all(&hello).await.expect("it listens");
        let mut sink = vec![0; HANDSHAKE_BYTES];
        while stream.read(&mut sink).await.is_ok_and(|it| it > 0) {}
    });
    address
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mapped_address_from_peer_exchange_is_replayed_as_it_came() {
    let sample = sample();
    let honest = sample.seed().await;
    let folder = tempfile::tempdir().expect("temporary folder");
    let recording = folder.path().join("recording");
    let mut settings = sample.settings(folder.path());
    settings.peers = vec![gossip(&sample).await, honest];
    settings.record = Some(recording.clone());
    settings.download_cap = Some(500_000);
    let (outcome, _) = run(settings).await;
    assert_eq!(outcome.expect("no failure").end, End::Done);
    let text = std::fs::read_to_string(&recording).expect("a recording");
    // The message in wire form, after it was encoded again.
    let came = text
        .lines()
        .find(|it| it.contains("\"message\":[") && it.contains("7f0000090009"));
    assert!(came.is_some(), "the message is not in the recording");
    let tried = text.contains("127.0.0.9:9");
    assert!(tried, "the address was not dialled as one of IPv4");
    assert!(is_recording(text.as_bytes()) && !is_recording(b"{\"at\":0"));
    replay(&recording).expect("the same outputs");
}

/// A device file is not overwritten, so it may be named as recording. `/dev/full` fails on each
/// write. The fetched data is kept, whether the error shows up during the session or at its end.
#[test]
fn a_recording_that_cannot_be_written_costs_no_pieces() {
    for (sample, status) in [(sample(), 5), (sample_with(&[], 32 * 1024, 10_000), 0)] {
        let seed = seed(&sample, &[]);
        let home = sample.folder.path();
        let peer = seed.peer();
        let words = [
            "download",
            "sample.torrent",
            "--peer",
            &peer,
            "--no-tracker",
        ];
        let words = [&words[..], &["--out", "there"]].concat();
        let recorded = [&words[..], &["--record", "/dev/full"]].concat();
        let output = run_command(home, &recorded);
        let said = stderr(&output);
        println!("{said}");
        assert!(said.contains("No space left on device"), "{said}");
        if status == 0 {
            assert_eq!(output.status.code(), Some(0), "{said}");
            assert!(said.contains("the recording is incomplete: "), "{said}");
        } else {
            assert_sentence(&output, status, "cannot write the recording: ");
        }
        let again = run_command(home, &words);
        let said = stderr(&again);
        println!("{said}");
        assert!(again.status.success(), "{said}");
        assert!(said.contains("as resume data says"), "{said}");
        sample.assert_in(&home.join("there"));
    }
}
