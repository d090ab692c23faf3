//! Encrypted connections between two of our own clients, and with peers that support only one kind
//! of connection.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use unchoke_net::connection::Encryption;
use unchoke_net::session::{End, Goal};

use crate::common::{Sample, run, sample};

/// How a download ends, for one encryption setting at the leecher and one at the seed.
async fn ends(sample: &Sample, seed: Encryption, leecher: Encryption) -> End {
    let mut settings = sample.settings(sample.folder.path());
    (settings.goal, settings.encryption) = (Goal::Seed, seed);
    let seed = sample.run_in_background(settings).await;
    let folder = tempfile::tempdir().expect("temporary folder");
    let mut settings = sample.settings(folder.path());
    (settings.peers, settings.encryption) = (vec![seed], leecher);
    settings.idle_timeout = Some(Duration::from_secs(3));
    let (outcome, _) = run(settings).await;
    let end = outcome.expect("no failure").end;
    if end == End::Done {
        sample.assert_in(folder.path());
    }
    end
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_can_agree_transfers() {
    use Encryption::{Allow, Off, Prefer, Require};
    let sample = sample();
    let ways = [Off, Allow, Prefer, Require];
    for (seed, leecher) in ways.iter().flat_map(|a| ways.iter().map(move |b| (*a, *b))) {
        let apart = matches!((seed, leecher), (Off, Require) | (Require, Off));
        let end = Box::pin(ends(&sample, seed, leecher)).await;
        assert_eq!(end != End::Done, apart, "{seed:?} to {leecher:?}: {end:?}");
    }
}

/// A seed that requires encryption, and a connection to it.
async fn closed_seed(sample: &Sample) -> TcpStream {
    let mut settings = sample.settings(sample.folder.path());
    (settings.goal, settings.encryption) = (Goal::Seed, Encryption::Require);
    let seed: SocketAddr = sample.run_in_background(settings).await;
    TcpStream::connect(seed).await.expect("connects")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plain_handshake_gets_no_word_where_encryption_is_required() {
    let sample = sample();
    let mut stream = closed_seed(&sample).await;
    let mut handshake = b"\x13BitTorrent protocol\0\0\0\0\0\0\0\0".to_vec();
    handshake.extend(sample.metainfo.info_hash.0);
    handshake.extend([b'x'; 20]);
    stream.write_all(&handshake).await.expect("sends");
    let mut answer = Vec::new();
    // A reset counts as the end, too.
    drop(stream.read_to_end(&mut answer).await);
    assert!(answer.is_empty(), "{} bytes", answer.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn endless_padding_is_cut_off() {
    let sample = sample();
    let mut stream = closed_seed(&sample).await;
    let mut sent = 0_usize;
    // A public key of 96 bytes of 0x55 is in range. The synchronisation mark never follows.
    while sent < 1 << 20 && stream.write_all(&[0x55; 512]).await.is_ok() {
        sent += 512;
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(sent < 1 << 16, "{sent} bytes were accepted");
}

/// The first bytes of each connection that a leecher opens, in order.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_second_way_is_tried_on_a_fresh_connection() {
    for (encryption, plain) in [
        (Encryption::Off, &[true][..]),
        (Encryption::Allow, &[true, false]),
        (Encryption::Prefer, &[false, true]),
        (Encryption::Require, &[false]),
    ] {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .expect("a port");
        let sample = sample();
        let folder = tempfile::tempdir().expect("temporary folder");
        let mut settings = sample.settings(folder.path());
        settings.peers = vec![listener.local_addr().expect("address")];
        settings.encryption = encryption;
        // Shorter than the time until the address is dialled again.
        settings.idle_timeout = Some(Duration::from_secs(2));
        let watch = async {
            let mut seen = Vec::new();
            loop {
                let (mut stream, _) = listener.accept().await.expect("accepts");
                let mut first = [0; 20];
                stream.read_exact(&mut first).await.expect("says something");
                seen.push(first == *b"\x13BitTorrent protocol");
                if seen.len() == plain.len() {
                    break seen;
                }
            }
        };
        let (seen, _) = tokio::join!(watch, run(settings));
        assert_eq!(seen, plain, "{encryption:?}");
    }
}
