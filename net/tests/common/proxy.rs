//! A SOCKS5 proxy.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// A SOCKS5 proxy on loopback that requires a password and knows one name. It records the targets
/// and the source addresses of its connections.
#[derive(Clone)]
pub(crate) struct Proxy {
    pub(crate) address: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
    pub(crate) sources: Arc<Mutex<Vec<SocketAddr>>>,
}

impl Proxy {
    /// The proxy resolves `tracker.example` to `known`.
    pub(crate) async fn start(known: SocketAddr) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .expect("a port");
        let proxy = Self {
            address: listener.local_addr().expect("an address"),
            asked: Arc::default(),
            sources: Arc::default(),
        };
        let shared = proxy.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let proxy = shared.clone();
                // Ignore a client that hangs up.
                tokio::spawn(async move { drop(proxy.serve(stream, known).await) });
            }
        });
        proxy
    }

    async fn serve(&self, mut stream: TcpStream, known: SocketAddr) -> std::io::Result<()> {
        let mut methods = [0; 4];
        stream.read_exact(&mut methods[..2]).await?;
        let count = usize::from(methods[1]);
        stream.read_exact(&mut methods[..count]).await?;
        if !methods[..count].contains(&2) {
            return stream.write_all(&[5, 0xff]).await;
        }
        stream.write_all(&[5, 2]).await?;
        let mut login = [0; 9];
        stream.read_exact(&mut login).await?;
        let right = login == *b"\x01\x02me\x04p@ss";
        stream.write_all(&[1, u8::from(!right)]).await?;
        let mut head = [0; 5];
        stream.read_exact(&mut head).await?;
        let mut rest = vec![
            0;
            if head[3] == 3 {
                usize::from(head[4])
            } else {
                3
            } + 2
        ];
        stream.read_exact(&mut rest).await?;
        let (host, port) = rest.split_at(rest.len() - 2);
        let port = u16::from_be_bytes([port[0], port[1]]);
        let target = if head[3] == 3 {
            let name = String::from_utf8_lossy(host).into_owned();
            self.asked
                .lock()
                .expect("no panic")
                .push(format!("{name}:{port}"));
            known
        } else {
            let ip = Ipv4Addr::new(head[4], host[0], host[1], host[2]);
            self.asked
                .lock()
                .expect("no panic")
                .push(format!("{ip}:{port}"));
            (ip, port).into()
        };
        let Ok(mut onward) = TcpStream::connect(target).await else {
            return stream.write_all(&[5, 5, 0, 1, 0, 0, 0, 0, 0, 0]).await;
        };
        self.sources
            .lock()
            .expect("no panic")
            .push(onward.local_addr()?);
        stream.write_all(&[5, 0, 0, 1, 0, 0, 0, 0, 0, 0]).await?;
        tokio::io::copy_bidirectional(&mut stream, &mut onward).await?;
        Ok(())
    }

    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.lock().expect("no panic").clone()
    }

    pub(crate) fn url(&self, login: &str) -> String {
        format!("socks5://{login}{}", self.address)
    }
}
