//! Keeps the known nodes between runs. BEP 5: "the routing table should be saved".

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use unchoke_core::bencode::{DictBuilder, Limits, decode};
use unchoke_core::dht::message::{Contact, contact_bytes, contacts};

/// Most nodes of each family that are kept.
pub(super) const MOST: usize = 200;

const LIMITS: Limits = Limits {
    depth: 2,
    tokens: 10,
    bytes: 1 << 16,
};

/// The file for the known nodes of this user: `unchoke/dht` in the state folder of the XDG base
/// directory specification. `None` if there is no home folder.
#[must_use]
pub fn default_file() -> Option<PathBuf> {
    let absolute = |name: &str| {
        let path = PathBuf::from(std::env::var_os(name)?);
        path.is_absolute().then_some(path)
    };
    let state = absolute("XDG_STATE_HOME");
    let state = state.or_else(|| Some(absolute("HOME")?.join(".local/state")));
    Some(state?.join("unchoke").join("dht"))
}

/// Reads the addresses in a file; none if the file is missing or has another content.
pub(super) fn read(file: &Path) -> Vec<SocketAddr> {
    let Ok(bytes) = fs::read(file) else {
        return Vec::new();
    };
    let Ok(document) = decode(&bytes, LIMITS) else {
        tracing::warn!("{} is damaged and will be replaced", file.display());
        return Vec::new();
    };
    let root = document.root();
    let of = |key: &[u8], ipv4| -> Vec<Contact> {
        let bytes = root.as_dict().and_then(|it| it.get(key)?.as_bytes());
        contacts(bytes.unwrap_or_default(), ipv4)
    };
    let all = of(b"nodes", true).into_iter().chain(of(b"nodes6", false));
    all.map(|it| it.address).collect()
}

/// Replaces the file atomically.
pub(super) fn write(file: &Path, v4: &[Contact], v6: &[Contact]) -> io::Result<()> {
    let mut dict = DictBuilder::new();
    dict.bytes("nodes", contact_bytes(v4));
    dict.bytes("nodes6", contact_bytes(v6));
    let folder = file.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let draft = file.with_extension(format!("{}.tmp", std::process::id()));
    fs::write(&draft, dict.finish())?;
    fs::rename(&draft, file)
}

#[cfg(test)]
mod tests {
    use unchoke_core::dht::NodeId;

    use super::*;

    #[test]
    fn what_is_written_is_read_and_damage_is_nothing() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("deep").join("dht");
        assert_eq!(read(&file), []);
        let contact = |address: &str| Contact {
            id: NodeId([1; 20]),
            address: address.parse().expect("an address"),
        };
        let (v4, v6) = (contact("1.2.3.4:5"), contact("[2001:db8::1]:6"));
        write(&file, &[v4], &[v6]).expect("writes");
        assert_eq!(read(&file), [v4.address, v6.address]);
        fs::write(&file, b"d5:nodes3:abce").expect("writes");
        assert_eq!(read(&file), []);
        fs::write(&file, b"nonsense").expect("writes");
        assert_eq!(read(&file), []);
    }
}
