//! Several torrents in one process: their sessions run in parallel and share the limits.

use std::pin::Pin;
use std::task::Poll;

use super::finding::Finders;
use super::manner::CONNECTIONS;
use super::options::Download;
use super::part::{Part, Taken};
use super::signals::Signals;
use super::transfer::{Around, fetch, named_peers};
use super::{Failure, block_on};

/// Downloads one torrent or several.
pub(super) fn download(options: &Download) -> Result<(), Failure> {
    block_on(async {
        let signals = Signals::listen()?;
        let named = named_peers(&options.transfer).await?;
        let transfer = &options.transfer;
        let finders = Finders::new(&transfer.finding, &transfer.leaving, transfer.port);
        let page = options.web.start(options.reporting).await?;
        let around = Around {
            named: &named,
            finders: &finders,
            signals: &signals,
            board: page.as_ref().map(|it| &it.board),
            store: None,
        };
        match &options.torrents[..] {
            [_] => Box::pin(fetch(options, around, None)).await,
            _ => fetch_all(options, around).await,
        }
    })
}

/// Downloads all torrents, and reports at the end how many failed.
async fn fetch_all(options: &Download, around: Around<'_>) -> Result<(), Failure> {
    let count = options.torrents.len();
    let each = parts(options)?;
    let taken = Taken::default();
    let limits = &options.transfer.limits;
    let of_profile = options.manner.profile.map(|it| it.max_connections);
    let usual = of_profile.unwrap_or(CONNECTIONS);
    let shares = limits
        .shares(Some(usual), limits.connections_each())
        .divided(count);
    let fetching = each.iter().zip(shares).map(|(own, share)| {
        let part = Part {
            taken: &taken,
            shown: own.torrents[0].to_str().unwrap_or_default(),
            share,
        };
        fetch(own, around, Some(part))
    });
    let ended = all(fetching.collect()).await;
    let mut worst: Option<u8> = None;
    let mut failed = 0;
    for (own, failure) in each
        .iter()
        .zip(ended)
        .filter_map(|(own, it)| Some((own, it.err()?)))
    {
        failed += 1;
        worst = worst.max(Some(failure.status));
        if !failure.sentence.is_empty() {
            warn!("{}: {}", own.torrents[0].display(), failure.sentence);
        }
    }
    match (worst, around.signals.status()) {
        (None, _) => Ok(()),
        (_, Some(status)) => Err(Failure::silent(status)),
        (Some(status), None) => Err(Failure::new(
            status,
            format!("{failed} of {count} torrents failed; see their messages above"),
        )),
    }
}

/// The options of each torrent, with a port of its own.
fn parts(options: &Download) -> Result<Vec<Download>, Failure> {
    let count = options.torrents.len();
    let one_only = [
        (
            !options.choosing.is_empty(),
            "--files and --priority name files of one torrent",
        ),
        (options.record.is_some(), "--record records one session"),
    ];
    if let Some((_, why)) = one_only.iter().find(|it| it.0) {
        return Err(Failure::bad_input(format!(
            "{why}, and you gave {count} torrents"
        )));
    }
    let own = |(number, torrent): (u16, &std::path::PathBuf)| {
        let mut own = options.clone();
        own.torrents = vec![torrent.clone()];
        if own.transfer.port > 0 {
            let port = own.transfer.port.checked_add(number);
            own.transfer.port = port.ok_or_else(|| {
                Failure::bad_input(format!(
                    "{count} torrents need as many ports from {} on, which are not there",
                    options.transfer.port
                ))
            })?;
        }
        Ok(own)
    };
    (0..).zip(&options.torrents).map(own).collect()
}

/// Waits for all futures in one task.
async fn all<F: Future>(futures: Vec<F>) -> Vec<F::Output> {
    let mut waiting: Vec<Pin<Box<F>>> = futures.into_iter().map(Box::pin).collect();
    let mut done: Vec<Option<F::Output>> = waiting.iter().map(|_| None).collect();
    std::future::poll_fn(move |context| {
        for (future, done) in waiting.iter_mut().zip(&mut done) {
            if done.is_none()
                && let Poll::Ready(output) = future.as_mut().poll(context)
            {
                *done = Some(output);
            }
        }
        if done.iter().any(Option::is_none) {
            return Poll::Pending;
        }
        Poll::Ready(std::mem::take(&mut done).into_iter().flatten().collect())
    })
    .await
}
