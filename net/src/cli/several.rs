//! Several torrents in one process: their sessions run in parallel and share the limits.

use std::pin::Pin;
use std::task::Poll;

use super::finding::Finders;
use super::manner::CONNECTIONS;
use super::options::Download;
use super::part::{Part, Taken, Turn};
use super::signals::Signals;
use super::transfer::{Around, fetch, named_peers, open_entrance};
use super::{Failure, about, block_on};
use crate::entrance::Entrance;

/// Downloads one torrent or several.
pub(super) fn download(options: &Download) -> Result<(), Failure> {
    block_on(async {
        let signals = Signals::listen()?;
        let named = signals
            .or_stop(named_peers(&options.transfer, options.timeout))
            .await?;
        let transfer = &options.transfer;
        let entrance = match &options.torrents[..] {
            [_] => None,
            _ => Some(open_entrance(transfer, usual_connections(options))?),
        };
        let port = entrance.as_ref().map_or(transfer.port, Entrance::port);
        let finders = Finders::new(&transfer.finding, &transfer.leaving, port);
        let page = options.web.start(options.reporting).await?;
        let around = Around {
            named: &named,
            finders: &finders,
            entrance: entrance.as_ref(),
            signals: &signals,
            board: page.as_ref().map(|it| &it.board),
            store: None,
        };
        let done = match &options.torrents[..] {
            [_] => Box::pin(fetch(options, around, None)).await,
            _ => fetch_all(options, around).await,
        };
        if let Some(entrance) = entrance {
            entrance.close().await;
        }
        done
    })
}

/// Most connections of all torrents together, unless the user sets it.
fn usual_connections(options: &Download) -> u16 {
    let of_profile = options.manner.profile.map(|it| it.max_connections);
    of_profile.unwrap_or(CONNECTIONS)
}

/// Downloads all torrents, and reports at the end how many failed.
async fn fetch_all(options: &Download, around: Around<'_>) -> Result<(), Failure> {
    let count = options.torrents.len();
    let each = parts(options)?;
    let taken = Taken::default();
    let limits = &options.transfer.limits;
    let shares = limits
        .shares(Some(usual_connections(options)), limits.connections_each())
        .divided(count);
    let turns = Turn::each(&options.torrents);
    let fetching = each.iter().zip(shares).zip(turns);
    let fetching = fetching.map(|((own, share), turn)| {
        let part = Part {
            taken: &taken,
            shown: own.torrents[0].to_str().unwrap_or_default(),
            turn,
            waited: false,
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
            let shown = own.torrents[0].display().to_string();
            warn!("{}", about(&shown, &failure.sentence));
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

/// The options of each torrent.
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
    let own = |torrent: &std::path::PathBuf| Download {
        torrents: vec![torrent.clone()],
        ..options.clone()
    };
    Ok(options.torrents.iter().map(own).collect())
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
