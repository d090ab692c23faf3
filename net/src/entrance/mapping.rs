//! The port mappings of a port that several torrents share.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;
use unchoke_core::portmap::Transport;

use crate::portmap::{Mapped, Mappings};
use crate::route::Route;

/// News for all torrents.
#[derive(Debug)]
struct Told {
    serial: u64,
    mapped: Mapped,
    /// Whether a torrent has shown it to the user.
    shown: AtomicBool,
}

/// The latest news about each mapping, oldest first.
type Board = Vec<Arc<Told>>;

/// The mappings, kept by a task.
#[derive(Debug)]
pub(super) struct Kept {
    board: watch::Receiver<Board>,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Kept {
    pub(super) fn start(route: &Route, ports: Vec<(Transport, u16)>) -> io::Result<Self> {
        let mappings = Mappings::start(route, ports)?;
        let (board, told) = watch::channel(Board::new());
        let (stop, stopped) = oneshot::channel();
        Ok(Self {
            board: told,
            stop,
            task: tokio::spawn(run(mappings, board, stopped)),
        })
    }

    /// The news, from the beginning.
    pub(super) fn news(&self) -> News {
        News {
            board: self.board.clone(),
            heard: 0,
        }
    }

    /// Removes the mappings, and waits a short time for that.
    pub(super) async fn close(self) {
        // The task may have ended already.
        self.stop.send(()).ok();
        drop(self.task.await);
    }
}

async fn run(mut mappings: Mappings, board: watch::Sender<Board>, stop: oneshot::Receiver<()>) {
    let mut stop = std::pin::pin!(stop);
    loop {
        tokio::select! {
            _ = &mut stop => return mappings.close().await,
            mapped = mappings.next() => board.send_modify(|it| tell(it, mapped)),
        }
    }
}

/// Replaces the news about the same mapping. That there is none is shown only once.
fn tell(board: &mut Board, mapped: Mapped) {
    let of = |mapped: &Mapped| match mapped {
        Mapped::Open {
            transport,
            internal,
            ..
        } => Some((*transport, *internal)),
        Mapped::Failed(_) => None,
    };
    let serial = board.last().map_or(0, |it| it.serial) + 1;
    let failed = |it: &Arc<Told>| matches!(it.mapped, Mapped::Failed(_));
    let before = board.iter().find(|it| failed(it) && of(&mapped).is_none());
    let shown = before.is_some_and(|it| it.shown.load(Ordering::Relaxed));
    board.retain(|it| of(&it.mapped) != of(&mapped));
    board.push(Arc::new(Told {
        serial,
        mapped,
        shown: AtomicBool::new(shown),
    }));
}

/// The news about the mappings, for one torrent.
#[derive(Debug)]
pub(crate) struct News {
    board: watch::Receiver<Board>,
    /// The serial number of the last one.
    heard: u64,
}

impl News {
    /// The next news, and whether this torrent is the first that hears it. Waits for ever when there
    /// will be none.
    pub(crate) async fn next(&mut self) -> (Mapped, bool) {
        loop {
            let heard = self.heard;
            let next = {
                let board = self.board.borrow_and_update();
                board.iter().find(|it| it.serial > heard).cloned()
            };
            if let Some(told) = next {
                self.heard = told.serial;
                let first = !told.shown.swap(true, Ordering::Relaxed);
                return (told.mapped.clone(), first);
            }
            if self.board.changed().await.is_err() {
                return std::future::pending().await;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(internal: u16, external: u16) -> Mapped {
        Mapped::Open {
            transport: Transport::Tcp,
            internal,
            external,
            way: "PCP",
        }
    }

    #[tokio::test]
    async fn each_torrent_hears_the_latest_news_and_one_shows_them() {
        let (sender, board) = watch::channel(Board::new());
        let news = || News {
            board: board.clone(),
            heard: 0,
        };
        let mut first = news();
        sender.send_modify(|it| tell(it, open(1, 2)));
        assert_eq!(first.next().await, (open(1, 2), true));
        for turn in 3..1000 {
            sender.send_modify(|it| tell(it, open(1, turn)));
            sender.send_modify(|it| tell(it, Mapped::Failed(turn.to_string())));
        }
        assert_eq!(board.borrow().len(), 2, "old news are forgotten");
        let mut second = news();
        let failed = Mapped::Failed("999".into());
        assert_eq!(second.next().await, (open(1, 999), true));
        assert_eq!(first.next().await, (open(1, 999), false));
        assert_eq!(first.next().await, (failed.clone(), true));
        assert_eq!(second.next().await, (failed.clone(), false));
        sender.send_modify(|it| tell(it, failed.clone()));
        assert_eq!(first.next().await, (failed, false));
    }
}
