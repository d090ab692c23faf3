//! One connection: from its handshake to its end.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio::time::timeout;
use unchoke_core::ids::PeerKey;
use unchoke_core::message::{Extended, ExtendedHandshake, Message, MetadataMessage};
use unchoke_core::metadata::search::SILENCE;
use unchoke_core::wire::{METADATA_ID, METADATA_NAME};

use crate::connection::{HandshakeError, Identity, Introduced, Secured, Talk, answer, greet};
use crate::route::Route;

/// Messages that wait to be sent: more than may be under way.
const ORDERS: usize = 64;

/// What a connection tells.
#[derive(Debug)]
pub(super) enum Event {
    /// The handshake is done, with the hash of version 2 or not.
    Connected { version_2: bool },
    /// The extension handshake.
    Hello(ExtendedHandshake),
    /// A message about metadata.
    Metadata(MetadataMessage),
    /// A message about hashes of version 2.
    Hashes(Message),
    /// Both ends are we.
    Ourselves,
    /// The end.
    Closed(String),
}

/// A connection as the search sees it. It ends when this is dropped.
#[derive(Debug)]
pub(super) struct Peer {
    pub(super) address: SocketAddr,
    /// The connection goes by the hash of version 2. BEP 52.
    pub(super) version_2: bool,
    /// The id under which the peer takes messages about metadata; 0: not at all.
    pub(super) metadata_id: u8,
    orders: Sender<Message>,
}

impl Peer {
    pub(super) fn new(address: SocketAddr) -> (Self, Receiver<Message>) {
        let (orders, queue) = mpsc::channel(ORDERS);
        let peer = Self {
            address,
            version_2: false,
            metadata_id: 0,
            orders,
        };
        (peer, queue)
    }

    /// False if too many messages wait.
    pub(super) fn send(&self, message: Message) -> bool {
        !matches!(
            self.orders.try_send(message),
            Err(mpsc::error::TrySendError::Full(_))
        )
    }
}

/// The task behind a connection.
pub(super) struct Line {
    pub(super) key: PeerKey,
    pub(super) identity: Identity,
    pub(super) route: Route,
    /// Where we listen.
    pub(super) port: u16,
    /// Time to connect and shake hands in one way.
    pub(super) patience: Duration,
    pub(super) orders: Receiver<Message>,
    pub(super) events: Sender<(PeerKey, Event)>,
}

impl Line {
    pub(super) async fn run(mut self, address: SocketAddr, accepted: Option<TcpStream>) {
        let met = match accepted {
            Some(stream) => meet(stream, self.identity, self.patience).await,
            None => dial(address, self.identity, &self.route, self.patience).await,
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
        // The search may be over.
        drop(self.events.send((self.key, event)).await);
    }

    /// Talks until the connection ends; why it did.
    async fn talk(&mut self, mut talk: Talk, introduced: Introduced) -> String {
        let version_2 = introduced.version_2;
        self.tell(Event::Connected { version_2 }).await;
        let hello = ExtendedHandshake {
            extensions: [(METADATA_NAME.to_owned(), METADATA_ID)].into(),
            listen_port: Some(self.port),
            client: Some(concat!("Unchoke ", env!("CARGO_PKG_VERSION")).into()),
            ..ExtendedHandshake::default()
        };
        let hello = Message::Extended(Box::new(Extended::Handshake(hello)));
        // BEP 6: one of three messages must come first, and a bitfield cannot be known yet.
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
                    Err(_) => return "it is silent".to_owned(),
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

/// What a message is to us; most are about pieces, which mean nothing yet.
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

async fn in_time<T>(
    patience: Duration,
    work: impl Future<Output = Result<T, HandshakeError>>,
) -> Result<T, Failed> {
    match timeout(patience, work).await {
        Ok(Ok(it)) => Ok(it),
        Ok(Err(error)) => Err(Failed {
            about_manners: error.is_about_manners(),
            why: error.to_string(),
        }),
        Err(_) => Err(Failed {
            about_manners: false,
            why: "no handshake in time".to_owned(),
        }),
    }
}

struct Failed {
    /// Another way of greeting may do.
    about_manners: bool,
    why: String,
}

async fn meet(
    stream: TcpStream,
    identity: Identity,
    patience: Duration,
) -> Result<(Secured, Introduced), String> {
    let mut stream = Secured::from(stream);
    let introduced = in_time(patience, answer(&mut stream, identity)).await;
    introduced.map_or_else(|failed| Err(failed.why), |it| Ok((stream, it)))
}

/// Connects, and greets in each way that the user wants, until the peer answers one.
async fn dial(
    address: SocketAddr,
    identity: Identity,
    route: &Route,
    patience: Duration,
) -> Result<(Secured, Introduced), String> {
    let mut last = String::new();
    for (identity, greeting) in identity.ways() {
        let met = in_time(patience, async {
            let stream = route.connect(address).await?;
            stream.set_nodelay(true)?;
            let mut stream = Secured::from(stream);
            let introduced = greet(&mut stream, identity, greeting).await?;
            Ok((stream, introduced))
        });
        match met.await {
            Ok(met) => return Ok(met),
            Err(failed) => {
                last = failed.why;
                if !failed.about_manners {
                    break;
                }
            }
        }
    }
    Err(last)
}
