//! Recorded decisions of policies: the record agrees with the messages sent, and recording changes
//! no decision. Also tests replacing a policy while the torrent runs.

use std::sync::Arc;
use std::time::Duration;

use unchoke_core::choke::{Chosen, Parameters, REGISTRY, Standing, Trigger, build};
use unchoke_core::geometry::{BLOCK_BYTES, Geometry};
use unchoke_core::ids::{PeerKey, PieceIndex};
use unchoke_core::message::Message;
use unchoke_core::meter::{Estimator, Meter};
use unchoke_core::pick;
use unchoke_core::rng::Streams;
use unchoke_core::time::Instant;
use unchoke_core::torrent::{Config, Input, Lack, Output, PeerLink, Round, Torrent, Wait};

const PEERS: u32 = 8;
const BLOCKS: u32 = 64;

fn geometry() -> Geometry {
    Geometry::new(u64::from(BLOCKS * BLOCK_BYTES), BLOCK_BYTES).expect("sizes")
}

/// A seed, or a leecher that no peer serves, with eight peers. Six of them want pieces.
struct Room {
    torrent: Torrent,
    now: Instant,
    outputs: Vec<Output>,
    asked: u32,
}

impl Room {
    fn new(policy: &str, seed: bool, watch: bool) -> Self {
        let config = Config::new(geometry());
        let mut have = config.nothing();
        for piece in 0..if seed { BLOCKS } else { BLOCKS / 2 } {
            have.insert(PieceIndex(piece));
        }
        let torrent = Torrent::new(
            Arc::new(config),
            have,
            build(policy, &Parameters::new()).expect("a policy"),
            pick::build("rarest_first").expect("a picker"),
            Streams::new(7),
            0,
            Instant::START,
        );
        let mut room = Self {
            torrent,
            now: Instant::START,
            outputs: Vec::new(),
            asked: 0,
        };
        room.torrent.watch(watch);
        for peer in (0..PEERS).map(PeerKey) {
            let link = PeerLink {
                fast: true,
                ..PeerLink::default()
            };
            room.tell(Input::PeerConnected { peer, link });
            (0..4).for_each(|_| room.tell(Input::Writable { peer }));
            room.say(peer, Message::HaveNone);
            if peer.0 < 6 {
                room.say(peer, Message::Interested);
            }
        }
        room
    }

    fn tell(&mut self, input: Input) {
        self.torrent.handle_input(self.now, input);
        while let Some(output) = self.torrent.poll_output() {
            if let Output::Disconnect { peer, .. } = output {
                self.torrent
                    .handle_input(self.now, Input::PeerDisconnected { peer });
            }
            self.outputs.push(output);
        }
    }

    fn say(&mut self, peer: PeerKey, message: Message) {
        self.tell(Input::Message { peer, message });
    }

    /// Advances one second: timers, and requests by unchoked peers. Peers with higher keys request
    /// more.
    fn second(&mut self, mut after_timeout: impl FnMut(&mut Self)) {
        self.now = self.now.after(Duration::from_secs(1));
        while self.torrent.poll_timeout().is_some_and(|at| at <= self.now) {
            self.tell(Input::Timeout);
            after_timeout(self);
        }
        for peer in (0..6).map(PeerKey) {
            for _ in 0..=peer.0 / 2 {
                if !self.torrent.am_choking(peer) {
                    self.asked += 1;
                    let piece = PieceIndex(self.asked % (BLOCKS / 2));
                    self.say(peer, Message::Request(geometry().block(piece, 0)));
                    self.tell(Input::Writable { peer });
                }
            }
        }
    }

    fn seconds(&mut self, count: u32) {
        (0..count).for_each(|_| self.second(|_| ()));
    }

    fn unchoked(&self) -> Vec<PeerKey> {
        let views = self.torrent.peer_views(self.now);
        let unchoked = views.iter().filter(|it| !it.am_choking);
        unchoked.map(|it| it.peer).collect()
    }

    fn switch(&mut self, id: &str) {
        let chosen = Chosen::new(id, Parameters::new()).expect("a policy");
        self.tell(Input::Policy(Box::new(chosen)));
    }
}

fn unchoked_in(round: &Round, room: &Room) -> Vec<PeerKey> {
    let given = [Standing::Regular, Standing::Optimistic, Standing::Ready];
    let views = room.torrent.peer_views(room.now);
    let is_here = |peer: PeerKey| views.iter().any(|it| it.peer == peer);
    let judged = round.reasons.judged.iter();
    let unchoked = judged.filter(|it| given.contains(&it.standing) && is_here(it.peer));
    let mut unchoked: Vec<PeerKey> = unchoked.map(|it| it.peer).collect();
    unchoked.sort_unstable();
    unchoked
}

#[test]
fn what_is_said_of_a_round_is_what_happens_and_looking_changes_nothing() {
    for (entry, seed) in REGISTRY.iter().flat_map(|it| [(it, false), (it, true)]) {
        let mut blind = Room::new(entry.id, seed, false);
        let mut room = Room::new(entry.id, seed, true);
        let mut ticks = 0;
        for _ in 0..100 {
            blind.seconds(1);
            drop(room.torrent.take_rounds());
            room.second(|room| {
                for round in room.torrent.take_rounds() {
                    assert_eq!(unchoked_in(&round, room), room.unchoked(), "{}", entry.id);
                    assert!(!round.reasons.rule.is_empty());
                    ticks += u32::from(matches!(round.trigger, Trigger::Tick(_)));
                }
            });
        }
        assert_eq!(blind.outputs, room.outputs, "{}", entry.id);
        assert_eq!(blind.torrent.take_rounds(), []);
        let rounds = build(entry.id, &Parameters::new())
            .expect("a policy")
            .triggers();
        assert_eq!(ticks > 0, rounds.tick.is_some(), "{}", entry.id);
    }
}

#[test]
fn a_round_of_tit_for_tat_says_who_was_ranked_how() {
    let mut room = Room::new("tit_for_tat", true, true);
    room.seconds(95);
    let rounds = room.torrent.take_rounds();
    let last = rounds.last().expect("nine rounds");
    assert!(
        last.am_seed && matches!(last.trigger, Trigger::Tick(9)),
        "{last:?}"
    );
    let ranks: Vec<Option<u32>> = last.reasons.judged.iter().map(|it| it.rank).collect();
    assert_eq!(ranks[..6], (1..=6).map(Some).collect::<Vec<_>>());
    assert_eq!(ranks[6..], [None; 2], "two want nothing");
    let score = |at: usize| last.reasons.judged[at].scores[0];
    assert!((0..5).all(|it| score(it).0 == "up_rate" && score(it) >= score(it + 1)));
    let count = |standing| {
        let all = last.reasons.judged.iter();
        all.filter(|it| it.standing == standing).count()
    };
    let standings = [Standing::Regular, Standing::Optimistic, Standing::Waiting];
    assert_eq!(standings.map(count), [4, 1, 1]);
    assert_eq!(count(Standing::Indifferent), 2);
}

/// If the caller never takes the rounds, memory stays bounded, and gaps in the numbers show the
/// loss.
#[test]
fn rounds_that_nobody_takes_are_forgotten() {
    let mut room = Room::new("tit_for_tat", true, true);
    room.seconds(2000);
    let rounds = room.torrent.take_rounds();
    assert_eq!(rounds.len(), 64);
    assert!(rounds[0].number > 100, "{}", rounds[0].number);
    assert!(rounds.windows(2).all(|it| it[0].number + 1 == it[1].number));
    room.torrent.watch(false);
    room.seconds(20);
    assert_eq!(room.torrent.take_rounds(), []);
}

#[test]
fn any_policy_takes_the_place_of_any_other() {
    for from in REGISTRY {
        for to in REGISTRY {
            let mut room = Room::new(from.id, true, true);
            room.seconds(45);
            let hides = |id: &str| matches!(id, "superseed" | "smartseed");
            let chosen = Chosen::new(to.id, Parameters::new()).expect("a policy");
            let before = (room.unchoked(), room.torrent.can_switch_to(&chosen));
            if hides(from.id) || hides(to.id) {
                assert!(!before.1, "{} to {}", from.id, to.id);
                let outputs = room.outputs.len();
                room.switch(to.id);
                assert_eq!(room.outputs.len(), outputs, "without effect");
                continue;
            }
            assert!(before.1, "{} to {}", from.id, to.id);
            drop(room.torrent.take_rounds());
            room.switch(to.id);
            room.second(|room| {
                // The rounds before the last one date from the replacement.
                if let Some(round) = room.torrent.take_rounds().last() {
                    let chokes = |it: &PeerKey| room.torrent.am_choking(*it);
                    assert!(!unchoked_in(round, room).iter().any(chokes));
                }
            });
            let unchoked = room.unchoked();
            assert_eq!(
                unchoked.is_empty(),
                !to.uploads,
                "{} to {}: {unchoked:?}",
                from.id,
                to.id
            );
            room.seconds(30);
        }
    }
}

#[test]
fn rates_go_on_when_the_policy_changes() {
    for to in ["bep3", "transmission", "aria2", "libtorrent_fixed"] {
        let mut room = Room::new("unchoke_all", true, false);
        room.seconds(60);
        let rates = |room: &Room| -> Vec<u64> {
            let views = room.torrent.peer_views(room.now);
            views.iter().map(|it| it.up_rate).collect()
        };
        let before = rates(&room);
        room.switch(to);
        let after = rates(&room);
        assert!(before[5] > 2 * before[0], "{before:?}");
        for (before, after) in before.iter().zip(&after) {
            assert!(
                before.abs_diff(*after) <= before / 100 + 1,
                "{to}: {before} {after}"
            );
        }
    }
}

#[test]
fn a_meter_shows_the_same_by_another_estimator() {
    let window_ms = 2000;
    let all = [
        Estimator::EMA_10_S,
        Estimator::MAINLINE_20_S,
        Estimator::Window { window_ms },
    ];
    for (from, to) in all
        .iter()
        .flat_map(|from| all.iter().map(move |to| (*from, *to)))
    {
        let mut meter = Meter::new(from, Instant::from_secs(100));
        for second in 101..180 {
            meter.add(from, Instant::from_secs(second), 50_000);
        }
        let now = Instant::from_secs(180);
        let (before, new) = (meter.rate(from, now), meter.convert(from, to, now));
        let after = new.rate(to, now);
        assert!(
            before.abs_diff(after) <= 1,
            "{from:?} {to:?}: {before} {after}"
        );
        let later = new.rate(to, Instant::from_secs(400));
        assert!(later < before / 5, "silence is seen: {later}");
    }
}

#[test]
fn what_each_peer_waits_for_is_known() {
    let mut room = Room::new("unchoke_all", true, false);
    let waits = |room: &Room| -> Vec<Wait> {
        let states = room.torrent.peer_states(room.now);
        assert!(states.iter().all(|it| it.lack == Lack::NothingNeeded));
        states.iter().map(|it| it.wait).collect()
    };
    let before = waits(&room);
    assert_eq!(before[0], Wait::Request, "unchoked, without a request");
    assert_eq!(before[7], Wait::NotInterested);
    let ask = |room: &mut Room, count: u32| {
        for piece in (0..count).map(PieceIndex) {
            room.say(PeerKey(0), Message::Request(geometry().block(piece, 0)));
        }
    };
    ask(&mut room, 5);
    assert_eq!(waits(&room)[0], Wait::Link, "four blocks are with its link");
    room.tell(Input::Limit {
        upload: Some(1),
        download: None,
    });
    (0..9).for_each(|_| room.tell(Input::Writable { peer: PeerKey(0) }));
    ask(&mut room, 5);
    assert_eq!(waits(&room)[0], Wait::Cap);
    assert_eq!(
        waits(&Room::new("tit_for_tat", true, false))[0],
        Wait::Choked
    );

    let mut room = Room::new("unchoke_all", false, false);
    let lacks = |room: &Room| room.torrent.peer_states(room.now)[7];
    room.say(PeerKey(7), Message::Have(PieceIndex(BLOCKS - 1)));
    assert_eq!(lacks(&room).lack, Lack::Choked);
    assert!(!room.torrent.is_begun(PieceIndex(BLOCKS - 1)));
    room.say(PeerKey(7), Message::Unchoke);
    assert_eq!(
        (lacks(&room).lack, lacks(&room).outstanding),
        (Lack::Asked, 1)
    );
    assert!(room.torrent.is_begun(PieceIndex(BLOCKS - 1)));
    room.seconds(100);
    assert_eq!(lacks(&room).lack, Lack::Silent);
}
