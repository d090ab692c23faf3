//! Crowds of useless peers that take connections and handshake slots. A useful peer must still get
//! in.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use unchoke_core::message::Message;
use unchoke_net::session::{End, Goal};

use crate::common::peer::{bytes_of, handshake};
use crate::common::{Sample, run, sample};

async fn small_seed(sample: &Sample) -> SocketAddr {
    let mut settings = sample.settings(sample.folder.path());
    (settings.goal, settings.max_connections) = (Goal::Seed, 4);
    let port = sample.run_in_background(settings).await.port();
    (Ipv4Addr::LOCALHOST, port).into()
}

/// A peer that has nothing and wants nothing, until its connection is closed. The seed may close it
/// before it reads anything.
async fn idle(target: SocketAddr, sample: &Sample, number: u8) -> TcpStream {
    let mut stream = TcpStream::connect(target).await.expect("connects");
    let mut name = *b"-XX0000-idle00000000";
    name[12] = number;
    let hello = handshake(&sample.metainfo, &name);
    let nothing = Message::Bitfield(Box::new(unchoke_core::bitfield::Bitfield::empty(
        sample.metainfo.geometry.piece_count(),
    )));
    let all = [&hello[..], &bytes_of(&nothing)].concat();
    drop(stream.write_all(&all).await);
    stream
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn strangers_of_no_use_do_not_keep_a_leecher_out() {
    let sample = sample();
    let seed = small_seed(&sample).await;
    let mut crowd = Vec::new();
    for number in 0..20 {
        crowd.push(idle(seed, &sample, number).await);
    }
    // Wait until the seed has processed their messages.
    tokio::time::sleep(Duration::from_secs(3)).await;
    let folder = tempfile::tempdir().expect("temporary folder");
    let mut settings = sample.settings(folder.path());
    settings.peers = vec![seed];
    let began = Instant::now();
    let (outcome, _) = run(settings).await;
    assert_eq!(outcome.expect("no failure").end, End::Done);
    sample.assert_in(folder.path());
    assert!(
        began.elapsed() < Duration::from_secs(12),
        "{:?}",
        began.elapsed()
    );
    drop(crowd);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn silent_connections_do_not_delay_a_handshake() {
    let sample = sample();
    let seed = small_seed(&sample).await;
    let mut silent = Vec::new();
    for _ in 0..300 {
        silent.push(TcpStream::connect(seed).await.expect("connects"));
    }
    let began = Instant::now();
    let mut stream = TcpStream::connect(seed).await.expect("connects");
    let hello = handshake(&sample.metainfo, b"-XX0000-honestpeer00");
    stream.write_all(&hello).await.expect("says hello");
    let mut answer = [0; 68];
    stream.read_exact(&mut answer).await.expect("an answer");
    assert!(
        began.elapsed() < Duration::from_secs(2),
        "{:?}",
        began.elapsed()
    );
    // The oldest idle peer was dropped to make room.
    let mut byte = [0];
    let closed = silent[0].read(&mut byte);
    let closed = tokio::time::timeout(Duration::from_secs(2), closed).await;
    assert!(matches!(closed, Ok(Ok(0) | Err(_))), "{closed:?}");
}
