//! Servers that send exactly the bytes that a test gives, and record the requests.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, UdpSocket};
use tokio_rustls::TlsAcceptor;

/// An HTTP server on loopback.
#[derive(Clone)]
pub(crate) struct Http {
    pub(crate) address: SocketAddr,
    heads: Arc<Mutex<Vec<String>>>,
}

/// Maps the head of a request to all bytes of the answer.
type Script = Arc<dyn Fn(&str) -> Vec<u8> + Send + Sync>;

impl Http {
    pub(crate) async fn start(script: impl Fn(&str) -> Vec<u8> + Send + Sync + 'static) -> Self {
        Self::start_at((Ipv4Addr::LOCALHOST, 0).into(), script).await
    }

    pub(crate) async fn start_at(
        address: SocketAddr,
        script: impl Fn(&str) -> Vec<u8> + Send + Sync + 'static,
    ) -> Self {
        Self::start_with(address, None, Arc::new(script)).await
    }

    pub(crate) async fn encrypted(
        acceptor: TlsAcceptor,
        script: impl Fn(&str) -> Vec<u8> + Send + Sync + 'static,
    ) -> Self {
        let address = (Ipv4Addr::LOCALHOST, 0).into();
        Self::start_with(address, Some(acceptor), Arc::new(script)).await
    }

    async fn start_with(
        address: SocketAddr,
        acceptor: Option<TlsAcceptor>,
        script: Script,
    ) -> Self {
        let listener = TcpListener::bind(address).await;
        let listener = listener.expect("a port");
        let server = Self {
            address: listener.local_addr().expect("an address"),
            heads: Arc::default(),
        };
        let shared = server.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (server, script, acceptor) =
                    (shared.clone(), Arc::clone(&script), acceptor.clone());
                // Ignore a client that hangs up.
                tokio::spawn(async move {
                    drop(match acceptor {
                        Some(acceptor) => match acceptor.accept(stream).await {
                            Ok(stream) => server.answer(stream, script).await,
                            Err(error) => Err(error),
                        },
                        None => server.answer(stream, script).await,
                    });
                });
            }
        });
        server
    }

    async fn answer(
        &self,
        mut stream: impl AsyncRead + AsyncWrite + Unpin,
        script: Script,
    ) -> std::io::Result<()> {
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            if stream.read_buf(&mut request).await? == 0 {
                return Ok(());
            }
        }
        let head = String::from_utf8_lossy(&request).into_owned();
        let bytes = script(&head);
        self.heads.lock().expect("no panic").push(head);
        stream.write_all(&bytes).await?;
        stream.flush().await?;
        // After an empty or incomplete answer, let the client wait.
        if !complete(&bytes) {
            tokio::time::sleep(super::PATIENCE * 2).await;
        }
        stream.shutdown().await
    }

    /// The heads of all requests so far.
    pub(crate) fn heads(&self) -> Vec<String> {
        self.heads.lock().expect("no panic").clone()
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }
}

/// Whether the answer contains all the bytes that it announces.
fn complete(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes);
    let Some((head, _)) = text.split_once("\r\n\r\n") else {
        return false;
    };
    let length = head.lines().find_map(|it| {
        it.to_ascii_lowercase()
            .strip_prefix("content-length: ")?
            .parse()
            .ok()
    });
    length.is_none_or(|it: usize| bytes.len() >= head.len() + 4 + it)
}

/// An answer with status 200, this body, and additional header lines.
pub(crate) fn ok(lines: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head = format!("HTTP/1.1 200 OK\r\n{lines}Content-Length: {length}\r\n\r\n");
    [head.as_bytes(), body].concat()
}

/// A redirect.
pub(crate) fn to(location: &str) -> Vec<u8> {
    format!("HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n").into_bytes()
}

/// A UDP tracker on loopback that answers each datagram as `script` says and records all of them.
#[derive(Clone)]
pub(crate) struct Udp {
    pub(crate) address: SocketAddr,
    datagrams: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl Udp {
    pub(crate) async fn start(
        at: impl Into<std::net::IpAddr>,
        script: impl Fn(&[u8], SocketAddr) -> Vec<Vec<u8>> + Send + Sync + 'static,
    ) -> Self {
        let socket = UdpSocket::bind((at.into(), 0)).await.expect("a port");
        let server = Self {
            address: socket.local_addr().expect("an address"),
            datagrams: Arc::default(),
        };
        let shared = server.clone();
        tokio::spawn(async move {
            let mut buffer = vec![0; 4096];
            while let Ok((length, from)) = socket.recv_from(&mut buffer).await {
                let datagram = buffer[..length].to_vec();
                let answers = script(&datagram, from);
                shared.datagrams.lock().expect("no panic").push(datagram);
                for answer in answers {
                    // The sender may be gone.
                    drop(socket.send_to(&answer, from).await);
                }
            }
        });
        server
    }

    pub(crate) fn datagrams(&self) -> Vec<Vec<u8>> {
        self.datagrams.lock().expect("no panic").clone()
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("udp://{}{path}", self.address)
    }
}

/// A UDP tracker answer: the action, the transaction id of the request, and the rest.
pub(crate) fn reply(action: u8, request: &[u8], body: &[u8]) -> Vec<u8> {
    [&[0, 0, 0, action], &request[12..16], body].concat()
}

/// Answers as in BEP 15: a connection id, then these peers.
pub(crate) fn proper(request: &[u8], peers: &[u8]) -> Vec<u8> {
    match request[11] {
        0 => reply(0, request, b"conn-id!"),
        _ => reply(
            1,
            request,
            &[&[0, 0, 7, 8, 0, 0, 0, 1, 0, 0, 0, 2], peers].concat(),
        ),
    }
}
