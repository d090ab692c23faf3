//! The message codec: round trips of all messages, with any cuts, and hostile bytes.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use unchoke_core::bitfield::Bitfield;
use unchoke_core::ids::{BlockRef, PieceIndex};
use unchoke_core::message::{
    Contact, Contacts, Extended, ExtendedHandshake, HashRequest, Hashes, Message,
};
use unchoke_core::wire::{
    Decoded, Decoder, MAX_BLOCK_BYTES, MAX_MESSAGE_BYTES, PEX_ID, WireError, encode, wire_len,
};

const PIECES: u32 = 77;

/// Events of a reader: messages, and the payload that follows a block header.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Event {
    Message(Message),
    Payload(Vec<u8>),
    Unknown(u8, u32),
}

/// Drives a reader like a socket: chunks in, events out.
#[derive(Default)]
struct Reader {
    buffer: Vec<u8>,
    payload_due: usize,
    skip_due: usize,
    payload: Vec<u8>,
    events: Vec<Event>,
}

impl Reader {
    fn feed(&mut self, chunk: &[u8]) -> Result<(), WireError> {
        self.buffer.extend_from_slice(chunk);
        loop {
            let skipped = self.skip_due.min(self.buffer.len());
            self.buffer.drain(..skipped);
            self.skip_due -= skipped;
            let taken = self.payload_due.min(self.buffer.len());
            self.payload.extend(self.buffer.drain(..taken));
            self.payload_due -= taken;
            if self.payload_due > 0 || self.skip_due > 0 {
                return Ok(());
            }
            if !self.payload.is_empty() {
                self.events
                    .push(Event::Payload(std::mem::take(&mut self.payload)));
            }
            let used = match Decoder::new(PIECES).decode(&self.buffer)? {
                Decoded::Incomplete { need } => {
                    assert!(need > self.buffer.len());
                    assert!(need <= 4 + MAX_MESSAGE_BYTES as usize);
                    return Ok(());
                }
                Decoded::Message { message, used } => {
                    if let Message::Piece(block) = &message {
                        self.payload_due = block.length as usize;
                    }
                    self.events.push(Event::Message(message));
                    used
                }
                Decoded::Unknown { id, used, skip } => {
                    self.skip_due = skip as usize;
                    self.events.push(Event::Unknown(id, skip));
                    used
                }
            };
            self.buffer.drain(..used);
        }
    }
}

fn blocks(most: u32) -> impl Strategy<Value = BlockRef> {
    (any::<u32>(), any::<u32>(), 0..=most).prop_map(|(piece, begin, length)| BlockRef {
        piece: PieceIndex(piece),
        begin,
        length,
    })
}

fn extended() -> impl Strategy<Value = Extended> {
    let handshake = (
        btree_map("[a-zA-Z_]{0,12}", any::<u8>(), 0..4),
        proptest::option::of(1..=u16::MAX),
        proptest::option::of("[ -~äöü]{0,20}"),
        proptest::option::of(any::<u32>()),
        proptest::option::of(any::<bool>()),
        proptest::option::of(any::<u32>()),
    );
    let handshake = handshake.prop_map(
        |(extensions, listen_port, client, request_queue, upload_only, metadata_bytes)| {
            Extended::Handshake(ExtendedHandshake {
                extensions,
                listen_port,
                client,
                request_queue,
                upload_only,
                metadata_bytes,
            })
        },
    );
    let unknown = (2..=u8::MAX, vec(any::<u8>(), 0..40))
        .prop_map(|(id, payload)| Extended::Unknown { id, payload });
    prop_oneof![handshake, unknown, pex()]
}

fn pex() -> impl Strategy<Value = Extended> {
    let v4 = || {
        (any::<[u8; 3]>(), 1..=u16::MAX).prop_map(|([a, b, c], port)| ([10, a, b, c], port).into())
    };
    let v6 = || {
        (any::<[u16; 7]>(), 1..=u16::MAX)
            .prop_map(|([a, b, c, d, e, f, g], port)| ([0x2001, a, b, c, d, e, f, g], port).into())
    };
    // IPv4 comes before IPv6 on the wire.
    let addresses =
        move || (vec(v4(), 0..20), vec(v6(), 0..20)).prop_map(|(v4, v6)| [v4, v6].concat());
    let contact = |address: SocketAddr| {
        (any::<bool>(), any::<bool>()).prop_map(move |(seed, reachable)| Contact {
            address,
            seed,
            reachable,
        })
    };
    let added =
        addresses().prop_flat_map(move |it| it.into_iter().map(contact).collect::<Vec<_>>());
    (added, addresses()).prop_map(|(added, dropped)| Extended::Pex {
        id: PEX_ID,
        changes: Contacts { added, dropped },
    })
}

fn messages() -> impl Strategy<Value = Message> {
    let index = || any::<u32>().prop_map(PieceIndex);
    let bits = vec(any::<bool>(), PIECES as usize).prop_map(|bits| {
        let mut set = Bitfield::empty(PIECES);
        for (i, _) in (0..).zip(&bits).filter(|it| *it.1) {
            set.insert(PieceIndex(i));
        }
        Message::Bitfield(Box::new(set))
    });
    let plain = proptest::sample::select(vec![
        Message::KeepAlive,
        Message::Choke,
        Message::Unchoke,
        Message::Interested,
        Message::NotInterested,
        Message::HaveAll,
        Message::HaveNone,
    ]);
    prop_oneof![
        plain,
        bits,
        index().prop_map(Message::Have),
        index().prop_map(Message::Suggest),
        index().prop_map(Message::AllowedFast),
        hash_request().prop_map(|it| Message::HashRequest(Box::new(it))),
        hash_request().prop_map(|it| Message::HashReject(Box::new(it))),
        (hash_request(), vec(any::<[u8; 32]>(), 0..20))
            .prop_map(|(request, hashes)| Message::Hashes(Box::new(Hashes { request, hashes }))),
        any::<u16>().prop_map(Message::Port),
        blocks(u32::MAX).prop_map(Message::Request),
        blocks(u32::MAX).prop_map(Message::Cancel),
        blocks(u32::MAX).prop_map(Message::Reject),
        blocks(300).prop_map(Message::Piece),
        extended().prop_map(|it| Message::Extended(Box::new(it))),
    ]
}

fn hash_request() -> impl Strategy<Value = HashRequest> {
    any::<([u8; 32], [u32; 4])>().prop_map(|(root, [base, index, length, proofs])| HashRequest {
        root,
        base,
        index,
        length,
        proofs,
    })
}

/// The bytes of `messages`, with payload for blocks, and the events that they must cause.
fn stream(messages: &[Message]) -> (Vec<u8>, Vec<Event>) {
    let mut bytes = Vec::new();
    let mut events = Vec::new();
    for message in messages {
        encode(message, &mut bytes);
        events.push(Event::Message(message.clone()));
        if let Message::Piece(block) = message
            && block.length > 0
        {
            let payload: Vec<u8> = (0..=255).cycle().take(block.length as usize).collect();
            bytes.extend_from_slice(&payload);
            events.push(Event::Payload(payload));
        }
    }
    (bytes, events)
}

proptest! {
    #[test]
    fn every_message_comes_back_and_has_its_length(message in messages()) {
        let mut bytes = Vec::new();
        encode(&message, &mut bytes);
        prop_assert_eq!(u32::try_from(bytes.len()), Ok(wire_len(&message)));
        let used = bytes.len();
        let decoded = Decoder::new(PIECES).decode(&bytes);
        prop_assert_eq!(decoded, Ok(Decoded::Message { message, used }));
    }

    #[test]
    fn cutting_the_stream_anywhere_changes_nothing(
        messages in vec(messages(), 1..8),
        cuts in vec(any::<proptest::sample::Index>(), 0..12),
    ) {
        let (bytes, events) = stream(&messages);
        let mut cuts: Vec<usize> = cuts.iter().map(|it| it.index(bytes.len() + 1)).collect();
        cuts.extend([0, bytes.len()]);
        cuts.sort_unstable();
        let mut reader = Reader::default();
        for pair in cuts.windows(2) {
            prop_assert_eq!(reader.feed(&bytes[pair[0]..pair[1]]), Ok(()));
        }
        prop_assert_eq!(&reader.events, &events);
        let mut bytewise = Reader::default();
        for byte in &bytes {
            prop_assert_eq!(bytewise.feed(&[*byte]), Ok(()));
        }
        prop_assert_eq!(&bytewise.events, &events);
    }

    #[test]
    fn random_bytes_never_panic_and_fail_the_same_way_however_cut(
        bytes in vec(prop_oneof![4 => Just(0), 2 => 0..24u8, 1 => any::<u8>()], 0..200),
    ) {
        let mut whole = Reader::default();
        let result = whole.feed(&bytes);
        let mut bytewise = Reader::default();
        let results = bytes.iter().map(|byte| bytewise.feed(&[*byte]));
        prop_assert_eq!(results.collect::<Result<(), _>>(), result);
        prop_assert_eq!(bytewise.events, whole.events);
    }
}

#[test]
fn lengths_are_judged_before_the_body_comes() {
    let decoder = Decoder::new(PIECES);
    let too_long = |length: u32| {
        Err(WireError::TooLong {
            length,
            limit: MAX_MESSAGE_BYTES,
        })
    };
    for length in [MAX_MESSAGE_BYTES + 1, i32::MIN.cast_unsigned(), u32::MAX] {
        assert_eq!(decoder.decode(&length.to_be_bytes()), too_long(length));
    }
    // Pairs of id and length prefix that are invalid.
    for (id, length) in [
        (0, 2),
        (1, 5),
        (2, 2),
        (3, 9),
        (4, 1),
        (4, 4),
        (4, 6),
        (5, 1),
        (5, 10),
        (5, 12),
        (6, 12),
        (6, 14),
        (7, 8),
        (7, 1),
        (7, 10 + MAX_BLOCK_BYTES),
        (8, 9),
        (9, 5),
        (13, 1),
        (14, 2),
        (15, 5),
        (16, 5),
        (17, 13),
        (20, 1),
    ] {
        let mut head = length.to_be_bytes().to_vec();
        head.push(id);
        assert_eq!(decoder.decode(&head), Err(WireError::Length { id, length }));
    }
}

#[test]
fn a_bitfield_may_be_longer_than_the_limit_of_other_messages() {
    let pieces = (MAX_MESSAGE_BYTES + 100) * 8;
    let message = Message::Bitfield(Box::new(Bitfield::full(pieces)));
    let mut bytes = Vec::new();
    encode(&message, &mut bytes);
    let used = bytes.len();
    assert_eq!(
        Decoder::new(pieces).decode(&bytes),
        Ok(Decoded::Message { message, used })
    );
}

#[test]
fn messages_about_hashes_have_their_length() {
    for (id, lengths) in [(21, [48, 50, 81]), (22, [48, 50, 80]), (23, [48, 50, 81])] {
        for length in lengths {
            let bytes = [&u32::to_be_bytes(length)[..], &[id]].concat();
            let refused = Decoder::new(PIECES).decode(&bytes);
            assert_eq!(refused, Err(WireError::Length { id, length }));
        }
    }
}

#[test]
fn unknown_ids_are_passed_over_without_keeping_their_body() {
    let mut reader = Reader::default();
    let body = vec![7; 1000];
    for id in [10, 11, 12, 18, 19, 24, 255] {
        reader.feed(&1001u32.to_be_bytes()).expect("a length");
        reader.feed(&[id]).expect("an unknown id");
        reader.feed(&body).expect("a body to skip");
        assert!(reader.buffer.is_empty());
        assert_eq!(reader.events.pop(), Some(Event::Unknown(id, 1000)));
    }
    reader.feed(&[0, 0, 0, 1, 1]).expect("the stream goes on");
    assert_eq!(reader.events, [Event::Message(Message::Unchoke)]);
}

#[test]
fn need_grows_to_the_whole_message() {
    let decoder = Decoder::new(PIECES);
    let request = [0, 0, 0, 13, 6, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3];
    for (have, need) in [(0, 4), (3, 4), (4, 5), (5, 17), (16, 17)] {
        assert_eq!(
            decoder.decode(&request[..have]),
            Ok(Decoded::Incomplete { need })
        );
    }
}

#[test]
fn names_of_extensions_beyond_reason_are_dropped() {
    let long = "x".repeat(81);
    let payload = format!("d1:md{}:{long}i1e6:ut_pexi3eee", long.len());
    let handshake = unchoke_core::wire::decode_extended_handshake(payload.as_bytes());
    let extensions = handshake.map(|it| it.extensions);
    assert_eq!(extensions, Some(BTreeMap::from([("ut_pex".to_owned(), 3)])));
}
