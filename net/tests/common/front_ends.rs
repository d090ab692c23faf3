//! Clients that are a user interface around a library, and how to control them without the
//! interface.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::clients::{Client, Place};

/// rtorrent as a daemon. It hashes existing files and continues from them.
pub(crate) fn rtorrent(place: Place<'_>) -> Command {
    let session = place.scratch.join("rtorrent");
    fs::create_dir_all(&session).expect("folder");
    let encryption = if place.encrypted {
        "require,require_rc4,allow_incoming,try_outgoing"
    } else {
        "allow_incoming,enable_retry"
    };
    let settings = format!(
        "network.bind_address.set = {address}\n\
         network.port_range.set = {port}-{port}\n\
         network.port_random.set = no\n\
         directory.default.set = \"{folder}\"\n\
         session.path.set = \"{session}\"\n\
         session.use_lock.set = no\n\
         protocol.encryption.set = {encryption}\n\
         dht.mode.set = disable\n\
         protocol.pex.set = no\n\
         trackers.use_udp.set = no\n\
         system.daemon.set = true\n\
         log.open_file = \"log\", \"{log}\"\n\
         log.add_output = \"info\", \"log\"\n\
         log.add_output = \"tracker_debug\", \"log\"\n\
         log.add_output = \"connection_debug\", \"log\"\n\
         schedule2 = load, 1, 0, ((load.start, \"{torrent}\"))\n",
        address = place.address,
        port = place.port,
        folder = place.folder.display(),
        session = session.display(),
        // The output of the program as a daemon is empty.
        log = place.log(Client::Rtorrent).display(),
        torrent = place.torrent.display(),
    );
    let file = session.join("rtorrent.rc");
    fs::write(&file, settings).expect("write");
    let mut command = Command::new("rtorrent");
    command
        .args(["-n", "-o"])
        .arg(format!("import={}", file.display()));
    command
}

/// qBittorrent without a window.
pub(crate) fn qbittorrent(place: Place<'_>) -> Command {
    let profile = place.scratch.join("profile");
    let folder = profile.join("qBittorrent/config");
    fs::create_dir_all(&folder).expect("folder");
    let settings = format!(
        "[LegalNotice]\nAccepted=true\n\
         [BitTorrent]\n\
         Session\\Port={port}\n\
         Session\\InterfaceAddress={address}\n\
         Session\\DHTEnabled=false\nSession\\LSDEnabled=false\nSession\\PeXEnabled=false\n\
         Session\\BTProtocol={protocol}\nSession\\MultiConnectionsPerIp=true\n\
         Session\\Encryption={encryption}\n\
         Session\\DefaultSavePath={folder}\n\
         [Network]\nPortForwardingEnabled=false\n\
         [Preferences]\nWebUI\\LocalHostAuth=false\nWebUI\\UseUPnP=false\n",
        port = place.port,
        address = place.address,
        protocol = if place.utp { "UTP" } else { "TCP" },
        encryption = u8::from(place.encrypted),
        folder = place.folder.display(),
    );
    fs::write(folder.join("qBittorrent.conf"), settings).expect("write");
    let mut command = Command::new("qbittorrent-nox");
    command
        .arg(format!("--profile={}", profile.display()))
        .arg(format!("--save-path={}", place.folder.display()))
        .args([
            "--webui-port=7799",
            "--skip-dialog=true",
            "--add-paused=false",
        ])
        .arg(place.torrent)
        .env("HOME", place.scratch);
    command
}

/// The packages that `.ci/run` installs for WebTorrent.
pub(crate) fn node_modules() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/webtorrent/node_modules")
}

/// WebTorrent over TCP. It binds to no address.
pub(crate) fn webtorrent(place: Place<'_>) -> Command {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/common/webtorrent/peer.mjs");
    let mut command = Command::new("node");
    command
        .arg(script)
        .args([node_modules().as_path(), place.torrent, place.folder])
        .arg(place.port.to_string());
    command
}

/// Transmission watches a folder for torrent files; a magnet link must be passed by command.
pub(crate) fn hand_link_to_transmission(place: Place<'_>) {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let told = Command::new("transmission-remote")
            .arg(format!("{}:9091", place.address))
            .arg("--add")
            .arg(place.torrent)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        if told.is_ok_and(|it| it.success()) {
            return;
        }
        assert!(Instant::now() < deadline, "Transmission takes no link");
        std::thread::sleep(Duration::from_millis(200));
    }
}
