//! The arguments of an announce, and the URL of a scrape.

use unchoke_core::ids::{InfoHash, PeerId};
use unchoke_core::tracker::{
    AnnounceQuery, Event, announce_arguments, reserved_argument, scrape_url,
};

fn query() -> AnnounceQuery {
    AnnounceQuery {
        info_hash: InfoHash(*b"\x124Vx\x9a\xbc\xde\xf1#Eg\x89\xab\xcd\xef\x124Vx\x9a"),
        peer_id: PeerId(*b"-UC0100-abc-._~ +&=\0"),
        port: 6881,
        uploaded: 1,
        downloaded: 2,
        left: 3,
        event: None,
        wanted: None,
        key: 0xabc,
        tracker_id: None,
    }
}

/// BEP 3, *trackers*: the keys; "The 20 byte sha1 hash", which "will almost certainly have to be
/// escaped". BEP 23: `compact=1`. BEP 7: `key`.
#[test]
fn all_keys_are_sent_and_bytes_are_escaped() {
    // The info-hash is the example of the BitTorrent wiki.
    let expected = "info_hash=%124Vx%9A%BC%DE%F1%23Eg%89%AB%CD%EF%124Vx%9A\
        &peer_id=-UC0100-abc-._~%20%2B%26%3D%00\
        &port=6881&uploaded=1&downloaded=2&left=3&compact=1&key=00000ABC";
    assert_eq!(announce_arguments(&query()), expected);
}

#[test]
fn what_is_optional_is_sent_when_there_is_something_to_say() {
    for (event, word) in [
        (Event::Started, "started"),
        (Event::Completed, "completed"),
        (Event::Stopped, "stopped"),
    ] {
        let query = AnnounceQuery {
            event: Some(event),
            wanted: Some(0),
            tracker_id: Some(b"a/b".to_vec()),
            ..query()
        };
        let arguments = announce_arguments(&query);
        let tail = format!("&key=00000ABC&numwant=0&event={word}&trackerid=a%2Fb");
        assert!(arguments.ends_with(&tail), "{arguments}");
    }
}

/// Arguments are compared as a server reads them: decoded, in any case, between `&` or `;`.
#[test]
fn arguments_that_only_we_may_set_are_found() {
    for (theirs, name) in [
        ("info_hash=x", "info_hash"),
        ("x&left=0", "left"),
        ("info%5fhash=", "info_hash"),
        ("INFO%5FHASH=x", "info_hash"),
        ("%69nfo_hash", "info_hash"),
        ("passkey=1;event=stopped", "event"),
        ("a=b&+port=1", "port"),
    ] {
        assert_eq!(reserved_argument(theirs, ""), Some(name), "{theirs}");
    }
    for theirs in [
        "",
        "passkey=x",
        "portal=1",
        "x=info_hash",
        "%zz=1",
        "%",
        "lef%74x=1",
    ] {
        assert_eq!(reserved_argument(theirs, ""), None, "{theirs}");
    }
}

/// A redirect may repeat our arguments, but not change or add any.
#[test]
fn a_redirect_may_repeat_our_arguments() {
    let ours = announce_arguments(&query());
    assert_eq!(reserved_argument(&ours, &ours), None);
    let again = ours.replace("%20", "+").replace("port=", "p%6Frt=");
    assert_eq!(reserved_argument(&again, &ours), None);
    let other = ours.replace("left=3", "left=0");
    assert_eq!(reserved_argument(&other, &ours), Some("left"));
    let more = format!("{ours}&event=stopped");
    assert_eq!(reserved_argument(&more, &ours), Some("event"));
}

/// BEP 48: the text after the last slash must begin with "announce", which becomes "scrape".
#[test]
fn scrape_urls() {
    for (announce, scrape) in [
        ("http://t/announce", Some("http://t/scrape")),
        ("http://t/x/announce", Some("http://t/x/scrape")),
        ("http://t/announce.php", Some("http://t/scrape.php")),
        ("http://t/announce?x2%0644", Some("http://t/scrape?x2%0644")),
        ("http://t/announce?x=2/4", Some("http://t/scrape?x=2/4")),
        ("udp://t:80/announce", Some("udp://t:80/announce")),
        ("http://t/a", None),
        ("http://t/x%064announce", None),
        ("http://announce", Some("http://scrape")),
        ("", None),
    ] {
        assert_eq!(scrape_url(announce).as_deref(), scrape, "{announce}");
    }
}
