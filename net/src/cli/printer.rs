//! Shows a session: as a bar on a terminal, as plain lines elsewhere, or as JSON.

use std::io::Write as _;
use std::path::Path;
use std::time::Duration;
use unchoke_core::text::counted;

use clap::Args;
use indicatif::ProgressBar;
use serde_json::{Value, json};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::Instant;
use unchoke_core::metainfo::Metainfo;

use super::{explain, screen};
use crate::session::{End, Notice, Outcome, Status};
use crate::text::{bytes, clock};
use crate::web::json;

/// Time between two plain status lines.
const PLAIN_PERIOD: Duration = Duration::from_secs(5);

/// Options for the output.
#[derive(Clone, Copy, Debug, Args)]
pub(super) struct Reporting {
    /// Print events as JSON on standard output, one per line
    #[arg(long)]
    pub(super) json: bool,
    /// Print only errors
    #[arg(long, conflicts_with = "json")]
    pub(super) quiet: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    Terminal,
    Plain,
    Json,
    Quiet,
}

impl Style {
    pub(super) fn of(reporting: Reporting) -> Self {
        if reporting.json {
            Self::Json
        } else if reporting.quiet {
            Self::Quiet
        } else if screen::has_bars() {
            Self::Terminal
        } else {
            Self::Plain
        }
    }
}

#[derive(Debug)]
pub(super) struct Printer {
    style: Style,
    name: String,
    info_hash: String,
    seeding: bool,
    /// Whether the table of `--explain` is printed.
    explain: bool,
    /// Whether several torrents are shown. Then every line names its torrent.
    several: bool,
    plain_at: Option<Instant>,
    /// Its bar, on a terminal.
    bar: Option<ProgressBar>,
}

impl Printer {
    pub(super) fn new(style: Style, metainfo: &Metainfo, seeding: bool, explain: bool) -> Self {
        Self {
            style,
            name: metainfo.name.clone(),
            info_hash: metainfo.info_hash.to_string(),
            seeding,
            explain,
            several: false,
            plain_at: None,
            bar: (style == Style::Terminal).then(|| screen::bar(&metainfo.name)),
        }
    }

    /// Prepares for lines of other torrents in between.
    pub(super) fn beside_others(&mut self) {
        self.several = true;
    }

    /// Shows notices until the session ends.
    pub(super) async fn run(mut self, mut notices: UnboundedReceiver<Notice>) -> Self {
        while let Some(notice) = notices.recv().await {
            match self.style {
                Style::Quiet => (),
                Style::Json => self.json(&notice),
                Style::Terminal | Style::Plain => self.words(notice),
            }
        }
        self
    }

    fn words(&mut self, notice: Notice) {
        match notice {
            Notice::Status(status) => self.status(&status),
            Notice::Checking(done, all) => {
                let part = (done.into(), all.into());
                let pieces = counted(all.into(), "piece");
                self.redraw(part, format!("checking what is there: {done} of {pieces}"));
            }
            // This line names its torrent even if no other is shown.
            Notice::Listening(port) => warn!(
                "{}: listening on port {port}, info-hash {}",
                self.name, self.info_hash
            ),
            Notice::Found(0, ..) => (),
            Notice::Found(have, all, trusted) => {
                let how = if trusted {
                    "as resume data says"
                } else {
                    "checked"
                };
                let all = counted(all.into(), "piece").are();
                self.line(&format!("{have} of {all} there, {how}"));
            }
            Notice::Files(text) | Notice::Source(text) | Notice::Enough(text) => self.line(&text),
            Notice::Tracker(text) => self.line(&format!("tracker {text}")),
            Notice::WebSeed(text) => self.line(&format!("web seed {text}")),
            Notice::Dropped(peer, why) => self.line(&format!("dropped {peer}: {why}")),
            Notice::Banned(peer, why) => self.line(&format!("banned {peer}: {why}")),
            Notice::Stuck(it) => {
                self.line(&format!("{}; still trying, stop with Ctrl-C", it.sentence));
                if self.explain {
                    self.line(&explain::table(&it));
                }
            }
            Notice::Explained(it) => self.line(&explain::table(&it)),
            Notice::Completed(_) => self.line("complete, every piece verified"),
        }
    }

    fn status(&mut self, status: &Status) {
        let text = status_line(status, self.seeding);
        if self.bar.is_some() {
            return self.redraw((status.have_bytes, status.total_bytes), text);
        }
        let now = Instant::now();
        if self.plain_at.is_none_or(|at| now >= at) {
            self.plain_at = Some(now + PLAIN_PERIOD);
            self.line(&text);
        }
    }

    /// Redraws the bar with this part of the whole.
    fn redraw(&self, (part, whole): (u64, u64), text: String) {
        if let Some(bar) = &self.bar {
            bar.set_length(whole.max(1));
            bar.set_position(part);
            bar.set_message(text);
        }
    }

    fn line(&self, text: &str) {
        if self.several {
            warn!("{}: {text}", self.name);
        } else {
            warn!("{text}");
        }
    }

    /// Prints an event of this torrent.
    fn event(&self, mut value: Value) {
        value["info_hash"] = self.info_hash.clone().into();
        print_json(&value);
    }

    fn json(&self, notice: &Notice) {
        let value = match notice {
            Notice::Status(status) => json::event("progress", json::status(status)),
            Notice::Listening(port) => json!({
                "event": "listening", "port": port, "name": self.name,
                "schema_version": json::SCHEMA_VERSION
            }),
            Notice::Checking(done, all) => {
                json!({ "event": "checking", "done_pieces": done, "pieces": all })
            }
            Notice::Found(have, all, trusted) => json!({
                "event": "found", "have_pieces": have, "pieces": all, "by_resume_data": trusted
            }),
            Notice::Files(text) => json!({ "event": "files", "text": text }),
            Notice::Tracker(text) => json!({ "event": "tracker", "text": text }),
            Notice::Source(text) => json!({ "event": "source", "text": text }),
            Notice::Enough(text) => json!({ "event": "enough", "text": text }),
            Notice::WebSeed(text) => json!({ "event": "web_seed", "text": text }),
            Notice::Dropped(peer, why) => {
                json!({ "event": "dropped", "peer": peer.to_string(), "reason": why })
            }
            Notice::Banned(peer, why) => {
                json!({ "event": "banned", "peer": peer.to_string(), "reason": why })
            }
            Notice::Stuck(it) => json::event("stuck", json::explained(it)),
            Notice::Explained(it) => json::event("explained", json::explained(it)),
            Notice::Completed(after) => {
                json!({ "event": "completed", "seconds": after.as_secs_f64() })
            }
        };
        self.event(value);
    }

    pub(super) fn error(&self, sentence: &str) {
        if self.style == Style::Json {
            self.event(json!({ "event": "error", "text": sentence }));
        }
    }

    /// Prints the summary of a session.
    pub(super) fn finish(&mut self, outcome: &Outcome, folder: &Path) {
        self.bar = None;
        for warning in &outcome.warnings {
            self.line(&format!("warning: {warning}"));
        }
        match self.style {
            Style::Quiet => (),
            Style::Json => self.event(json!({
                "event": "end",
                "end": match outcome.end {
                    End::Done => "done",
                    End::Stopped => "stopped",
                    End::GaveUp(_) => "gave_up",
                    End::Damaged(_) => "damaged",
                },
                "have_pieces": outcome.wanted.0,
                "pieces": outcome.wanted.1,
                "fetched_pieces": outcome.fetched_pieces,
                "seconds": outcome.elapsed.as_secs_f64(),
                "ledger": json::ledger(&outcome.ledger),
            })),
            Style::Terminal | Style::Plain => say!("{}", self.summary(outcome, folder)),
        }
    }

    fn summary(&self, outcome: &Outcome, folder: &Path) -> String {
        let ledger = &outcome.ledger;
        let ms = u64::try_from(outcome.elapsed.as_millis()).unwrap_or(u64::MAX);
        let rate = ledger.payload_received().saturating_mul(1000) / ms.max(1);
        format!(
            "{}: {} of {} in {}; received {} ({}/s, {} in vain), sent {} in {}.{} s",
            self.name,
            outcome.wanted.0,
            counted(outcome.wanted.1.into(), "piece"),
            folder.display(),
            bytes(ledger.payload_received()),
            bytes(rate),
            bytes(ledger.wasted()),
            bytes(ledger.payload_sent),
            ms / 1000,
            ms % 1000 / 100,
        )
    }
}

/// One line about a session. What matters most comes first, because a terminal may be narrow.
pub(super) fn status_line(status: &Status, seeding: bool) -> String {
    let (down, up) = (bytes(status.down_rate), bytes(status.up_rate));
    let peers = counted(status.peers as u64, "peer");
    if seeding || status.have_bytes == status.total_bytes {
        let sent = bytes(status.uploaded);
        return format!("seeding to {peers}, up {up}/s, sent {sent}");
    }
    let percent = status.have_bytes * 100 / status.total_bytes.max(1);
    let end = match (status.waits_for, status.left) {
        (Some(why), _) => format!("waits: {}", explain::hindrance(why)),
        (None, Some(left)) => format!("left {}", clock(left)),
        (None, None) => "left -".to_owned(),
    };
    let servers = match status.web_seeds {
        0 => String::new(),
        count => format!(", {}", counted(count as u64, "web seed")),
    };
    let pieces = counted(status.pieces.into(), "piece");
    let have = status.have_pieces;
    format!("{percent:3} %  down {down}/s  up {up}/s  {end}  {peers}{servers}  {have}/{pieces}")
}

pub(super) fn print_json(value: &Value) {
    // A reader that is gone must not stop the transfer.
    drop(writeln!(std::io::stdout().lock(), "{value}"));
}
