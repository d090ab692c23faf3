//! Messages between nodes: bencoded dictionaries, one a datagram. BEP 5, *KRPC protocol*; BEP 32 for
//! IPv6. The family of the addresses in a message is that of the datagram.

use alloc::vec::Vec;
use core::net::{IpAddr, SocketAddr};

use super::NodeId;
use crate::bencode::{Dict, DictBuilder, Limits, ListBuilder, Value, decode_prefix};
use crate::compact;
use crate::ids::InfoHash;

/// A datagram that is longer is not read. BEP 32: 1024 bytes, and more "in the interest of robustness".
pub const MAX_DATAGRAM_BYTES: usize = 2048;
/// What we send at most. BEP 32, *maximum packet size*.
pub const MAX_SENT_BYTES: usize = 1024;

const LIMITS: Limits = Limits {
    depth: 8,
    tokens: 600,
    bytes: 2048,
};
/// Bytes of a transaction of another that we repeat, and of its token.
const MAX_OPAQUE_BYTES: usize = 64;
/// Nodes of one message that are looked at; 8 are usual.
const MAX_NODES: usize = 32;
/// Peers of one message that we send, by family: so they fit with the nodes into what we may send.
const MAX_PEERS: [usize; 2] = [50, 20];
/// What this client is called here: two letters and a version, as BEP 5 has it.
const VERSION: &[u8] = b"UN\x00\x01";

/// A node: its name and where it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Contact {
    /// Its name.
    pub id: NodeId,
    /// Where it is.
    pub address: SocketAddr,
}

/// A message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Repeated in the answer.
    pub transaction: Vec<u8>,
    /// What it says.
    pub body: Body,
    /// The sender answers nobody. BEP 43.
    pub read_only: bool,
    /// How the sender of an answer sees us. BEP 42.
    pub seen_as: Option<IpAddr>,
}

/// What a message says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    /// A question and who asks.
    Query(NodeId, Query),
    /// An answer.
    Reply(Reply),
    /// The question was refused, with this code.
    Error(i64),
}

/// A question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Query {
    /// Are you there?
    Ping,
    /// Who is near this?
    FindNode(NodeId),
    /// Who has this torrent, and else who is near it?
    GetPeers(InfoHash),
    /// I have it.
    AnnouncePeer {
        /// The torrent.
        info_hash: InfoHash,
        /// Where I listen; `None`: on the port from which this comes.
        port: Option<u16>,
        /// What the answer to `GetPeers` said.
        token: Vec<u8>,
    },
    /// One that we do not know, or that lacks something.
    Unknown,
}

/// An answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reply {
    /// Who answers.
    pub id: NodeId,
    /// Nodes that are near.
    pub nodes: Vec<Contact>,
    /// Peers of the torrent.
    pub peers: Vec<SocketAddr>,
    /// Needed to announce.
    pub token: Option<Vec<u8>>,
}

fn name(dict: &Dict<'_>, key: &[u8]) -> Option<NodeId> {
    let bytes = dict.get(key)?.as_bytes()?;
    Some(NodeId(bytes.try_into().ok()?))
}

fn opaque(value: Option<Value<'_>>) -> Option<Vec<u8>> {
    let bytes = value?.as_bytes()?;
    let fits = !bytes.is_empty() && bytes.len() <= MAX_OPAQUE_BYTES;
    fits.then(|| bytes.to_vec())
}

impl Message {
    /// Reads a datagram from an address of IPv4 or not; `None` if it is no message.
    #[must_use]
    pub fn decode(bytes: &[u8], ipv4: bool) -> Option<Self> {
        let document = decode_prefix(bytes, LIMITS).ok()?;
        let dict = document.root().as_dict()?;
        let body = match dict.get(b"y")?.as_bytes()? {
            b"q" => {
                let arguments = dict.get(b"a")?.as_dict()?;
                let query = query(dict.get(b"q")?.as_bytes()?, &arguments);
                Body::Query(name(&arguments, b"id")?, query.unwrap_or(Query::Unknown))
            }
            b"r" => Body::Reply(reply(&dict.get(b"r")?.as_dict()?, ipv4)?),
            b"e" => {
                let code = dict.get(b"e")?.as_list()?.next()?.as_int()?;
                Body::Error(code)
            }
            _ => return None,
        };
        let seen_as = dict.get(b"ip").and_then(|it| it.as_bytes());
        // Some add the port.
        let seen_as = seen_as.map(|it| match it.len() {
            6 | 18 => &it[..it.len() - 2],
            _ => it,
        });
        Some(Self {
            transaction: opaque(dict.get(b"t"))?,
            body,
            read_only: dict.get(b"ro").and_then(|it| it.as_int()) == Some(1),
            seen_as: seen_as.and_then(compact::ip_address),
        })
    }

    /// The datagram for an address of IPv4 or not; at most [`MAX_SENT_BYTES`] for what a node says.
    #[must_use]
    pub fn encode(&self, ipv4: bool) -> Vec<u8> {
        let mut dict = DictBuilder::new();
        dict.bytes("t", &self.transaction).bytes("v", VERSION);
        match &self.body {
            Body::Query(id, query) => {
                let (name, arguments) = write_query(*id, query);
                dict.bytes("y", "q").bytes("q", name).raw("a", arguments);
            }
            Body::Reply(reply) => {
                dict.bytes("y", "r").raw("r", write_reply(reply, ipv4));
            }
            Body::Error(code) => {
                let mut error = ListBuilder::new();
                error.int(*code).bytes(match code {
                    203 => "protocol error",
                    204 => "method unknown",
                    _ => "error",
                });
                dict.bytes("y", "e").raw("e", error.finish());
            }
        }
        if self.read_only {
            dict.int("ro", 1);
        }
        match self.seen_as {
            Some(IpAddr::V4(ip)) => drop(dict.bytes("ip", ip.octets())),
            Some(IpAddr::V6(ip)) => drop(dict.bytes("ip", ip.octets())),
            None => {}
        }
        dict.finish()
    }
}

fn query(method: &[u8], arguments: &Dict<'_>) -> Option<Query> {
    let info_hash = || name(arguments, b"info_hash").map(|it| InfoHash(it.0));
    Some(match method {
        b"ping" => Query::Ping,
        b"find_node" => Query::FindNode(name(arguments, b"target")?),
        b"get_peers" => Query::GetPeers(info_hash()?),
        b"announce_peer" => {
            let flag = arguments.get(b"implied_port").and_then(|it| it.as_int());
            let port = arguments.get(b"port").and_then(|it| it.as_u64());
            let port = port.and_then(|it| u16::try_from(it).ok());
            let implied = flag.is_some_and(|it| it != 0);
            Query::AnnouncePeer {
                info_hash: info_hash()?,
                port: if implied { None } else { Some(port?) },
                token: opaque(arguments.get(b"token"))?,
            }
        }
        // BEP 5 extensions: what looks like a search is answered like one.
        _ => Query::FindNode(name(arguments, b"target").or_else(|| name(arguments, b"info_hash"))?),
    })
}

fn contact<const N: usize>(entry: &[u8; N]) -> Option<Contact> {
    let (id, address) = entry.split_at(20);
    let (ip, port) = address.split_last_chunk::<2>()?;
    let address = SocketAddr::new(compact::ip_address(ip)?, u16::from_be_bytes(*port));
    Some(Contact {
        id: NodeId(id.try_into().ok()?),
        address: compact::usable(address)?,
    })
}

/// Contacts as messages and saved tables have them; what is none is left out, as is an address of IPv4
/// that is written as one of IPv6: each table is of one family.
#[must_use]
pub fn contacts(bytes: &[u8], ipv4: bool) -> Vec<Contact> {
    let mut contacts: Vec<Contact> = if ipv4 {
        let entries = bytes.as_chunks::<26>().0;
        entries.iter().filter_map(contact).collect()
    } else {
        let entries = bytes.as_chunks::<38>().0;
        entries.iter().filter_map(contact).collect()
    };
    contacts.retain(|it| it.address.is_ipv4() == ipv4);
    contacts
}

/// The same to be sent or saved.
#[must_use]
pub fn contact_bytes(contacts: &[Contact]) -> Vec<u8> {
    let mut out = Vec::new();
    for contact in contacts {
        out.extend_from_slice(&contact.id.0);
        out.extend(address_bytes(contact.address));
    }
    out
}

fn address_bytes(address: SocketAddr) -> Vec<u8> {
    let (mut v4, mut v6) = (Vec::new(), Vec::new());
    compact::write(address, &mut v4, &mut v6);
    if v4.is_empty() { v6 } else { v4 }
}

fn reply(dict: &Dict<'_>, ipv4: bool) -> Option<Reply> {
    let key: &[u8] = if ipv4 { b"nodes" } else { b"nodes6" };
    let nodes = dict.get(key).and_then(|it| it.as_bytes());
    let mut nodes = contacts(nodes.unwrap_or_default(), ipv4);
    nodes.truncate(MAX_NODES);
    let values = dict.get(b"values").and_then(|it| it.as_list());
    let address = |it: Value<'_>| -> Option<SocketAddr> {
        let bytes = it.as_bytes().filter(|it| (it.len() == 6) == ipv4)?;
        let (ip, port) = bytes.split_last_chunk::<2>()?;
        let address = SocketAddr::new(compact::ip_address(ip)?, u16::from_be_bytes(*port));
        compact::usable(address).filter(|it| it.is_ipv4() == ipv4)
    };
    Some(Reply {
        id: name(dict, b"id")?,
        nodes,
        peers: values.into_iter().flatten().filter_map(address).collect(),
        token: opaque(dict.get(b"token")),
    })
}

fn write_query(id: NodeId, query: &Query) -> (&'static str, Vec<u8>) {
    let mut arguments = DictBuilder::new();
    arguments.bytes("id", id.0);
    let name = match query {
        Query::Ping | Query::Unknown => "ping",
        Query::FindNode(target) => {
            arguments.bytes("target", target.0);
            "find_node"
        }
        Query::GetPeers(info_hash) => {
            arguments.bytes("info_hash", info_hash.0);
            "get_peers"
        }
        Query::AnnouncePeer {
            info_hash,
            port,
            token,
        } => {
            arguments.bytes("info_hash", info_hash.0);
            arguments.int("implied_port", i64::from(port.is_none()));
            arguments.int("port", i64::from(port.unwrap_or_default()));
            arguments.bytes("token", token);
            "announce_peer"
        }
    };
    (name, arguments.finish())
}

fn write_reply(reply: &Reply, ipv4: bool) -> Vec<u8> {
    let mut dict = DictBuilder::new();
    dict.bytes("id", reply.id.0);
    if !reply.nodes.is_empty() {
        let key = if ipv4 { "nodes" } else { "nodes6" };
        dict.bytes(key, contact_bytes(&reply.nodes));
    }
    if !reply.peers.is_empty() {
        let mut values = ListBuilder::new();
        let most = MAX_PEERS[usize::from(!ipv4)];
        for peer in reply.peers.iter().take(most) {
            values.bytes(address_bytes(*peer));
        }
        dict.raw("values", values.finish());
    }
    if let Some(token) = &reply.token {
        dict.bytes("token", token);
    }
    dict.finish()
}
