//! The URL of an HTTP announce. BEP 3, *trackers*; BEP 7; BEP 23.

use alloc::string::String;
use core::fmt::Write as _;
use core::net::Ipv4Addr;

use crate::ids::{InfoHash, PeerId};

/// What an announce reports. None for the regular ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// The first announce to this tracker.
    Started,
    /// The last piece has come.
    Completed,
    /// The download or seed ends.
    Stopped,
}

impl Event {
    /// The word on the wire. BEP 3.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Started => "started",
            Self::Completed => "completed",
            Self::Stopped => "stopped",
        }
    }
}

/// What an announce says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AnnounceQuery {
    /// The torrent.
    pub info_hash: InfoHash,
    /// We.
    pub peer_id: PeerId,
    /// TCP port we listen on.
    pub port: u16,
    /// Payload bytes sent since the start.
    pub uploaded: u64,
    /// Payload bytes received since the start.
    pub downloaded: u64,
    /// Bytes still to come.
    pub left: u64,
    /// What happened.
    pub event: Option<Event>,
    /// Peers wanted; `None` leaves it to the tracker.
    pub wanted: Option<u32>,
    /// Random, the same for the whole session of a torrent: tells the tracker that we are who we
    /// were when our address changes. BEP 7.
    pub key: u32,
    /// The tracker's last `tracker id`.
    pub tracker_id: Option<alloc::vec::Vec<u8>>,
}

/// Why a tracker URL is not used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UrlError {
    /// Not http or https.
    #[error("not an HTTP tracker URL")]
    Scheme,
    /// The URL carries an argument that only we may set. As libtorrent, against torrents that make
    /// us send made-up announces.
    #[error("the tracker URL must not contain the argument `{0}` itself")]
    Argument(&'static str),
    /// A service on this machine that is no tracker. As libtorrent, against torrents that make us
    /// talk to it.
    #[error("a tracker on this machine must have a path that starts with /announce")]
    Local,
}

/// Arguments of an announce that a tracker URL must not bring along.
const RESERVED: [&str; 9] = [
    "info_hash",
    "peer_id",
    "port",
    "uploaded",
    "downloaded",
    "left",
    "event",
    "key",
    "corrupt",
];

/// The URL to GET: `tracker` with the arguments of `query` appended.
pub fn announce_url(tracker: &str, query: &AnnounceQuery) -> Result<String, UrlError> {
    check(tracker)?;
    let (base, _fragment) = tracker.split_once('#').unwrap_or((tracker, ""));
    let mut url = String::with_capacity(base.len() + 320);
    url.push_str(base);
    url.push_str(match base.as_bytes() {
        [.., b'?' | b'&'] => "",
        _ if base.contains('?') => "&",
        _ => "?",
    });
    url.push_str("info_hash=");
    percent_encode(&mut url, &query.info_hash.0);
    url.push_str("&peer_id=");
    percent_encode(&mut url, &query.peer_id.0);
    let (port, key) = (query.port, query.key);
    let (uploaded, downloaded, left) = (query.uploaded, query.downloaded, query.left);
    write!(
        url,
        "&port={port}&uploaded={uploaded}&downloaded={downloaded}&left={left}&compact=1\
         &key={key:08X}"
    )
    .expect("writing to a string does not fail");
    if let Some(wanted) = query.wanted {
        write!(url, "&numwant={wanted}").expect("writing to a string does not fail");
    }
    if let Some(event) = query.event {
        url.push_str("&event=");
        url.push_str(event.name());
    }
    if let Some(tracker_id) = &query.tracker_id {
        url.push_str("&trackerid=");
        percent_encode(&mut url, tracker_id);
    }
    Ok(url)
}

fn check(tracker: &str) -> Result<(), UrlError> {
    let (scheme, rest) = tracker.split_once("://").ok_or(UrlError::Scheme)?;
    if !scheme.eq_ignore_ascii_case("http") && !scheme.eq_ignore_ascii_case("https") {
        return Err(UrlError::Scheme);
    }
    let path_at = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(path_at);
    if is_local(authority) && !path.starts_with("/announce") {
        return Err(UrlError::Local);
    }
    let own_arguments = path.split_once('?').map_or("", |it| it.1).split('&');
    for argument in own_arguments {
        let name = argument.split('=').next().unwrap_or_default();
        if let Some(reserved) = RESERVED.into_iter().find(|it| *it == name) {
            return Err(UrlError::Argument(reserved));
        }
    }
    Ok(())
}

/// Whether this authority (`user@host:port`) is a loopback name or address.
fn is_local(authority: &str) -> bool {
    let host_port = authority.rsplit_once('@').map_or(authority, |it| it.1);
    let host = match host_port.strip_prefix('[') {
        Some(v6) => v6.split(']').next().unwrap_or_default(),
        None => host_port.split(':').next().unwrap_or_default(),
    };
    let v4: Option<Ipv4Addr> = host.parse().ok();
    let v6: Option<core::net::Ipv6Addr> = host.parse().ok();
    host.eq_ignore_ascii_case("localhost")
        || v4.is_some_and(|it| it.is_loopback())
        || v6.is_some_and(|it| it.to_canonical().is_loopback())
}

/// Appends `bytes`, all but the unreserved characters as `%XX`. RFC 3986, section 2.3.
pub(super) fn percent_encode(url: &mut String, bytes: &[u8]) {
    for byte in bytes {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(byte) {
            url.push(char::from(*byte));
        } else {
            write!(url, "%{byte:02X}").expect("writing to a string does not fail");
        }
    }
}
