//! Other clients on the same wire: each seeds for us and fetches from us, through a real tracker.
//!
//! Every test runs in a network of its own, where nothing can leave the machine and private
//! addresses work; without the right to make one, on plain loopback with the clients that accept
//! it. What is not installed is skipped with a word; with `UNCHOKE_REQUIRE_PEERS=1` that fails.

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use common::clients::{Client, Place, Running, installed, opentracker};
use common::command::{Listening, run, stderr, unchoke};
use common::tracker::{Manner, Tracker};
use sha2::{Digest as _, Sha256};
use unchoke_core::metainfo::Metainfo;

/// Marks the copy of this program that runs in a network of its own.
const INSIDE: &str = "UNCHOKE_TEST_NETWORK";
/// Transmission acts on timers of ten seconds; the rest takes less.
const PATIENCE: Duration = Duration::from_mins(2);

/// Where things listen.
struct Network {
    tracker: &'static str,
    client: &'static str,
}

const OWN: Network = Network {
    tracker: "10.77.0.9",
    client: "10.77.0.2",
};
const LOOPBACK: Network = Network {
    tracker: "127.0.0.1",
    client: "127.0.0.1",
};

/// Says loudly that something is not tested, or fails where it must be.
fn skip(why: &str) {
    let required = std::env::var_os("UNCHOKE_REQUIRE_PEERS").is_some_and(|it| it == "1");
    assert!(!required, "UNCHOKE_REQUIRE_PEERS=1, but {why}");
    eprintln!("SKIPPED: {why}");
}

/// The network to test in; `None` if the test is done, elsewhere or not at all.
fn network(test: &str, client: Client) -> Option<Network> {
    if std::env::var_os(INSIDE).is_some() {
        return Some(OWN);
    }
    if let Some(package) = client.missing() {
        skip(&format!("{package} is not installed"));
        return None;
    }
    let may_unshare = || {
        let tried = Command::new("unshare")
            .args(["--net", "true"])
            .stderr(Stdio::null())
            .status();
        tried.is_ok_and(|it| it.success())
    };
    if installed("ip") && installed("unshare") && may_unshare() {
        if !installed("opentracker") {
            skip("opentracker is not installed");
            return None;
        }
        let script = "ip link set lo up \
            && for i in 1 2 9; do ip addr add 10.77.0.$i/24 dev lo || exit 1; done \
            && exec \"$0\" \"$@\"";
        let inside = Command::new("unshare")
            .args(["--net", "sh", "-c", script])
            .arg(std::env::current_exe().expect("this program"))
            .args(["--exact", test, "--nocapture", "--include-ignored"])
            .env(INSIDE, "own")
            .status();
        assert!(
            inside.expect("unshare runs").success(),
            "failed in its own network"
        );
        return None;
    }
    if client == Client::Transmission {
        skip("Transmission refuses loopback, and a network of its own needs root");
        return None;
    }
    Some(LOOPBACK)
}

/// A torrent of 64 MiB: nested folders, an empty file, a unicode name, a short last piece.
fn write_payload(folder: &Path) -> Vec<(PathBuf, usize)> {
    let files = [
        ("payload/a first file.bin", 20_000_000),
        ("payload/deep/er/est/small.txt", 11),
        ("payload/empty.dat", 0),
        ("payload/größe-世界.bin", 30_108_853),
        ("payload/z/last.bin", 17_000_001),
    ];
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    for (path, length) in files {
        let mut bytes = Vec::with_capacity(length + 8);
        while bytes.len() < length {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            bytes.extend(state.to_le_bytes());
        }
        bytes.truncate(length);
        let path = folder.join(path);
        fs::create_dir_all(path.parent().expect("has a folder")).expect("folder");
        fs::write(path, bytes).expect("write");
    }
    files
        .map(|(path, length)| (PathBuf::from(path), length))
        .to_vec()
}

fn sha256(path: &Path) -> Option<Vec<u8>> {
    Some(Sha256::digest(fs::read(path).ok()?).to_vec())
}

/// Everything a test needs before the clients start.
struct Stage {
    scratch: tempfile::TempDir,
    network: Network,
    files: Vec<(PathBuf, usize)>,
    _tracker: Box<dyn std::any::Any>,
}

impl Stage {
    fn new(network: Network) -> Self {
        let scratch = tempfile::tempdir().expect("temporary folder");
        // Other users enter it, too: opentracker gives up being root.
        let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        fs::set_permissions(scratch.path(), open).expect("permissions");
        for folder in ["full", "empty", "other"] {
            fs::create_dir(scratch.path().join(folder)).expect("folder");
        }
        let files = write_payload(&scratch.path().join("full"));
        let own = network.tracker == OWN.tracker;
        let runtime = tokio::runtime::Runtime::new().expect("runtime");
        let url = if own {
            format!("http://{}:6969/announce", network.tracker)
        } else {
            runtime.block_on(Tracker::start(Manner::Proper)).url
        };
        let words = [
            "create",
            "full/payload",
            "--out",
            "it.torrent",
            "--piece-size",
            "256 KiB",
        ];
        let made = run(scratch.path(), &[&words[..], &["--tracker", &url]].concat());
        assert!(made.status.success(), "{}", stderr(&made));
        let said = String::from_utf8(made.stdout).expect("text");
        let info_hash = said.trim().rsplit(' ').next().expect("the info-hash");
        let tracker: Box<dyn std::any::Any> = if own {
            Box::new(opentracker(
                scratch.path(),
                network.tracker,
                6969,
                info_hash,
            ))
        } else {
            Box::new(runtime)
        };
        Self {
            scratch,
            network,
            files,
            _tracker: tracker,
        }
    }

    fn place<'a>(&'a self, torrent: &'a Path, folder: &'a Path, encrypted: bool) -> Place<'a> {
        Place {
            torrent,
            folder,
            scratch: self.scratch.path(),
            address: self.network.client,
            port: 7702,
            encrypted,
        }
    }

    /// The torrent as a link that names the tracker.
    fn magnet(&self) -> String {
        let bytes = fs::read(self.scratch.path().join("it.torrent")).expect("made before");
        let torrent = Metainfo::parse(&bytes).expect("our own");
        let tracker = &torrent.trackers[0][0];
        format!("magnet:?xt=urn:btih:{}&tr={tracker}", torrent.info_hash)
    }

    /// Files of the second folder that are not as in the first.
    fn differing(&self, allow_missing_empty: bool) -> Vec<&Path> {
        self.differing_in("empty", allow_missing_empty)
    }

    fn differing_in(&self, folder: &str, allow_missing_empty: bool) -> Vec<&Path> {
        let differs = |(path, length): &&(PathBuf, usize)| {
            let found = self.scratch.path().join(folder).join(path);
            let size = fs::metadata(&found).map(|it| it.len());
            if *length == 0 && size.is_err() && allow_missing_empty {
                return false;
            }
            let right_size = size.is_ok_and(|it| it == *length as u64);
            let original = self.scratch.path().join("full").join(path);
            !right_size || sha256(&found) != sha256(&original)
        };
        let wrong = self.files.iter().filter(differs);
        wrong.map(|(path, _)| path.as_path()).collect()
    }
}

/// What a client is given of the torrent.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Given {
    File,
    Magnet,
}

/// The policy that meets this client: one that ranks by rate, one that weighs its upload, one that
/// caps it.
fn policy(client: Client) -> &'static str {
    match client {
        Client::Transmission => "bep3",
        Client::Aria2 => "propshare",
        Client::Libtorrent => "thrift",
    }
}

/// The client has everything and we fetch it.
fn we_fetch_from(client: Client, given: Given, encrypted: bool, test: &str) {
    let Some(network) = network(test, client) else {
        return;
    };
    let stage = Stage::new(network);
    let home = stage.scratch.path();
    let (torrent, folder) = (home.join("it.torrent"), home.join("full"));
    let seed = client.seed(stage.place(&torrent, &folder, encrypted));
    let given = match given {
        Given::File => "it.torrent".to_owned(),
        Given::Magnet => stage.magnet(),
    };
    let words = [
        "download",
        &given,
        "--out",
        "empty",
        "--idle-timeout",
        "60 s",
        "--policy",
        policy(client),
    ];
    // The tracker may be asked before the client has told it of itself; asking again takes
    // minutes, by its rules. So ask as often as a user would.
    let deadline = Instant::now() + PATIENCE;
    let mut said = String::new();
    while Instant::now() < deadline {
        let asked = run(home, &["announce", "it.torrent", "--port", "9"]);
        said = String::from_utf8_lossy(&asked.stdout).into_owned();
        if said.contains(":7702") {
            break;
        }
        std::thread::sleep(Duration::from_millis(500));
    }
    assert!(
        said.contains(":7702"),
        "the tracker does not know it: {said}\n{}",
        seed.last_words()
    );
    let fetched = run(home, &words);
    let all = format!("{}\n{client:?}: {}", stderr(&fetched), seed.last_words());
    assert!(fetched.status.success(), "{all}");
    assert_eq!(stage.differing(false), [] as [&Path; 0], "{all}");
    eprintln!("{}", String::from_utf8_lossy(&fetched.stdout).trim());
}

/// We have everything and the client fetches it.
fn we_seed_to(client: Client, given: Given, encrypted: bool, test: &str) {
    let Some(network) = network(test, client) else {
        return;
    };
    let stage = Stage::new(network);
    let home = stage.scratch.path();
    let words = [
        "seed",
        "it.torrent",
        "--data",
        "full",
        "--policy",
        policy(client),
    ];
    let seed = Listening::start(unchoke(home, &words));
    let torrent = match given {
        Given::File => home.join("it.torrent"),
        Given::Magnet => stage.magnet().into(),
    };
    let folder = home.join("empty");
    let fetching = client.fetch(stage.place(&torrent, &folder, encrypted));
    wait_for(&stage, &fetching, client);
    drop(seed);
}

fn wait_for(stage: &Stage, fetching: &Running, client: Client) {
    // Transmission never makes empty files.
    let lenient = client == Client::Transmission;
    let began = Instant::now();
    loop {
        let differing = stage.differing(lenient);
        if differing.is_empty() {
            eprintln!("{client:?} has everything after {:?}", began.elapsed());
            return;
        }
        assert!(
            began.elapsed() < PATIENCE,
            "{differing:?} are wrong or missing\n{}",
            fetching.last_words()
        );
        std::thread::sleep(Duration::from_secs(1));
    }
}

/// We have everything and hide it, piece by piece; two of the client fetch it, from us and from each
/// other. It leaves a peer that says `upload_only` and shows no pieces.
fn we_reveal_to_two(client: Client, policy: &str, test: &str) {
    let Some(network) = network(test, client) else {
        return;
    };
    let stage = Stage::new(network);
    let home = stage.scratch.path();
    let words = ["seed", "it.torrent", "--data", "full", "--policy", policy];
    let seed = Listening::start(unchoke(home, &words));
    let (torrent, folders) = (home.join("it.torrent"), ["empty", "other"]);
    let (first, second) = (home.join(folders[0]), home.join(folders[1]));
    let place = stage.place(&torrent, &first, false);
    let fetching = client.fetch(place);
    let logs = home.join("logs");
    fs::create_dir(&logs).expect("folder");
    let _second = client.fetch(Place {
        folder: &second,
        scratch: &logs,
        port: 7703,
        ..place
    });
    let began = Instant::now();
    while folders
        .iter()
        .any(|it| !stage.differing_in(it, false).is_empty())
    {
        assert!(
            began.elapsed() < 2 * PATIENCE,
            "{policy}: not complete\n{}",
            fetching.last_words()
        );
        std::thread::sleep(Duration::from_secs(1));
    }
    eprintln!("{policy}: both complete after {:?}", began.elapsed());
    drop(seed);
}

#[test]
fn libtorrent_fetches_from_a_super_seed() {
    let test = "libtorrent_fetches_from_a_super_seed";
    we_reveal_to_two(Client::Libtorrent, "superseed", test);
}

#[test]
fn libtorrent_fetches_from_a_smart_seed() {
    let test = "libtorrent_fetches_from_a_smart_seed";
    we_reveal_to_two(Client::Libtorrent, "smartseed", test);
}

#[test]
fn transmission_seeds_to_us() {
    we_fetch_from(
        Client::Transmission,
        Given::File,
        false,
        "transmission_seeds_to_us",
    );
}

#[test]
fn transmission_fetches_from_us() {
    we_seed_to(
        Client::Transmission,
        Given::File,
        false,
        "transmission_fetches_from_us",
    );
}

#[test]
fn aria2_seeds_to_us() {
    we_fetch_from(Client::Aria2, Given::File, false, "aria2_seeds_to_us");
}

#[test]
fn aria2_fetches_from_us() {
    we_seed_to(Client::Aria2, Given::File, false, "aria2_fetches_from_us");
}

#[test]
fn libtorrent_seeds_to_us() {
    we_fetch_from(
        Client::Libtorrent,
        Given::File,
        false,
        "libtorrent_seeds_to_us",
    );
}

#[test]
fn libtorrent_fetches_from_us() {
    we_seed_to(
        Client::Libtorrent,
        Given::File,
        false,
        "libtorrent_fetches_from_us",
    );
}

#[test]
#[ignore = "half a minute; .ci/run runs it, and so does --include-ignored"]
fn transmission_that_requires_encryption_seeds_to_us() {
    let test = "transmission_that_requires_encryption_seeds_to_us";
    we_fetch_from(Client::Transmission, Given::File, true, test);
}

#[test]
#[ignore = "half a minute; .ci/run runs it, and so does --include-ignored"]
fn transmission_that_requires_encryption_fetches_from_us() {
    let test = "transmission_that_requires_encryption_fetches_from_us";
    we_seed_to(Client::Transmission, Given::File, true, test);
}

#[test]
#[ignore = "half a minute; .ci/run runs it, and so does --include-ignored"]
fn aria2_that_requires_encryption_seeds_to_us() {
    let test = "aria2_that_requires_encryption_seeds_to_us";
    we_fetch_from(Client::Aria2, Given::File, true, test);
}

#[test]
#[ignore = "half a minute; .ci/run runs it, and so does --include-ignored"]
fn aria2_that_requires_encryption_fetches_from_us() {
    let test = "aria2_that_requires_encryption_fetches_from_us";
    we_seed_to(Client::Aria2, Given::File, true, test);
}

#[test]
#[ignore = "half a minute; .ci/run runs it, and so does --include-ignored"]
fn libtorrent_that_requires_encryption_seeds_to_us() {
    let test = "libtorrent_that_requires_encryption_seeds_to_us";
    we_fetch_from(Client::Libtorrent, Given::File, true, test);
}

#[test]
#[ignore = "half a minute; .ci/run runs it, and so does --include-ignored"]
fn libtorrent_that_requires_encryption_fetches_from_us() {
    let test = "libtorrent_that_requires_encryption_fetches_from_us";
    we_seed_to(Client::Libtorrent, Given::File, true, test);
}

#[test]
fn libtorrent_gives_us_the_torrent_of_a_magnet_link() {
    let test = "libtorrent_gives_us_the_torrent_of_a_magnet_link";
    we_fetch_from(Client::Libtorrent, Given::Magnet, false, test);
}

#[test]
fn libtorrent_gets_the_torrent_of_a_magnet_link_from_us() {
    let test = "libtorrent_gets_the_torrent_of_a_magnet_link_from_us";
    we_seed_to(Client::Libtorrent, Given::Magnet, false, test);
}

#[test]
fn transmission_gives_us_the_torrent_of_a_magnet_link() {
    let test = "transmission_gives_us_the_torrent_of_a_magnet_link";
    we_fetch_from(Client::Transmission, Given::Magnet, false, test);
}

#[test]
fn aria2_gives_us_the_torrent_of_a_magnet_link() {
    let test = "aria2_gives_us_the_torrent_of_a_magnet_link";
    we_fetch_from(Client::Aria2, Given::Magnet, false, test);
}

#[test]
fn aria2_gets_the_torrent_of_a_magnet_link_from_us() {
    let test = "aria2_gets_the_torrent_of_a_magnet_link_from_us";
    we_seed_to(Client::Aria2, Given::Magnet, false, test);
}
