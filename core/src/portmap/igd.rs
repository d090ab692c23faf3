//! Texts for UPnP gateways. UPnP Forum, *WANIPConnection:1*. Only what a mapping needs is read, and
//! answers are treated as text with tags, not as valid XML.

use alloc::format;
use alloc::string::{String, ToString as _};
use core::net::IpAddr;

use super::{Transport, Wish};

/// Most bytes of a text to read.
const MAX_BYTES: usize = 1 << 18;
/// Most bytes of a URL or a name in it.
const MAX_VALUE_BYTES: usize = 1000;

/// The multicast request to all gateways in the local network.
#[must_use]
pub fn search() -> String {
    "M-SEARCH * HTTP/1.1\r\n\
     HOST: 239.255.255.250:1900\r\n\
     MAN: \"ssdp:discover\"\r\n\
     MX: 2\r\n\
     ST: urn:schemas-upnp-org:device:InternetGatewayDevice:1\r\n\r\n"
        .to_string()
}

/// The URL of a gateway's description, from its answer.
#[must_use]
pub fn location(answer: &[u8]) -> Option<String> {
    let text = core::str::from_utf8(answer).ok()?;
    let first = text.lines().next()?;
    if !first.starts_with("HTTP/1.") || !first.contains(" 200") {
        return None;
    }
    let mut lines = text.lines().filter_map(|it| it.split_once(':'));
    let (_, value) = lines.find(|it| it.0.eq_ignore_ascii_case("location"))?;
    let value = value.trim();
    (value.len() <= MAX_VALUE_BYTES).then(|| value.into())
}

/// The service of a gateway that makes mappings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    /// Its type, which every request names.
    pub kind: String,
    /// The URL for requests, relative to the description.
    pub control: String,
}

/// The text between the first `<tag>` and the next `</tag>`.
fn tagged<'a>(text: &'a str, tag: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(&format!("<{tag}>"))?;
    let (value, _) = rest.split_once(&format!("</{tag}>"))?;
    let value = value.trim();
    (value.len() <= MAX_VALUE_BYTES).then_some(value)
}

/// The service in a description.
#[must_use]
pub fn service(description: &str) -> Option<Service> {
    let text = description.get(..MAX_BYTES).unwrap_or(description);
    let services = text.split("<service>").skip(1);
    let services = services.filter_map(|it| it.split("</service>").next());
    let read = |it: &str| {
        let kind = tagged(it, "serviceType")?;
        let known = ["WANIPConnection", "WANPPPConnection"];
        let known = known
            .iter()
            .any(|it| kind.starts_with(&format!("urn:schemas-upnp-org:service:{it}:")));
        let clean = kind
            .bytes()
            .all(|it| it.is_ascii_alphanumeric() || b":-".contains(&it));
        (known && clean).then(|| Service {
            kind: kind.into(),
            control: tagged(it, "controlURL").unwrap_or_default().into(),
        })
    };
    let mut found = services.filter_map(read);
    found.find(|it| !it.control.is_empty())
}

fn envelope(kind: &str, action: &str, arguments: &str) -> String {
    format!(
        "<?xml version=\"1.0\"?>\r\n\
         <s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\" \
         s:encodingStyle=\"http://schemas.xmlsoap.org/soap/encoding/\"><s:Body>\
         <u:{action} xmlns:u=\"{kind}\">{arguments}</u:{action}></s:Body></s:Envelope>\r\n"
    )
}

fn key(external: u16, transport: Transport) -> String {
    let name = transport.name();
    format!(
        "<NewRemoteHost></NewRemoteHost><NewExternalPort>{external}</NewExternalPort>\
         <NewProtocol>{name}</NewProtocol>"
    )
}

/// The request for a mapping to `client`: the name of the action, and the body.
#[must_use]
pub fn add_request(kind: &str, wish: &Wish, client: IpAddr) -> (&'static str, String) {
    let arguments = format!(
        "{}<NewInternalPort>{}</NewInternalPort><NewInternalClient>{client}</NewInternalClient>\
         <NewEnabled>1</NewEnabled><NewPortMappingDescription>Unchoke</NewPortMappingDescription>\
         <NewLeaseDuration>{}</NewLeaseDuration>",
        key(wish.external, wish.transport),
        wish.internal,
        wish.seconds
    );
    (
        "AddPortMapping",
        envelope(kind, "AddPortMapping", &arguments),
    )
}

/// The request to end a mapping.
#[must_use]
pub fn delete_request(kind: &str, external: u16, transport: Transport) -> (&'static str, String) {
    let arguments = key(external, transport);
    (
        "DeletePortMapping",
        envelope(kind, "DeletePortMapping", &arguments),
    )
}

/// The error code in a refusal: 725, only permanent mappings; 718, the port is taken.
#[must_use]
pub fn error_code(answer: &str) -> Option<u16> {
    let text = answer.get(..MAX_BYTES).unwrap_or(answer);
    tagged(text, "errorCode")?.parse().ok()
}
