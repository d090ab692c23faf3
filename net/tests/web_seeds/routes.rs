//! Web seeds over HTTPS, through a proxy, and over IPv6.

use std::net::Ipv6Addr;
use std::path::PathBuf;
use std::process::Output;

use tokio::net::{TcpListener, TcpStream};

use super::home;
use crate::common::command::{stderr, unchoke};
use crate::common::proxy::Proxy;
use crate::common::sample;
use crate::common::tls::{acceptor, certificate};
use crate::common::web::{Manner, WebServer, files_of};

/// Accepts TLS connections and passes their content on to `server`. Returns its port.
async fn encrypted(server: &WebServer) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let (acceptor, to) = (acceptor(), server.address);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                // Ignore a client that hangs up or does not trust us.
                let Ok(mut stream) = acceptor.accept(stream).await else {
                    return;
                };
                let mut onward = TcpStream::connect(to).await.expect("it listens");
                drop(tokio::io::copy_bidirectional(&mut stream, &mut onward).await);
            });
        }
    });
    port
}

async fn fetch(home: PathBuf, extra: Vec<String>, authority: PathBuf) -> Output {
    let work = move || {
        let words = ["download", "sample.torrent", "--no-tracker"];
        let extra = extra.iter().map(String::as_str);
        let words: Vec<&str> = words.into_iter().chain(extra).collect();
        let mut command = unchoke(&home, &words);
        command.env("SSL_CERT_FILE", authority);
        command.output().expect("it runs")
    };
    tokio::task::spawn_blocking(work).await.expect("no panic")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_web_seed_with_a_certificate_is_used_if_its_authority_is_trusted() {
    let sample = sample();
    let server = WebServer::start(&sample, Manner::Proper);
    let url = format!("https://localhost:{}/pub/", encrypted(&server).await);
    let home = home(&sample, &[url]);
    let extra = ["--idle-timeout", "1 s"].map(String::from).to_vec();
    let ended = fetch(home.path().to_owned(), extra, PathBuf::new()).await;
    let said = stderr(&ended);
    assert!(!ended.status.success());
    assert!(said.contains("no secure connection to localhost"), "{said}");
    assert_eq!(server.requests(), []);
    let authority = certificate("authority.pem");
    let done = fetch(home.path().to_owned(), Vec::new(), authority).await;
    assert!(done.status.success(), "{}", stderr(&done));
    sample.assert_in(&home.path().join("downloads"));
    assert!(!server.requests().is_empty());
}

/// The proxy resolves the name and sees every connection.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_web_seed_is_reached_through_a_proxy() {
    let sample = sample();
    let server = WebServer::start(&sample, Manner::Proper);
    let proxy = Proxy::start(server.address).await;
    let home = home(&sample, &["http://files.example/pub/".into()]);
    let extra = vec!["--proxy".into(), proxy.url("me:p%40ss@")];
    let done = fetch(home.path().to_owned(), extra, PathBuf::new()).await;
    assert!(done.status.success(), "{}", stderr(&done));
    sample.assert_in(&home.path().join("downloads"));
    assert_eq!(proxy.asked(), ["files.example:80"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_web_seed_is_reached_over_ipv6() {
    let sample = sample();
    let ip = Ipv6Addr::LOCALHOST.into();
    let server = WebServer::start_at(ip, files_of(&sample), Manner::Proper);
    assert!(server.address.is_ipv6());
    let home = home(&sample, &[server.url()]);
    let done = fetch(home.path().to_owned(), Vec::new(), PathBuf::new()).await;
    assert!(done.status.success(), "{}", stderr(&done));
    sample.assert_in(&home.path().join("downloads"));
    // Bound to an address of the other family it cannot be reached.
    let extra = [
        "--bind",
        "127.0.0.1",
        "--idle-timeout",
        "1 s",
        "--recheck",
        "--out",
        "other",
    ];
    let extra = extra.map(String::from).to_vec();
    let ended = fetch(home.path().to_owned(), extra, PathBuf::new()).await;
    assert!(!ended.status.success(), "{}", stderr(&ended));
    assert!(
        stderr(&ended).contains("does not lead to addresses of the other family"),
        "{}",
        stderr(&ended)
    );
}
