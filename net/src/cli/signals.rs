//! Ctrl-C and termination signals: the first one ends the work cleanly, the second one at once.

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use super::Failure;

/// Exit status after Ctrl-C: 128 + SIGINT.
const INTERRUPTED: u8 = 130;
/// Exit status after a termination signal: 128 + SIGTERM.
const TERMINATED: u8 = 143;

/// Reports signals. Clones share the state.
#[derive(Clone, Debug)]
pub(super) struct Signals {
    status: watch::Receiver<Option<u8>>,
}

/// Stops one torrent in the way in which a signal stops all torrents.
#[derive(Debug)]
pub(super) struct Stopper(watch::Sender<Option<u8>>);

impl Stopper {
    /// Stops with this exit status.
    pub(super) fn stop(&self, status: u8) {
        self.0.send_replace(Some(status));
    }
}

impl Signals {
    /// A stopper, and signals that only this stopper sends.
    pub(super) fn own() -> (Stopper, Self) {
        let (sender, status) = watch::channel(None);
        (Stopper(sender), Self { status })
    }

    /// Starts to listen for signals. Needs a runtime.
    pub(super) fn listen() -> Result<Self, Failure> {
        let cannot = |error| Failure::io(format!("cannot listen for signals: {error}"));
        let mut interrupt = signal(SignalKind::interrupt()).map_err(cannot)?;
        let mut terminate = signal(SignalKind::terminate()).map_err(cannot)?;
        let (sender, status) = watch::channel(None);
        tokio::spawn(async move {
            loop {
                let got = tokio::select! {
                    _ = interrupt.recv() => INTERRUPTED,
                    _ = terminate.recv() => TERMINATED,
                };
                if sender.borrow().is_some() {
                    std::process::exit(i32::from(got));
                }
                sender.send_replace(Some(got));
            }
        });
        Ok(Self { status })
    }

    /// Completes at the first signal.
    pub(super) async fn stop(mut self) {
        if self.status.wait_for(Option::is_some).await.is_err() {
            // The runtime is shutting down.
            std::future::pending::<()>().await;
        }
    }

    /// Carries out the work until its end, or until the first signal.
    pub(super) async fn or_stop<T>(
        &self,
        work: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        tokio::select! {
            done = work => done,
            () = self.clone().stop() => Err(Failure::silent(self.status().unwrap_or(1))),
        }
    }

    /// The exit status of the first signal, if there was one.
    pub(super) fn status(&self) -> Option<u8> {
        *self.status.borrow()
    }
}
