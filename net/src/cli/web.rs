//! `--web`: the web page that shows the decisions of the policy.

use std::fs::File;
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;

use super::Failure;
use super::printer::{Reporting, print_json};
use crate::session::board::Board;
use crate::web::{self, Server, new_token};

/// Allowed length, in characters, of a token that a user chooses.
const TOKEN_LENGTH: std::ops::RangeInclusive<usize> = 16..=256;

/// Options for the web page.
#[derive(Clone, Debug, Default, Args)]
pub(super) struct Web {
    /// Serve a page that shows peers, pieces and every decision of the policy, and `/metrics` for
    /// Prometheus, at this address or port of this machine, such as `8080`; 0 lets the system choose
    #[arg(long, value_name = "[ADDR:]PORT", value_parser = parse_address)]
    web: Option<SocketAddr>,
    /// Keep the access token of the page in this file, so that it stays the same; the file is
    /// created if it is missing
    #[arg(long, value_name = "FILE", requires = "web")]
    web_token: Option<PathBuf>,
}

/// The running web server and the board that it shows.
#[derive(Debug)]
pub(super) struct Page {
    pub(super) board: Board,
    _server: Server,
}

fn parse_address(text: &str) -> Result<SocketAddr, String> {
    if let Ok(port) = text.parse::<u16>() {
        return Ok((Ipv4Addr::LOCALHOST, port).into());
    }
    let local = text.strip_prefix("localhost:");
    if let Some(port) = local.and_then(|it| it.parse::<u16>().ok()) {
        return Ok((Ipv4Addr::LOCALHOST, port).into());
    }
    let why = "write a port, or an address and a port, such as 127.0.0.1:8080 or [::1]:8080";
    text.parse().map_err(|_| why.to_owned())
}

impl Web {
    /// Starts the server if the user wants it, and prints its URL.
    pub(super) async fn start(&self, reporting: Reporting) -> Result<Option<Page>, Failure> {
        let Some(address) = self.web else {
            return Ok(None);
        };
        let mut options = web::Options::new(address);
        if let Some(file) = &self.web_token {
            options.token = token_in(file)?;
        }
        let token = options.token.clone();
        let board = Board::default();
        let started = web::start(options, board.clone()).await;
        let server = started.map_err(|error| {
            Failure::io(format!(
                "cannot serve the page at {address}: {error}; choose another with --web"
            ))
        })?;
        let url = format!("http://{}/#{token}", server.address);
        if reporting.json {
            print_json(&json!({ "event": "web", "url": url }));
        } else if !reporting.quiet {
            warn!("page: {url}");
        }
        if !address.ip().is_loopback() && !reporting.quiet {
            warn!(
                "the page can be reached from other machines, and its token goes over the network in the clear"
            );
        }
        Ok(Some(Page {
            board,
            _server: server,
        }))
    }
}

/// The token in `file`. Creates the file if it is missing. Only its owner may read it.
fn token_in(file: &Path) -> Result<String, Failure> {
    let shown = file.display();
    let failed = |error| Failure::io(format!("--web-token {shown}: {error}"));
    let made = File::options()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(file);
    match made {
        Ok(mut made) => {
            let token = new_token();
            let written = writeln!(made, "{token}").and_then(|()| made.sync_all());
            written.map_err(failed)?;
            return Ok(token);
        }
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
        Err(error) => return Err(failed(error)),
    }
    let mut text = String::new();
    let most = *TOKEN_LENGTH.end() as u64 + 2;
    let opened = File::open(file).map_err(failed)?;
    let read = opened.take(most).read_to_string(&mut text);
    read.map_err(failed)?;
    let token = text.trim_end();
    let fits = TOKEN_LENGTH.contains(&token.len());
    if !fits || !token.bytes().all(|it| it.is_ascii_alphanumeric()) {
        return Err(Failure::bad_input(format!(
            "--web-token {shown}: it must hold one line of {} to {} letters and digits; remove the file to \
             have one made",
            TOKEN_LENGTH.start(),
            TOKEN_LENGTH.end()
        )));
    }
    Ok(token.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_alone_is_of_this_machine() {
        for (text, address) in [
            ("8080", "127.0.0.1:8080"),
            ("localhost:1", "127.0.0.1:1"),
            ("0.0.0.0:80", "0.0.0.0:80"),
            ("[::1]:8080", "[::1]:8080"),
        ] {
            assert_eq!(parse_address(text).expect(text).to_string(), address);
        }
        for text in [
            "",
            "here",
            "127.0.0.1",
            "example.org:80",
            "70000",
            "1.2.3.4:x",
        ] {
            assert!(parse_address(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_token_file_is_made_once_and_for_its_owner() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("token");
        let token = token_in(&file).expect("made");
        assert_eq!(token_in(&file).expect("read"), token);
        let mode = file.metadata().expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        for bad in ["", "short", "with blanks in the middle", &"a".repeat(300)] {
            std::fs::write(&file, bad).expect("written");
            assert_eq!(token_in(&file).expect_err(bad).status, 2);
        }
    }
}
