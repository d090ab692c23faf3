//! Every kind of torrent with every client, in both directions: unencrypted, with RC4 required, and
//! over uTP with the clients that have it.
//!
//! 156 cells over TCP (six clients, thirteen kinds, two directions), 50 with RC4 (five clients, five
//! kinds) and 30 over uTP (three clients, five kinds). WebTorrent has no cells besides TCP: its
//! encryption fails in itself (`padCBuffer.copy is not a function`, version 2.8.5), and its uTP needs
//! a native library.
//!
//! A failing cell is reported with its reason. A cell that is known to fail is listed in [`KNOWN`]
//! with its cause; the test fails when it no longer fails.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use unchoke_core::metainfo::Metainfo;

use super::network::{OWN, network};
use super::stage::{sha256, write_files};
use crate::common::clients::{Client, Place, Running, opentracker};
use crate::common::command::{Listening, run, stderr, unchoke};

/// Time limit for one cell.
const PATIENCE: Duration = Duration::from_mins(1);
const PORT: u16 = 7702;

/// Cells that fail for a reason outside this project: the client, the cell, and the reason.
const KNOWN: &[(Client, &str, &str)] = &[
    (Client::Aria2, "Tcp, hybrid, to us", ARIA2_HYBRID),
    (Client::Aria2, "Tcp, hybrid, from us", ARIA2_HYBRID),
    (Client::Transmission, "Tcp, hybrid, to us", OLD_HYBRID),
    (Client::Transmission, "Tcp, hybrid, from us", OLD_HYBRID),
];
/// The same with hybrids that libtorrent 2.0 makes.
const ARIA2_HYBRID: &str = "aria2 1.36 loses the empty key of the file tree, and so has another \
    info-hash; `aria2c --show-files` says so";
const OLD_HYBRID: &str = "Transmission 3.00 cannot read hybrids; `transmission-show` says so";
/// Time limit for those.
const PATIENCE_KNOWN: Duration = Duration::from_secs(10);

/// How the two clients connect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wire {
    /// Unencrypted.
    Tcp,
    /// With all payload encrypted.
    Rc4,
    /// Unencrypted; we use no TCP.
    Utp,
}

impl Wire {
    /// Our options.
    fn options(self) -> &'static [&'static str] {
        match self {
            Self::Tcp | Self::Rc4 => &[],
            Self::Utp => &["--utp", "only"],
        }
    }
}

/// A kind of torrent.
struct Kind {
    name: &'static str,
    files: fn() -> Vec<(String, usize)>,
    piece: &'static str,
    /// Further options of `unchoke create`.
    made: &'static [&'static str],
    magnet: bool,
    /// Also encrypted and over uTP. What is in a torrent affects neither, so some kinds are enough.
    every_wire: bool,
}

/// An ordinary torrent.
const PLAIN: Kind = Kind {
    name: "single",
    files: single,
    piece: "256 KiB",
    made: &[],
    magnet: false,
    every_wire: false,
};

fn single() -> Vec<(String, usize)> {
    vec![("one file.bin".into(), 12_345_678)]
}

fn nested() -> Vec<(String, usize)> {
    let files = [
        ("a first file.bin", 3_000_000),
        ("deep/er/est/small.txt", 11),
        ("größe-世界.bin", 5_108_853),
        ("z/last.bin", 1_000_001),
    ];
    files
        .map(|(path, bytes)| (format!("tree/{path}"), bytes))
        .to_vec()
}

fn tiny() -> Vec<(String, usize)> {
    vec![("tiny.txt".into(), 1)]
}

fn large() -> Vec<(String, usize)> {
    vec![("large.bin".into(), 40_000_001)]
}

fn many() -> Vec<(String, usize)> {
    let file = |it: usize| (format!("many/{:02}/{it}.dat", it % 20), 1 + it * 37 % 9000);
    (0..400).map(file).collect()
}

/// The last piece is as long as the others.
fn even() -> Vec<(String, usize)> {
    vec![("even.bin".into(), 8 << 18)]
}

fn with_empty() -> Vec<(String, usize)> {
    let files = [("0.txt", 0), ("1.bin", 300_000), ("2.txt", 0), ("z/3", 0)];
    files
        .map(|(path, bytes)| (format!("gaps/{path}"), bytes))
        .to_vec()
}

const KINDS: [Kind; 13] = [
    Kind {
        every_wire: true,
        ..PLAIN
    },
    Kind {
        name: "nested",
        files: nested,
        piece: "64 KiB",
        every_wire: true,
        ..PLAIN
    },
    Kind {
        name: "tiny",
        files: tiny,
        piece: "16 KiB",
        ..PLAIN
    },
    Kind {
        name: "16 MiB pieces",
        files: large,
        piece: "16 MiB",
        ..PLAIN
    },
    Kind {
        name: "400 files",
        files: many,
        piece: "32 KiB",
        every_wire: true,
        ..PLAIN
    },
    Kind {
        name: "even",
        files: even,
        ..PLAIN
    },
    Kind {
        name: "empty files",
        files: with_empty,
        piece: "16 KiB",
        ..PLAIN
    },
    Kind {
        name: "private",
        made: &["--private"],
        ..PLAIN
    },
    Kind {
        name: "hybrid",
        made: &["--hybrid"],
        ..PLAIN
    },
    Kind {
        name: "magnet, single",
        magnet: true,
        every_wire: true,
        ..PLAIN
    },
    Kind {
        name: "magnet, nested",
        files: nested,
        piece: "64 KiB",
        magnet: true,
        every_wire: true,
        ..PLAIN
    },
    Kind {
        name: "magnet, tiny",
        files: tiny,
        piece: "16 KiB",
        magnet: true,
        ..PLAIN
    },
    // 48 KiB of hashes, so that the metadata comes in several parts.
    Kind {
        name: "magnet, long metadata",
        files: large,
        piece: "16 KiB",
        magnet: true,
        ..PLAIN
    },
];

/// A torrent with its payload, its own folders and its own tracker.
struct Cell {
    scratch: tempfile::TempDir,
    files: Vec<(String, usize)>,
    /// The torrent file or magnet link that both clients get.
    given: PathBuf,
    patience: Duration,
    _tracker: Running,
}

impl Cell {
    fn new(kind: &Kind, patience: Duration) -> Self {
        let scratch = tempfile::tempdir().expect("temporary folder");
        let home = scratch.path();
        let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        fs::set_permissions(home, open).expect("permissions");
        for folder in ["full", "empty"] {
            fs::create_dir(home.join(folder)).expect("folder");
        }
        let files = (kind.files)();
        write_files(&home.join("full"), &files);
        let top = files[0].0.split('/').next().expect("a name");
        let content = format!("full/{top}");
        let url = format!("http://{}:6969/announce", OWN.tracker);
        let words = ["create", &content, "--out", "it.torrent"];
        let more = ["--piece-size", kind.piece, "--tracker", &url];
        let words = [&words[..], &more, kind.made].concat();
        let made = run(home, &words);
        assert!(made.status.success(), "{}", stderr(&made));
        let file = home.join("it.torrent");
        let bytes = fs::read(&file).expect("just made");
        let hash = Metainfo::parse(&bytes).expect("our own").info_hash;
        let given = if kind.magnet {
            format!("magnet:?xt=urn:btih:{hash}&tr={url}").into()
        } else {
            file
        };
        let tracker = opentracker(home, OWN.tracker, 6969, &hash.to_string());
        Self {
            scratch,
            files,
            given,
            patience,
            _tracker: tracker,
        }
    }

    fn place<'a>(&'a self, torrent: &'a Path, folder: &'a Path, wire: Wire) -> Place<'a> {
        Place {
            torrent,
            folder,
            scratch: self.scratch.path(),
            address: OWN.client,
            port: PORT,
            encrypted: wire == Wire::Rc4,
            utp: wire == Wire::Utp,
            finder: "",
        }
    }

    /// Waits until the tracker lists this port.
    fn listed(&self, port: u16) -> Result<(), String> {
        let (deadline, wanted) = (Instant::now() + self.patience, format!(":{port}\n"));
        let mut said = String::new();
        while Instant::now() < deadline {
            let asked = run(
                self.scratch.path(),
                &["announce", "it.torrent", "--port", "9"],
            );
            said = String::from_utf8_lossy(&asked.stdout).into_owned();
            if said.contains(&wanted) {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(250));
        }
        Err(format!("the tracker does not list it: {said}"))
    }

    fn is_whole(&self) -> bool {
        let home = self.scratch.path();
        self.files.iter().all(|(path, bytes)| {
            let found = home.join("empty").join(path);
            let size = fs::metadata(&found).map(|it| it.len());
            if *bytes == 0 && size.is_err() {
                return true; // Not every client creates empty files.
            }
            size.is_ok_and(|it| it == *bytes as u64)
                && sha256(&found) == sha256(&home.join("full").join(path))
        })
    }

    /// The client seeds and we download.
    fn we_fetch(&self, client: Client, wire: Wire) -> Result<(), String> {
        let home = self.scratch.path();
        let (torrent, full) = (home.join("it.torrent"), home.join("full"));
        let seed = client.seed(self.place(&torrent, &full, wire));
        self.listed(PORT).map_err(|it| it + &seed.last_words())?;
        let given = self.given.to_str().expect("text");
        let words = ["download", given, "--out", "empty", "--timeout", "60 s"];
        let fetched = run(home, &[&words[..], wire.options()].concat());
        if fetched.status.success() && self.is_whole() {
            return Ok(());
        }
        Err(format!("{}\n{}", stderr(&fetched), seed.last_words()))
    }

    /// We seed and the client downloads.
    fn we_seed(&self, client: Client, wire: Wire) -> Result<(), String> {
        let home = self.scratch.path();
        let words = [
            "seed",
            "it.torrent",
            "--data",
            "full",
            "--policy",
            "unchoke_all",
        ];
        let words = [&words[..], wire.options()].concat();
        let seed = Listening::start(unchoke(home, &words));
        self.listed(seed.port)?;
        let empty = home.join("empty");
        let fetching = client.fetch(self.place(&self.given, &empty, wire));
        let deadline = Instant::now() + self.patience;
        while !self.is_whole() {
            if Instant::now() > deadline {
                return Err(fetching.last_words());
            }
            std::thread::sleep(Duration::from_millis(200));
        }
        Ok(())
    }
}

/// Runs all cells of a client, one after the other.
fn cells(client: Client, wire: Wire, test: &str) {
    if network(module_path!(), test, client).is_none() {
        return;
    }
    let mut wrong = Vec::new();
    let kinds = KINDS.iter();
    for kind in kinds.filter(|it| wire == Wire::Tcp || it.every_wire) {
        for we_seed in [false, true] {
            let direction = if we_seed { "from us" } else { "to us" };
            let name = format!("{wire:?}, {}, {direction}", kind.name);
            let known = KNOWN.iter().find(|it| it.0 == client && it.1 == name);
            let began = Instant::now();
            let cell = Cell::new(kind, known.map_or(PATIENCE, |_| PATIENCE_KNOWN));
            let result = if we_seed {
                cell.we_seed(client, wire)
            } else {
                cell.we_fetch(client, wire)
            };
            let word = match (&result, known) {
                (Ok(()), None) => "ok".to_owned(),
                (Err(_), Some(known)) => format!("fails as known: {}", known.2),
                (Ok(()), Some(_)) => "was known to fail and does not: correct the list".to_owned(),
                (Err(why), None) => format!("FAILED: {why}"),
            };
            println!(
                "{client:?}: {name}: {word} ({:.1} s)",
                began.elapsed().as_secs_f64()
            );
            if result.is_err() != known.is_some() {
                wrong.push(name);
            }
        }
    }
    assert!(wrong.is_empty(), "{client:?}: {wrong:?}");
}

macro_rules! matrix {
    ($($test:ident: $client:ident, $wire:ident;)*) => {$(
        #[test]
        #[ignore = "a minute or more; .ci/run runs it, and so does --include-ignored"]
        fn $test() {
            cells(Client::$client, Wire::$wire, stringify!($test));
        }
    )*};
}

matrix! {
    transmission_over_tcp: Transmission, Tcp;
    aria2_over_tcp: Aria2, Tcp;
    libtorrent_over_tcp: Libtorrent, Tcp;
    rtorrent_over_tcp: Rtorrent, Tcp;
    qbittorrent_over_tcp: Qbittorrent, Tcp;
    webtorrent_over_tcp: Webtorrent, Tcp;
    transmission_over_rc4: Transmission, Rc4;
    aria2_over_rc4: Aria2, Rc4;
    libtorrent_over_rc4: Libtorrent, Rc4;
    rtorrent_over_rc4: Rtorrent, Rc4;
    qbittorrent_over_rc4: Qbittorrent, Rc4;
    transmission_over_utp: Transmission, Utp;
    libtorrent_over_utp: Libtorrent, Utp;
    qbittorrent_over_utp: Qbittorrent, Utp;
}
