//! One connection of the search, from its handshake to its end.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio::time::timeout;
use unchoke_core::ids::PeerKey;
use unchoke_core::message::{Extended, ExtendedHandshake, Message, MetadataMessage};
use unchoke_core::metadata::search::SILENCE;
use unchoke_core::wire::{METADATA_ID, METADATA_NAME};

use crate::connection::{HandshakeError, Identity, Introduced, Secured, Talk, answer};
use crate::dial::dial;
use crate::transport::Transports;

/// Most messages waiting to be sent. Our requests are fewer, so the rest are rejections of what the
/// peer asks for, and a peer that does not read them is dropped.
const ORDERS: usize = 64;

/// An event of a connection.
#[derive(Debug)]
pub(super) enum Event {
    /// The handshake is done; whether it used the version 2 hash.
    Connected(Introduced),
    /// The extension handshake.
    Hello(ExtendedHandshake),
    /// A message about metadata.
    Metadata(MetadataMessage),
    /// A message about hashes of version 2.
    Hashes(Message),
    /// The connection leads to ourselves.
    Ourselves,
    /// The connection ended.
    Closed(String),
}

/// A connection, as the search sees it. Dropping it closes the connection.
#[derive(Debug)]
pub(super) struct Peer {
    pub(super) address: SocketAddr,
    /// The other side of the handshake, once it is done.
    pub(super) introduced: Option<Introduced>,
    /// The id of the peer for messages about metadata; 0 if it does not accept them.
    pub(super) metadata_id: u8,
    orders: Sender<Message>,
}

impl Peer {
    pub(super) fn new(address: SocketAddr) -> (Self, Receiver<Message>) {
        let (orders, queue) = mpsc::channel(ORDERS);
        let peer = Self {
            address,
            introduced: None,
            metadata_id: 0,
            orders,
        };
        (peer, queue)
    }

    /// Whether the connection uses the version 2 hash. BEP 52.
    pub(super) fn speaks_version_2(&self) -> bool {
        self.introduced.is_some_and(|it| it.version_2)
    }

    /// Queues a message. Returns false if too many messages wait.
    pub(super) fn send(&self, message: Message) -> bool {
        !matches!(
            self.orders.try_send(message),
            Err(mpsc::error::TrySendError::Full(_))
        )
    }
}

/// The task of a connection.
pub(super) struct Line {
    pub(super) key: PeerKey,
    pub(super) identity: Identity,
    pub(super) transports: Transports,
    /// Our listening port.
    pub(super) port: u16,
    /// Time limit for connecting and the handshake.
    pub(super) patience: Duration,
    pub(super) orders: Receiver<Message>,
    pub(super) events: Sender<(PeerKey, Event)>,
}

impl Line {
    pub(super) async fn run(mut self, address: SocketAddr, accepted: Option<Secured>) {
        let met = if let Some(mut stream) = accepted {
            let introduced = answer(&mut stream, self.identity);
            let introduced = in_time(self.patience, introduced).await;
            introduced.map(|it| (stream, it))
        } else {
            let met = dial(&self.transports, address, self.identity);
            in_time(self.patience, met).await
        };
        let why = match met {
            Ok((_, introduced)) if introduced.peer_id == self.identity.peer_id => {
                return self.tell(Event::Ourselves).await;
            }
            Ok((_, introduced)) if !introduced.reserved.extended() => {
                "it does not speak the extension protocol".to_owned()
            }
            Ok((stream, introduced)) => self.talk(Talk::new(stream), introduced).await,
            Err(why) => why,
        };
        self.tell(Event::Closed(why)).await;
    }

    async fn tell(&self, event: Event) {
        // Sending fails if the search has ended.
        drop(self.events.send((self.key, event)).await);
    }

    /// Handles messages until the connection ends. Returns the reason.
    async fn talk(&mut self, mut talk: Talk, introduced: Introduced) -> String {
        self.tell(Event::Connected(introduced)).await;
        let hello = ExtendedHandshake {
            extensions: [(METADATA_NAME.to_owned(), METADATA_ID)].into(),
            listen_port: Some(self.port),
            client: Some(concat!("Unchoke ", env!("CARGO_PKG_VERSION")).into()),
            ..ExtendedHandshake::default()
        };
        let hello = Message::Extended(Box::new(Extended::Handshake(hello)));
        // BEP 6: one of three messages must come first. We cannot send a bitfield yet.
        let nothing = introduced.reserved.fast().then_some(Message::HaveNone);
        for message in nothing.iter().chain([&hello]) {
            if let Err(reason) = talk.say(message).await {
                return reason.to_string();
            }
        }
        loop {
            let done = tokio::select! {
                order = self.orders.recv() => match order {
                    Some(message) => talk.say(&message).await.map(|()| None),
                    None => return "closed by us".to_owned(),
                },
                heard = timeout(SILENCE, talk.next()) => match heard {
                    Ok(heard) => heard.map(event),
                    Err(_) => return "it sends nothing".to_owned(),
                },
            };
            match done {
                Ok(Some(event)) => self.tell(event).await,
                Ok(None) => {}
                Err(reason) => return reason.to_string(),
            }
        }
    }
}

/// The event of a message. Messages about pieces are ignored, because the pieces are still unknown.
fn event(message: Message) -> Option<Event> {
    let extended = match message {
        Message::Extended(extended) => extended,
        Message::HashRequest(_) | Message::Hashes(_) | Message::HashReject(_) => {
            return Some(Event::Hashes(message));
        }
        _ => return None,
    };
    match *extended {
        Extended::Handshake(hello) => Some(Event::Hello(hello)),
        Extended::Metadata { message, .. } => Some(Event::Metadata(message)),
        Extended::Pex { .. } | Extended::Unknown { .. } => None,
    }
}

/// The result of the work, or why it failed.
async fn in_time<T>(
    patience: Duration,
    work: impl Future<Output = Result<T, HandshakeError>>,
) -> Result<T, String> {
    match timeout(patience, work).await {
        Ok(done) => done.map_err(|error| error.to_string()),
        Err(_) => Err("no handshake in time".to_owned()),
    }
}
