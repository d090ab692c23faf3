//! The URL of an announce and of a scrape.

use unchoke_core::ids::{InfoHash, PeerId};
use unchoke_core::tracker::{AnnounceQuery, Event, UrlError, announce_url, scrape_url};

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
    let url = announce_url("http://t.example:80/announce", &query());
    // The info-hash is the example of the BitTorrent wiki.
    let expected = "http://t.example:80/announce\
        ?info_hash=%124Vx%9A%BC%DE%F1%23Eg%89%AB%CD%EF%124Vx%9A\
        &peer_id=-UC0100-abc-._~%20%2B%26%3D%00\
        &port=6881&uploaded=1&downloaded=2&left=3&compact=1&key=00000ABC";
    assert_eq!(url.as_deref(), Ok(expected));
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
        let url = announce_url("https://t/announce", &query).expect("a good URL");
        let tail = format!("&key=00000ABC&numwant=0&event={word}&trackerid=a%2Fb");
        assert!(url.ends_with(&tail), "{url}");
    }
}

/// Private trackers know their users by an argument in the URL.
#[test]
fn arguments_of_the_tracker_stay_in_front() {
    for (tracker, start) in [
        ("http://t", "http://t?info_hash="),
        ("http://t/a?passkey=x", "http://t/a?passkey=x&info_hash="),
        ("http://t/a?", "http://t/a?info_hash="),
        ("http://t/a?x=1&", "http://t/a?x=1&info_hash="),
        ("http://t/a#part", "http://t/a?info_hash="),
        ("HTTPS://t/a?portal=1", "HTTPS://t/a?portal=1&info_hash="),
    ] {
        let url = announce_url(tracker, &query()).expect("a good URL");
        assert!(url.starts_with(start), "{url}");
    }
}

#[test]
fn urls_made_to_abuse_us_are_refused() {
    let refused = |url| announce_url(url, &query()).expect_err("to be refused");
    assert_eq!(refused("udp://t:80"), UrlError::Scheme);
    assert_eq!(refused("file:///etc/passwd"), UrlError::Scheme);
    assert_eq!(refused("announce"), UrlError::Scheme);
    assert_eq!(
        refused("http://t/a?info_hash=x"),
        UrlError::Argument("info_hash")
    );
    assert_eq!(refused("http://t/a?x&left=0"), UrlError::Argument("left"));
    for local in [
        "http://localhost/admin?do=reboot",
        "http://LOCALHOST:8080/",
        "http://127.0.0.1:9091",
        "http://127.1.2.3/transmission/rpc",
        "http://[::1]:80/x",
        "http://[::ffff:127.0.0.1]/x",
        "http://user:pass@127.0.0.1/x",
    ] {
        assert_eq!(refused(local), UrlError::Local, "{local}");
    }
    for good in [
        "http://127.0.0.1:6969/announce",
        "http://[::1]/announce.php",
        "http://128.0.0.1/",
    ] {
        assert!(announce_url(good, &query()).is_ok(), "{good}");
    }
}

/// BEP 48: the text behind the last slash must begin with "announce", which becomes "scrape".
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
