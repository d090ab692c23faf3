use std::net::Ipv4Addr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use unchoke_core::ids::PeerId;
use unchoke_core::mse::Methods;

use super::*;
use crate::connection::{Greeting, Identity, Introduced, answer, greet};
use crate::route::Bind;

const SOON: Duration = Duration::from_secs(5);

fn entrance(encryption: Encryption) -> Entrance {
    let here = Bind::Address(Ipv4Addr::LOCALHOST.into());
    let opened = Entrance::open(Options {
        port: 0,
        route: Route::new(None, Some(here)),
        encryption,
        utp: UtpMode::Off,
        connections: 50,
    });
    opened.expect("a port")
}

fn name(number: u8) -> InfoHash {
    InfoHash([number; 20])
}

fn identity(torrent: InfoHash, peer: u8) -> Identity {
    Identity {
        info_hash: torrent,
        version_2: None,
        peer_id: PeerId([peer; 20]),
        encryption: Encryption::Allow,
        dht: false,
    }
}

fn enter(entrance: &Entrance, torrent: InfoHash) -> Place {
    entrance.enter([torrent], None).expect("a place")
}

async fn dial(entrance: &Entrance) -> TcpStream {
    let dialled = TcpStream::connect((Ipv4Addr::LOCALHOST, entrance.port()));
    dialled.await.expect("connects")
}

/// Connects to the port as a peer that asks for this torrent.
async fn ask(
    entrance: &Entrance,
    torrent: InfoHash,
    greeting: Greeting,
) -> Result<Introduced, HandshakeError> {
    let mut stream = Secured::from(dial(entrance).await);
    let greeted = greet(&mut stream, identity(torrent, 2), greeting);
    timeout(SOON, greeted).await.expect("an answer or the end")
}

/// Connections whose torrent is unknown, and their tasks.
fn held(entrance: &Entrance) -> (usize, usize) {
    let unknown = lock(&entrance.inner.unknown);
    (unknown.doors.strangers(), unknown.tasks.len())
}

/// Answers the next connection of a torrent.
async fn serve(place: &mut Place, torrent: InfoHash) -> Introduced {
    let arrived = timeout(SOON, place.arrivals.recv()).await;
    let (mut stream, _) = arrived.expect("in time").expect("a connection");
    let answered = answer(&mut stream, identity(torrent, 1)).await;
    answered.expect("a handshake")
}

#[tokio::test]
async fn each_torrent_gets_its_connections_in_the_clear_and_encrypted() {
    let entrance = entrance(Encryption::Allow);
    let mut places = [1, 2, 3].map(|it| enter(&entrance, name(it)));
    for greeting in [
        Greeting::Plain,
        Greeting::Encrypted(Methods::BOTH),
        Greeting::Encrypted(Methods::RC4),
    ] {
        for (place, number) in places.iter_mut().zip(1..) {
            let torrent = name(number);
            let asked = ask(&entrance, torrent, greeting);
            let (asked, served) = tokio::join!(asked, serve(place, torrent));
            assert_eq!(asked.expect("a handshake").peer_id, PeerId([1; 20]));
            assert_eq!(served.peer_id, PeerId([2; 20]));
        }
        let unknown = ask(&entrance, name(9), greeting).await;
        assert!(unknown.is_err(), "{greeting:?}: {unknown:?}");
    }
}

#[tokio::test]
async fn a_hybrid_is_known_by_both_of_its_hashes() {
    let entrance = entrance(Encryption::Allow);
    let mut place = entrance.enter([name(1), name(2)], None).expect("a place");
    for torrent in [name(1), name(2)] {
        let asked = ask(&entrance, torrent, Greeting::Encrypted(Methods::RC4));
        let (asked, _) = tokio::join!(asked, serve(&mut place, torrent));
        assert!(asked.is_ok());
    }
}

#[tokio::test]
async fn who_encrypts_for_one_torrent_cannot_ask_for_another() {
    let entrance = entrance(Encryption::Allow);
    let mut places = [1, 2].map(|it| enter(&entrance, name(it)));
    let mut stream = Secured::from(dial(&entrance).await);
    let mut hello = b"\x13BitTorrent protocol\0\0\0\0\0\0\0\0".to_vec();
    hello.extend(name(2).0);
    hello.extend([b'x'; 20]);
    let encrypted = stream.encrypt(name(1), Methods::RC4, &hello).await;
    encrypted.expect("it has this torrent");
    let end = timeout(SOON, stream.read_exact(&mut [0])).await;
    assert!(end.expect("it is closed").is_err());
    for place in &mut places {
        assert!(place.arrivals.try_recv().is_err());
    }
}

#[tokio::test]
async fn the_setting_for_encryption_holds() {
    let entrance = entrance(Encryption::Require);
    let _place = enter(&entrance, name(1));
    let plain = ask(&entrance, name(1), Greeting::Plain).await;
    assert!(plain.is_err(), "{plain:?}");
}

#[tokio::test]
async fn a_torrent_that_ends_leaves_its_hash_to_the_one_before_it() {
    let entrance = entrance(Encryption::Allow);
    let mut first = enter(&entrance, name(1));
    let mut second = enter(&entrance, name(1));
    let asked = ask(&entrance, name(1), Greeting::Plain);
    assert!(tokio::join!(asked, serve(&mut second, name(1))).0.is_ok());
    drop(second);
    let asked = ask(&entrance, name(1), Greeting::Plain);
    assert!(tokio::join!(asked, serve(&mut first, name(1))).0.is_ok());
    drop(first);
    assert!(ask(&entrance, name(1), Greeting::Plain).await.is_err());
    assert!(lock(&entrance.inner.guests).0.is_empty());
}

#[tokio::test]
async fn idle_connections_are_few_and_delay_no_handshake() {
    let entrance = entrance(Encryption::Allow);
    let mut place = enter(&entrance, name(1));
    let mut idle = Vec::new();
    for _ in 0..300 {
        idle.push(dial(&entrance).await);
    }
    let asked = ask(&entrance, name(1), Greeting::Encrypted(Methods::RC4));
    assert!(tokio::join!(asked, serve(&mut place, name(1))).0.is_ok());
    let held = held(&entrance);
    // The honest one, which has gone, needed a place, too.
    let most = usize::from(most_unknown(1));
    assert!((most - 1..=most).contains(&held.0), "{held:?}");
    assert_eq!(held.0, held.1);
    let end = timeout(SOON, idle[0].read(&mut [0])).await;
    assert!(matches!(end, Ok(Ok(0) | Err(_))), "the oldest is closed");
}

#[tokio::test(start_paused = true)]
async fn a_slow_handshake_is_given_up() {
    let entrance = entrance(Encryption::Allow);
    let _place = enter(&entrance, name(1));
    let begun = Clock::now();
    let mut slow = dial(&entrance).await;
    slow.write_all(b"\x13BitTorrent prot").await.expect("sent");
    let end = slow.read(&mut [0]).await;
    assert!(matches!(end, Ok(0) | Err(_)), "{end:?}");
    assert!(begun.elapsed() >= PATIENCE, "{:?}", begun.elapsed());
    assert_eq!(held(&entrance), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_torrent_that_takes_no_connections_holds_up_no_other() {
    let entrance = entrance(Encryption::Allow);
    let _stuck = enter(&entrance, name(1));
    let mut other = enter(&entrance, name(2));
    let mut waiting = Vec::new();
    for _ in 0..200 {
        let mut stream = dial(&entrance).await;
        let mut hello = b"\x13BitTorrent protocol\0\0\0\0\0\0\0\0".to_vec();
        hello.extend(name(1).0);
        stream.write_all(&hello).await.expect("sent");
        waiting.push(stream);
    }
    let asked = ask(&entrance, name(2), Greeting::Plain);
    assert!(tokio::join!(asked, serve(&mut other, name(2))).0.is_ok());
    let (doors, _) = held(&entrance);
    assert!(doors <= usize::from(most_unknown(2)), "{doors}");
}

#[tokio::test]
async fn the_port_is_free_when_nobody_needs_it() {
    let entrance = entrance(Encryption::Allow);
    let port = entrance.port();
    let place = enter(&entrance, name(1));
    let route = entrance.inner.options.route.clone();
    assert!(listen(port, &route).is_err());
    drop(place);
    entrance.close().await;
    // The task that accepts connections has to end first.
    tokio::task::yield_now().await;
    assert!(listen(port, &route).is_ok());
}

/// A process with fifty torrents may be dialled by some hundred honest peers in one moment, as fifty
/// with a port each.
#[test]
fn the_limit_of_unknown_connections_grows_with_the_torrents() {
    assert_eq!([0, 1, 2, 10].map(most_unknown), [100, 100, 128, 640]);
    assert_eq!([16, 1000, 1 << 20].map(most_unknown), [1000; 3]);
}
