//! Messages between nodes: bencoded dictionaries, one per datagram. BEP 5, *KRPC protocol*; BEP 32
//! for IPv6. The addresses in a message are of the same family as the datagram.

use alloc::vec::Vec;
use core::net::{IpAddr, SocketAddr};

use super::NodeId;
use crate::bencode::{Dict, DictBuilder, Limits, ListBuilder, Value, decode_prefix};
use crate::compact;
use crate::ids::InfoHash;

/// Longer datagrams are not read. BEP 32: 1024 bytes, and more "in the interest of robustness".
pub const MAX_DATAGRAM_BYTES: usize = 2048;
/// Longest datagram that we send. BEP 32, *maximum packet size*.
pub const MAX_SENT_BYTES: usize = 1024;

const LIMITS: Limits = Limits {
    depth: 8,
    tokens: 600,
    bytes: 2048,
};
/// Most bytes of a foreign transaction id that we repeat, and of a token.
const MAX_OPAQUE_BYTES: usize = 64;
/// Most nodes of one message to read; 8 are usual.
const MAX_NODES: usize = 32;
/// Most peers to send in one message, by family: with the nodes they fit into [`MAX_SENT_BYTES`].
const MAX_PEERS: [usize; 2] = [50, 20];
/// Name of this client: two letters and a version, as in BEP 5.
const VERSION: &[u8] = b"UN\x00\x01";

/// A node: its id and address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Contact {
    /// Its id.
    pub id: NodeId,
    /// Its address.
    pub address: SocketAddr,
}

/// A message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Repeated in the answer.
    pub transaction: Vec<u8>,
    /// The content.
    pub body: Body,
    /// The sender does not answer questions. BEP 43.
    pub read_only: bool,
    /// Our address as the sender of an answer sees it. BEP 42.
    pub seen_as: Option<IpAddr>,
}

/// The content of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    /// A question and the id of its sender.
    Query(NodeId, Query),
    /// An answer.
    Reply(Reply),
    /// The question was refused, with this code.
    Error(i64),
}

/// A question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Query {
    /// Asks for any answer.
    Ping,
    /// Asks for the nodes nearest to this id.
    FindNode(NodeId),
    /// Asks for peers of this torrent, and for the nodes nearest to it.
    GetPeers(InfoHash),
    /// Announces that the sender has the torrent.
    AnnouncePeer {
        /// The torrent.
        info_hash: InfoHash,
        /// The port on which the sender listens; `None`: the source port of the datagram.
        port: Option<u16>,
        /// The token from the answer to `GetPeers`.
        token: Vec<u8>,
    },
    /// An unknown question, or one that lacks a key.
    Unknown,
}

/// An answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reply {
    /// Id of the sender.
    pub id: NodeId,
    /// Nodes near the target.
    pub nodes: Vec<Contact>,
    /// Peers of the torrent.
    pub peers: Vec<SocketAddr>,
    /// The token that an announce needs.
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
    /// Reads a datagram; `None` if it is not a message. `ipv4`: its address family.
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
        // Some clients add the port.
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

    /// The datagram. `ipv4`: its address family. Messages of our node take at most
    /// [`MAX_SENT_BYTES`].
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
        // BEP 5 extensions: an unknown question with a target is answered like a search.
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

/// Reads contacts from messages and saved tables. Invalid ones are left out, and so are IPv4
/// addresses written as IPv6: each table has one family.
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

/// The same, for sending and saving.
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
