//! A small web server with the files of a sample, and several ways to answer.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::ops::Range;
use std::sync::{Arc, Mutex};

use super::Sample;

/// How the server answers a request for a part of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Manner {
    /// Correctly, over persistent connections.
    Proper,
    /// With the whole file, whatever part was requested.
    Whole,
    /// With the bytes after the requested ones, labelled as such.
    Shifted,
    /// With wrong bytes, labelled as the requested ones.
    Corrupt,
    /// With a web page.
    Html,
    /// With this status.
    Status(u16),
    /// With more bytes than requested, without end.
    Endless,
    /// With half of the promised bytes.
    Short,
    /// With a label that says the body is compressed.
    Packed,
    /// With a redirect to the same file on this server.
    Elsewhere(String),
    /// With no answer.
    Silent,
    /// As if there were no file whose path contains this.
    Without(&'static str),
    /// First that it is overloaded, with this `Retry-After`, and then correctly.
    BusyOnce(&'static str),
}

/// A request: the path and the byte range.
pub(crate) type Asked = (String, Range<u64>);

#[derive(Clone)]
pub(crate) struct WebServer {
    pub(crate) address: SocketAddr,
    files: Arc<BTreeMap<String, Vec<u8>>>,
    pub(crate) asked: Arc<Mutex<Vec<Asked>>>,
    pub(crate) connections: Arc<Mutex<u32>>,
}

impl WebServer {
    /// A server with the sample below `/pub`.
    pub(crate) fn start(sample: &Sample, manner: Manner) -> Self {
        Self::with_files(files_of(sample), manner)
    }

    pub(crate) fn with_files(files: BTreeMap<String, Vec<u8>>, manner: Manner) -> Self {
        Self::start_at(Ipv4Addr::LOCALHOST.into(), files, manner)
    }

    pub(crate) fn start_at(ip: IpAddr, files: BTreeMap<String, Vec<u8>>, manner: Manner) -> Self {
        let listener = TcpListener::bind((ip, 0)).expect("a port");
        let server = Self {
            address: listener.local_addr().expect("an address"),
            files: Arc::new(files),
            asked: Arc::default(),
            connections: Arc::default(),
        };
        let shared = server.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                *shared.connections.lock().expect("no panic") += 1;
                let (server, manner) = (shared.clone(), manner.clone());
                // Ignore a client that hangs up.
                std::thread::spawn(move || drop(server.serve(stream, &manner)));
            }
        });
        server
    }

    /// The URL of the folder.
    pub(crate) fn url(&self) -> String {
        format!("http://{}/pub/", self.address)
    }

    pub(crate) fn requests(&self) -> Vec<Asked> {
        self.asked.lock().expect("no panic").clone()
    }

    fn serve(&self, stream: TcpStream, manner: &Manner) -> std::io::Result<()> {
        let mut lines = BufReader::new(stream.try_clone()?).lines();
        let mut stream = stream;
        loop {
            let Some(first) = lines.next() else {
                return Ok(());
            };
            let first = first?;
            let mut bytes = 0..0;
            for line in lines.by_ref() {
                let line = line?.to_ascii_lowercase();
                if line.is_empty() {
                    break;
                }
                if let Some(range) = line.strip_prefix("range: bytes=") {
                    let (from, to) = range.split_once('-').expect("a range");
                    bytes =
                        from.parse().expect("a number")..to.parse::<u64>().expect("a number") + 1;
                }
            }
            let target = first.split(' ').nth(1).unwrap_or_default();
            let path = decoded(target.split('?').next().unwrap_or_default());
            self.asked
                .lock()
                .expect("no panic")
                .push((path.clone(), bytes.clone()));
            if !self.answer(&mut stream, &path, bytes, manner)? {
                return Ok(());
            }
        }
    }

    /// Answers a request. Returns false if the connection must be closed.
    fn answer(
        &self,
        stream: &mut TcpStream,
        path: &str,
        bytes: Range<u64>,
        manner: &Manner,
    ) -> std::io::Result<bool> {
        let hidden = matches!(manner, Manner::Without(part) if path.contains(part));
        let Some(file) = self.files.get(path).filter(|_| !hidden) else {
            write!(
                stream,
                "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"
            )?;
            return Ok(true);
        };
        if *manner == Manner::Silent {
            std::thread::sleep(super::PATIENCE);
            return Ok(false);
        }
        if let Manner::BusyOnce(pause) = manner
            && self.requests().len() == 1
        {
            write!(
                stream,
                "HTTP/1.1 503 Busy\r\nRetry-After: {pause}\r\nContent-Length: 0\r\n\r\n"
            )?;
            return Ok(true);
        }
        let asked = Part { file, bytes };
        let (head, body) = match manner {
            Manner::Elsewhere(server) => (redirect(server, path), Vec::new()),
            manner => asked.answer(manner),
        };
        stream.write_all(head.as_bytes())?;
        stream.write_all(&body)?;
        Ok(!matches!(manner, Manner::Endless | Manner::Short))
    }
}

/// The files of the sample, by their path on the server.
pub(crate) fn files_of(sample: &Sample) -> BTreeMap<String, Vec<u8>> {
    let files = sample.files.iter().map(|(path, start, end)| {
        let path = path.to_str().expect("text");
        (
            format!("/pub/{path}"),
            sample.payload[*start..*end].to_vec(),
        )
    });
    files.collect()
}

fn redirect(server: &str, path: &str) -> String {
    let target = path.bytes().map(|it| format!("%{it:02x}"));
    let target = target.collect::<String>().replace("%2f", "/");
    format!("HTTP/1.1 302 Found\r\nLocation: {server}{target}\r\nContent-Length: 0\r\n\r\n")
}

/// The requested part of a file.
struct Part<'a> {
    file: &'a [u8],
    bytes: Range<u64>,
}

impl Part<'_> {
    fn content(&self) -> Vec<u8> {
        let place = |at: u64| usize::try_from(at).expect("small");
        self.file[place(self.bytes.start)..place(self.bytes.end)].to_vec()
    }

    fn head(&self, extra: &str) -> String {
        let (start, end) = (self.bytes.start, self.bytes.end);
        format!(
            "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes {start}-{}/{}\r\n{extra}\r\n",
            end - 1,
            self.file.len()
        )
    }

    /// The head of an answer with a content length.
    fn measured(&self, extra: &str) -> String {
        let length = self.bytes.end - self.bytes.start;
        self.head(&format!("Content-Length: {length}\r\n{extra}"))
    }

    /// The part that follows this one; shorter at the end of the file.
    fn shifted(&self) -> Self {
        let (start, end) = (self.bytes.start, self.bytes.end);
        let bytes = if end < self.file.len() as u64 {
            start + 1..end + 1
        } else {
            start..end - 1
        };
        Self { bytes, ..*self }
    }

    fn answer(&self, manner: &Manner) -> (String, Vec<u8>) {
        let mut body = self.content();
        match manner {
            Manner::Whole => (ok("text/plain", self.file.len()), self.file.to_vec()),
            Manner::Html => {
                let page = "<!DOCTYPE html><title>Welcome</title>";
                (ok("text/html", page.len()), page.into())
            }
            Manner::Shifted => (self.shifted().measured(""), self.shifted().content()),
            Manner::Corrupt => {
                body[0] ^= 1;
                (self.measured(""), body)
            }
            Manner::Status(status) => {
                let head = format!("HTTP/1.1 {status} No\r\nContent-Length: 0\r\n\r\n");
                (head, Vec::new())
            }
            Manner::Endless => {
                body.resize(body.len() + (8 << 20), b'x');
                (self.head("Connection: close\r\n"), body)
            }
            Manner::Short => {
                body.truncate(body.len() / 2);
                (self.measured(""), body)
            }
            Manner::Packed => (self.measured("Content-Encoding: gzip\r\n"), body),
            Manner::Proper
            | Manner::Elsewhere(_)
            | Manner::Silent
            | Manner::Without(_)
            | Manner::BusyOnce(_) => (self.measured(""), body),
        }
    }
}

fn ok(kind: &str, length: usize) -> String {
    format!("HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\r\n")
}

fn decoded(path: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = path.as_bytes();
    while let [first, tail @ ..] = rest {
        rest = tail;
        if let (b'%', [_, _, after @ ..]) = (*first, tail) {
            let digits = std::str::from_utf8(&tail[..2]).expect("ASCII");
            bytes.push(u8::from_str_radix(digits, 16).expect("two digits"));
            rest = after;
        } else {
            bytes.push(*first);
        }
    }
    String::from_utf8(bytes).expect("a name in UTF-8")
}
