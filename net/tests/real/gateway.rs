//! Port mappings by each protocol: created, announced to the tracker, removed at the end.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::network::behind_a_gateway;
use crate::common::command::{Reporting, run, signal, stderr, unrestricted};
use crate::common::sample;
use crate::common::tracker::{Manner, Tracker};

const HERE: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 77);

/// The protocol of the gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Speaks {
    Pcp,
    /// PCP, with answers for TCP ports only.
    PcpForTcp,
    NatPmp,
    Upnp,
    /// UPnP, with permanent mappings only.
    UpnpForEver,
}

/// TCP mappings: from the external port to the internal port and the lifetime.
type Table = Arc<Mutex<BTreeMap<u16, (u16, u32)>>>;

fn word(bytes: &[u8], at: usize) -> u16 {
    u16::from_be_bytes([bytes[at], bytes[at + 1]])
}

fn long(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}

/// Adds a mapping. This gateway always gives an external port that differs from the internal one.
fn note(table: &Table, tcp: bool, internal: u16, seconds: u32) -> u16 {
    let external = internal ^ 1;
    let mut table = table.lock().expect("no panic");
    if tcp && seconds > 0 {
        table.insert(external, (internal, seconds));
    } else if tcp {
        table.remove(&external);
    }
    external
}

fn answer(speaks: Speaks, asked: &[u8], table: &Table) -> Option<Vec<u8>> {
    match (asked[0], speaks) {
        (2, Speaks::PcpForTcp) if asked[36] != 6 => None,
        (2, Speaks::Pcp | Speaks::PcpForTcp) if asked.len() == 60 => {
            let external = note(table, asked[36] == 6, word(asked, 40), long(asked, 4));
            let mut reply = asked.to_vec();
            reply[1] = 0x81;
            reply[42..44].copy_from_slice(&external.to_be_bytes());
            Some(reply)
        }
        (2, Speaks::NatPmp) => Some(vec![0, 0x81, 0, 1, 0, 0, 0, 0]),
        (0, Speaks::NatPmp) if asked.len() == 12 => {
            let external = note(table, asked[1] == 2, word(asked, 4), long(asked, 8));
            let mut reply = vec![0, 0x80 | asked[1], 0, 0, 0, 0, 0, 1];
            reply.extend(&asked[4..6]);
            reply.extend(external.to_be_bytes());
            reply.extend(&asked[8..12]);
            Some(reply)
        }
        _ => None,
    }
}

fn serve_datagrams(speaks: Speaks, table: Table) {
    let socket = UdpSocket::bind((HERE, 5351)).expect("a port");
    std::thread::spawn(move || {
        let mut buffer = [0; 1100];
        while let Ok((length, from)) = socket.recv_from(&mut buffer) {
            if let Some(reply) = answer(speaks, &buffer[..length], &table) {
                socket.send_to(&reply, from).expect("sends");
            }
        }
    });
}

fn between<'a>(text: &'a str, tag: &str) -> &'a str {
    let (_, rest) = text.split_once(&format!("<{tag}>")).expect(tag);
    rest.split_once("</").expect(tag).0
}

/// The answer of the gateway to one complete request.
fn say(speaks: Speaks, request: &str, table: &Table) -> (&'static str, String) {
    if request.starts_with("GET /description.xml ") {
        let service = "<service><serviceType>urn:schemas-upnp-org:service:WANIPConnection:1\
            </serviceType><controlURL>/control</controlURL></service>";
        return ("200 OK", format!("<root>{service}</root>"));
    }
    let external = || {
        between(request, "NewExternalPort")
            .parse::<u16>()
            .expect("a port")
    };
    let tcp = between(request, "NewProtocol") == "TCP";
    if request.contains("#DeletePortMapping\"") {
        if tcp {
            table.lock().expect("no panic").remove(&external());
        }
        return ("200 OK", String::new());
    }
    let seconds: u32 = between(request, "NewLeaseDuration")
        .parse()
        .expect("a number");
    if speaks == Speaks::UpnpForEver && seconds > 0 {
        return ("500 Error", "<errorCode>725</errorCode>".into());
    }
    let internal = between(request, "NewInternalPort")
        .parse::<u16>()
        .expect("a port");
    // The first external port that is requested is in use.
    if tcp && external() == internal {
        return ("500 Error", "<errorCode>718</errorCode>".into());
    }
    if tcp {
        table
            .lock()
            .expect("no panic")
            .insert(external(), (internal, seconds));
    }
    ("200 OK", String::new())
}

fn serve_upnp(speaks: Speaks, table: Table) {
    let web = TcpListener::bind((HERE, 0)).expect("a port");
    let port = web.local_addr().expect("an address").port();
    let ear = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 1900)).expect("a port");
    let group = Ipv4Addr::new(239, 255, 255, 250);
    ear.join_multicast_v4(&group, &Ipv4Addr::new(10, 77, 0, 1))
        .expect("joins");
    let mouth = UdpSocket::bind((HERE, 0)).expect("a port");
    std::thread::spawn(move || {
        let mut buffer = [0; 1100];
        while let Ok((length, from)) = ear.recv_from(&mut buffer) {
            let asked = String::from_utf8_lossy(&buffer[..length]).into_owned();
            assert!(asked.starts_with("M-SEARCH * HTTP/1.1\r\n"), "{asked}");
            let reply = format!(
                "HTTP/1.1 200 OK\r\nLOCATION: http://{HERE}:{port}/description.xml\r\n\r\n"
            );
            mouth.send_to(reply.as_bytes(), from).expect("sends");
        }
    });
    std::thread::spawn(move || {
        for stream in web.incoming() {
            let mut stream = stream.expect("a connection");
            let (mut request, mut buffer) = (String::new(), [0; 4096]);
            // A request with a body is complete when its SOAP envelope ends.
            while !(request.ends_with("</s:Envelope>\r\n")
                || request.starts_with("GET") && request.ends_with("\r\n\r\n"))
            {
                let length = stream.read(&mut buffer).expect("reads");
                request += &String::from_utf8_lossy(&buffer[..length]);
            }
            let (status, body) = say(speaks, &request, &table);
            write!(stream, "HTTP/1.0 {status}\r\n\r\n{body}").expect("writes");
        }
    });
}

/// Waits for the announce of the end, of which there is only one. The tracker may read an earlier one,
/// over another connection, after it.
fn farewell(tracker: &Tracker) -> BTreeMap<String, String> {
    let deadline = Instant::now() + Duration::from_secs(10);
    while !tracker.events().contains(&"stopped".to_owned()) {
        assert!(Instant::now() < deadline, "no announce of the end");
        std::thread::sleep(Duration::from_millis(50));
    }
    let announces = tracker.announces.lock().expect("no panic");
    let ends = |it: &&BTreeMap<_, _>| it.get("event").is_some_and(|it| it == "stopped");
    let mut farewells = announces.iter().filter(ends);
    let farewell = farewells.next().expect("it says goodbye");
    assert_eq!(farewells.next(), None, "{announces:?}");
    farewell.clone()
}

fn mapped_by(speaks: Speaks, way: &str) {
    let table = Table::default();
    match speaks {
        Speaks::Pcp | Speaks::PcpForTcp | Speaks::NatPmp => {
            serve_datagrams(speaks, Arc::clone(&table));
        }
        Speaks::Upnp | Speaks::UpnpForEver => serve_upnp(speaks, Arc::clone(&table)),
    }
    let runtime = tokio::runtime::Runtime::new().expect("runtime");
    let tracker = runtime.block_on(Tracker::start(Manner::Proper));
    let sample = sample();
    let home = sample.folder.path();
    let words = [
        "create",
        "sample",
        "--out",
        "it.torrent",
        "--tracker",
        &tracker.url,
    ];
    let made = run(home, &words);
    assert!(made.status.success(), "{}", stderr(&made));
    let words = [
        "seed",
        "it.torrent",
        "--data",
        ".",
        "--no-lsd",
        "--dht-node",
        "127.0.0.1:9",
    ];
    let seed = Reporting::start(unrestricted(home, &words));
    let told = seed.until(|it| {
        it["text"]
            .as_str()
            .is_some_and(|it| it.contains("TCP port"))
    });
    let text = told["text"].as_str().expect("text");
    assert!(text.starts_with(way), "{text}");
    let there = table.lock().expect("no panic").clone();
    // An answer that comes late leaves a mapping of a request that was repeated. The text names the one in use.
    let is_told = |external: &u16, internal: &u16| {
        let words = format!("port {external} of the gateway leads to our port {internal}");
        text.contains(&words)
    };
    let mut told = there.iter().filter(|it| is_told(it.0, &it.1.0));
    let (external, (internal, seconds)) = told.next().expect("a mapping of which we are told");
    assert_ne!(external, internal);
    assert_eq!(*seconds == 0, speaks == Speaks::UpnpForEver);
    signal(&seed.child, "INT");
    let deadline = Instant::now() + Duration::from_secs(10);
    while !table.lock().expect("no panic").is_empty() {
        assert!(Instant::now() < deadline, "the mapping is not removed");
        std::thread::sleep(Duration::from_millis(50));
    }
    // The announce at the end must name the external port.
    assert_eq!(farewell(&tracker)["port"], external.to_string());
    drop(runtime);
}

#[test]
fn a_gateway_that_speaks_pcp_leads_to_us() {
    let test = "a_gateway_that_speaks_pcp_leads_to_us";
    if behind_a_gateway(module_path!(), test) {
        mapped_by(Speaks::Pcp, "PCP: ");
    }
}

#[test]
fn a_mapping_is_removed_although_the_next_one_is_not_made() {
    let test = "a_mapping_is_removed_although_the_next_one_is_not_made";
    if behind_a_gateway(module_path!(), test) {
        mapped_by(Speaks::PcpForTcp, "PCP: ");
    }
}

#[test]
fn a_gateway_that_speaks_nat_pmp_leads_to_us() {
    let test = "a_gateway_that_speaks_nat_pmp_leads_to_us";
    if behind_a_gateway(module_path!(), test) {
        mapped_by(Speaks::NatPmp, "NAT-PMP: ");
    }
}

#[test]
fn a_gateway_that_speaks_upnp_leads_to_us() {
    let test = "a_gateway_that_speaks_upnp_leads_to_us";
    if behind_a_gateway(module_path!(), test) {
        mapped_by(Speaks::Upnp, "UPnP: ");
    }
}

#[test]
#[ignore = "half a minute; .ci/run runs it, and so does --include-ignored"]
fn a_gateway_that_maps_for_ever_leads_to_us_until_we_go() {
    let test = "a_gateway_that_maps_for_ever_leads_to_us_until_we_go";
    if behind_a_gateway(module_path!(), test) {
        mapped_by(Speaks::UpnpForEver, "UPnP: ");
    }
}
