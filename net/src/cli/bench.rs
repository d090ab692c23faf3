//! `unchoke bench`: downloads alternately with the naive and the optimized policy, from the same
//! peers.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use comfy_table::{CellAlignment, Table, presets};
use indicatif::ProgressBar;
use serde_json::{Value, json};
use tokio::sync::mpsc::unbounded_channel;
use unchoke_core::choke::Parameters;
use unchoke_core::ledger::{Kind, Ledger, Waste};
use unchoke_core::metainfo::Metainfo;

use super::options::Bench;
use super::parameters::{Column, label, parameters};
use super::printer::status_line;
use super::signals::Signals;
use super::transfer::{named_peers, run, settings};
use super::{Failure, block_on, read_torrent, screen};
use crate::session::{End, Goal, Notice, Settings};
use crate::text::bytes;
use crate::web::json;

/// Time between two redraws of the table on a terminal.
const REDRAW: Duration = Duration::from_millis(500);

/// The totals of one policy over its runs so far, including the running one.
#[derive(Clone, Debug, Default)]
struct Side {
    policy: String,
    parameters: Parameters,
    done: Tally,
    running: Tally,
    runs: u32,
    /// The completed runs, in the order of the rounds.
    each: Vec<Tally>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    ledger: Ledger,
    elapsed: Duration,
}

impl Side {
    fn of(column: Column, options: &Bench) -> Result<Self, Failure> {
        let policy = match column {
            Column::Naive => &options.naive,
            Column::Optimized => &options.optimized,
        };
        Ok(Self {
            policy: policy.clone(),
            parameters: parameters(policy, column, &options.sets)?,
            ..Self::default()
        })
    }

    /// The label of the column. Both columns may run the same policy with different parameters.
    fn label(&self) -> String {
        label(&self.policy, &self.parameters)
    }

    fn total(&self) -> Tally {
        let mut total = self.done;
        total.ledger += self.running.ledger;
        total.elapsed += self.running.elapsed;
        total
    }
}

pub(super) fn bench(options: &Bench) -> Result<(), Failure> {
    let metainfo = read_torrent(&options.torrent)?;
    // Check both policies before the first run.
    let [naive, optimized] = Column::ALL.map(|it| Side::of(it, options));
    let mut sides = [naive?, optimized?];
    block_on(async {
        let signals = Signals::listen()?;
        let live = !options.json && screen::has_bars();
        let shown = live.then(screen::block);
        for round in 0..options.rounds {
            // The first run of a pair warms up peers and caches, so the policies take turns to go
            // first.
            let order = if round % 2 == 0 { [0, 1] } else { [1, 0] };
            for side in order {
                Box::pin(one_run(
                    options,
                    &metainfo,
                    &signals,
                    &mut sides,
                    side,
                    shown.as_ref(),
                ))
                .await?;
            }
        }
        if options.json {
            say!("{:#}", as_json(&sides, options));
        } else {
            drop(shown);
            say!("{}", table(&sides));
            say!("{}", sentence(&sides));
        }
        Ok(())
    })
}

/// Makes one download into a folder of its own and adds its cost to the totals.
async fn one_run(
    options: &Bench,
    metainfo: &Arc<Metainfo>,
    signals: &Signals,
    sides: &mut [Side; 2],
    side: usize,
    live: Option<&ProgressBar>,
) -> Result<(), Failure> {
    let scratch = options.scratch.clone().unwrap_or_else(std::env::temp_dir);
    let folder = Scratch::create(&scratch)?;
    let common = settings(
        Arc::clone(metainfo),
        &folder.0,
        &options.transfer,
        named_peers(&options.transfer, None).await?,
    );
    let policy = sides[side].policy.clone();
    let settings = Settings {
        goal: options.pieces.map_or(Goal::Complete, Goal::Pieces),
        policy: policy.clone(),
        parameters: sides[side].parameters.clone(),
        idle_timeout: Some(options.idle_timeout),
        ..common
    };
    let (notices, mut heard) = unbounded_channel();
    let running = run(settings, notices, signals);
    tokio::pin!(running);
    let mut drawn = tokio::time::Instant::now();
    let ended = loop {
        tokio::select! {
            ended = &mut running => break ended?,
            Some(notice) = heard.recv() => if let Notice::Status(status) = notice {
                sides[side].running = Tally { ledger: status.ledger, elapsed: status.elapsed };
                if drawn.elapsed() >= REDRAW {
                    drawn = tokio::time::Instant::now();
                    if let Some(live) = live {
                        live.set_message(format!("{}\n{}", glance(sides), status_line(&status, false)));
                    }
                }
            },
        }
    };
    let stopped = || Failure::silent(signals.status().unwrap_or(1));
    let outcome = ended.ok_or_else(stopped)?;
    match outcome.end {
        End::Done => (),
        End::Stopped => return Err(stopped()),
        End::GaveUp(why) | End::Damaged(why) => {
            return Err(Failure::failed(format!("{policy}: {why}")));
        }
    }
    let tally = &mut sides[side];
    tally.running = Tally::default();
    tally.done.ledger += outcome.ledger;
    tally.done.elapsed += outcome.elapsed;
    tally.runs += 1;
    tally.each.push(Tally {
        ledger: outcome.ledger,
        elapsed: outcome.elapsed,
    });
    Ok(())
}

/// A folder that is deleted with its content when this is dropped.
struct Scratch(PathBuf);

impl Scratch {
    fn create(parent: &Path) -> Result<Self, Failure> {
        let folder = parent.join(format!(
            "unchoke-bench-{:016x}",
            crate::chance::random_u64()
        ));
        std::fs::create_dir_all(&folder)
            .map_err(|error| Failure::io(format!("cannot create {}: {error}", folder.display())))?;
        Ok(Self(folder))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            warn!("unchoke: cannot remove {}: {error}", self.0.display());
        }
    }
}

/// Name of the row of times.
const TIME: &str = "time, ms";

/// Name of the row of useful bytes, to which savings relate.
const USEFUL: &str = "payload_useful_bytes";

fn milliseconds(tally: &Tally) -> u64 {
    u64::try_from(tally.elapsed.as_millis()).unwrap_or(u64::MAX)
}

/// The rows of the table: the columns of the ledger, as in the simulator, with the figures of one
/// policy.
fn rows(tally: &Tally) -> Vec<(String, u64)> {
    let ledger = &tally.ledger;
    let mut rows = vec![
        (TIME.to_owned(), milliseconds(tally)),
        (USEFUL.to_owned(), ledger.payload_useful),
    ];
    for cause in Waste::ALL {
        let bytes = ledger.payload_wasted[cause as usize];
        rows.push((format!("payload_wasted_{}_bytes", cause.name()), bytes));
    }
    rows.push(("payload_sent_bytes".to_owned(), ledger.payload_sent));
    for (way, columns) in [
        ("received", ledger.protocol_received()),
        ("sent", ledger.protocol_sent()),
    ] {
        for kind in Kind::ALL {
            let bytes = columns[kind as usize];
            rows.push((format!("{}_{way}_bytes", kind.name()), bytes));
        }
    }
    rows.push(("received_bytes".to_owned(), ledger.received()));
    rows.push(("sent_bytes".to_owned(), ledger.sent()));
    rows
}

/// A figure of a side, and its useful bytes.
type Cost = (u64, u64);

/// Savings of `optimized` compared to `naive` for each useful byte, in tenths of a percent; `None` if `naive` is zero.
/// Runs of `--pieces` end with unequal useful bytes.
fn saving(naive: Cost, optimized: Cost) -> Option<i128> {
    let (left, right) = (
        i128::from(naive.0) * i128::from(optimized.1),
        i128::from(optimized.0) * i128::from(naive.1),
    );
    (left > 0).then(|| (left - right) * 1000 / left)
}

/// The same for times. A time below a millisecond is not measured, so nothing is said of it.
fn time_saving(naive: Cost, optimized: Cost) -> Option<i128> {
    saving(naive, optimized).filter(|_| optimized.0 > 0)
}

fn percent(tenths: i128) -> String {
    let sign = if tenths < 0 { "-" } else { "" };
    format!("{sign}{}.{} %", tenths.abs() / 10, tenths.abs() % 10)
}

/// A short table of both policies while they run. A table that is higher or wider than the terminal
/// cannot be redrawn in place. The full table follows at the end.
fn glance(sides: &[Side; 2]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_FULL_CONDENSED);
    let [naive, optimized] = sides;
    table.set_header(["so far", &naive.policy, &optimized.policy]);
    let totals = sides.each_ref().map(Side::total);
    let mut row = |name: &str, figure: &dyn Fn(&Tally) -> String| {
        let [left, right] = totals.each_ref().map(figure);
        table.add_row([name.to_owned(), left, right]);
    };
    row("time", &|it| format!("{:.1} s", it.elapsed.as_secs_f64()));
    row("useful", &|it| bytes(it.ledger.payload_useful));
    row("in vain", &|it| bytes(it.ledger.wasted()));
    row("sent", &|it| bytes(it.ledger.sent()));
    row("received", &|it| bytes(it.ledger.received()));
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

fn table(sides: &[Side; 2]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_FULL_CONDENSED);
    let [naive, optimized] = sides;
    table.set_header(vec![
        "sum over the runs".to_owned(),
        format!("naive: {}", naive.label()),
        format!("optimized: {}", optimized.label()),
        "saved a useful byte".to_owned(),
    ]);
    let runs = [naive.runs.to_string(), optimized.runs.to_string()];
    table.add_row(["runs completed", &runs[0], &runs[1], ""]);
    let [left, right] = [naive.total(), optimized.total()];
    let useful = [&left, &right].map(|it| it.ledger.payload_useful);
    for ((name, value), (_, other)) in rows(&left).into_iter().zip(rows(&right)) {
        // Show all causes of waste, but only the kinds of messages that occurred.
        if value == 0 && other == 0 && !name.starts_with("payload_") {
            continue;
        }
        let (naive, optimized) = ((value, useful[0]), (other, useful[1]));
        let saved = match name.as_str() {
            TIME => time_saving(naive, optimized),
            USEFUL => None,
            _ => saving(naive, optimized),
        };
        let saved = saved.map_or("-".to_owned(), percent);
        table.add_row([name, value.to_string(), other.to_string(), saved]);
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

fn sentence(sides: &[Side; 2]) -> String {
    let [naive, optimized] = sides.each_ref().map(Side::total);
    let useful = |tally: &Tally| tally.ledger.payload_useful;
    let all = |tally: &Tally| (tally.ledger.received() + tally.ledger.sent(), useful(tally));
    let bytes = saving(all(&naive), all(&optimized)).map_or("-".to_owned(), percent);
    let time = |tally: &Tally| (milliseconds(tally), useful(tally));
    let time = time_saving(time(&naive), time(&optimized));
    let time = time.map_or("-".to_owned(), percent);
    format!(
        "{} against {}: bytes both ways saved {bytes}, time saved {time} ({} runs each; \
         `lab live` gives the paired interval of --json; the simulator repeats the swarm itself)",
        sides[1].label(),
        sides[0].label(),
        sides[0].runs
    )
}

fn as_json(sides: &[Side; 2], options: &Bench) -> Value {
    let side = |side: &Side| {
        json!({
            "policy": side.policy,
            "parameters": side.parameters.iter().collect::<BTreeMap<_, _>>(),
            "runs": side.runs,
            "seconds": side.done.elapsed.as_secs_f64(),
            "ledger": json::ledger(&side.done.ledger),
        })
    };
    let run = |it: &Tally| {
        json!({
            "seconds": it.elapsed.as_secs_f64(),
            "received_bytes": it.ledger.received(),
            "sent_bytes": it.ledger.sent(),
            "useful_bytes": it.ledger.payload_useful,
            "wasted_bytes": it.ledger.wasted(),
        })
    };
    let rounds = sides[0].each.iter().zip(&sides[1].each);
    let rounds = rounds
        .map(|(naive, optimized)| json!({ "naive": run(naive), "optimized": run(optimized) }));
    json!({
        "schema_version": 1,
        "pieces": options.pieces,
        "naive": side(&sides[0]),
        "optimized": side(&sides[1]),
        "rounds": rounds.collect::<Vec<Value>>(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn savings_are_relative_to_the_naive_side() {
        let of = |naive, optimized| saving((naive, 50), (optimized, 50)).map(percent);
        assert_eq!(of(1000, 600).as_deref(), Some("40.0 %"));
        assert_eq!(of(1000, 1005).as_deref(), Some("-0.5 %"));
        assert_eq!(of(0, 5), None);
        assert_eq!(of(5, 0).as_deref(), Some("100.0 %"));
        for (naive, optimized) in [(0, 5), (5, 0), (0, 0)] {
            assert_eq!(time_saving((naive, 1), (optimized, 1)), None);
        }
        // Twice the bytes for twice as much that is useful are no cost.
        assert_eq!(saving((1000, 50), (2000, 100)), Some(0));
    }

    #[test]
    fn what_is_redrawn_fits_a_small_terminal() {
        let mut sides = ["mainline_342", "bittyrant_shipped"].map(|policy| Side {
            policy: policy.into(),
            ..Side::default()
        });
        sides[0].done.ledger.payload_useful = 1023 << 30;
        let text = glance(&sides).to_string();
        assert!(text.contains("1023.0 GiB"), "{text}");
        assert!(text.lines().count() < 20, "{text}");
        assert!(text.lines().all(|it| it.chars().count() < 80), "{text}");
    }

    #[test]
    fn both_columns_have_every_row_of_either() {
        let mut sides = ["a", "b"].map(|policy| Side {
            policy: policy.into(),
            ..Side::default()
        });
        sides[1].done.ledger.payload_useful = 12_345;
        sides[0].running.ledger.payload_useful = 54_321;
        sides[1].done.ledger.protocol[Kind::Cancel as usize].sent = 17;
        let text = table(&sides).to_string();
        assert!(text.contains("12345") && text.contains("54321"), "{text}");
        assert!(text.contains("cancel_sent_bytes"), "{text}");
        assert!(!text.contains("cancel_received_bytes"), "{text}");
    }
}
