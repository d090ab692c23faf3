//! Explains to the user why no data arrives: a sentence, and the facts behind it.

use std::time::Duration;
use unchoke_core::text::{Counted, counted};

use tokio::time::Instant as Clock;
use unchoke_core::client::explain::{Candidates, Explanation, Hindrance, Unmet};

use super::{Goal, Notice, Session, Settings};
use crate::connection::Encryption;
use crate::text::clock;

/// Explain after this time without a useful byte, and again after each further [`AGAIN`].
const FIRST: Duration = Duration::from_secs(20);
const AGAIN: Duration = Duration::from_secs(30);
/// Time between two tables, if the user wants them.
const TABLE: Duration = Duration::from_secs(10);
/// Most server messages quoted in the sentence.
const MOST_QUOTED: usize = 2;

/// The last message of a tracker or web seed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastWord {
    /// Its URL without user name and password.
    pub url: String,
    /// Its last message, or why we do not ask it; `None` if we have not asked it yet.
    pub said: Option<String>,
    /// Whether it failed or cannot be asked.
    pub failed: bool,
}

/// Why no data arrives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explained {
    /// One line of text.
    pub sentence: String,
    /// Counts of addresses and connections by outcome.
    pub explanation: Explanation,
    /// The trackers of the torrent, including unused ones.
    pub trackers: Vec<LastWord>,
    /// The web seeds of the torrent.
    pub web_seeds: Vec<LastWord>,
    /// The last message about the distributed hash table.
    pub dht: Option<String>,
    /// Features that are off, each with the reason.
    pub off: Vec<&'static str>,
}

/// How often and when the user was told.
#[derive(Debug, Default)]
pub(super) struct Told {
    sentences: u32,
    table: Option<Clock>,
}

/// Features that are off, each with the reason.
pub(super) fn off(settings: &Settings) -> Vec<&'static str> {
    let metainfo = &settings.metainfo;
    let (private, proxy) = (metainfo.private, settings.route.has_proxy());
    let source = |off: bool, [by_user, by_torrent, by_proxy]: [&'static str; 3]| {
        off.then_some(match (private, proxy) {
            (true, _) => by_torrent,
            (false, true) => by_proxy,
            (false, false) => by_user,
        })
    };
    let is = |off: bool, what| off.then_some(what);
    let all = [
        is(
            metainfo.trackers.is_empty(),
            "trackers (the torrent names none that we can ask)",
        ),
        is(
            !settings.trackers && !metainfo.trackers.is_empty(),
            "trackers (--no-tracker)",
        ),
        source(
            settings.dht.is_none(),
            [
                "DHT (--no-dht)",
                "DHT (the torrent is private)",
                "DHT (--proxy)",
            ],
        ),
        source(
            settings.lsd.is_none(),
            [
                "local discovery (--no-lsd)",
                "local discovery (the torrent is private)",
                "local discovery (--proxy)",
            ],
        ),
        is(private, "peer exchange (the torrent is private)"),
        is(
            !settings.web_seeds && !metainfo.web_seeds.is_empty(),
            "web seeds (--no-web-seed)",
        ),
        is(
            settings.encryption == Encryption::Off,
            "encryption (--encryption off)",
        ),
        is(proxy, "connections from others (--proxy)"),
    ];
    all.into_iter().flatten().collect()
}

impl Session {
    /// Tells the user why no data arrives, if it is time for that.
    pub(super) fn explain_when_due(&mut self, now: Clock) {
        if self.settings.goal == Goal::Seed || self.torrent().is_done() {
            return;
        }
        let idle = self.progress.idle(now);
        if idle < FIRST {
            self.told.sentences = 0;
        }
        let said = self.told.sentences;
        let stuck = idle >= FIRST + AGAIN * said;
        let table = self.told.table.unwrap_or(self.epoch);
        if stuck {
            self.told.sentences += 1;
            let explained = Box::new(self.explained(now));
            self.notify(Notice::Stuck(explained));
        } else if self.settings.explain && now >= table + TABLE {
            self.told.table = Some(now);
            let explained = Box::new(self.explained(now));
            self.notify(Notice::Explained(explained));
        }
    }

    /// Collects the facts that explain why no data arrives.
    pub(super) fn explained(&self, now: Clock) -> Explained {
        let mut explained = Explained {
            sentence: String::new(),
            explanation: self.client.explain(),
            trackers: self.trackers.last_words(),
            web_seeds: self.web_seeds.last_words(),
            dht: self.finders.last_word(),
            off: off(&self.settings),
        };
        let idle = clock(self.progress.idle(now));
        let why = explained.why(self.settings.encryption);
        explained.sentence = format!("nothing useful came for {idle}: {why}");
        explained
    }
}

impl Explained {
    fn why(&self, encryption: Encryption) -> String {
        let it = &self.explanation;
        let connections = &it.connections;
        let main = match it.hindrance() {
            Hindrance::NobodyKnown => "no peer is known".to_owned(),
            Hindrance::Trying => {
                let known = it.sum(|it| it.known);
                format!("{} known, none has answered yet", addresses(known))
            }
            Hindrance::NobodyMet => self.nobody_met(encryption),
            Hindrance::NothingNeeded => format!(
                "{} connected, but {} a piece that we need",
                peers(connections.all),
                if connections.all == 1 {
                    "it does not have"
                } else {
                    "none of them has"
                }
            ),
            Hindrance::Choked => format!(
                "{} connected, {} with pieces that we need, {} us",
                peers(connections.all),
                connections.choking,
                if connections.choking == 1 {
                    "and it chokes"
                } else {
                    "and all of them choke"
                }
            ),
            Hindrance::Silence if connections.all == 1 => {
                "1 peer is connected, and it does not answer our requests".to_owned()
            }
            Hindrance::Silence => format!(
                "{} connected, {} of them not answering our requests{}",
                peers(connections.all),
                connections.silent,
                match connections.choking {
                    0 => String::new(),
                    choking => format!(", {choking} choking us"),
                }
            ),
            Hindrance::Nothing if connections.all == 1 => {
                "1 peer is connected, with requests from us that it has not answered yet".to_owned()
            }
            Hindrance::Nothing => format!(
                "{} connected, {} of them with requests from us, not answered yet",
                peers(connections.all),
                connections.open
            ),
        };
        let without_peers = matches!(
            it.hindrance(),
            Hindrance::NobodyKnown | Hindrance::NobodyMet
        );
        let mut parts = vec![main];
        if without_peers {
            parts.extend(quoted("tracker", &self.trackers));
            parts.extend(self.dht.clone());
        }
        parts.extend(quoted("web seed", &self.web_seeds));
        if without_peers && !self.off.is_empty() {
            parts.push(format!("off: {}", self.off.join(", ")));
        }
        parts.join("; ")
    }

    fn nobody_met(&self, encryption: Encryption) -> String {
        let it = &self.explanation;
        let known = it.sum(|it| it.known + it.forgotten);
        // Silence does not tell why. With the other settings both kinds of greeting were tried.
        let (want, hung_up) = match encryption {
            Encryption::Require => (
                "did not encrypt",
                "closed the connection at our encrypted greeting",
            ),
            Encryption::Off => (
                "wanted encryption",
                "closed the connection at our unencrypted greeting",
            ),
            _ => ("wanted encryption", "closed the connection"),
        };
        let figure = |count: u32, what: &str| (count > 0).then(|| format!("{count} {what}"));
        let failed = |why| move |it: &Candidates| it.failed_by(why);
        let figures = [
            figure(it.sum(failed(Unmet::Refused)), "refused"),
            figure(it.sum(failed(Unmet::TimedOut)), "did not answer"),
            figure(
                it.sum(failed(Unmet::Unreachable)),
                "could not be reached from here",
            ),
            figure(it.sum(failed(Unmet::Encryption)), want),
            figure(it.sum(failed(Unmet::HungUp)), hung_up),
            figure(it.sum(failed(Unmet::OtherTorrent)), "had another torrent"),
            figure(it.sum(|it| it.parted), "connected before"),
            figure(it.sum(|it| it.forgotten), "given up after many attempts"),
            figure(it.sum(|it| it.trying), "being tried"),
            figure(it.sum(|it| it.untried), "not tried yet"),
        ];
        let figures: Vec<String> = figures.into_iter().flatten().collect();
        format!(
            "no peer is connected; of {}: {}",
            addresses(known),
            figures.join(", ")
        )
    }
}

fn peers(count: u32) -> String {
    counted(count.into(), "peer").are()
}

fn addresses(count: u32) -> Counted {
    counted(count.into(), "address")
}

/// Quotes the messages of servers that failed.
fn quoted(kind: &str, all: &[LastWord]) -> Vec<String> {
    let failed = all.iter().filter(|it| it.failed);
    let quoted = failed.filter_map(|it| Some(format!("{kind} {}: {}", it.url, it.said.as_ref()?)));
    let mut quoted: Vec<String> = quoted.collect();
    let more = quoted.len().saturating_sub(MOST_QUOTED);
    if more > 0 {
        quoted.truncate(MOST_QUOTED);
        quoted.push(match more {
            1 => format!("1 more {kind} fails"),
            _ => format!("{more} more {kind}s fail"),
        });
    }
    quoted
}

#[cfg(test)]
mod tests {
    use unchoke_core::client::source::Source;
    use unchoke_core::torrent::Connections;

    use super::*;

    fn explained(failed: [u32; 6], connections: Connections) -> Explained {
        let known = failed.iter().sum();
        Explained {
            sentence: String::new(),
            explanation: Explanation {
                candidates: vec![Candidates {
                    source: Source::Tracker,
                    known,
                    untried: 0,
                    trying: 0,
                    connected: 0,
                    parted: 0,
                    failed,
                    forgotten: 0,
                }],
                connections,
            },
            trackers: Vec::new(),
            web_seeds: Vec::new(),
            dht: None,
            off: Vec::new(),
        }
    }

    #[test]
    fn each_hindrance_has_its_words() {
        let nobody = Connections::default();
        let why = |failed, found| explained(failed, found).why(Encryption::Off);
        assert_eq!(why([0; 6], nobody), "no peer is known");
        assert_eq!(
            why([2, 1, 0, 0, 3, 0], nobody),
            "no peer is connected; of 6 addresses: 2 refused, 1 did not answer, 3 closed the \
             connection at our unencrypted greeting"
        );
        // Connected peers: all, with nothing that we need, choking us, silent, with open requests.
        let connected = "
            2 2 0 0 0: 2 peers are connected, but none of them has a piece that we need
            3 1 2 0 0: 3 peers are connected, 2 with pieces that we need, and all of them choke us
            1 0 0 1 0: 1 peer is connected, and it does not answer our requests
            4 2 0 2 0: 4 peers are connected, 2 of them not answering our requests
            1 0 0 0 1: 1 peer is connected, with requests from us that it has not answered yet
            3 0 2 1 0: 3 peers are connected, 1 of them not answering our requests, 2 choking us";
        for line in connected.trim().lines() {
            let (counts, words) = line.split_once(": ").expect("counts and words");
            let counts = counts
                .split_whitespace()
                .map(|it| it.parse().expect("a count"));
            let counts: Vec<u32> = counts.collect();
            let [all, nothing_needed, choking, silent, open] = counts[..] else {
                panic!("five counts in {line}");
            };
            let found = Connections {
                all,
                nothing_needed,
                choking,
                silent,
                open,
            };
            assert_eq!(why([0; 6], found), words);
        }
    }

    #[test]
    fn who_knows_nobody_hears_what_trackers_say_and_what_is_off() {
        let mut it = explained([0; 6], Connections::default());
        let word = |url: &str| LastWord {
            url: url.into(),
            said: Some("no answer".into()),
            failed: true,
        };
        it.trackers = vec![word("http://a"), word("http://b"), word("http://c")];
        it.off = vec!["DHT (--no-dht)"];
        assert_eq!(
            it.why(Encryption::Allow),
            "no peer is known; tracker http://a: no answer; tracker http://b: no answer; 1 more \
             tracker fails; off: DHT (--no-dht)"
        );
    }
}
