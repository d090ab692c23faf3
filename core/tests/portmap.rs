//! Messages to gateways, compared byte by byte with the specifications.

use std::net::{IpAddr, Ipv4Addr};

use proptest::prelude::*;
use unchoke_core::portmap::{
    Granted, Refused, Transport, Wish, add_request, delete_request, error_code, location, nat_pmp,
    pcp, read_nat_pmp, read_pcp, service,
};

const WISH: Wish = Wish {
    transport: Transport::Tcp,
    internal: 6881,
    external: 6882,
    seconds: 7200,
};
const CLIENT: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 168, 1, 5));
const NONCE: [u8; 12] = *b"twelve bytes";

#[test]
fn nat_pmp_asks_and_reads_as_rfc_6886_has_it() {
    let asked = nat_pmp(&WISH);
    assert_eq!(
        asked,
        [0, 2, 0, 0, 0x1a, 0xe1, 0x1a, 0xe2, 0, 0, 0x1c, 0x20]
    );
    let end = nat_pmp(&Wish { seconds: 0, ..WISH });
    assert_eq!(end[6..], [0; 6]);
    let answer = [
        0, 130, 0, 0, 0, 0, 0, 9, 0x1a, 0xe1, 0x1a, 0xe3, 0, 0, 0x0e, 0x10,
    ];
    let granted = Granted {
        external: 6883,
        seconds: 3600,
    };
    assert_eq!(read_nat_pmp(&answer, &WISH), Some(Ok(granted)));
    let mut refused = answer;
    refused[3] = 2;
    assert_eq!(read_nat_pmp(&refused, &WISH), Some(Err(Refused::Code(2))));
    refused[3] = 1;
    assert_eq!(
        read_nat_pmp(&refused[..8], &WISH),
        Some(Err(Refused::Version))
    );
    let udp = Wish {
        transport: Transport::Udp,
        ..WISH
    };
    assert_eq!(
        read_nat_pmp(&answer, &udp),
        None,
        "the answer to another question"
    );
    let other = Wish {
        internal: 1,
        ..WISH
    };
    assert_eq!(read_nat_pmp(&answer, &other), None);
}

#[test]
fn pcp_asks_and_reads_as_rfc_6887_has_it() {
    let asked = pcp(&WISH, CLIENT, NONCE);
    assert_eq!(asked.len(), 60);
    assert_eq!(asked[..8], [2, 1, 0, 0, 0, 0, 0x1c, 0x20]);
    assert_eq!(asked[18..24], [0xff, 0xff, 192, 168, 1, 5]);
    assert_eq!(asked[24..36], NONCE);
    assert_eq!(asked[36..44], [6, 0, 0, 0, 0x1a, 0xe1, 0x1a, 0xe2]);
    let mut answer = asked.clone();
    (answer[1], answer[43]) = (0x81, 0xe5);
    let granted = Granted {
        external: 6885,
        seconds: 7200,
    };
    assert_eq!(read_pcp(&answer, &WISH, NONCE), Some(Ok(granted)));
    assert_eq!(
        read_pcp(&answer, &WISH, [0; 12]),
        None,
        "the answer to another client"
    );
    answer[3] = 8;
    assert_eq!(read_pcp(&answer, &WISH, NONCE), Some(Err(Refused::Code(8))));
    assert_eq!(
        read_pcp(&[0, 0, 0, 1], &WISH, NONCE),
        Some(Err(Refused::Version))
    );
    assert_eq!(
        read_pcp(&asked, &WISH, NONCE),
        None,
        "a question is no answer"
    );
}

#[test]
fn texts_of_gateways_are_read() {
    let answer = b"HTTP/1.1 200 OK\r\nCACHE-CONTROL: max-age=120\r\nLocation: http://10.0.0.1:5000/d.xml\r\n\r\n";
    assert_eq!(
        location(answer).as_deref(),
        Some("http://10.0.0.1:5000/d.xml")
    );
    assert_eq!(
        location(b"NOTIFY * HTTP/1.1\r\nLocation: http://x\r\n\r\n"),
        None
    );
    let description = "<root><service><serviceType>urn:schemas-upnp-org:service:Layer3Forwarding:1\
        </serviceType><controlURL>/wrong</controlURL></service>\n<service>\n<serviceType>\
        urn:schemas-upnp-org:service:WANIPConnection:1</serviceType><controlURL>/ctl/IP</controlURL>\
        </service></root>";
    let found = service(description).expect("a service");
    assert_eq!(found.control, "/ctl/IP");
    let (action, body) = add_request(&found.kind, &WISH, CLIENT);
    assert_eq!(action, "AddPortMapping");
    for part in [
        "<NewExternalPort>6882<",
        "<NewInternalPort>6881<",
        "<NewInternalClient>192.168.1.5<",
        "<NewLeaseDuration>7200<",
        "<NewProtocol>TCP<",
    ] {
        assert!(body.contains(part), "{part}: {body}");
    }
    let (_, body) = delete_request(&found.kind, 6882, Transport::Udp);
    assert!(body.contains("<NewProtocol>UDP<") && body.contains(":DeletePortMapping"));
    assert_eq!(
        error_code("<s:Fault><errorCode> 725 </errorCode>"),
        Some(725)
    );
    // A service type that would inject XML into the next request.
    let evil = description.replace("WANIPConnection:1", "WANIPConnection:1\"><x y=\"");
    assert_eq!(service(&evil), None);
}

proptest! {
    #[test]
    fn no_answer_breaks_a_reader(bytes in prop::collection::vec(any::<u8>(), 0..80), text in ".{0,300}") {
        let _ = read_nat_pmp(&bytes, &WISH);
        let _ = read_pcp(&bytes, &WISH, NONCE);
        let _ = location(&bytes);
        let _ = service(&text);
        let _ = service(&format!("<service><serviceType>urn:schemas-upnp-org:service:WANIPConnection:{text}"));
        let _ = error_code(&text);
    }
}
