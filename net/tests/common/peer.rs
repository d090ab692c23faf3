//! A hand-written peer that can be honest, lie, or misbehave.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use unchoke_core::bitfield::Bitfield;
use unchoke_core::ids::PeerId;
use unchoke_core::message::Message;
use unchoke_core::metainfo::Metainfo;
use unchoke_core::wire::{Decoded, Decoder, HANDSHAKE_BYTES, Handshake, Reserved, encode};

pub(crate) fn handshake(metainfo: &Metainfo, name: &[u8; 20]) -> [u8; HANDSHAKE_BYTES] {
    let handshake = Handshake {
        reserved: Reserved::default(),
        info_hash: metainfo.info_hash,
        peer_id: PeerId(*name),
    };
    handshake.encode()
}

pub(crate) fn bytes_of(message: &Message) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode(message, &mut bytes);
    bytes
}

/// A peer that claims to have everything and serves `payload`, whatever it contains.
pub(crate) async fn serve(
    metainfo: &Arc<Metainfo>,
    payload: Vec<u8>,
    name: [u8; 20],
) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
    let listener = listener.expect("a port");
    let address = listener.local_addr().expect("an address");
    let (metainfo, payload) = (Arc::clone(metainfo), Arc::new(payload));
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (metainfo, payload) = (Arc::clone(&metainfo), Arc::clone(&payload));
            // Ends when the other side closes the connection.
            tokio::spawn(async move { drop(talk(stream, &metainfo, &payload, name).await) });
        }
    });
    address
}

async fn talk(
    mut stream: TcpStream,
    metainfo: &Metainfo,
    payload: &[u8],
    name: [u8; 20],
) -> std::io::Result<()> {
    let mut theirs = [0; HANDSHAKE_BYTES];
    stream.read_exact(&mut theirs).await?;
    stream.write_all(&handshake(metainfo, &name)).await?;
    let pieces = metainfo.geometry.piece_count();
    let hello = Message::Bitfield(Box::new(Bitfield::full(pieces)));
    stream.write_all(&bytes_of(&hello)).await?;
    stream.write_all(&bytes_of(&Message::Unchoke)).await?;
    let decoder = Decoder::new(pieces);
    let mut bytes = Vec::new();
    loop {
        match decoder.decode(&bytes).expect("we speak the protocol") {
            Decoded::Incomplete { .. } => {
                if stream.read_buf(&mut bytes).await? == 0 {
                    return Ok(());
                }
            }
            Decoded::Message { message, used } => {
                bytes.drain(..used);
                if let Message::Request(block) = message {
                    let start = usize::try_from(metainfo.geometry.offset(block)).expect("small");
                    let mut answer = bytes_of(&Message::Piece(block));
                    answer.extend_from_slice(&payload[start..start + block.length as usize]);
                    stream.write_all(&answer).await?;
                }
            }
            Decoded::Unknown { .. } => panic!("we send nothing unknown"),
        }
    }
}
